"""Band names: what a band is called, which unit and radiometric level it has, and how products call it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Sensor(StrEnum):
    """The instruments whose band names are known here."""

    LANDSAT5 = "landsat5"
    LANDSAT7 = "landsat7"
    LANDSAT8 = "landsat8"
    LANDSAT9 = "landsat9"
    SENTINEL2 = "sentinel2"


class Level(StrEnum):
    """What the numbers of a band are, radiometrically. `UNKNOWN` is said, never guessed away."""

    DIGITAL_NUMBER = "digital number"
    TOP_OF_ATMOSPHERE = "top-of-atmosphere reflectance"
    SURFACE_REFLECTANCE = "surface reflectance"
    BRIGHTNESS_TEMPERATURE = "brightness temperature"
    SURFACE_TEMPERATURE = "surface temperature"
    NOT_RADIOMETRIC = "not radiometric"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What a band measures."""

    OPTICAL = "optical"
    THERMAL = "thermal"
    INDEX = "index"
    TERRAIN = "terrain"
    RADAR = "radar"
    QUALITY = "quality"
    OTHER = "other"


@dataclass(frozen=True)
class Band:
    """A band that has a name here: what it measures, and its unit once scale and offset are applied."""

    name: str
    kind: Kind
    unit: str
    meaning: str


_OPTICAL: Final = {
    "coastal": "coastal aerosol, 0.44 um",
    "blue": "blue, 0.48 um",
    "green": "green, 0.56 um",
    "red": "red, 0.66 um",
    "rededge071": "red edge, 0.705 um",
    "rededge075": "red edge, 0.740 um",
    "rededge078": "red edge, 0.783 um",
    "nir08": "near infrared, 0.83 um",
    "nir08_narrow": "near infrared, narrow, 0.865 um (Sentinel-2 B8A)",
    "nir09": "water vapour, 0.945 um",
    "cirrus": "cirrus, 1.37 um",
    "swir16": "short-wave infrared, 1.6 um",
    "swir22": "short-wave infrared, 2.2 um",
    "pan": "panchromatic",
}
_OTHERS: Final = (
    Band("lwir11", Kind.THERMAL, "K", "thermal infrared, 11 um"),
    Band("lwir12", Kind.THERMAL, "K", "thermal infrared, 12 um"),
    Band("lwir_low_gain", Kind.THERMAL, "K", "Landsat 7 thermal infrared, low gain (B6_VCID_1)"),
    Band("lwir_high_gain", Kind.THERMAL, "K", "Landsat 7 thermal infrared, high gain (B6_VCID_2)"),
    Band("ndvi", Kind.INDEX, "1", "vegetation: (nir08 - red) / (nir08 + red), Rouse 1974"),
    Band("ndsi", Kind.INDEX, "1", "snow: (green - swir16) / (green + swir16), Dozier 1989"),
    Band("ndmi", Kind.INDEX, "1", "moisture: (nir08 - swir16) / (nir08 + swir16), Gao 1996"),
    Band("ndwi", Kind.INDEX, "1", "open water: (green - nir08) / (green + nir08), McFeeters 1996"),
    Band("elevation", Kind.TERRAIN, "m", "height of the surface"),
    Band("slope", Kind.TERRAIN, "degree", "steepest slope, Horn 1981"),
    Band("eastness", Kind.TERRAIN, "1", "sine of the aspect over 200 m: 1 where it falls to the east, 0 if flat"),
    Band("northness", Kind.TERRAIN, "1", "cosine of the aspect over 200 m: 1 where it falls to the north, 0 if flat"),
    Band("curvature", Kind.TERRAIN, "1/(100 m)", "negative Laplacian over 200 m, convex positive, Zevenbergen 1987"),
    Band("relative_elevation", Kind.TERRAIN, "m", "height over the mean of 2 km x 2 km around, Weiss 2001"),
    Band("coherence", Kind.RADAR, "1", "interferometric coherence, 0 to 1"),
    Band("qa", Kind.QUALITY, "bit field", "quality bits of the product"),
    Band("day", Kind.QUALITY, "d", "days since 1970-01-01: the date that a composite's pixel is from"),
)
BANDS: Final[dict[str, Band]] = {
    **{name: Band(name, Kind.OPTICAL, "1", meaning) for name, meaning in _OPTICAL.items()},
    **{band.name: band for band in _OTHERS},
}
"""Every band that firnline knows, by name."""

ALIASES: Final = {
    "nir": "nir08",
    "swir1": "swir16",
    "swir2": "swir22",
    "thermal": "lwir11",
    "dem": "elevation",
}

