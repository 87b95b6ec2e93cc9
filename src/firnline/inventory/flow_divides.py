"""Divides by flow: drainage basins of a complex from heights, merged to glaciers after Kienholz et al. (2013)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from skimage.morphology import local_minima
from skimage.segmentation import watershed

from firnline.grid import Grid
from firnline.inventory.coverage import EDGES, EDGES_AND_CORNERS, Labels, Mask, sizes


@dataclass(frozen=True)
class FlowRule:
    """The parameters of Kienholz et al. (2013), with their values for the Juneau Icefield."""

    gutter_m: float = 100.0
    """How far the terrain along the outer boundary is lowered, so that water that leaves the ice runs along it."""
    factor_m: float = 14.3
    """A basin's pour point claims a circle of this times the root of its cells of `cell_m2`."""
    cell_m2: float = 1600.0
    largest_radius_m: float = 3500.0
    largest_rise_m: float = 50.0
    """Ice higher above that at the pour point is not claimed. The published rule asks for distance alone, and so
    joins glaciers over a crest near which one of them has a pour point."""
    sliver_km2: float = 0.1
    """Basins smaller than this are no glaciers."""
    thin_sliver_km2: float = 0.2
    """Nor are those smaller than this that are less compact than `compactness`."""
    compactness: float = 0.5
    """2 sqrt(pi area) / perimeter: 1 for a circle."""

    def radius_m(self, area_m2: float) -> float:
        """The radius of the circle round the pour point of a basin with so much ice."""
        return min(self.factor_m * float(np.sqrt(area_m2 / self.cell_m2)), self.largest_radius_m)


KIENHOLZ: Final = FlowRule()
_MEDIAN: Final = 5
"""Heights are smoothed by a median of so many pixels: radar heights have single pixels that are far off."""


def after_flow(
    complexes: Labels, chosen: Mask, heights: NDArray[np.float32], grid: Grid, rule: FlowRule = KIENHOLZ
) -> Labels:
    """Give every pixel of the chosen complexes to a basin.

    1. Along the outer boundary of the complex runs a gutter, one pixel wide and lowered by `gutter_m`: what
       flows off the ice gathers at its local minima, the pour points.
    2. The terrain is flooded from the pour points upwards (the watershed by immersion; sinks fill by themselves):
       basins, that meet on the crests. Terrain enclosed by the complex (nunataks) is flooded too.
    3. Basins are merged by distance: the pour point of each claims the ice within a radius that grows with the
       root of its area, as far as it hangs together with the ice nearest to the point and is no more than
       `largest_rise_m` above that; basins that a claim reaches are one.

    The rest of the published rule, slivers, is asked by `firnline.inventory.divides`.

    Parameters
    ----------
    complexes
        Numbers of the complexes from 1, 0 elsewhere.
    chosen
        Whether complex 1, 2, ... shall be divided.
    heights
        Metres on the same grid, NaN where not known.
    grid
        Where the pixels lie.
    rule
        The parameters.

    Returns
    -------
    Numbers of the basins from 1, int32 (row, column), 0 elsewhere and in complexes with a pixel whose height is not
    known.
    """
    basins: Labels = np.zeros(complexes.shape, np.int32)
    size = sizes(complexes, chosen.size)
    found = 0
    for number, box in enumerate(ndimage.find_objects(complexes), 1):
        if box is None or not chosen[number - 1]:
            continue
        ice = complexes[box] == number
        here = _surroundings(box, complexes.shape)
        if not np.isfinite(heights[box][ice]).all():
            continue
        if size[number - 1] * grid.pixel_area_km2 < 2 * rule.sliver_km2:
            basins[box][ice] = found + 1  # two glaciers have no room in it
            found += 1
            continue
        inner = _divided(complexes[here] == number, heights[here], grid, rule)
        basins[here][inner > 0] = inner[inner > 0] + found
        found += int(inner.max())
    return basins


