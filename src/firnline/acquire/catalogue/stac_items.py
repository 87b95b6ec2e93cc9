"""Items of a STAC API as they come: checked, and put into words that the rest of the room uses."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from firnline.bands import Sensor, sensor_from_text
from firnline.errors import FirnlineError


class ItemError(FirnlineError):
    """An item of a catalogue that lacks what is needed, or says it wrongly."""


@dataclass(frozen=True, eq=False)
class Item:
    """One product in a catalogue, where and when it was taken. `geometry` is in EPSG:4326, degrees."""

    id: str
    collection: str
    moment: dt.datetime
    geometry: BaseGeometry
    sensor: Sensor | None
    cloud_cover: float | None
    """Per cent of the whole product, as its maker says."""
    properties: Mapping[str, Any]
    assets: Mapping[str, Mapping[str, Any]] = field(repr=False)
    link: str = ""
    """The item's own address, where it says so."""

    @property
    def date(self) -> dt.date:
        """The day, UTC."""
        return self.moment.date()

    @property
    def version(self) -> tuple[str, str]:
        """What tells versions of one product apart, a later one sorts behind: when it was made, and its id."""
        made = (_text(self.properties, key) for key in ("s2:generation_time", "processing:datetime", "created"))
        return next((text for text in made if text), ""), self.id


def parse_item(raw: Any) -> Item:
    """Check an item and take out what is needed.

    Raises
    ------
    ItemError
        When it is no item, or has no id, date, footprint or files.

    Examples
    --------
    >>> box = {"type": "Polygon", "coordinates": [[[86, 27], [87, 27], [87, 28], [86, 28], [86, 27]]]}
    >>> item = parse_item({"id": "LE07_L2SP_140041_20001030_02_T1", "collection": "landsat-c2-l2", "geometry": box,
    ...                    "properties": {"datetime": "2000-10-30T04:32:41Z", "platform": "landsat-7"},
    ...                    "assets": {"red": {"href": "https://example.org/B3.TIF"}}})
    >>> item.sensor, item.date
    (<Sensor.LANDSAT7: 'landsat7'>, datetime.date(2000, 10, 30))
    """
    if not isinstance(raw, Mapping):
        raise ItemError("is no item", where="catalogue")
    name = raw.get("id")
    if not isinstance(name, str) or not name:
        raise ItemError("has no id", where="item of the catalogue")
    properties = raw.get("properties")
    if not isinstance(properties, Mapping):
        raise ItemError("has no properties", where=name)
    assets = raw.get("assets")
    if not isinstance(assets, Mapping) or not assets:
        raise ItemError("has no files", where=name)
    return Item(
        id=name,
        collection=str(raw.get("collection") or ""),
        moment=_moment(properties, name),
        geometry=_geometry(raw.get("geometry"), name),
        sensor=_sensor(properties, name),
        cloud_cover=_cloud(properties),
        properties=properties,
        assets={key: asset for key, asset in assets.items() if _is_asset(asset)},
        link=_own_link(raw.get("links")),
    )


def _text(properties: Mapping[str, Any], key: str) -> str:
    value = properties.get(key)
    return value if isinstance(value, str) else ""


def _is_asset(asset: Any) -> bool:
    return isinstance(asset, Mapping) and isinstance(asset.get("href"), str) and bool(asset["href"])


def _own_link(links: Any) -> str:
    for link in links if isinstance(links, list) else []:
        if isinstance(link, Mapping) and link.get("rel") == "self" and isinstance(link.get("href"), str):
            return str(link["href"])
    return ""


def _moment(properties: Mapping[str, Any], name: str) -> dt.datetime:
    text = _text(properties, "datetime") or _text(properties, "start_datetime")
    try:
        moment = dt.datetime.fromisoformat(text)
        return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise ItemError(f"has no date ('{text}')" if text else "has no date", where=name) from None


def _geometry(raw: Any, name: str) -> BaseGeometry:
    if not isinstance(raw, Mapping):
        raise ItemError("has no footprint", where=name)
    try:
        with np.errstate(invalid="ignore"):  # JSON of some servers has NaN
            geometry = shape(dict(raw))
            valid = geometry if geometry.is_valid else shapely.make_valid(geometry)
    except (ShapelyError, ValueError, TypeError, KeyError, AttributeError, IndexError):
        raise ItemError("has a footprint that cannot be read", where=name) from None
    if valid.is_empty or valid.area == 0:
        raise ItemError("has an empty footprint", where=name)
    west, south, east, north = valid.bounds
    if not (west >= -360 and east <= 360 and south >= -91 and north <= 91):  # NaN is not there either
        raise ItemError("has a footprint that is not in longitude and latitude", where=name)
    return valid


def _sensor(properties: Mapping[str, Any], name: str) -> Sensor | None:
    return sensor_from_text(_text(properties, "platform"), _text(properties, "constellation"), name)


_CLOUD: Final = ("eo:cloud_cover", "landsat:cloud_cover_land")


def _cloud(properties: Mapping[str, Any]) -> float | None:
    """Landsat says -1 where it was not estimated (at night)."""
    for key in _CLOUD:
        value = properties.get(key)
        if (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and 0 <= value <= 100
            and math.isfinite(value)
        ):
            return float(value)
    return None
