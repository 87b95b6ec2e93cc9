"""Edges of a coverage: which polygons meet along them, and what hangs together over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import sparse

NOBODY = -1
"""The polygon on the other side of an edge that has none there."""


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of all rings of a coverage; an edge that two polygons share is there twice, once for each.

    Parameters
    ----------
    ends
        x, y of both ends, float64 (edge, 4), map units.
    owner
        The polygon (from 0) that the edge is of, int64 (edge,).
    other
        The polygon on its other side, int64 (edge,); `NOBODY` where there is none.
    """

    ends: NDArray[np.float64]
    owner: NDArray[np.int64]
    other: NDArray[np.int64]

    @property
    def outer(self) -> NDArray[np.bool_]:
        """Whether nobody is on the other side, bool (edge,)."""
        return np.asarray(self.other == NOBODY, np.bool_)


def edges_of(polygons: NDArray[np.object_]) -> Edges:
    """Take the rings of a valid coverage apart: neighbours share their edges vertex by vertex.

    Parameters
    ----------
    polygons
        Polygons, object (polygon,), of which `shapely.coverage_is_valid` holds.

    Examples
    --------
    >>> edges = edges_of(np.array([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)], object))
    >>> len(edges.owner), edges.other[~edges.outer].tolist()
    (8, [1, 0])
    """
    rings, of = shapely.get_rings(polygons, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    inside = ring[1:] == ring[:-1]
    ends = np.column_stack([points[:-1][inside], points[1:][inside]])
    owner = np.asarray(of[ring[:-1][inside]], np.int64)
    other = np.full(len(owner), NOBODY, np.int64)
    turned = (ends[:, 0] > ends[:, 2]) | ((ends[:, 0] == ends[:, 2]) & (ends[:, 1] > ends[:, 3]))
    key = np.where(turned[:, None], ends[:, [2, 3, 0, 1]], ends)
    order = np.lexsort(key.T)
    same = np.flatnonzero((key[order[1:]] == key[order[:-1]]).all(axis=1))
    one, two = order[same], order[same + 1]
    other[one], other[two] = owner[two], owner[one]
    return Edges(ends, owner, other)


def hang_together(edges: Edges, count: int, within: NDArray[np.integer] | None = None) -> NDArray[np.int64]:
    """The connected area (from 0) of polygon 0, 1, ... `count`: polygons that share an edge are in the same.

    Parameters
    ----------
    within
        A number a polygon, int (polygon,): only those of the same number are linked.

    Examples
    --------
    >>> boxes = [shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1), shapely.box(2, 1, 3, 2)]
    >>> edges = edges_of(np.array(boxes, object))
    >>> hang_together(edges, 3).tolist(), hang_together(edges, 3, np.array([7, 8, 8])).tolist()
    ([0, 0, 1], [0, 1, 2])
    """
    linked = ~edges.outer
    if within is not None:
        linked &= within[edges.owner] == within[edges.other]  # of an outer edge any, it is not linked
    return linked_together(edges.owner[linked], edges.other[linked], count)


def linked_together(one: NDArray[np.integer], two: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """The connected set (from 0) of thing 0, 1, ... `count`, of which the pairs `one`, `two` are linked.

    Examples
    --------
    >>> linked_together(np.array([0]), np.array([2]), 3).tolist()
    [0, 1, 0]
    """
    graph = sparse.coo_array((np.ones(len(one), np.int8), (one, two)), shape=(count, count))
    return np.asarray(sparse.csgraph.connected_components(graph, directed=False)[1], np.int64)
