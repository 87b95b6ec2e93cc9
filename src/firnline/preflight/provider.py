"""What the provider's metadata say of the offset of Sentinel-2 numbers, and of the sun."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from firnline.bands import Sensor
from firnline.scene import Scene, SceneReader

_BASELINE_IN_ID = re.compile(r"_N(\d{2})(\d{2})_")
_OFFSET_SINCE = 4.0
"""Since processing baseline 04.00 (25 January 2022) Sentinel-2 products hold reflectance * 10000 + 1000 (ESA,
Sentinel-2 Products Specification Document, issue 14.9)."""


@dataclass(frozen=True)
class Provider:
    """What a file's tags say that a check needs; None where they say nothing.

    ``adds_offset`` tells whether the stored numbers are 1000 too high.
    """

    baseline: float | None = None
    adds_offset: bool | None = None
    sun_azimuth: float | None = None
    sun_elevation: float | None = None


def provider_of(scene: Scene, reader: SceneReader) -> Provider:
    """Read what the tags, or else the product's id in the file's name, say."""
    tags = _plain(reader.dataset.tags())
    baseline = _baseline(tags, scene.path.name)
    return Provider(
        baseline,
        _adds_offset(tags, baseline) if scene.sensor in (Sensor.SENTINEL2, None) else None,
        _number(tags, "sun_azimuth"),
        _number(tags, "sun_elevation"),
    )


def _plain(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags with lower-case keys; GDAL takes a key apart at a colon (STAC's ``s2:...``), which is undone here.

    Examples
    --------
    >>> _plain({"DATE": "2020-01-02", "earthsearch": "boa_offset_applied=True"})
    {'date': '2020-01-02', 'earthsearch:boa_offset_applied': 'True'}
    """
    plain = {}
    for key, value in tags.items():
        rest = re.fullmatch(r"([a-z0-9_]+)=(.*)", value)
        name, value = (f"{key}:{rest[1]}", rest[2]) if rest else (key, value)
        plain[name.lower().replace(" ", "_")] = value
    return plain


def _baseline(tags: Mapping[str, str], name: str) -> float | None:
    """The processing baseline.

    Examples
    --------
    >>> _baseline({"processing_baseline": "05.09"}, "scene.tif"), _baseline({}, "S2A_MSIL2A_20200101_N0213_R1_T1.tif")
    (5.09, 2.13)
    >>> _baseline({"s2:processing_baseline": "N0400"}, "scene.tif")
    4.0
    """
    for key, value in tags.items():
        if key.endswith("processing_baseline") or key.endswith("processing:baseline"):
            numbers = re.search(r"(\d{2})\.?(\d{2})", value)
            if numbers:
                return float(f"{numbers[1]}.{numbers[2]}")
    for text in (*(tags.get(key, "") for key in ("product_uri", "product_id", "source", "scene_id")), name):
        match = _BASELINE_IN_ID.search(f"{text}_")
        if match:
            return float(f"{match[1]}.{match[2]}")
    return None


def _adds_offset(tags: Mapping[str, str], baseline: float | None) -> bool | None:
    """Whether stored numbers are 1000 too high, as the tags say it."""
    if "firnline_version" in tags:
        return None  # firnline's own scenes state the offset that their numbers still have
    for key, value in tags.items():
        if key.endswith("boa_offset_applied"):  # already taken off, as the catalogue Earth Search does
            if value.strip().lower() in ("true", "1", "yes"):
                return False
            return None if baseline is None else baseline >= _OFFSET_SINCE
    for key, value in tags.items():
        if "boa_add_offset" in key or "radio_add_offset" in key:
            numbers = [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?", value)]
            return any(numbers) if numbers else None
    return None if baseline is None else baseline >= _OFFSET_SINCE


def _number(tags: Mapping[str, str], name: str) -> float | None:
    for key, value in tags.items():
        if key.endswith(name):
            try:
                return float(value)
            except ValueError:
                return None
    return None
