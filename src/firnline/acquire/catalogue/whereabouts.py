"""Where on Earth a product lies, by its id alone."""

from __future__ import annotations

import math
from typing import Final

from firnline.acquire.landsat_ids import LandsatId
from firnline.acquire.sentinel2_ids import Sentinel2Id

_INCLINATION: Final = math.radians(98.2)
_PATHS: Final = 233
_ROWS: Final = 248
_EQUATOR_ROW: Final = 60
_PATH_1: Final = -64.6
"""Longitude where path 1 crosses the equator, degrees."""
_BANDS: Final = "CDEFGHJKLMNPQRSTUVWX"


def where_about(product: LandsatId | Sentinel2Id) -> tuple[float, float, float, float]:
    """Roughly where a product lies (west, south, east, north; degrees), from its path and row, or its tile.

    Landsat's paths are 233 orbits, cut into 248 rows from the descending node on (USGS, Worldwide Reference
    System-2); the Earth taken as a sphere, that is good to half a degree.

    Examples
    --------
    >>> from firnline.acquire.landsat_ids import parse_landsat_id
    >>> from firnline.acquire.sentinel2_ids import parse_sentinel2_id
    >>> west, south, east, north = where_about(parse_landsat_id("LE07_140041_20001030"))
    >>> west < 86.9 < east, south < 27.9 < north
    (True, True)
    >>> where_about(parse_sentinel2_id("S2A_45RVL_20221005_0_L2A"))
    (84.0, 24.0, 90.0, 32.0)
    """
    if isinstance(product, Sentinel2Id):
        zone, band = int(product.tile[:2]), _BANDS.index(product.tile[2])
        west, south = -180.0 + 6 * (zone - 1), -80.0 + 8 * band
        shifted = 3 if product.tile[2] in "VX" else 0  # zones are widened around Norway and Svalbard
        top = min(south + (12 if band == 19 else 8), 84.0)
        return max(west - shifted, -180.0), south, min(west + 6 + shifted, 180.0), top
    travelled = (product.row - _EQUATOR_ROW) * 2 * math.pi / _ROWS
    latitude = -math.degrees(math.asin(math.sin(travelled) * math.sin(_INCLINATION)))
    along = math.degrees(math.atan2(math.cos(_INCLINATION) * math.sin(travelled), math.cos(travelled)))
    turned = math.degrees(travelled) * 16 / _PATHS  # the Earth turns below the orbit: 233 of them take 16 days
    longitude = _PATH_1 - (product.path - 1) * 360 / _PATHS + along - turned
    longitude = (longitude + 180) % 360 - 180
    wide = min(1.5 / max(math.cos(math.radians(latitude)), 0.1), 20.0)
    west, east = max(longitude - wide, -180.0), min(longitude + wide, 180.0)
    return west, max(latitude - 1.5, -90.0), east, min(latitude + 1.5, 90.0)
