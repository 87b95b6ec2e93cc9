"""Lakes on the ice of a glacier and touching it, from a mask of water and a raster of glaciers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
from numpy.typing import NDArray
from scipy import ndimage

from firnline.classes import BACKGROUND, UNKNOWN, Classes
from firnline.errors import ConfigError, GridError
from firnline.features import FeatureSource
from firnline.grid import Grid, Window
from firnline.inventory.columns import LAKES, empty
from firnline.inventory.coverage import (
    EDGES_AND_CORNERS,
    Labels,
    at_edge,
    minimum_pixels,
    polygons,
    regions,
    renumbered,
    sizes,
)
from firnline.inventory.masks import masks_of
from firnline.inventory.polygonise import geodesic_areas_km2
from firnline.terrain import HALO, extrapolated, gradient, slope_of

SMALLEST_KM2: Final = 0.0054
"""Six pixels of Landsat, the smallest lake of the inventory of High Mountain Asia by Wang et al. (2020)."""
STEEPEST_DEGREES: Final = 10.0
"""Mean slope above which what looks like water is taken for shadow. Slopes and shaded relief are what tells shadow
from lakes (Quincey et al. 2007, Li et al. 2011); the value is our own: a lake is flat, and a DEM of another year,
and of cells as large as a pond, is not."""


@dataclass(frozen=True)
class LakeSettings:
    """What counts as a lake.

    Raises
    ------
    ConfigError
        When a value makes no sense.
    """

    minimum_area_km2: float = SMALLEST_KM2
    """Smaller ones on the map plane are left out."""
    steepest_degrees: float = STEEPEST_DEGREES
    """Steeper ones by the DEM's mean slope are left out."""
    most_shadow: float = 0.5
    """Those of which a larger share of the pixels lies in shadow are left out."""

    def __post_init__(self) -> None:
        if not (self.minimum_area_km2 >= 0 and math.isfinite(self.minimum_area_km2)):
            raise ConfigError(f"a smallest lake of {self.minimum_area_km2} km2 makes no sense", do="give 0 or more")
        if not 0 < self.steepest_degrees <= 90:
            raise ConfigError(
                f"lakes of {self.steepest_degrees} degrees make no sense", do="give more than 0, up to 90"
            )
        if not 0 <= self.most_shadow <= 1:
            raise ConfigError(f"{self.most_shadow} is no share", where="most_shadow", do="give 0 to 1")


@dataclass(frozen=True, eq=False)
class FoundLakes:
    """Lakes at glaciers, the largest first (columns `columns.LAKES`), and what was left out, a sentence each."""

    lakes: gpd.GeoDataFrame
    findings: tuple[str, ...] = ()


