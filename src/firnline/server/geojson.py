"""Geometry that clients send: GeoJSON, read strictly."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Annotated, Any, Final

import shapely
from pydantic import PlainValidator, WithJsonSchema
from shapely.geometry.base import BaseGeometry

MOST_COORDINATES: Final = 200_000
_DEPTH: Final = {"Point": 0, "LineString": 1, "Polygon": 2, "MultiPolygon": 3}
"""Types that are taken, and how many lists lie around each position."""


def read_geojson(value: Any) -> BaseGeometry:
    """Read a GeoJSON geometry.

    Raises
    ------
    ValueError
        When it is none, of a type that no operation takes, too large, or a coordinate is no finite number.

    Examples
    --------
    >>> read_geojson({"type": "Point", "coordinates": [1, 2]}).wkt
    'POINT (1 2)'
    """
    if not isinstance(value, dict) or set(value) != {"type", "coordinates"} or value["type"] not in _DEPTH:
        raise ValueError(f"a GeoJSON geometry of type {', '.join(_DEPTH)} is needed")
    depth = _DEPTH[value["type"]]
    for count, position in enumerate(_positions(value["coordinates"], depth)):
        _require_position(position)
        if count >= MOST_COORDINATES:
            raise ValueError(f"more than {MOST_COORDINATES} coordinates")
    try:
        found = shapely.from_geojson(json.dumps(value))
    except (shapely.GEOSException, TypeError, ValueError):
        raise ValueError("this is no valid GeoJSON geometry") from None
    if found is None or found.is_empty:
        raise ValueError("the geometry is empty")
    return found


def _positions(value: Any, depth: int) -> Iterator[Any]:
    if depth == 0:
        yield value
        return
    if not isinstance(value, list):
        raise ValueError("coordinates are nested wrongly")
    for each in value:
        yield from _positions(each, depth - 1)


def _require_position(value: Any) -> None:
    fits = isinstance(value, list) and len(value) == 2
    if not fits or not all(type(number) in (int, float) and abs(number) < 1e9 for number in value):
        raise ValueError("a position is two finite numbers in metres")
    if not all(math.isfinite(number) for number in value):
        raise ValueError("a position is two finite numbers in metres")


GeoJson = Annotated[
    BaseGeometry,
    PlainValidator(read_geojson),
    WithJsonSchema(
        {
            "type": "object",
            "description": "A GeoJSON geometry, positions in the layer's projected CRS",
            "properties": {
                "type": {"type": "string", "enum": list(_DEPTH)},
                "coordinates": {"type": "array", "items": {}},
            },
            "required": ["type", "coordinates"],
            "additionalProperties": False,
        }
    ),
]
