"""Dates: is the day of the image there, can it be read, and is it one that has been?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from firnline.inventory.check.finding import Finding, Severity
from firnline.inventory.check.subject import Subject
from firnline.inventory.check.table import about
from firnline.labels.dates import DATE_COLUMNS, parse_date

_FIRST: Final = dt.date(1850, 1, 1)
"""Before the end of the Little Ice Age nothing was surveyed; older outlines are reconstructions."""


def check_dates(subject: Subject, today: dt.date | None = None) -> Iterator[Finding]:
    """Ask for dates that are missing, cannot be read, lie in the future, or end before they begin.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> from firnline.inventory.check.subject import subject_of
    >>> table = {"rgi_id": ["a", "b"], "src_date": ["2000-13-01", "2000-10-30"]}
    >>> boxes = [shapely.box(0, 0, 500, 500), shapely.box(1000, 0, 1500, 500)]
    >>> subject = subject_of(gpd.GeoDataFrame(table, geometry=boxes, crs="EPSG:32645"))
    >>> [(found.glaciers, found.what) for found in check_dates(subject)]
    [(('a',), "src_date '2000-13-01' is no date")]
    """
    today = today or dt.date.today()
    column = subject.column(*DATE_COLUMNS)
    if column is None:
        yield Finding(
            "date", Severity.NOTE, (), "the file has no column with the dates of the images", *subject.middle()
        )
        return
    for name in dict.fromkeys((column, *(filter(None, map(subject.column, ("src_date_from", "src_date_to")))))):
        for index, value in enumerate(subject.frame[name]):
            wrong = _wrong(value, today)
            if wrong:
                yield about(subject, index, "date", Severity.ERROR, f"{name} '{_text(value)}' {wrong}")
    yield from _ranges(subject)
    if subject.is_own or "rgi_id" in subject.frame.columns:
        return  # src_date empty is told as a missing attribute
    empty = np.flatnonzero([_is_null(value) for value in subject.frame[column]])
    for row in empty:
        yield about(subject, row, "date", Severity.WARNING, f"{column} is empty")


def _is_null(value: object) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or value != value or str(value).startswith("-9999")


def _text(value: object) -> str:
    return str(value).removesuffix(" 00:00:00").removesuffix("T00:00:00").removesuffix(".0")


def _wrong(value: object, today: dt.date) -> str:
    """What is wrong with one date, or with either end of a range ``A/B``; empty where nothing is."""
    if _is_null(value) or not str(value).strip():
        return ""
    for text in _text(value).split("/"):
        day = parse_date(text)
        if day is None and not _is_year_alone(text):
            return "is no date"
        if day is not None and day > today:
            return "lies in the future"
        if day is not None and day < _FIRST:
            return "lies before any survey"
    return ""


def _is_year_alone(text: str) -> bool:
    """RGI 5 and 6 write 99 for a month or day that is not known."""
    return len(text) == 8 and text.isdigit() and text.endswith("99") and 1850 <= int(text[:4]) <= 2100


def _ranges(subject: Subject) -> Iterator[Finding]:
    first, last = subject.column("src_date_from"), subject.column("src_date_to")
    if first is None or last is None:
        return
    for index, (a, b) in enumerate(zip(subject.frame[first], subject.frame[last], strict=True)):
        one, two = parse_date(a), parse_date(b)
        if one is not None and two is not None and one > two:
            what = f"src_date_from {one} is after src_date_to {two}"
            yield about(subject, index, "date", Severity.ERROR, what)
