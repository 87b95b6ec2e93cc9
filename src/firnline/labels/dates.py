"""Dates of outlines: when the image was taken that a glacier was drawn on."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import rasterio
from rasterio.errors import RasterioError

from firnline.errors import ConfigError, LabelError
from firnline.product import date_of
from firnline.sidecar import find_sidecar, read_sidecar

DATE_COLUMNS: Final = ("src_date", "BgnDate")
"""Columns with the date of the image: of GLIMS and RGI 7, and of RGI 5 and 6."""

_DATE: Final = re.compile(r"^(\d{4})-?(\d{2})-?(\d{2})(?!\d)")

FirmDates = tuple[dt.date, dt.date]


def find_date_column(columns: Iterable[object], wanted: str | None, path: Path) -> str | None:
    """The column with the dates of the images: `wanted`, else that of a known convention, else None.

    Raises
    ------
    LabelError
        When `wanted` is not there.
    """
    names = [str(column) for column in columns]
    if wanted is not None:
        if wanted not in names:
            raise LabelError(f"has no column '{wanted}'", where=path, do=f"it has {' '.join(names)}")
        return wanted
    by_name = {name.lower(): name for name in reversed(names)}
    return next((by_name[known.lower()] for known in DATE_COLUMNS if known.lower() in by_name), None)


def parse_date(value: object) -> dt.date | None:
    """The date that an inventory gives, or None where it has none to the day.

    RGI 5 and 6 write ``YYYYMMDD``, 99 for a month or day that is not known, and -9999999 for no date (RGI 6.0
    technical note); RGI 7 and GLIMS write ISO dates.

    Examples
    --------
    >>> parse_date("20001030"), parse_date("2003-07-30T00:00:00")
    (datetime.date(2000, 10, 30), datetime.date(2003, 7, 30))
    >>> parse_date("20109999"), parse_date(-9999999), parse_date(None)
    (None, None, None)
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    match = _DATE.match(str(value).strip())
    if match is None:
        return None
    try:
        return dt.date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def parse_firm_dates(text: str) -> FirmDates:
    """First and last date of ``A/B`` (or of one day, ``A``), as STAC writes intervals.

    Raises
    ------
    ConfigError
        When it is not one.

    Examples
    --------
    >>> parse_firm_dates("2000-10-01/2000-10-31")
    (datetime.date(2000, 10, 1), datetime.date(2000, 10, 31))
    """
    first, slash, last = text.partition("/")
    try:
        start = dt.date.fromisoformat(first)
        end = dt.date.fromisoformat(last) if slash else start
    except ValueError:
        start, end = dt.date.max, dt.date.min
    if start > end:
        raise ConfigError(f"'{text}' is not an interval", where="--firm", do="write it as 2000-10-01/2000-10-31")
    return start, end


def firm_within(days: int, scene_date: dt.date | None, where: str | Path) -> FirmDates:
    """First and last date within `days` of the scene's.

    Raises
    ------
    ConfigError
        When the scene has no date, or `days` is negative.

    Examples
    --------
    >>> firm_within(10, dt.date(2000, 10, 30), "scene.tif")
    (datetime.date(2000, 10, 20), datetime.date(2000, 11, 9))
    """
    if days < 0:
        raise ConfigError(f"{days} is not a number of days", where="firm within", do="give 0 or more")
    if scene_date is None:
        raise ConfigError(
            "has no date, so no outline can be told to be near it in time",
            where=where,
            do="say its date in a sidecar (date: 2000-10-30)",
        )
    return scene_date - dt.timedelta(days), scene_date + dt.timedelta(days)


def date_of_raster(path: Path) -> dt.date | None:
    """The day of a raster: of the sidecar beside it, else of its tags, else of its name."""
    beside = find_sidecar(path)
    noted = None if beside is None else read_sidecar(beside).date
    try:
        with rasterio.open(path) as file:
            return noted or date_of(path, file.tags())
    except RasterioError:
        return noted or date_of(path, {})
