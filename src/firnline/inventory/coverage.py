"""Rasters of numbered areas: areas that hang together, their common edges, and polygons that share vertices."""

from __future__ import annotations

from typing import Final

import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray
from scipy import ndimage, sparse

from firnline.errors import ConfigError
from firnline.grid import Grid

Labels = NDArray[np.int32]
"""A raster (row, column) of area numbers from 1; 0 is no area."""

Mask = NDArray[np.bool_]

EDGES: Final = ndimage.generate_binary_structure(2, 1)
"""Pixels that share an edge hang together (those of an area)."""
EDGES_AND_CORNERS: Final = ndimage.generate_binary_structure(2, 2)
"""Also those across a corner (what lies between areas: else two things would cross each other in one corner)."""


def regions(values: NDArray[np.integer]) -> tuple[Labels, NDArray[np.int64]]:
    """Number the areas of one value, other than 0, whose pixels hang together over edges.

    Runs of equal pixels in a row are linked with those in the row below: time and memory depend on the pixels that
    are not 0, and not on how many values there are.

    Parameters
    ----------
    values
        Integers (row, column); 0 belongs to no area.

    Returns
    -------
    Area numbers from 1 in the order of their first pixels, int32 (row, column), and the value of area 1, 2, ...

    Examples
    --------
    >>> labels, values = regions(np.array([[7, 0, 7], [7, 3, 3]]))
    >>> labels.tolist(), values.tolist()
    ([[1, 0, 2], [1, 3, 3]], [7, 7, 3])
    """
    flat, columns = values.ravel(), values.shape[1]
    at = np.flatnonzero(flat)
    labels = np.zeros(values.shape, np.int32)
    if at.size == 0:
        return labels, np.zeros(0, np.int64)
    here = flat[at]
    begins = np.ones(at.size, np.bool_)
    begins[1:] = (np.diff(at) != 1) | (here[1:] != here[:-1]) | (at[1:] % columns == 0)
    run = np.cumsum(begins, dtype=np.int32)
    numbered = labels.ravel()
    numbered[at] = run
    above = at[at < flat.size - columns]
    same = flat[above] == flat[above + columns]
    links = np.column_stack([run[: above.size][same], numbered[above[same] + columns]]) - 1
    if len(links):
        links = links[np.concatenate([[True], (links[1:] != links[:-1]).any(axis=1)])]
    graph = sparse.coo_array((np.ones(len(links), np.bool_), tuple(links.T)), shape=(run[-1], run[-1]))
    _, area = sparse.csgraph.connected_components(graph, directed=False)
    first = np.unique(area, return_index=True)[1]
    rank = np.empty(first.size, np.int32)
    rank[np.argsort(first)] = np.arange(1, first.size + 1, dtype=np.int32)
    numbered[at] = rank[area][run - 1]
    return labels, here[begins][np.sort(first)].astype(np.int64)


def sizes(labels: Labels, count: int) -> NDArray[np.int64]:
    """How many pixels area 1, 2, ... `count` has."""
    return np.bincount(labels[labels > 0], minlength=count + 1)[1:].astype(np.int64)


def minimum_pixels(minimum_area_km2: float, grid: Grid) -> float:
    """How many pixels an area of at least `minimum_area_km2` on the map plane has.

    A hair's breadth less, because 0.01 km2 in pixels of 10 m is 100.00000000000001 of them.

    Raises
    ------
    ConfigError
        When the minimum is negative.
    """
    if not minimum_area_km2 >= 0:
        raise ConfigError(f"a minimum area of {minimum_area_km2} km2 makes no sense", do="give 0 or more")
    return minimum_area_km2 / grid.pixel_area_km2 * (1 - 1e-9)


def renumbered(labels: Labels, kept: Mask) -> tuple[Labels, int]:
    """Keep areas 1, 2, ... that `kept` (area,) says, numbered from 1 in their order; also how many they are.

    Examples
    --------
    >>> labels, count = renumbered(np.array([[1, 2, 3]], np.int32), np.array([False, True, True]))
    >>> labels.tolist(), count
    ([[0, 1, 2]], 2)
    """
    count = int(kept.sum())
    number = np.zeros(kept.size + 1, np.int32)
    number[1:][kept] = np.arange(1, count + 1)
    return number[labels], count