def find_lakes(
    water: NDArray[np.uint8],
    labels: Labels,
    ids: Sequence[str],
    grid: Grid,
    *,
    shadow: NDArray[np.uint8] | None = None,
    heights: NDArray[np.float32] | None = None,
    settings: LakeSettings = LakeSettings(),
) -> FoundLakes:
    """Find the lakes that share an edge with a glacier.

    Pixels of glaciers are ice, whatever the mask says of them: a lake is made of water in no glacier. Its pixels hang
    together over edges. It is ``on`` a glacier where no path leads away from it without crossing that glacier's
    ice (over rock or unknown, corners included), else ``touching``. It belongs to the glacier with which it shares
    the most edges; of equal ones to the first. A lake that the map took for ice is not found; that there is water in
    the ice is told in the findings.

    Water in shadow is the classic false alarm: an area is left out where most of it lies in `shadow`, or where its
    mean slope by `heights` is more than a lake can have.

    Parameters
    ----------
    water
        uint8 (row, column): 1 water, 0 none, 255 unknown, which is no lake.
    labels
        Row of the glacier in `ids` plus one, int32 (row, column), 0 where there is none.
    ids
        Ids of the glaciers.
    grid
        Where the pixels lie; in a CRS projected in metres.
    shadow
        uint8 (row, column): 1 shadow, 0 none, 255 unknown. Give one by geometry: by darkness alone water is in it.
    heights
        Metres, float32 (row, column), NaN where unknown.
    settings
        What counts as a lake.

    Raises
    ------
    GridError
        When an array does not have the grid's shape.

    Examples
    --------
    >>> from affine import Affine
    >>> from rasterio.crs import CRS
    >>> grid = Grid(CRS.from_epsg(32645), Affine(100, 0, 500000, 0, -100, 3100000), (3, 5))
    >>> labels = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 0, 0], [1, 1, 1, 0, 0]], np.int32)
    >>> water = np.array([[0, 0, 1, 1, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0]], np.uint8)
    >>> found = find_lakes(water, labels, ["FL087002E28025N"], grid)
    >>> found.lakes[["glacier_id", "contact"]].values.tolist()
    [['FL087002E28025N', 'on'], ['FL087002E28025N', 'touching']]
    """
    for name, array in (("water", water), ("glaciers", labels), ("shadow", shadow), ("heights", heights)):
        if array is not None and array.shape != grid.shape:
            raise GridError(f"the raster of {name} has the shape {array.shape}, the grid {grid.shape}")
    candidates, values = regions(((water == 1) & (labels == 0)).view(np.uint8))
    count = values.size
    test = _Test(shadow, heights, grid, settings)
    owner = _longest_contact(candidates, count, labels)
    large = (owner > 0) & test.large(candidates, count)
    dark, steep = test.dark(candidates, count) & large, test.steep(candidates, count) & large
    kept = large & ~dark & ~steep
    findings = (
        *_findings(int(dark.sum()), int((steep & ~dark).sum()), settings, heights is None and bool(kept.any())),
        *_in_ice(water, labels, test),
    )
    if not kept.any():
        return FoundLakes(empty(LAKES, pyproj.CRS.from_user_input(grid.crs)), findings)
    is_on = _enclosed(candidates, count, labels)[kept]
    table = pd.DataFrame(
        {
            "glacier_id": np.asarray(ids, object)[owner[kept] - 1],
            "contact": np.where(is_on, "on", "touching").astype(object),
        }
    )
    outlines = gpd.GeoDataFrame(
        table, geometry=polygons(*renumbered(candidates, kept), grid), crs=pyproj.CRS.from_user_input(grid.crs)
    )
    outlines["area_km2"] = geodesic_areas_km2(outlines.geometry)
    outlines = outlines.sort_values("area_km2", ascending=False, kind="stable", ignore_index=True)
    return FoundLakes(outlines[[*LAKES, "geometry"]].astype(LAKES), findings)


def lakes_of_scene(
    source: FeatureSource,
    classes: Classes,
    labels: Labels,
    ids: Sequence[str],
    *,
    heights: NDArray[np.float32] | None = None,
    settings: LakeSettings = LakeSettings(),
) -> FoundLakes:
    """Find the lakes at the glaciers of a map in the scene that was mapped.

    Water and shadow are told by the scene's bands, heights and flags (`firnline.inventory.masks`). Shadow by darkness
    alone never holds water, so that it leaves out no lake. What the map calls ice, in a glacier or too small for
    one, is no water.

    Parameters
    ----------
    source
        The scene, on the grid of the map.
    classes
        Class values, uint8 (row, column).
    labels, ids, heights, settings
        See `find_lakes`.

    Raises
    ------
    SceneError
        When the scene is damaged.
    """
    masks, grid = masks_of(source), source.scene.grid
    told = masks.told_by["water"]
    if told.startswith("unknown"):
        why = f"the scene cannot tell water ({told.removeprefix('unknown: ')}): lakes are not outlined"
        return FoundLakes(empty(LAKES, pyproj.CRS.from_user_input(grid.crs)), (why,))
    found = np.empty((2, *grid.shape), np.uint8)
    with masks.reader() as reader:
        for window in grid.strips():
            found[(slice(None), *window.slices)] = reader.read(window, ("water", "shadow"))
    water, shadow = found
    water[(classes != BACKGROUND) & (classes != UNKNOWN) & (labels == 0)] = 0
    return find_lakes(water, labels, ids, grid, shadow=shadow, heights=heights, settings=settings)


def _longest_contact(candidates: Labels, count: int, labels: Labels) -> NDArray[np.int64]:
    """The glacier (from 1) with which candidate 1, 2, ... shares the most pixel edges, 0 where with none."""
    keys = []
    for here, there in (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
    ):
        for a, b in ((here, there), (there, here)):
            meet = (candidates[a] > 0) & (labels[b] > 0)
            keys.append(candidates[a][meet].astype(np.int64) << 32 | labels[b][meet])
    key, edges = np.unique(np.concatenate(keys), return_counts=True)
    owner = np.zeros(count + 1, np.int64)
    order = np.lexsort((-(key & 0xFFFFFFFF), edges))  # the longest comes last, of equal ones the first glacier
    owner[key[order] >> 32] = key[order] & 0xFFFFFFFF
    return owner[1:]


