"""What was decided when outlines became a class raster: pixels and areas, in numbers and in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.errors import GridError
from firnline.grid import Grid
from firnline.labels.outlines import Outlines
from firnline.labels.truth import Truth


@dataclass(frozen=True)
class LabelReport:
    """Counts of pixels and outlines; areas follow from `pixel_km2`, which is None where the CRS has no metres.

    The counts of reasons (`outside_border` to `rim`) may overlap: a pixel can be unknown for two of them.
    """

    scheme: LabelScheme
    pixel_km2: float | None
    pixels: dict[str, int]
    """Pixels of each class by name, and ``unknown``."""
    outlines: int
    """Outlines that touch the grid."""
    elsewhere: int
    """Outlines of the files that do not."""
    repaired: int
    """Outlines on the grid whose invalid geometry was repaired."""
    skipped: int
    """Features that outline neither ice nor rock (GLIMS)."""
    not_firm_outlines: int
    """Outlines dated otherwise than the firm ones, or not dated."""
    outside_border: int
    outside_glaciers: int
    """Debris outside every glacier outline: unknown."""
    not_firm: int
    rim: int
    debris_apart: int
    """Debris parts that touch no clean ice (they stay debris)."""
    overlap: int
    """Pixels that a clean and a debris outline both claim: debris."""
    scene_date: dt.date | None = None
    dated_from: dt.date | None = None
    """The earliest date of an outline on the grid, firm or not; None where none has a date."""
    dated_to: dt.date | None = None
    undated: int = 0
    """Outlines on the grid without a date to the day."""

    @classmethod
    def of(
        cls,
        classes: Classes,
        truth: Truth,
        grid: Grid,
        *,
        not_firm_outlines: int,
        counts: Mapping[str, int],
        scene_date: dt.date | None = None,
    ) -> LabelReport:
        """Count a class raster; `counts` are the pixels (by field name) of what was decided."""
        # A comparison for each value: counting all at once would take eight bytes a pixel.
        names = {name: int(np.count_nonzero(classes == value)) for value, name in enumerate(truth.scheme.class_names)}
        files = truth.outlines
        by_path = {outlines.paths: outlines for outlines in files}.values()  # parts of one file share its counts
        dates = _dates(files)
        return cls(
            scheme=truth.scheme,
            pixel_km2=_pixel_km2(grid),
            pixels={**names, "unknown": int(np.count_nonzero(classes == UNKNOWN))},
            outlines=sum(len(outlines.frame) for outlines in files),
            elsewhere=sum(outlines.elsewhere for outlines in by_path),
            repaired=sum(len(outlines.repaired) for outlines in by_path),
            skipped=sum(outlines.skipped for outlines in by_path),
            not_firm_outlines=not_firm_outlines,
            scene_date=scene_date,
            dated_from=min(dates, default=None),
            dated_to=max(dates, default=None),
            undated=sum(len(outlines.frame) for outlines in files) - len(dates),
            **counts,
        )

    def lines(self) -> list[str]:
        """The report in plain lines; what did not happen is left out."""
        found = f"outlines: {self.outlines} on the scene, {self.elsewhere} elsewhere"
        lines = [f"label scheme: {self.scheme}", found]
        lines += [f"{name}: {self._area(count)}" for name, count in self.pixels.items()]
        lines.append(self.dates())
        reasons = {
            "unknown because outside the border": self.outside_border,
            "unknown because debris outside every glacier outline": self.outside_glaciers,
            f"unknown because {self.not_firm_outlines} outlines are not of the firm dates": self.not_firm,
            "unknown because near a boundary": self.rim,
            "debris that touches no clean ice, kept": self.debris_apart,
            "clean ice and debris overlap, debris": self.overlap,
        }
        lines += [f"{reason}: {self._area(count)}" for reason, count in reasons.items() if count]
        if self.repaired:
            lines.append(f"invalid geometry repaired, area unchanged: {self.repaired} outlines")
        if self.skipped:
            lines.append(f"features that outline no ice, skipped: {self.skipped}")
        return lines

    def dates(self) -> str:
        """How far the outlines are from the scene in time, in words."""
        if self.dated_from is None or self.dated_to is None:
            outlines = "outlines without dates"
        else:
            span = (
                f"{self.dated_from}" if self.dated_from == self.dated_to else f"{self.dated_from} to {self.dated_to}"
            )
            outlines = f"outlines dated {span}" + (f" ({self.undated} without a date)" if self.undated else "")
        if self.scene_date is None:
            return f"{outlines}, scene without a date: the difference is not known"
        return f"{outlines}, scene {self.scene_date}: {self._difference()}"

    def _difference(self) -> str:
        if self.dated_from is None or self.dated_to is None or self.scene_date is None:
            return "the difference is not known"
        first, last = ((date - self.scene_date).days for date in (self.dated_from, self.dated_to))
        if first == last:
            return f"a difference of {_days(first)}"
        return f"differences from {_days(first)} to {_days(last)}"

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON; dates as ISO text."""
        return {
            key: value.isoformat() if isinstance(value, dt.date) else value for key, value in asdict(self).items()
        }

    def _area(self, count: int) -> str:
        area = "" if self.pixel_km2 is None else f", {count * self.pixel_km2:.2f} km2"
        return f"{count} pixels{area}"


def _dates(files: tuple[Outlines, ...]) -> list[dt.date]:
    return [date for outlines in files for date in outlines.frame["date"] if date is not None]


def _days(difference: int) -> str:
    """Days in words: the outlines before or after the scene."""
    if difference == 0:
        return "0 days"
    days = f"{abs(difference)} day{'s' if abs(difference) > 1 else ''}"
    return f"{days} {'after' if difference > 0 else 'before'}"


def _pixel_km2(grid: Grid) -> float | None:
    try:
        return grid.pixel_area_km2
    except GridError:
        return None
