"""Polygons that cross each other, cut into faces: pieces of ground that each polygon covers wholly or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from firnline.inventory.edges import linked_together

Shapes = NDArray[np.object_]

GRID_M: Final = 1e-3
"""Coordinates of layers that are edited are whole multiples of this: lines meet in points that both can hold."""


@dataclass(frozen=True, eq=False)
class Faces:
    """Faces of polygons laid over each other; together they are a valid coverage.

    Parameters
    ----------
    shapes
        The faces, polygons, object (face,); also those that no polygon covers, enclosed by others.
    face, polygon
        Pairs: this face (from 0) is covered by that polygon; int64 (pair,), sorted by face, then polygon.
    """

    shapes: Shapes
    face: NDArray[np.int64]
    polygon: NDArray[np.int64]

    def first(self) -> NDArray[np.int64]:
        """The first polygon that covers each face, int64 (face,); -1 where none does."""
        found = np.full(len(self.shapes), -1, np.int64)
        found[self.face[::-1]] = self.polygon[::-1]  # the first is written last
        return found


def faces_of(polygons: Shapes) -> Faces:
    """Cut polygons along each other's boundaries, noded on a grid of `GRID_M`.

    Polygons that touch are cut together, and others apart from them: time goes with how much of them crosses.

    Parameters
    ----------
    polygons
        Valid polygons, object (polygon,), in metres.

    Examples
    --------
    >>> faces = faces_of(np.array([shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1)], object))
    >>> sorted(zip(shapely.get_x(shapely.centroid(faces.shapes)).tolist(), faces.first().tolist()))
    [(0.5, 0), (1.5, 0), (2.5, 1)]
    """
    one, two = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    cluster = linked_together(one, two, len(polygons))
    order = np.argsort(cluster, kind="stable")
    ends = np.flatnonzero(np.diff(cluster[order], prepend=-1, append=len(polygons) + 1))
    boundaries = shapely.boundary(polygons)
    pieces = [_cut(boundaries[order[a:b]]) for a, b in pairwise(ends.tolist())]
    shapes = np.concatenate(pieces) if pieces else np.zeros(0, object)
    cluster_of = np.repeat(np.arange(len(pieces)), [len(each) for each in pieces])
    face, polygon = shapely.STRtree(polygons).query(shapely.point_on_surface(shapes), predicate="within")
    own = cluster_of[face] == cluster[polygon]  # ground that a cluster encloses may hold another one
    face, polygon = np.asarray(face[own], np.int64), np.asarray(polygon[own], np.int64)
    order = np.lexsort((polygon, face))
    return Faces(shapes, face[order], polygon[order])


def _cut(boundaries: Shapes) -> Shapes:
    noded = shapely.union_all(boundaries, grid_size=GRID_M)
    return np.asarray(shapely.get_parts(shapely.polygonize(shapely.get_parts(noded))), object)


def joined(shapes: Shapes, key: NDArray[np.integer]) -> tuple[Shapes, NDArray[np.int64]]:
    """Join the polygons of a valid coverage that have the same key, and take apart what then does not hang together.

    Parameters
    ----------
    shapes
        Polygons, object (polygon,).
    key
        Integers (polygon,).

    Returns
    -------
    Polygons, the rings of each in order (shell anticlockwise), sorted by key, and their keys.

    Examples
    --------
    >>> boxes = np.array([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1), shapely.box(5, 0, 6, 1)], object)
    >>> whole, key = joined(boxes, np.array([4, 4, 4]))
    >>> [polygon.area for polygon in whole], key.tolist()
    ([2.0, 1.0], [4, 4])
    """
    if len(shapes) == 0:
        return shapes, np.zeros(0, np.int64)
    order = np.argsort(key, kind="stable")
    keys, starts = np.unique(key[order], return_index=True)
    whole = np.empty(len(keys), object)
    for index, own in enumerate(np.split(shapes[order], starts[1:])):
        whole[index] = own[0] if len(own) == 1 else shapely.coverage_union_all(own)
    parts, of = shapely.get_parts(whole, return_index=True)
    return np.asarray(shapely.orient_polygons(parts), object), keys[of].astype(np.int64)
