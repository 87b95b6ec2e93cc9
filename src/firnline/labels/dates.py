"""Dates of outlines: when the image was taken that a glacier was drawn on."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from firnline.errors import ConfigError, LabelError

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
