"""Searching a catalogue: by area and dates, or by ids of whatever generation."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import geopandas
import shapely
from rasterio.crs import CRS
from shapely.geometry.base import BaseGeometry

from firnline.acquire.aoi import Aoi
from firnline.acquire.catalogue.catalogues import FAMILIES, Catalogue
from firnline.acquire.catalogue.stac_api import StacApi
from firnline.acquire.catalogue.stac_bands import baseline_of
from firnline.acquire.catalogue.stac_items import Item, ItemError, parse_item
from firnline.acquire.catalogue.whereabouts import where_about
from firnline.acquire.landsat_ids import LandsatId, parse_landsat_id
from firnline.acquire.network import PATIENCE, Patience, RemoteError
from firnline.acquire.sentinel2_ids import Sentinel2Id, parse_sentinel2_id
from firnline.bands import Sensor
from firnline.errors import ConfigError

_SAME_FOOTPRINT: Final = 0.8
"""Versions of one product share this part of their footprints; two halves of a tile, from two strips, do not."""
_ORBIT: Final = dt.timedelta(minutes=30)
"""Well below the time that a satellite takes to come by again (99 minutes or more)."""


@dataclass(frozen=True)
class Query:
    """What is looked for. `first` and `last` are days, both of them included; `max_cloud` is per cent."""

    sensors: tuple[Sensor, ...]
    aoi: Aoi | None = None
    first: dt.date | None = None
    last: dt.date | None = None
    ids: tuple[str, ...] = ()
    max_cloud: float | None = None
    collection: str | None = None
    """Instead of the catalogue's own name for what the sensors deliver."""


@dataclass(frozen=True)
class LeftOut:
    """An item that could not be used, and why; or an id that was not found."""

    id: str
    why: str