def common_edges(labels: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of areas that share pixel edges, and how many.

    Returns
    -------
    The smaller and the larger number of each pair, and their common edges: int64 (pair,).

    Examples
    --------
    >>> [each.tolist() for each in common_edges(np.array([[1, 1, 0], [2, 2, 3]], np.int32))]
    [[1, 2], [2, 3], [2, 1]]
    """
    keys = []
    for a, b in ((labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:])):
        meet = (a != b) & (a > 0) & (b > 0)
        one, other = a[meet].astype(np.int64), b[meet].astype(np.int64)
        keys.append(np.minimum(one, other) << 32 | np.maximum(one, other))
    key, edges = np.unique(np.concatenate(keys), return_counts=True)
    return key >> 32, key & 0xFFFFFFFF, edges


def touching(labels: Labels, count: int, other: Mask) -> Mask:
    """Whether area 1, 2, ... shares a pixel edge with a pixel of `other`."""
    touched = np.zeros(count + 1, np.bool_)
    for here, there in (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
    ):
        touched[labels[here][other[there]]] = True
        touched[labels[there][other[here]]] = True
    return touched[1:]


def at_edge(labels: Labels, count: int) -> Mask:
    """Whether area 1, 2, ... has a pixel in the outermost row or column."""
    touched = np.zeros(count + 1, np.bool_)
    for line in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        touched[line] = True
    return touched[1:]


def polygons(labels: Labels, count: int, grid: Grid) -> NDArray[np.object_]:
    """Outline area 1, 2, ... in map units; each hangs together over edges, and all are one valid coverage.

    Everything up to the last step is in pixel corners, whole numbers, so that it is exact and two outlines
    that share a corner share its coordinates to the last bit. Vertices stand where a boundary turns and where three
    areas meet: every vertex of an outline that lies on its neighbour's edge is a vertex of the neighbour too.

    Examples
    --------
    >>> from affine import Affine
    >>> from rasterio.crs import CRS
    >>> grid = Grid(CRS.from_epsg(32645), Affine(10, 0, 0, 0, -10, 20), (2, 2))
    >>> [p.area for p in polygons(np.array([[1, 2], [1, 1]], np.int32), 2, grid)]
    [300.0, 100.0]
    """
    found = np.empty(count, object)
    if count == 0:
        return found
    for shape, number in rasterio.features.shapes(labels, mask=labels > 0, connectivity=4):
        shell, *holes = (shapely.LinearRing(np.array(ring)) for ring in shape["coordinates"])
        found[int(number) - 1] = shapely.Polygon(shell, holes)
    kind, corners, (rings, owners) = shapely.to_ragged_array(shapely.segmentize(found, 1.0))
    kept = _is_vertex(np.rint(corners).astype(np.int64), rings, labels)
    counted = np.concatenate([[0], np.cumsum(kept)])
    x = grid.transform.c + np.rint(corners[kept, 0]) * grid.transform.a
    y = grid.transform.f + np.rint(corners[kept, 1]) * grid.transform.e
    outlines = shapely.from_ragged_array(kind, np.column_stack([x, y]), (counted[rings], owners))
    return np.asarray(shapely.orient_polygons(outlines), object)


def _is_vertex(corners: NDArray[np.int64], rings: NDArray[np.integer], labels: Labels) -> Mask:
    """Which pixel corners along the rings are needed: ring ends, turns, and corners where three areas meet."""
    step = np.diff(corners, axis=0)
    needed = np.ones(len(corners), np.bool_)
    needed[1:-1] = (step[1:] != step[:-1]).any(axis=1)
    needed[rings[:-1]] = needed[rings[1:] - 1] = True
    around = np.pad(labels, 1)
    column, row = corners.T
    corner = np.stack([around[row + r, column + c] for r in (0, 1) for c in (0, 1)])
    corner.sort(axis=0)
    needed |= (corner[1:] != corner[:-1]).sum(axis=0) >= 2
    return needed
