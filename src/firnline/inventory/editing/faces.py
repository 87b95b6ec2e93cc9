"""Ground cut into faces by all lines at once, and given out anew: how every correction keeps one coverage.

Outlines and what was drawn are noded together, with coordinates on one grid; the faces between the lines are then
given to owners, and each owner's faces are joined. Two outlines that meet therefore share their edge to the last bit,
whatever was drawn (a planar partition, as GIS topology models keep it; noding by snap rounding, Hobby 1999).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from firnline.errors import EditError
from firnline.inventory.editing.part import Change, Part, pieces, require_coverage
from firnline.inventory.faces import GRID_M

Owner = str | Part | None
"""Who has a face: a part by its name, a new part (its geometry does not count), or nobody."""


@dataclass(frozen=True, eq=False)
class Faces:
    """Ground cut by lines.

    Parameters
    ----------
    parts
        The parts whose ground it is.
    polygons
        The faces, also those that nobody has (between the lines).
    owners
        int64 (face,): index of the part that has it, -1 of nobody.
    points
        A point inside each face.
    """

    parts: tuple[Part, ...]
    polygons: NDArray[np.object_]
    owners: NDArray[np.int64]
    points: NDArray[np.object_]

    def inside(self, area: BaseGeometry) -> NDArray[np.bool_]:
        """Whether each face lies in an area whose boundary is among the lines."""
        shapely.prepare(area)
        return np.asarray(shapely.contains(area, self.points), np.bool_)

    def widths(self) -> NDArray[np.float64]:
        """Mean width of each face, metres: twice its area by its perimeter, which is exact of a long strip."""
        return np.asarray(2 * shapely.area(self.polygons) / shapely.length(self.polygons), np.float64)

    def border(self, one: int) -> dict[int, float]:
        """Metres of edge that a face shares with each owner's other faces, and (-1) with nobody's ground."""
        mine = self.polygons[one].boundary
        near = np.flatnonzero(shapely.intersects(self.polygons, mine))
        shared: dict[int, float] = {}
        for other in near:
            if other != one:
                length = float(shapely.intersection(mine, self.polygons[other].boundary).length)
                owner = int(self.owners[other])
                shared[owner] = shared.get(owner, 0.0) + length
        shared[-1] = shared.get(-1, 0.0) + max(0.0, mine.length - sum(shared.values()))
        return shared


def touched(near: Sequence[Part], lines: BaseGeometry, targets: Sequence[Part] = ()) -> list[Part]:
    """The targets, and the parts whose ground the lines cross or touch."""
    shapes = np.array([part.geometry for part in near], object)
    names = {part.id for part in targets}
    met = shapely.dwithin(shapes, lines, 2 * GRID_M) if len(near) else np.zeros(0, np.bool_)
    return [part for part, is_met in zip(near, met, strict=True) if is_met or part.id in names]


def cut(parts: Sequence[Part], *lines: BaseGeometry) -> Faces:
    """Cut the ground of parts by lines."""
    boundaries = [part.geometry.boundary for part in parts]
    noded = shapely.union_all([*boundaries, *lines], grid_size=GRID_M)
    found = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    polygons = np.array(list(found), object)
    points = np.asarray(shapely.point_on_surface(polygons), object)
    owners = np.full(len(polygons), -1, np.int64)
    for index, part in enumerate(parts):
        shapely.prepare(part.geometry)
        owners[(owners < 0) & shapely.contains(part.geometry, points)] = index
    return Faces(tuple(parts), polygons, owners, points)


def give(faces: Faces, owner_of: Callable[[int], Owner], near: Sequence[Part]) -> Change:
    """Give faces out and say what changes.

    Where a part falls into pieces, the largest keeps its name and the others are new parts like it.

    Parameters
    ----------
    faces
        The ground.
    owner_of
        The new owner of face 0, 1, ...
    near
        All parts around, to see that they and the changed ones are one coverage still.

    Raises
    ------
    EditError
        When the outcome would be no coverage.
    """
    ground: dict[str, list[Polygon]] = {part.id: [] for part in faces.parts}
    fresh: dict[int, tuple[Part, list[Polygon]]] = {}
    for index, polygon in enumerate(faces.polygons):
        owner = owner_of(index)
        if isinstance(owner, Part):
            fresh.setdefault(id(owner), (owner, []))[1].append(polygon)
        elif owner is not None:
            ground[owner].append(polygon)
    changed, added, removed = [], [], []
    for part in faces.parts:
        now = pieces(shapely.coverage_union_all(ground[part.id])) if ground[part.id] else []
        if not now:
            removed.append(part.id)
        elif len(now) > 1 or not is_same(now[0], part.geometry):
            changed.append(replace(part, geometry=now[0]))
            added += [replace(part, id="", geometry=piece, came_from=part.id) for piece in now[1:]]
    for owner, polygons in fresh.values():
        added += [replace(owner, geometry=piece) for piece in pieces(shapely.coverage_union_all(polygons))]
    change = Change(tuple(changed), tuple(added), tuple(removed))
    require_coverage(near, after(near, change))
    return change


def kept(faces: Faces, index: int) -> Owner:
    """Who had the face before."""
    owner = int(faces.owners[index])
    return None if owner < 0 else faces.parts[owner].id


def after(near: Sequence[Part], change: Change) -> list[Part]:
    """The parts around as they are after a change."""
    now = {part.id: part for part in change.changed}
    gone = set(change.removed)
    return [now.get(part.id, part) for part in near if part.id not in gone] + list(change.added)


def nodes_shared(near: Sequence[Part], moved: Sequence[Part]) -> Change:
    """Let parts whose outlines were moved share their edges with what they now touch.

    Raises
    ------
    EditError
        When one covers another's ground: who should have it is not known.
    """
    names = {part.id for part in moved}
    for part in moved:
        if not part.geometry.is_valid or part.geometry.area <= 0:
            raise EditError("the outline would cross itself", do="move the vertex less far")
    around = [part for part in near if part.id not in names]
    lines = shapely.union_all([part.geometry.boundary for part in moved])
    parts = [*moved, *(part for part in touched(around, lines))]
    for one, two in _pairs(parts):
        if shapely.intersection(one.geometry, two.geometry).area > GRID_M * max(one.geometry.length, 1.0):
            raise EditError("outlines would overlap", do="move the vertex less far, or reshape with a line")
    faces = cut(parts)
    before = {part.id: part for part in near}
    change = give(faces, lambda index: kept(faces, index), [*moved, *around])
    require_coverage(near, after([*moved, *around], change))
    now = {part.id: part for part in (*moved, *change.changed)}
    really = tuple(part for part in now.values() if not is_same(part.geometry, before[part.id].geometry))
    return Change(really, change.added, change.removed)


def _pairs(parts: Sequence[Part]) -> list[tuple[Part, Part]]:
    shapes = np.array([part.geometry for part in parts], object)
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    return [(parts[a], parts[b]) for a, b in zip(first.tolist(), second.tolist(), strict=True) if a < b]


def is_same(one: Polygon, two: Polygon) -> bool:
    """Whether two polygons have the same vertices, wherever their rings begin."""
    if shapely.get_num_coordinates(one) != shapely.get_num_coordinates(two):
        return False
    return bool(shapely.equals_exact(shapely.normalize(one), shapely.normalize(two), 0.0))
