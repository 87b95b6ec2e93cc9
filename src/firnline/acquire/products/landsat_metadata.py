"""The metadata file of a Landsat product (MTL): text, XML or JSON, of Collections 1 and 2, read as one thing."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from firnline.acquire.products.xml import read_xml
from firnline.bands import Sensor, sensor_from_text
from firnline.errors import SceneError

Groups = Mapping[str, Mapping[str, str]]
"""Values as text, by group and key: keys such as REFLECTANCE_MULT_BAND_1 stand in more than one group."""

_AGAIN = "download the product again"
_ROOTS = {"LANDSAT_METADATA_FILE", "L1_METADATA_FILE"}
_SLC_FAILED = dt.datetime(2003, 5, 31, 21, 42, 35, tzinfo=dt.UTC)
"""When Landsat 7's scan-line corrector failed (USGS)."""


def finite(text: str) -> float | None:
    """A number of a metadata file; None for what is none, NaN and infinity among it.

    Examples
    --------
    >>> finite("2.75E-05"), finite("nan"), finite("B4")
    (2.75e-05, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


@dataclass(frozen=True)
class LandsatMetadata:
    """What the MTL of a product says; `where` is how messages call it."""

    where: str
    groups: Groups

    def text(self, *keys: str, group: str | None = None) -> str | None:
        """The first of the keys that is there, in `group` or in the first group that has it."""
        for key in keys:
            for name, values in self.groups.items():
                if (group is None or name == group) and key in values:
                    return values[key]
        return None

    def required(self, *keys: str, group: str | None = None) -> str:
        """As `text`, but it must be there."""
        value = self.text(*keys, group=group)
        if value is None:
            place = f"{group} has" if group else "it has"
            raise SceneError(f"is not a whole Landsat MTL: {place} no {keys[0]}", where=self.where, do=_AGAIN)
        return value

    def number(self, *keys: str, group: str | None = None) -> float:
        """As `required`, as a number."""
        text = self.required(*keys, group=group)
        value = finite(text)
        if value is None:
            raise SceneError(f"{keys[0]} is not a number: {text!r}", where=self.where, do=_AGAIN)
        return value

    @property
    def product_id(self) -> str:
        """The product's id, or of one from before the collections the scene's."""
        return self.required("LANDSAT_PRODUCT_ID", "LANDSAT_SCENE_ID")

    @property
    def collection(self) -> int | None:
        """1 or 2; None for a product from before the collections."""
        value = self.text("COLLECTION_NUMBER")
        return int(value) if value is not None and value.isdigit() else None

    @property
    def processing_level(self) -> str:
        """``L1TP``, ``L2SP``, ..."""
        return self.required("PROCESSING_LEVEL", "DATA_TYPE")

    @property
    def is_level2(self) -> bool:
        """Whether it is surface reflectance and temperature."""
        return self.processing_level.upper().startswith("L2")

    @property
    def sensor(self) -> Sensor:
        """The satellite; one that is not known here is refused."""
        spacecraft = self.required("SPACECRAFT_ID")
        sensor = sensor_from_text(spacecraft)
        if sensor is None:
            do = "only Landsat 5 (TM), 7, 8 and 9 are"
            raise SceneError(f"{spacecraft} is not known here", where=self.where, do=do)
        if self.required("SENSOR_ID").upper() == "MSS":
            raise SceneError(
                "the MSS instrument is not known here", where=self.where, do="use TM, ETM+ or OLI scenes"
            )
        return sensor

    @property
    def moment(self) -> dt.datetime:
        """When the middle of the scene was taken, UTC."""
        day = self.required("DATE_ACQUIRED")
        time = self.required("SCENE_CENTER_TIME").rstrip("Z")
        try:  # seven decimals of a second stand there, of which six are read
            return dt.datetime.fromisoformat(f"{day}T{time[:15]}").replace(tzinfo=dt.UTC)
        except ValueError:
            raise SceneError(f"{day} {time} is not a date and time", where=self.where, do=_AGAIN) from None

    @property
    def slc_off(self) -> bool:
        """Whether the scene has Landsat 7's stripes: as it says, or else by its date."""
        if self.sensor != Sensor.LANDSAT7:
            return False
        mode = self.text("SENSOR_MODE_SLC")
        return mode.upper() == "OFF" if mode is not None else self.moment > _SLC_FAILED

    @property
    def sun_elevation(self) -> float:
        """Degrees above the horizon."""
        return self.number("SUN_ELEVATION")

    @property
    def cloud_cover(self) -> float | None:
        """Per cent; None where it was not assessed (-1)."""
        cover = self.number("CLOUD_COVER") if self.text("CLOUD_COVER") is not None else -1
        return cover if cover >= 0 else None

    def files(self) -> dict[str, str]:
        """The files of the product's bands, by the name of the band: ``B1``, ``B6_VCID_1``, ``ST_B10``, ..."""
        contents = self.groups.get("PRODUCT_CONTENTS") or self.groups.get("PRODUCT_METADATA") or {}
        found = {}
        for key, file in contents.items():
            match = re.fullmatch(r"FILE_NAME_BAND_(ST_B)?(\d+(?:_VCID_\d)?)", key)
            if match is not None:
                found[f"{match[1] or 'B'}{match[2]}"] = file
        if not found:
            raise SceneError("is not a whole Landsat MTL: it names no band's file", where=self.where, do=_AGAIN)
        return found


