"""How much seasonal snow the month of a scene lets one expect, from where it lies."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from typing import Final

from firnline.report.content import Limit, Severity

_HIGH_MOUNTAIN_ASIA: Final = (25.0, 60.0, 40.0, 105.0)
"""South, west, north and east of the Hindu Kush Himalaya."""
_TROPICS: Final = 20.0


@dataclass(frozen=True)
class AblationSeason:
    """The months at the end of the melt season, when snow lies lowest on glaciers and hardly beside them.

    ``between`` are months before and after it in which some seasonal snow is usual; all others are winter and
    spring.
    """

    region: str
    months: tuple[int, ...]
    between: tuple[int, ...]

    @property
    def words(self) -> str:
        """First and last month: "August to November"."""
        return f"{calendar.month_name[self.months[0]]} to {calendar.month_name[self.months[-1]]}"


def ablation_season(latitude: float, longitude: float) -> AblationSeason | None:
    """The end of the melt season at a place; None in the tropics, where months do not tell.

    In the Hindu Kush Himalaya it is taken as August to November (practice of regional inventories: monsoon
    clouds end in September, and little snow falls before December); elsewhere as July to October, and half a
    year later in the south.

    Examples
    --------
    >>> ablation_season(28.0, 87.0).words, ablation_season(46.5, 8.0).words, ablation_season(-33.0, -70.0).words
    ('August to November', 'July to October', 'January to April')
    >>> ablation_season(-9.0, -77.5) is None
    True
    """
    if abs(latitude) < _TROPICS:
        return None
    south, west, north, east = _HIGH_MOUNTAIN_ASIA
    if south <= latitude <= north and west <= longitude <= east:
        return AblationSeason("the Hindu Kush Himalaya", (8, 9, 10, 11), (7,))
    if latitude > 0:
        return AblationSeason("the northern hemisphere", (7, 8, 9, 10), (6,))
    return AblationSeason("the southern hemisphere", (1, 2, 3, 4), (12,))


def season_limit(date: dt.date | None, centre: tuple[float, float]) -> Limit:
    """Say what the date of a scene means for seasonal snow; `centre` is (latitude, longitude) in degrees.

    Examples
    --------
    >>> season_limit(dt.date(2021, 2, 3), (33.5, 77.0)).heading
    'Winter or spring scene: seasonal snow is likely'
    """
    if date is None:
        return Limit(
            "The date is not known",
            "The scene does not say when it was taken, so neither the season nor the likely amount of seasonal snow "
            "can be judged from it. If snow lies on ground that is bare in late summer, outlines of clean ice "
            "include it. Say the date in the scene's sidecar (date: YYYY-MM-DD).",
            Severity.WARNING,
        )
    season = ablation_season(*centre)
    day = f"{date.day} {calendar.month_name[date.month]} {date.year}"
    if season is None:
        return Limit(
            "Tropical scene: the month does not tell the snow",
            f"The scene was taken on {day}. Near the equator snow may fall on glaciers in any month. Compare it with "
            "other scenes, and use the one with the least snow.",
            Severity.CAUTION,
        )
    if date.month in season.months:
        return Limit(
            "Season: end of the melt season",
            f"The scene was taken on {day}, within the months with the least snow in {season.region} "
            f"({season.words}). Fresh snow is still possible.",
            Severity.NOTE,
        )
    outside = f"The scene was taken on {day}; the months with the least snow in {season.region} are {season.words}. "
    if date.month in season.between:
        return Limit(
            "Early summer scene: snow may remain",
            outside + "Snow of the last winter may still lie on and beside the glaciers, and be mapped as clean ice.",
            Severity.CAUTION,
        )
    return Limit(
        "Winter or spring scene: seasonal snow is likely",
        outside + "Outlines of clean ice will include seasonal snow, and areas will be too large; snow also hides "
        "debris. Do not use this map for glacier areas or their change. Map a scene from the end of the melt season.",
        Severity.WARNING,
    )
