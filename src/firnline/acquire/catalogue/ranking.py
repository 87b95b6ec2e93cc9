"""Which of the scenes that were found serve best for mapping glaciers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import geopandas
import shapely
from shapely.geometry.base import BaseGeometry

from firnline.acquire.catalogue.stac_items import Item
from firnline.acquire.landsat_ids import SLC_FAILED
from firnline.bands import Sensor
from firnline.report.season import ablation_season

SEASON: Final = {"end of ablation": 1.0, "early summer": 0.5, "winter or spring": 0.15, "tropics": 1.0}
"""What the month is worth: how much of a map of clean ice is likely not to be seasonal snow. Set by judgement."""
STRIPED: Final = 0.78
"""Landsat 7 lost 22 % of each scene when its scan-line corrector failed (USGS)."""
UNKNOWN_CLOUD: Final = 0.5
"""A scene that does not say its cloud is ranked as if half of it were hidden."""


@dataclass(frozen=True)
class Look:
    """What overviews of the pixels show over the area: shares of 0 to 1.

    `seen` is the share of the area with data, `clear` that of the seen part without cloud by the quality band (None
    without such a band), `snow` that of the clear part with snow or ice (NDSI).
    """

    seen: float
    clear: float | None
    snow: float


@dataclass(frozen=True)
class Parts:
    """The parts of a score, each 0 to 1, of which it is the product."""

    coverage: float
    clear: float
    season: float
    stripes: float
    bare: float
    """1 - snow where pixels were looked at, else 1."""

    @property
    def score(self) -> float:
        """All of them multiplied."""
        return self.coverage * self.clear * self.season * self.stripes * self.bare


@dataclass(frozen=True, eq=False)
class Pass:
    """What one satellite took of the area on one day: one product, or several beside each other."""

    sensor: Sensor
    date: dt.date
    items: tuple[Item, ...]
    coverage: float
    """Share of the area inside the footprints, 0 to 1."""
    cloud_cover: float | None
    """Per cent, of the whole products, weighted by their part of the area."""
    season: str
    parts: Parts
    look: Look | None = None

    @property
    def score(self) -> float:
        """0 to 1."""
        return self.parts.score


def rank(items: Sequence[Item], area: BaseGeometry | None) -> tuple[Pass, ...]:
    """Group items into passes, the best for mapping glaciers first.

    The score is coverage x clear x season x stripes x bare: the share of the area inside the footprints; 1 - cloud;
    `SEASON`; `STRIPED` for Landsat 7 after the failure, else 1; and 1 - snow where pixels were looked at
    (`with_look`), else 1. Equal ones: the later first.

    Parameters
    ----------
    items
        Items with a known sensor.
    area
        EPSG:4326; without it coverage is 1.
    """
    groups: dict[tuple[str, dt.date], list[Item]] = {}
    for item in items:
        platform = str(item.properties.get("platform") or item.sensor).lower().replace("_", "-")
        groups.setdefault((platform, item.date), []).append(item)
    return ordered([_pass(group, area) for group in groups.values()])


def ordered(passes: Sequence[Pass]) -> tuple[Pass, ...]:
    """The best first."""
    return tuple(sorted(passes, key=lambda each: (-round(each.score, 6), -each.date.toordinal(), each.items[0].id)))


def unique_names(named: Sequence[tuple[str, Pass]]) -> list[str]:
    """Names for files of passes, no two alike: sensor, then a number, are added where names are.

    Two satellites of Sentinel-2 may see one place on one day.
    """
    stems = [name for name, _ in named]
    names = [name if stems.count(name) == 1 else f"{name}_{each.sensor}" for name, each in named]
    return [
        name if names.count(name) == 1 else f"{name}_{names[: i + 1].count(name)}" for i, name in enumerate(names)
    ]


def with_look(given: Pass, look: Look) -> Pass:
    """The pass with what its pixels show; they replace what its maker says of cloud and footprint."""
    clear = given.parts.clear if look.clear is None else look.clear
    parts = replace(given.parts, coverage=min(given.parts.coverage, look.seen), clear=clear, bare=1 - look.snow)
    return replace(given, look=look, parts=parts)


def _pass(items: list[Item], area: BaseGeometry | None) -> Pass:
    items = sorted(items, key=lambda item: item.id)
    sensor, date = items[0].sensor, items[0].date
    assert sensor is not None
    coverage, shares = _coverage(items, area)
    cloud = _cloud(items, shares)
    place = (shapely.union_all([item.geometry for item in items]) if area is None else area).centroid
    season = season_of(date, place.y, place.x)
    striped = sensor == Sensor.LANDSAT7 and date > SLC_FAILED
    parts = Parts(
        coverage=coverage,
        clear=UNKNOWN_CLOUD if cloud is None else 1 - cloud / 100,
        season=SEASON[season],
        stripes=STRIPED if striped else 1.0,
        bare=1.0,
    )
    return Pass(sensor, date, tuple(items), coverage, cloud, season, parts)


def season_of(date: dt.date, latitude: float, longitude: float) -> str:
    """The season for glacier mapping, a key of `SEASON`.

    Examples
    --------
    >>> season_of(dt.date(2000, 10, 30), 27.9, 86.9), season_of(dt.date(2021, 2, 3), 33.5, 77.0)
    ('end of ablation', 'winter or spring')
    """
    season = ablation_season(latitude, longitude)
    if season is None:
        return "tropics"
    if date.month in season.months:
        return "end of ablation"
    return "early summer" if date.month in season.between else "winter or spring"


def _coverage(items: Sequence[Item], area: BaseGeometry | None) -> tuple[float, list[float]]:
    """Share of the area that all items cover together, and each of them."""
    if area is None:
        return 1.0, [1.0] * len(items)
    centre = area.centroid
    equal_area = f"+proj=laea +lat_0={centre.y} +lon_0={centre.x} +datum=WGS84 +units=m"
    parts = [item.geometry.intersection(area) for item in items]
    areas = geopandas.GeoSeries([area, shapely.union_all(parts), *parts], crs=4326).to_crs(equal_area).area
    whole = float(areas.iloc[0])
    shares = [min(float(each) / whole, 1.0) for each in areas.iloc[1:]]
    return shares[0], shares[1:]


def _cloud(items: Sequence[Item], shares: Sequence[float]) -> float | None:
    known = [
        (item.cloud_cover, share) for item, share in zip(items, shares, strict=True) if item.cloud_cover is not None
    ]
    weight = sum(share for _, share in known)
    return sum(cloud * share for cloud, share in known) / weight if weight else None
