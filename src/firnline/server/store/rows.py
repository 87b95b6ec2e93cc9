"""Rows of the database as features and transactions, and back."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import geopandas as gpd
import shapely
import sqlalchemy as sa

from firnline.inventory.polygonise import geodesic_areas_km2
from firnline.server.store.layer import Author, Box, Feature, Transaction
from firnline.server.store.tables import boxes, layers, transactions, versions

_LAYER: Final[sa.ColumnElement[str]] = sa.literal_column("+versions.layer_id")


def now() -> str:
    """This moment, UTC, ISO 8601 with milliseconds."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")


def new_id() -> str:
    """An id that nothing else has: 12 hexadecimal digits."""
    return secrets.token_hex(6)


def valid_at(revision: int | None) -> sa.ColumnElement[bool]:
    """Versions that count at a revision; None is now."""
    if revision is None:
        return versions.c.to_revision.is_(None)
    later = versions.c.to_revision
    return sa.and_(versions.c.from_revision <= revision, sa.or_(later.is_(None), later > revision))


def in_box(layer_id: str, box: Box, smallest: float = 0.0) -> sa.ColumnElement[bool]:
    """Versions of a layer whose box meets another and has a side of `smallest` metres.

    The boxes are asked first, and what they give is looked up by its number: 0.3 ms for a view of one among 20,000
    outlines, where SQLite by itself goes through the layer for 5 ms. So the layer stands here in a sum, which no
    index knows.
    """
    min_x, min_y, max_x, max_y = box
    near = sa.select(boxes.c.id).where(
        boxes.c.max_x >= min_x, boxes.c.min_x <= max_x, boxes.c.max_y >= min_y, boxes.c.min_y <= max_y
    )
    if smallest > 0:
        near = near.where(
            sa.or_(boxes.c.max_x - boxes.c.min_x >= smallest, boxes.c.max_y - boxes.c.min_y >= smallest)
        )
    return sa.and_(versions.c.id.in_(near), _LAYER.is_(layer_id))


def features_of(rows: Iterable[sa.RowMapping]) -> list[Feature]:
    """Rows of `versions` as features."""
    found = list(rows)
    shapes = shapely.from_wkb([row["geometry"] for row in found])
    return [
        Feature(
            row["feature_id"], row["version"], row["class_value"], row["glacier_id"], shape, row["area_km2"],
            row["properties"],
        )
        for row, shape in zip(found, shapes, strict=True)
    ]  # fmt: skip


def transaction_of(row: sa.RowMapping, features: Sequence[str] = ()) -> Transaction:
    """A row of `transactions`."""
    names = ("id", "revision", "at", "operation", "who", "scene_id", "why")
    return Transaction(**{name: row[name] for name in names}, features=tuple(features))


def areas_km2(shapes: Sequence[shapely.Polygon], crs: str) -> list[float]:
    """True areas of outlines in a CRS."""
    found: list[float] = geodesic_areas_km2(gpd.GeoSeries(list(shapes), crs=crs)).tolist()
    return found


def insert_versions(connection: sa.Connection, layer_id: str, revision: int, features: Sequence[Feature]) -> None:
    """Write versions that count from a revision on, and their boxes."""
    if not features:
        return
    first = (connection.execute(sa.select(sa.func.max(versions.c.id))).scalar() or 0) + 1
    shapes = [feature.geometry for feature in features]
    rows: list[dict[str, Any]] = [
        {
            "id": first + index, "layer_id": layer_id, "feature_id": feature.id, "version": feature.version,
            "class_value": feature.class_, "glacier_id": feature.glacier_id, "geometry": shapely.to_wkb(shape),
            "area_km2": feature.area_km2, "properties": dict(feature.properties), "from_revision": revision,
            "to_revision": None,
        }
        for index, (feature, shape) in enumerate(zip(features, shapes, strict=True))
    ]  # fmt: skip
    connection.execute(sa.insert(versions), rows)
    corners = shapely.bounds(shapes).tolist()
    connection.execute(
        sa.insert(boxes),
        [
            {"id": first + index, "min_x": a, "min_y": b, "max_x": c, "max_y": d}
            for index, (a, b, c, d) in enumerate(corners)
        ],
    )


def advance(
    connection: sa.Connection, layer_id: str, revision: int, made: Sequence[Feature], ended: Sequence[Feature]
) -> float:
    """Write a layer's new revision and what its features add up to; its box only grows. Returns the area, km2."""
    values: dict[str, Any] = {
        "revision": revision,
        "count": layers.c.count + len(made) - len(ended),
        "area_km2": layers.c.area_km2 + sum(each.area_km2 for each in made) - sum(each.area_km2 for each in ended),
    }
    if made:
        corners = shapely.total_bounds([each.geometry for each in made]).tolist()
        for name, corner in zip(("min_x", "min_y", "max_x", "max_y"), corners, strict=True):
            outer = sa.func.min if name.startswith("min") else sa.func.max
            values[name] = outer(sa.func.coalesce(layers.c[name], corner), corner)
    done = sa.update(layers).where(layers.c.id == layer_id).values(values).returning(layers.c.area_km2)
    return float(connection.execute(done).scalar_one())


def end_versions(connection: sa.Connection, layer_id: str, revision: int, ids: Sequence[str]) -> None:
    """Let the present versions of features count no longer from a revision on."""
    for start in range(0, len(ids), 500):
        connection.execute(
            sa.update(versions)
            .where(versions.c.layer_id == layer_id, versions.c.to_revision.is_(None))
            .where(versions.c.feature_id.in_(ids[start : start + 500]))
            .values(to_revision=revision)
        )


def insert_transaction(
    connection: sa.Connection, layer_id: str, revision: int, operation: str, author: Author,
    reverses: int | None = None,
) -> Transaction:  # fmt: skip
    """Write a transaction."""
    row: Mapping[str, Any] = {
        "layer_id": layer_id, "revision": revision, "at": now(), "operation": operation, "who": author.who,
        "session": author.session, "scene_id": author.scene_id, "why": author.why, "key": author.key,
        "reverses": reverses,
    }  # fmt: skip
    made = connection.execute(sa.insert(transactions).returning(transactions.c.id), [dict(row)]).scalar_one()
    return Transaction(made, revision, str(row["at"]), operation, author.who, author.scene_id, author.why)
