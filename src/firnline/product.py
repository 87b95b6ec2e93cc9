"""What a product says of itself: sensor and date in tags and names, levels in scales, layouts in band names."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rasterio.io import DatasetReader

from firnline.bands import BANDS, Kind, Level, Sensor, sensor_from_text
from firnline.sidecar import BandNote, Fill, Sidecar

_LANDSAT_C2_REFLECTANCE = (2.75e-05, -0.2)
_LANDSAT_C2_TEMPERATURE = (0.00341802, 149.0)
"""Scale and offset by which Landsat Collection 2 Level 2 stores surface reflectance and temperature (USGS,
Landsat 8-9 Collection 2 Level 2 Science Product Guide). They are used for nothing else, so they tell the level."""


def level_of(
    name: str, scale: float, offset: float, noted: Level | None, tag: str | None, band_tag: str | None = None
) -> Level:
    """The level of a band: what was noted, what its scale tells, what a tag says; else unknown, never a guess.

    `tag` is the file's, and tells of its optical bands; `band_tag` is the band's own, and goes before it.
    """
    kind = BANDS[name].kind if name in BANDS else Kind.OTHER
    levels = {str(level) for level in Level}
    if noted is None and band_tag in levels and kind in (Kind.OPTICAL, Kind.THERMAL):
        return Level(band_tag)
    if kind in (Kind.TERRAIN, Kind.RADAR, Kind.QUALITY, Kind.INDEX):
        return Level.NOT_RADIOMETRIC
    if kind == Kind.OPTICAL:
        if noted is not None:
            return noted
        if np.allclose((scale, offset), _LANDSAT_C2_REFLECTANCE, rtol=1e-6):
            return Level.SURFACE_REFLECTANCE
        return Level(tag) if tag in levels else Level.UNKNOWN
    if kind == Kind.THERMAL:
        if np.allclose((scale, offset), _LANDSAT_C2_TEMPERATURE, rtol=1e-6):
            return Level.SURFACE_TEMPERATURE
        return Level.DIGITAL_NUMBER if noted == Level.DIGITAL_NUMBER else Level.UNKNOWN
    return Level.UNKNOWN


def sensor_of(path: Path, tags: Mapping[str, str]) -> Sensor | None:
    """The sensor that the tags, or else the file's name, speak of."""
    keys = ("SENSOR", "LANDSAT_PRODUCT_ID", "SPACECRAFT_ID")
    return sensor_from_text(*(tags.get(key, "") for key in keys), path.name)


_DATE = re.compile(r"(?<!\d)((?:19|20)\d{2})-?(\d{2})-?(\d{2})(?!\d{2})")


def date_of(path: Path, tags: Mapping[str, str]) -> dt.date | None:
    """The day that the tags, or else the file's name, speak of.

    Examples
    --------
    >>> date_of(Path("LE07_134040_20070922_clip.tif"), {})
    datetime.date(2007, 9, 22)
    """
    for text in (tags.get("DATE", ""), tags.get("DATE_ACQUIRED", ""), path.name):
        for year, month, day in _DATE.findall(text):
            try:
                return dt.date(int(year), int(month), int(day))
            except ValueError:
                continue
    return None


_HKH_LAYOUT = (
    *("B1", "B2", "B3", "B4", "B5", "B6_VCID_1", "B6_VCID_2", "B7", "B8", "BQA"),
    *("ndvi", "ndsi", "ndwi", "elevation", "slope"),
)


def published_layout(dataset: DatasetReader) -> Sidecar | None:
    """What the paper's published 15-band scenes do not say of themselves.

    Their ndsi is (swir16 - green) / (swir16 + green), snow negative, and their ndwi is Gao's: read as they are
    called, both would mislead. Pixels outside the footprint are 0 in clips and NaN in whole scenes.
    """
    if dataset.descriptions != _HKH_LAYOUT:
        return None
    return Sidecar(
        sensor=Sensor.LANDSAT7,
        level=Level.DIGITAL_NUMBER,
        bands={"ndsi": BandNote(scale=-1.0), "ndwi": BandNote(name="ndmi")},
        fill=Fill(band="B1", value=0),
        note="layout of the HKH data set (Baraka et al. 2020)",
    )
