"""What glaciers enclose: rock, and what is not known, which is never taken for rock."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from firnline.classes import UNKNOWN, Classes
from firnline.grid import Grid
from firnline.inventory.coverage import EDGES_AND_CORNERS, Labels, at_edge, regions

KINDS: Final = ("", "rock", "unknown")


def enclosed(glaciers: Labels, classes: Classes) -> tuple[Labels, NDArray[np.int64]]:
    """Pieces of what no path leads out of without crossing a glacier.

    Ice hangs together over edges only, so what is no ice does over corners too. Each area that does not reach the
    edge of the scene falls into pieces of rock and of unknown, each connected over edges. Rock is all that is known
    and in no glacier: ice that was too small for one, too.

    Returns
    -------
    Numbers of the pieces from 1, int32 (row, column), 0 elsewhere; and the kind of piece 1, 2, ... as its place in
    `KINDS`.

    Examples
    --------
    >>> glaciers = np.ones((3, 4), np.int32)
    >>> glaciers[1, 1:3] = 0
    >>> classes = np.where(glaciers, 1, [[0, 0, 255, 0]]).astype(np.uint8)
    >>> pieces, kinds = enclosed(glaciers, classes)
    >>> pieces[1].tolist(), [KINDS[kind] for kind in kinds]
    ([0, 1, 2, 0], ['rock', 'unknown'])
    """
    outside = np.zeros(glaciers.shape, np.int32)
    count = ndimage.label(glaciers == 0, EDGES_AND_CORNERS, output=outside)
    inner = np.concatenate([[False], ~at_edge(outside, count)])
    kinds = inner[outside].view(np.uint8)
    kinds[(kinds > 0) & (classes == UNKNOWN)] = KINDS.index("unknown")
    return regions(kinds)


def enclosing(outlines: NDArray[np.object_], pieces: Labels, count: int, grid: Grid) -> NDArray[np.int64]:
    """The outline (from 0) that piece 1, 2, ... is a hole of, -1 where none alone encloses it.

    Of several, one within a hole of another, it is the innermost. A nunatak on a divide is a hole of no glacier: the
    outlines pass by it.
    """
    owner = np.full(count, -1, np.int64)
    rings = shapely.get_rings(outlines)
    _, ring_of = shapely.get_rings(outlines, return_index=True)
    is_hole = np.concatenate([[False], ring_of[1:] == ring_of[:-1]])[: len(rings)]
    if count == 0 or not is_hole.any():
        return owner
    holes, ring_of = shapely.polygons(rings[is_hole]), ring_of[is_hole]
    flat = pieces.ravel()
    at = np.flatnonzero(flat)
    first = at[np.unique(flat[at], return_index=True)[1]]
    row, column = np.divmod(first, pieces.shape[1])
    x, y = grid.corner(0.5, 0.5)
    points = shapely.points(x + column * grid.transform.a, y + row * grid.transform.e)
    point, hole = shapely.STRtree(holes).query(points, predicate="within")
    inwards = np.argsort(-shapely.area(holes[hole]), kind="stable")  # the smallest is written last
    owner[point[inwards]] = ring_of[hole[inwards]]
    return owner