def _enclosed(candidates: Labels, count: int, labels: Labels) -> NDArray[np.bool_]:
    """Whether candidate 1, 2, ... lies in a gap that the ice of one glacier alone surrounds."""
    gaps = np.empty(labels.shape, np.int32)
    gap_count = ndimage.label(labels == 0, EDGES_AND_CORNERS, output=gaps)
    alone = np.zeros(gap_count + 1, np.bool_)
    alone[1:] = ~at_edge(gaps, gap_count)
    # The glaciers at a gap: it is surrounded by one where the least and the greatest number are the same.
    least, greatest = np.full(gap_count + 1, np.iinfo(np.int32).max), np.zeros(gap_count + 1, np.int32)
    for a, b in (
        ((slice(1, None),), (slice(None, -1),)),
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
    ):
        for here, there in ((a, b), (b, a)):
            meet = (gaps[here] > 0) & (labels[there] > 0)
            np.minimum.at(least, gaps[here][meet], labels[there][meet])
            np.maximum.at(greatest, gaps[here][meet], labels[there][meet])
    alone &= least == greatest
    gap_of = np.zeros(count + 1, np.int64)
    inside = candidates > 0
    gap_of[candidates[inside]] = gaps[inside]
    return alone[gap_of[1:]]


@dataclass(frozen=True, eq=False)
class _Test:
    """What tells lakes from what only looks like water."""

    shadow: NDArray[np.uint8] | None
    heights: NDArray[np.float32] | None
    grid: Grid
    settings: LakeSettings

    def large(self, areas: Labels, count: int) -> NDArray[np.bool_]:
        """Whether area 1, 2, ... has the least size."""
        return sizes(areas, count) >= minimum_pixels(self.settings.minimum_area_km2, self.grid)

    def dark(self, areas: Labels, count: int) -> NDArray[np.bool_]:
        """Whether most of the pixels of area 1, 2, ... whose shadow is known lie in it."""
        if self.shadow is None:
            return np.zeros(count, np.bool_)
        inside = areas > 0
        number, value = areas[inside], self.shadow[inside]
        known = np.bincount(number[value != UNKNOWN], minlength=count + 1)[1:]
        dark = np.bincount(number[value == 1], minlength=count + 1)[1:]
        return dark > self.settings.most_shadow * known

    def steep(self, areas: Labels, count: int) -> NDArray[np.bool_]:
        """Whether area 1, 2, ... has too high a mean slope; in strips, so that no raster of slopes is held."""
        if self.heights is None:
            return np.zeros(count, np.bool_)
        sums, known = np.zeros(count + 1), np.zeros(count + 1)
        for window in self.grid.strips():
            number = areas[window.slices]
            if number.any():
                slope = _slope(self.heights, window, self.grid)
                at = (number > 0) & np.isfinite(slope)
                sums += np.bincount(number[at], weights=slope[at], minlength=count + 1)
                known += np.bincount(number[at], minlength=count + 1)
        return (sums > self.settings.steepest_degrees * known)[1:]


def _in_ice(water: NDArray[np.uint8], labels: Labels, test: _Test) -> tuple[str, ...]:
    """A sentence on areas inside the ice of the map that pass for lakes."""
    areas, values = regions(((water == 1) & (labels > 0)).view(np.uint8))
    count = values.size
    passed = test.large(areas, count) & ~test.dark(areas, count) & ~test.steep(areas, count)
    if not passed.any():
        return ()
    km2 = float(sizes(areas, count)[passed].sum() * test.grid.pixel_area_km2)
    return (
        f"{int(passed.sum())} areas of water ({km2:.2f} km2) lie in what the map calls glacier: they count as ice, "
        "and are not among the lakes",
    )


def _slope(heights: NDArray[np.float32], window: Window, grid: Grid) -> NDArray[np.float32]:
    around = window.grown(HALO)
    inside = around.intersection(grid.window)
    assert inside is not None
    rows = (inside.row - around.row, around.stop_row - inside.stop_row)
    columns = (inside.column - around.column, around.stop_column - inside.stop_column)
    near = extrapolated(heights[inside.slices], (rows, columns))
    return slope_of(*gradient(near, grid.transform.a, -grid.transform.e))


def _findings(dark: int, steep: int, settings: LakeSettings, blind: bool) -> tuple[str, ...]:
    said = []
    if dark:
        said.append(f"{dark} areas of water at glaciers lie in shadow and were left out of the lakes")
    if steep:
        said.append(
            f"{steep} areas of water at glaciers are steeper than {settings.steepest_degrees:g} degrees and were "
            "left out of the lakes"
        )
    if blind:
        said.append("lakes could not be told from shadow by their slope: no heights are known")
    return tuple(said)