def _surroundings(box: tuple[slice, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(max(each.start - 3, 0), min(each.stop + 3, end)) for each, end in zip(box, shape, strict=True))


def _divided(ice: Mask, heights: NDArray[np.float32], grid: Grid, rule: FlowRule) -> Labels:
    """Numbers of the merged basins of one complex in a window round it, 0 outside the ice."""
    # Beyond the rim of the scene the terrain goes on as high as there, so that ice which leaves the scene may.
    ice = np.pad(ice, 1)
    terrain = _smooth(np.pad(heights, 1, mode="edge"))
    basins, pour_points = _basins(ice, terrain, rule)
    merged = _merged(basins, pour_points, np.where(ice, terrain, np.inf), grid, rule)
    return merged[basins][1:-1, 1:-1]


def _smooth(heights: NDArray[np.float32]) -> NDArray[np.float32]:
    known = np.isfinite(heights)
    if known.all():
        return np.asarray(ndimage.median_filter(heights, _MEDIAN, mode="nearest"), np.float32)
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    smooth = ndimage.median_filter(heights[tuple(nearest)], _MEDIAN, mode="nearest")
    return np.where(known, smooth, np.nan).astype(np.float32)


def _basins(ice: Mask, terrain: NDArray[np.float32], rule: FlowRule) -> tuple[Labels, NDArray[np.int64]]:
    """Basins from 1 that hold ice, 0 outside the ice, and the pour point (row, column) of basin 1, 2, ..."""
    whole = ndimage.binary_fill_holes(ice, EDGES_AND_CORNERS)
    known = np.isfinite(terrain)
    gutter = ndimage.binary_dilation(whole, EDGES_AND_CORNERS) & ~whole & known
    if not gutter.any():  # no height is known round it
        return ice.astype(np.int32), np.argwhere(ice)[:1]
    lowered = np.where(known, terrain, 0).astype(np.float32)
    lowered[gutter] -= rule.gutter_m
    only_gutter = np.where(gutter, lowered, np.float32(1e6))
    minima = local_minima(only_gutter, connectivity=2, allow_borders=True)  # type: ignore[no-untyped-call]
    lowest = minima & gutter
    markers, _ = ndimage.label(lowest, EDGES_AND_CORNERS)
    within = (whole & known) | gutter
    flooded = watershed(lowered, markers, connectivity=2, mask=within)  # type: ignore[no-untyped-call]
    flooded = np.where(ice, flooded, 0)
    held, numbers = np.unique(flooded[ice], return_inverse=True)
    if held[0] == 0:  # ice that no flood reached has no height round it: one basin more
        held = np.concatenate([held[1:], held[:1]])
        numbers = np.where(numbers == 0, held.size, numbers) - 1
    basins: Labels = np.zeros(ice.shape, np.int32)
    basins[ice] = numbers + 1
    points = np.array(
        [np.argwhere(ice)[0] if value == 0 else _first(markers, int(value)) for value in held], np.int64
    )
    return basins, points


def _first(markers: NDArray[np.integer], value: int) -> NDArray[np.int64]:
    return np.array(np.unravel_index(int(np.argmax(markers == value)), markers.shape), np.int64)


def _merged(
    basins: Labels, pour_points: NDArray[np.int64], terrain: NDArray[np.float32], grid: Grid, rule: FlowRule
) -> NDArray[np.int32]:
    """The number from 1 of the glacier that basin 0 (none), 1, 2, ... belongs to."""
    count = len(pour_points)
    areas = sizes(basins, count) * grid.pixel_area_km2 * 1e6
    links = [(0, 0)]
    for number, (row, column) in enumerate(pour_points):
        reach = rule.radius_m(areas[number]) / grid.resolution
        links += [(number, other - 1) for other in _claimed(basins, terrain, row, column, reach, rule.largest_rise_m)]
    one, other = np.array(links).T
    graph = sparse.coo_array((np.ones(one.size, np.bool_), (one, other)), shape=(count, count))
    _, glacier = sparse.csgraph.connected_components(graph, directed=False)
    return np.concatenate([[0], glacier + 1]).astype(np.int32)


def _claimed(
    basins: Labels, terrain: NDArray[np.float32], row: int, column: int, reach: float, rise: float
) -> list[int]:
    """The basins in the piece of ice, within `reach` pixels of a pour point, that is nearest to it.

    `terrain` is infinite off the ice. The height of the pour point is that of the ice nearest to it.
    """
    r = int(np.ceil(reach))
    top, left = max(row - r, 0), max(column - r, 0)
    box = (slice(top, row + r + 1), slice(left, column + r + 1))
    heights = terrain[box]
    height, width = heights.shape
    distance = np.hypot(np.arange(top, top + height)[:, None] - row, np.arange(left, left + width) - column)
    distance = np.where(np.isfinite(heights) & (distance <= reach), distance, np.inf)
    nearest = np.unravel_index(int(np.argmin(distance)), distance.shape)
    if not np.isfinite(distance[nearest]):
        return []
    pieces, _ = ndimage.label(np.isfinite(distance) & (heights <= heights[nearest] + rise), EDGES)
    return [int(each) for each in np.unique(basins[box][pieces == pieces[nearest]]) if each]