def read_landsat_metadata(content: bytes, where: str) -> LandsatMetadata:
    """Read an MTL, in whichever of its three forms.

    Parameters
    ----------
    content
        The file's bytes.
    where
        How messages shall call it.

    Raises
    ------
    SceneError
        When it is not an MTL, or is cut short.

    Examples
    --------
    >>> text = b'''GROUP = LANDSAT_METADATA_FILE
    ...   GROUP = IMAGE_ATTRIBUTES
    ...     SPACECRAFT_ID = "LANDSAT_8"
    ...     SUN_ELEVATION = 57.84396063
    ...   END_GROUP = IMAGE_ATTRIBUTES
    ... END_GROUP = LANDSAT_METADATA_FILE
    ... END'''
    >>> read_landsat_metadata(text, "MTL.txt").sun_elevation
    57.84396063
    """
    try:
        text = content.decode("utf-8-sig").strip()
        if text.startswith("<"):
            groups = _from_xml(text)
        elif text.startswith("{"):
            groups = _from_json(text)
        else:
            groups = _from_text(text)
    except (ValueError, RecursionError) as error:
        raise SceneError(f"is not a whole Landsat MTL: {error}", where=where, do=_AGAIN) from None
    # A Level 2 product tells of the Level 1 product that it was made of as well, under the same keys.
    first = sorted(groups, key=lambda name: name != "PRODUCT_CONTENTS")
    return LandsatMetadata(where, {name: groups[name] for name in first})


def _from_text(text: str) -> Groups:
    """Object Description Language: nested groups of ``KEY = value``."""
    groups: dict[str, dict[str, str]] = {}
    stack: list[str] = []
    closed = False
    for line in text.splitlines():
        key, _, value = (part.strip() for part in line.partition("="))
        value = value.strip('"')
        if key == "GROUP":
            stack.append(value)
            groups.setdefault(value, {})
        elif key == "END_GROUP":
            if not stack or stack.pop() != value:
                raise ValueError(f"its groups are not nested at {value}")
            closed = closed or value in _ROOTS
        elif value and stack:
            groups[stack[-1]][key] = value
    if not _ROOTS & set(groups):
        raise ValueError("it has no group LANDSAT_METADATA_FILE or L1_METADATA_FILE")
    if not closed:
        raise ValueError("it is cut short")
    return groups


def _from_xml(text: str) -> Groups:
    root = read_xml(text.encode())
    if root.tag not in _ROOTS:
        raise ValueError(f"its root is {root.tag}")
    return {group.tag: {item.tag: (item.text or "").strip() for item in group} for group in root}


def _from_json(text: str) -> Groups:
    content = json.loads(text)
    root = next((content[name] for name in _ROOTS if name in content), None)
    if not isinstance(root, dict):
        raise ValueError("it has no LANDSAT_METADATA_FILE")
    groups = {name: group for name, group in root.items() if isinstance(group, dict)}
    return {name: {key: str(value) for key, value in group.items()} for name, group in groups.items()}