_TM_NUMBERS: Final = {1: "blue", 2: "green", 3: "red", 4: "nir08", 5: "swir16", 7: "swir22"}
_PRODUCT_NAMES: Final[dict[Sensor, dict[str, str]]] = {
    Sensor.LANDSAT5: {**{f"B{n}": name for n, name in _TM_NUMBERS.items()}, "B6": "lwir11"},
    Sensor.LANDSAT7: {
        **{f"B{n}": name for n, name in _TM_NUMBERS.items()},
        "B6": "lwir11",  # Collection 2 Level 2 has one temperature (ST_B6)
        "B6_VCID_1": "lwir_low_gain",
        "B6_VCID_2": "lwir_high_gain",
        "B8": "pan",
        "BQA": "qa",
    },
    Sensor.LANDSAT8: {
        **{"B1": "coastal", "B2": "blue", "B3": "green", "B4": "red", "B5": "nir08", "B6": "swir16"},
        **{"B7": "swir22", "B8": "pan", "B9": "cirrus", "B10": "lwir11", "B11": "lwir12", "BQA": "qa"},
    },
    Sensor.SENTINEL2: {
        **{"B1": "coastal", "B2": "blue", "B3": "green", "B4": "red", "B5": "rededge071", "B6": "rededge075"},
        **{"B7": "rededge078", "B8": "nir08", "B8A": "nir08_narrow", "B9": "nir09", "B10": "cirrus"},
        **{"B11": "swir16", "B12": "swir22", "QA60": "qa", "SCL": "qa"},
    },
}
_PRODUCT_NAMES[Sensor.LANDSAT9] = _PRODUCT_NAMES[Sensor.LANDSAT8]
_BY_NUMBER: Final = re.compile(r"^(?:SR_|ST_|TOA_)?B0?(\d{1,2}A?)((?:_VCID_[12])?)(?:_TOA|_SR)?$", re.IGNORECASE)
_QUALITY: Final = {"QA_PIXEL", "BQA", "PIXEL_QA", "QA60", "SCL"}


def band_name(raw: str, sensor: Sensor | None = None) -> str | None:
    """Translate the name that a product gives a band into firnline's, or None where it is not known.

    A numbered name (``B4``) means different bands on different sensors, so it needs `sensor`.

    Examples
    --------
    >>> band_name("SR_B4", Sensor.LANDSAT8), band_name("B4", Sensor.LANDSAT7), band_name("B08", Sensor.SENTINEL2)
    ('red', 'nir08', 'nir08')
    >>> band_name("nir"), band_name("NDSI"), band_name("B4")
    ('nir08', 'ndsi', None)
    """
    text = raw.strip()
    plain = ALIASES.get(text.lower(), text.lower())
    if plain in BANDS:
        return plain
    if text.upper() in _QUALITY:
        return "qa"
    match = _BY_NUMBER.match(text)
    if match is None or sensor is None:
        return None
    return _PRODUCT_NAMES[sensor].get(f"B{match[1].upper()}{match[2].upper()}")


def is_numbered(raw: str) -> bool:
    """Whether `raw` is a product's numbered name, which only the sensor can explain.

    Examples
    --------
    >>> is_numbered("SR_B4"), is_numbered("green")
    (True, False)
    """
    return _BY_NUMBER.match(raw.strip()) is not None


def _token(pattern: str) -> re.Pattern[str]:
    """A pattern that stands by itself: neither letters nor digits before or behind it, `_` and `-` may be."""
    return re.compile(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])", re.IGNORECASE)


def _platform(name: str, ids: str) -> re.Pattern[str]:
    """A platform's name with a number at its end (what follows may be a letter), or the start of a product id."""
    return re.compile(rf"{name}(?![0-9])|(?<![a-z0-9])(?:{ids})", re.IGNORECASE)


_PLATFORMS: Final = (
    (_platform(r"sentinel[\s_-]?2", r"S2[A-D]_"), Sensor.SENTINEL2),
    (_platform(r"landsat[\s_-]?9", r"L[COE]09_"), Sensor.LANDSAT9),
    (_platform(r"landsat[\s_-]?8", r"L[COE]08_"), Sensor.LANDSAT8),
    (_platform(r"landsat[\s_-]?7", r"LE07_|LE7"), Sensor.LANDSAT7),
    (_platform(r"landsat[\s_-]?5", r"LT05_|LT5"), Sensor.LANDSAT5),
)
_INSTRUMENTS: Final = (
    (_token(r"MSI"), Sensor.SENTINEL2),
    (_token(r"OLI-?2"), Sensor.LANDSAT9),
    (_token(r"OLI"), Sensor.LANDSAT8),
    (_token(r"ETM\+?"), Sensor.LANDSAT7),
)
"""Landsat 9 calls its instrument OLI in its metadata as well: a platform tells more, wherever it is named."""


def sensor_from_text(*texts: str) -> Sensor | None:
    """Find the sensor that product ids, file names or metadata tags speak of, those named first before the others.

    Examples
    --------
    >>> sensor_from_text("LE07_134040_20070922_clip"), sensor_from_text("Landsat 8/9 OLI/TIRS, Collection 2")
    (<Sensor.LANDSAT7: 'landsat7'>, <Sensor.LANDSAT8: 'landsat8'>)
    >>> sensor_from_text("OLI_TIRS", "LANDSAT_9")
    <Sensor.LANDSAT9: 'landsat9'>
    >>> sensor_from_text("scene") is None
    True
    """
    for patterns in (_PLATFORMS, _INSTRUMENTS):
        for text in texts:
            for pattern, sensor in patterns:
                if pattern.search(text):
                    return sensor
    return None