@dataclass(frozen=True, eq=False)
class Found:
    """What a search found, newest versions only, oldest acquisition first."""

    catalogue: Catalogue
    collection: str
    items: tuple[Item, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    """What was filtered away, counted."""


@dataclass
class _Filter:
    """Keeps what a query asks for; servers are not trusted to."""

    query: Query
    area: BaseGeometry | None
    dropped: Counter[str] = field(default_factory=Counter)

    def keeps(self, item: Item) -> bool:
        reasons = (
            ("of other sensors", item.sensor not in self.query.sensors),
            ("beside the area", self.area is not None and item.geometry.intersection(self.area).area == 0),
            ("outside the dates", not self._is_in_time(item.date)),
            (f"with more than {self.query.max_cloud or 0:g} % cloud", self._is_cloudy(item)),
        )
        for words, is_so in reasons:
            if is_so:
                self.dropped[words] += 1
                return False
        return True

    def _is_in_time(self, day: dt.date) -> bool:
        first, last = self.query.first or dt.date.min, self.query.last or dt.date.max
        return first <= day <= last

    def _is_cloudy(self, item: Item) -> bool:
        """An item that does not say its cloud is kept: it may be clear."""
        limit = self.query.max_cloud
        return limit is not None and item.cloud_cover is not None and item.cloud_cover > limit


def search(catalogue: Catalogue, query: Query, patience: Patience = PATIENCE) -> Found:
    """Find items by area and dates, or by ids.

    The server is asked for ids, or for a bounding box and dates, and nothing else; sensor, footprint, days and
    cloud are filtered here, since many servers lack the extensions for it and answer nothing without saying so. Of
    several versions of a product the newest is kept.

    Ids may be those of the catalogue, or of an older collection (``LE07_L1TP_134040_20070922_20170101_01_T1``), or
    scene ids: they are matched by path, row and day (Landsat) or tile and day (Sentinel-2).

    Raises
    ------
    ConfigError
        When the query makes no sense.
    RemoteError
        When the catalogue fails, or nothing is found.
    """
    families = {FAMILIES[sensor] for sensor in query.sensors}
    if len(families) != 1 and query.collection is None:
        raise ConfigError("are in different collections", where="these sensors", do="search for them one by one")
    collection = query.collection or catalogue.collection(next(iter(families)))
    if query.aoi is None and not query.ids:
        raise ConfigError("neither an area nor ids are given", where="search", do="give --aoi and --dates, or --id")
    api = StacApi(catalogue.api, patience)
    area = None if query.aoi is None else area_of(query.aoi)
    sieve = _Filter(query, area)
    left_out: list[LeftOut] = []
    raw = _by_ids(api, collection, query, area, left_out) if query.ids else _by_area(api, collection, query, area)
    items = [item for item in _parsed(raw, left_out) if sieve.keeps(item)]
    newest, older = newest_versions(items)
    notes = [f"{count} items {words}" for words, count in sieve.dropped.items()]
    if older:
        notes.append(f"{older} older versions of the same products")
    if not newest:
        raise _nothing(catalogue, collection, notes, left_out)
    return Found(catalogue, collection, newest, tuple(left_out), tuple(notes))


def area_of(aoi: Aoi) -> BaseGeometry:
    """The area in EPSG:4326, as catalogues want it."""
    geometry = aoi.geometry
    if aoi.crs == CRS.from_epsg(4326):
        return geometry
    left, bottom, right, top = geometry.bounds
    fine = shapely.segmentize(geometry, max(right - left, top - bottom) / 20 or 1)
    moved = geopandas.GeoSeries([fine], crs=aoi.crs.to_wkt()).to_crs(4326).iloc[0]
    return moved if moved.is_valid else shapely.make_valid(moved)


def _by_area(api: StacApi, collection: str, query: Query, area: BaseGeometry | None) -> Iterable[Any]:
    assert area is not None
    return api.search(collection, bbox=area.bounds, datetime=_interval(query.first, query.last))


def _interval(first: dt.date | None, last: dt.date | None) -> str | None:
    if first is None and last is None:
        return None
    start = ".." if first is None else f"{first.isoformat()}T00:00:00Z"
    return f"{start}/{'..' if last is None else f'{last.isoformat()}T23:59:59Z'}"


def _parsed(raw: Iterable[Any], left_out: list[LeftOut]) -> Iterable[Item]:
    for each in raw:
        try:
            yield parse_item(each)
        except ItemError as error:
            left_out.append(LeftOut(error.where or "an item", error.what))


def _by_ids(
    api: StacApi, collection: str, query: Query, area: BaseGeometry | None, left_out: list[LeftOut]
) -> list[Any]:
    """Items with these ids; for those that the catalogue does not have, items of the same acquisition."""
    wanted = list(dict.fromkeys(query.ids))
    found = list(api.search(collection, ids=wanted))
    found = [item for item in found if isinstance(item, dict) and item.get("id") in wanted]  # some send all they have
    there = {item["id"] for item in found}
    for name in wanted:
        if name not in there:
            matches = _same_acquisition(api, collection, name, area)
            found += [item for item in matches if item["id"] not in there]
            there |= {item["id"] for item in matches}
            if not matches:
                left_out.append(LeftOut(name, "is not in this catalogue"))
    return found


def _same_acquisition(api: StacApi, collection: str, name: str, area: BaseGeometry | None) -> list[Any]:
    wanted = parse_landsat_id(name) or parse_sentinel2_id(name)
    if wanted is None:
        return []
    near = where_about(wanted) if area is None else area.bounds
    days = api.search(collection, bbox=near, datetime=_interval(wanted.date, wanted.date))
    return [item for item in days if isinstance(item, dict) and _is_same(wanted, str(item.get("id")))]


def _is_same(wanted: LandsatId | Sentinel2Id, name: str) -> bool:
    if isinstance(wanted, LandsatId):
        other = parse_landsat_id(name)
        return other is not None and wanted.matches(other)
    tile = parse_sentinel2_id(name)
    return tile is not None and wanted.matches(tile)


def newest_versions(items: Sequence[Item]) -> tuple[tuple[Item, ...], int]:
    """Of each product its newest version, by time; and how many older ones there were.

    Versions of a Landsat product share sensor, path, row and day, those of a Sentinel-2 product satellite, tile and
    orbit (far north a tile is seen more than once a day), and both share their footprints.
    """
    kept: dict[Any, list[Item]] = {}
    for item in sorted(items, key=_age, reverse=True):
        versions = kept.setdefault(_identity(item), [])
        if not any(_is_same_moment(item, other) and _overlap(item, other) > _SAME_FOOTPRINT for other in versions):
            versions.append(item)
    newest = sorted((item for each in kept.values() for item in each), key=lambda item: (item.moment, item.id))
    return tuple(newest), len(items) - len(newest)


def _is_same_moment(a: Item, b: Item) -> bool:
    return abs(a.moment - b.moment) < _ORBIT


def _identity(item: Item) -> Any:
    landsat = parse_landsat_id(item.id)
    if landsat is not None:
        return landsat.sensor, landsat.path, landsat.row, landsat.date
    tile = parse_sentinel2_id(item.id)
    return item.id if tile is None else (tile.platform, tile.tile, tile.date)


def _age(item: Item) -> tuple[Any, ...]:
    """Sorts versions: surface temperature beside reflectance over reflectance alone, final over real-time, newest."""
    landsat = parse_landsat_id(item.id)
    if landsat is None:
        return baseline_of(item) or (0, 0), *item.version
    processed = landsat.processed or dt.date.min
    return (landsat.tier != "RT", processed, landsat.level == "L2SP"), *item.version


def _overlap(a: Item, b: Item) -> float:
    """Shared part of both footprints together."""
    return float(a.geometry.intersection(b.geometry).area / a.geometry.union(b.geometry).area)


def _nothing(catalogue: Catalogue, collection: str, notes: Sequence[str], left_out: Sequence[LeftOut]) -> RemoteError:
    said = [*notes, *(f"{each.id} {each.why}" for each in left_out[:5])]
    more = f" and {len(left_out) - 5} more" if len(left_out) > 5 else ""
    why = f" (left out: {'; '.join(said)}{more})" if said else ""
    return RemoteError(
        f"has nothing like that in {collection}{why}",
        where=catalogue.name,
        do="widen --dates or --max-cloud, check that the area lies where it should, or choose another catalogue",
    )
