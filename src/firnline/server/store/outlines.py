"""Outlines read for drawing: many at once, and no more of each than is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import shapely
import sqlalchemy as sa
from numpy.typing import NDArray

from firnline.server.store import rows
from firnline.server.store.layer import Box
from firnline.server.store.tables import versions


@dataclass(frozen=True)
class Outlines:
    """Outlines of a layer, column by column, each of the same length; see `Feature`."""

    ids: Sequence[str]
    classes: Sequence[int]
    glaciers: Sequence[str | None]
    shapes: NDArray[Any]
    """Polygons."""


def outlines(connection: sa.Connection, layer_id: str, box: Box, at: int, smallest: float) -> Outlines:
    """See `Store.outlines`."""
    names = ("feature_id", "class_value", "glacier_id", "geometry")
    select = sa.select(*(versions.c[name] for name in names)).where(
        rows.in_box(layer_id, box, smallest), rows.valid_at(at)
    )
    found = connection.execute(select).all()
    ids, classes, glaciers, stored = zip(*found, strict=True) if found else ((), (), (), ())
    return Outlines(ids, classes, glaciers, shapely.from_wkb(list(stored)))


def last_change(connection: sa.Connection, layer_id: str, box: Box, at: int) -> int:
    """See `Store.last_change`."""
    ended = sa.case((versions.c.to_revision <= at, versions.c.to_revision), else_=0)
    select = sa.select(sa.func.max(versions.c.from_revision), sa.func.max(ended)).where(
        rows.in_box(layer_id, box), versions.c.from_revision <= at
    )
    begun, gone = connection.execute(select).one()
    return max(begun or 0, gone or 0)
