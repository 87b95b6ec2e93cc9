"""Parts of a map that people correct, and what a correction changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from firnline.errors import EditError
from firnline.inventory.faces import GRID_M


@dataclass(frozen=True)
class Part:
    """An area of one class.

    Parameters
    ----------
    id
        Its name; empty of one that is new.
    class_value
        1 clean ice, 2 debris-covered ice.
    geometry
        In a projected CRS in metres, coordinates on the grid of `GRID_M`.
    glacier_id
        The glacier that it belongs to, where that is known.
    came_from
        Of a new one, the part that its ground was cut from, where there is one.
    """

    id: str
    class_value: int
    geometry: Polygon
    glacier_id: str | None = None
    came_from: str | None = None


@dataclass(frozen=True)
class Change:
    """What a correction changes.

    Parameters
    ----------
    changed
        Parts as they are now, under the names that they had.
    added
        New parts, without a name.
    removed
        Names of those that are gone.
    """

    changed: tuple[Part, ...] = ()
    added: tuple[Part, ...] = ()
    removed: tuple[str, ...] = field(default=())

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.changed or self.added or self.removed)


def on_grid(geometry: BaseGeometry) -> BaseGeometry:
    """A geometry with its coordinates on the grid of parts.

    Examples
    --------
    >>> on_grid(shapely.Point(0.12345, 7)).wkt
    'POINT (0.123 7)'
    """
    # Division, because 123 * 0.001 is 0.123 with an error in the last bit that two ways of computing do not share.
    return shapely.transform(geometry, lambda at: np.round(at / GRID_M) / (1 / GRID_M))


def pieces(geometry: BaseGeometry) -> list[Polygon]:
    """The polygons of a geometry, the largest first; what has no area is left out."""
    found = [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon) and part.area > 0]
    return sorted(found, key=lambda part: -part.area)


def chosen(near: Sequence[Part], ids: Iterable[str]) -> list[Part]:
    """The parts of these names, in the order of the names.

    Raises
    ------
    EditError
        When one is not there, or none is named.
    """
    known = {part.id: part for part in near}
    names = list(dict.fromkeys(ids))
    if not names:
        raise EditError("no outline was chosen", do="choose one")
    missing = [name for name in names if name not in known]
    if missing:
        raise EditError("an outline that was chosen is not there any more", do="load the outlines anew")
    return [known[name] for name in names]


def require_polygons(geometry: BaseGeometry | None) -> BaseGeometry:
    """A drawn area as valid polygons on the grid.

    Raises
    ------
    EditError
        When it is none, or has no area. A line that crosses itself is repaired: what it goes round counts.
    """
    if geometry is None or geometry.geom_type not in ("Polygon", "MultiPolygon"):
        raise EditError("an area is needed", do="draw a polygon")
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        raise EditError("a coordinate is no number", do="draw it again")
    mended = shapely.make_valid(on_grid(geometry), method="structure", keep_collapsed=False)
    found = shapely.union_all(pieces(mended), grid_size=GRID_M)
    if found.area <= 0:
        raise EditError("what was drawn has no area", do="draw a polygon of at least three corners")
    return found


def require_line(geometry: BaseGeometry | None) -> BaseGeometry:
    """A drawn line on the grid; EditError when it is none or has no length."""
    if geometry is None or geometry.geom_type != "LineString":
        raise EditError("a line is needed", do="draw one")
    line = on_grid(geometry)
    if not np.isfinite(shapely.get_coordinates(line)).all() or line.length <= 0:
        raise EditError("the line has no length", do="draw it across the outline")
    return line


def require_class(value: int | None, *, background: bool = False) -> int:
    """A class of ice (or 0 where `background` is allowed); EditError when it is another."""
    if value in (1, 2) or (background and value == 0):
        return value
    raise EditError(f"{value} is no class of ice", do="give 1 for clean ice or 2 for debris-covered ice")


def require_coverage(before: Sequence[Part], after: Sequence[Part]) -> None:
    """Raise EditError when parts are no valid polygons, or fit together worse than before.

    Parts overlap, or meet at edges that are not the same, where `shapely.coverage_invalid_edges` finds edges. Those
    that were there before (in outlines that came so) bar no correction of what is beside them.
    """
    if not shapely.is_valid([part.geometry for part in after]).all() or _misfit(after) > _misfit(before) + GRID_M:
        raise EditError("outlines would cross or overlap", do="move it less far, or cut what is in the way first")


def _misfit(parts: Sequence[Part]) -> float:
    """Metres of edges that do not fit."""
    shapes = np.array([part.geometry for part in parts], object)
    return float(shapely.length(shapely.coverage_invalid_edges(shapes)).sum())
