"""Landsat ids of every generation, read as the acquisition that they mean."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from firnline.bands import Sensor

_SENSORS = {"5": Sensor.LANDSAT5, "7": Sensor.LANDSAT7, "8": Sensor.LANDSAT8, "9": Sensor.LANDSAT9}
SLC_FAILED = dt.date(2003, 5, 31)
"""The day on which Landsat 7's scan-line corrector failed for good (USGS): scenes after it have stripes."""
_START, _END = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
_PRODUCT = re.compile(
    rf"{_START}L[TEOC]0(?P<satellite>\d)_(?P<level>L\d[A-Z]{{2}})_(?P<path>\d{{3}})(?P<row>\d{{3}})_(?P<date>\d{{8}})"
    rf"(?:_(?P<processed>\d{{8}}))?_(?P<collection>\d{{2}})_(?P<tier>T1|T2|RT|A1|A2){_END}",
    re.IGNORECASE,
)
_SHORT = re.compile(
    rf"{_START}L[TEOC]0(?P<satellite>\d)_(?P<path>\d{{3}})(?P<row>\d{{3}})_(?P<date>\d{{8}}){_END}", re.IGNORECASE
)
_SCENE = re.compile(
    rf"{_START}L[TEOC](?P<satellite>\d)(?P<path>\d{{3}})(?P<row>\d{{3}})(?P<day>\d{{7}})[A-Z0-9]{{3}}\d{{2}}{_END}",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class LandsatId:
    """What a Landsat id says; what its form does not say is None.

    `level` is the processing level (``L1TP``, ``L2SP``), `collection` 1 or 2, `tier` ``T1``, ``T2`` or ``RT``.
    """

    text: str
    sensor: Sensor
    path: int
    row: int
    date: dt.date
    level: str | None = None
    collection: int | None = None
    tier: str | None = None
    processed: dt.date | None = None

    def matches(self, other: LandsatId) -> bool:
        """Whether both mean the same acquisition, whatever collection, level and tier it was processed to.

        A Collection 1 id so finds its Collection 2 product: the date of processing, and at times the level and the
        tier, changed between them; sensor, path, row and day did not.

        Examples
        --------
        >>> old = parse_landsat_id("LE07_L1TP_134040_20070922_20170101_01_T1")
        >>> old.matches(parse_landsat_id("LE07_L2SP_134040_20070922_20200913_02_T1"))
        True
        >>> old.matches(parse_landsat_id("LE07_L2SP_134040_20070906_20200913_02_T1"))
        False
        """
        return (self.sensor, self.path, self.row, self.date) == (other.sensor, other.path, other.row, other.date)


def parse_landsat_id(text: str) -> LandsatId | None:
    """Find a Landsat id in a text: an id, a file name, or the last part of an Earth Engine asset.

    Understood are product ids of Collections 1 and 2 (with or without the date of processing, as some catalogues
    shorten them), the short form of Earth Engine and of the HKH data set, and scene ids of before the collections.
    None where there is no id of Landsat 5, 7, 8 or 9, or its date does not exist.

    Examples
    --------
    >>> found = parse_landsat_id("LE71340402007265EDC00")
    >>> found.sensor.value, found.path, found.row, str(found.date), found.collection
    ('landsat7', 134, 40, '2007-09-22', None)
    >>> parse_landsat_id("LANDSAT/LE07/C02/T1_L2/LE07_134040_20070922").matches(found)
    True
    >>> parse_landsat_id("scene") is None
    True
    """
    for pattern in (_PRODUCT, _SHORT, _SCENE):
        match = pattern.search(text)
        if match is not None and match["satellite"] in _SENSORS:
            return _read(match)
    return None


def _read(match: re.Match[str]) -> LandsatId | None:
    parts = match.groupdict()
    day = _day(parts["date"], "%Y%m%d") if parts.get("date") else _day(parts["day"], "%Y%j")
    if day is None:
        return None
    return LandsatId(
        text=match[0],
        sensor=_SENSORS[parts["satellite"]],
        path=int(parts["path"]),
        row=int(parts["row"]),
        date=day,
        level=parts["level"].upper() if parts.get("level") else None,
        collection=int(parts["collection"]) if parts.get("collection") else None,
        tier=parts["tier"].upper() if parts.get("tier") else None,
        processed=_day(parts["processed"], "%Y%m%d") if parts.get("processed") else None,
    )


def _day(text: str, form: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(text, form).date()
    except ValueError:
        return None
