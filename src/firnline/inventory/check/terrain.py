"""Terrain: glaciers on slopes and at heights where ice does not stay, by the table and by a DEM."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from scipy.spatial import KDTree

from firnline.errors import GridError
from firnline.grid import Grid, Window
from firnline.inventory.check.finding import Finding, Severity
from firnline.inventory.check.subject import Subject
from firnline.inventory.check.table import about
from firnline.inventory.check.thresholds import Thresholds
from firnline.terrain import gradient, open_dem, slope_of

_RESOLUTION_M: Final = 30.0
_MOST_PIXELS: Final = 1500
"""A larger glacier is looked at with coarser pixels: mean slope and median height need no more."""
_AROUND: Final = 50
"""So many glaciers nearest to one tell which heights are usual there."""
_ENOUGH: Final = 8
"""With fewer glaciers nothing is usual."""
_MAD_TO_SD: Final = 1.4826


@dataclass(frozen=True, eq=False)
class Ground:
    """What the ground is like under each glacier, float64 (glacier,), NaN where unknown."""

    slope: NDArray[np.float64]
    lowest: NDArray[np.float64]
    median: NDArray[np.float64]
    highest: NDArray[np.float64]
    known: NDArray[np.float64]
    """The share of the glacier with a height; NaN where nobody looked."""

    def joined(self, other: Ground) -> Ground:
        """This, and the other's where this is unknown."""

        def either(mine: NDArray[np.float64], theirs: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.where(np.isnan(mine), theirs, mine)

        return Ground(
            either(self.slope, other.slope),
            either(self.lowest, other.lowest),
            either(self.median, other.median),
            either(self.highest, other.highest),
            either(self.known, other.known),
        )


def ground_of_table(subject: Subject) -> Ground:
    """Slope and heights as the table tells them (columns of RGI 5 to 7)."""
    nan = np.full(len(subject.frame), np.nan)

    def known(*names: str) -> NDArray[np.float64]:
        values = subject.numbers(*names)
        return nan if values is None else np.where(values < -8, np.nan, values)

    low, middle, high = known("zmin_m", "zmin"), known("zmed_m", "zmed"), known("zmax_m", "zmax")
    # 0 m, 0 m, 0 m is how GLIMS writes "not known".
    none = (low == 0) & (middle == 0) & (high == 0)
    low, middle, high = (np.where(none, np.nan, values) for values in (low, middle, high))
    return Ground(known("slope_deg", "slope"), low, middle, high, nan)


def ground_of_dem(subject: Subject, dem: str | Path) -> Ground:
    """Slope (Horn 1981) and heights under each glacier, read from a DEM window by window.

    Raises
    ------
    SceneError, BandError, GridError
        When the DEM cannot be read, has several bands or no CRS, or does not reach the inventory.
    """
    if subject.measure_crs is None:
        raise GridError("tells no CRS, so no DEM can be laid under it", where=subject.path, do="assign one")
    columns = np.full((5, len(subject.frame)), np.nan)
    bounds = shapely.bounds(subject.metric)
    inside = np.flatnonzero(np.isfinite(bounds).all(axis=1))
    left, top = np.floor(np.nanmin(bounds[:, 0])) - 60.0, np.ceil(np.nanmax(bounds[:, 3])) + 60.0
    extent = (np.nanmax(bounds[:, 2]) - left + 60.0, top - np.nanmin(bounds[:, 1]) + 60.0)
    shape = (math.ceil(extent[1] / _RESOLUTION_M), math.ceil(extent[0] / _RESOLUTION_M))
    crs = CRS.from_wkt(subject.measure_crs.to_wkt())
    grid = Grid(crs, Affine(_RESOLUTION_M, 0, left, 0, -_RESOLUTION_M, top), shape)
    with open_dem(Path(dem), grid) as warped:
        # Neighbours beside each other, so that the tiles of the DEM are warped once.
        for index in inside[np.lexsort((bounds[inside, 0], -bounds[inside, 3] // 15000))]:
            window = _window(bounds[index], grid)
            heights = warped.read(window.grown(1))
            step = max(1, math.ceil(max(window.shape) / _MOST_PIXELS))
            columns[:, index] = _under(subject.metric[index], heights, grid.of_window(window), step)
    slope, lowest, median, highest, known = columns
    return Ground(slope, lowest, median, highest, known)


def _window(bounds: NDArray[np.float64], grid: Grid) -> Window:
    size, left, top = grid.transform.a, grid.transform.c, grid.transform.f
    row, column = int((top - bounds[3]) // size), int((bounds[0] - left) // size)
    stop_row, stop_column = math.ceil((top - bounds[1]) / size), math.ceil((bounds[2] - left) / size)
    window = Window(row, column, max(stop_row - row, 1), max(stop_column - column, 1)).intersection(grid.window)
    assert window is not None
    return window


def _under(shape: shapely.Geometry, heights: NDArray[np.float32], grid: Grid, step: int) -> tuple[float, ...]:
    touched = min(grid.shape) < 6  # of a small glacier hardly a centre may lie inside
    inside = rasterio.features.geometry_mask([shape], grid.shape, grid.transform, all_touched=touched, invert=True)
    slope = slope_of(*gradient(heights, _RESOLUTION_M, _RESOLUTION_M))[::step, ::step]
    inside, z = inside[::step, ::step], heights[1:-1, 1:-1][::step, ::step]
    here = z[inside & ~np.isnan(z)]
    if not here.size:
        return np.nan, np.nan, np.nan, np.nan, 0.0
    of_slope = slope[inside & ~np.isnan(slope)]
    mean = float(of_slope.mean()) if of_slope.size else np.nan
    return mean, float(here.min()), float(np.median(here)), float(here.max()), here.size / int(inside.sum())


def check_terrain(subject: Subject, ground: Ground, thresholds: Thresholds) -> Iterator[Finding]:
    """Ask for slopes and heights that no glacier has, or that the glaciers around do not have.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from firnline.inventory.check.subject import subject_of
    >>> table = {"rgi_id": [f"g{n}" for n in range(9)], "zmed_m": [5000.0 + n for n in range(8)] + [900.0]}
    >>> boxes = [shapely.box(n * 1000, 0, n * 1000 + 500, 500) for n in range(9)]
    >>> subject = subject_of(gpd.GeoDataFrame(table, geometry=boxes, crs="EPSG:32645"))
    >>> [(found.kind, found.glaciers) for found in check_terrain(subject, ground_of_table(subject), Thresholds())]
    [('implausible height', ('g8',))]
    """
    usual, spread = _usual_heights(subject, ground.median)
    off = ground.median - usual
    limit = np.maximum(thresholds.height_deviations * spread, thresholds.height_m)
    for index in np.flatnonzero(np.abs(off) > limit):
        side = "below" if off[index] < 0 else "above"
        what = (
            f"its median height {ground.median[index]:.0f} m is {abs(off[index]):.0f} m {side} that of the glaciers"
            f" around ({usual[index]:.0f} m, robust deviation {spread[index]:.0f} m)"
        )
        yield about(subject, index, "implausible height", Severity.WARNING, what)
    for index in np.flatnonzero(ground.slope > thresholds.steep_degrees):
        what = f"its mean slope of {ground.slope[index]:.1f} degrees is steeper than ice stays on"
        yield about(subject, index, "implausible slope", Severity.WARNING, what)
    yield from _flat(subject, ground, usual, spread, thresholds)
    unknown = np.flatnonzero(ground.known < 0.5)
    if unknown.size:
        what = f"the DEM has no height for most of {unknown.size} glaciers: slope and height were not asked of them"
        ids = tuple(str(subject.ids[index]) for index in unknown[:5])
        yield Finding("no heights", Severity.NOTE, ids, what, *subject.point(int(unknown[0])))


def _flat(
    subject: Subject,
    ground: Ground,
    usual: NDArray[np.float64],
    spread: NDArray[np.float64],
    thresholds: Thresholds,
) -> Iterator[Finding]:
    large = subject.areas_km2 > thresholds.flat_km2
    level = large & (ground.highest - ground.lowest < thresholds.level_m)
    flat = large & (ground.slope < thresholds.flat_degrees) & (ground.median < usual - np.maximum(2 * spread, 100.0))
    for index in np.flatnonzero(level | flat):
        reach = ground.highest[index] - ground.lowest[index]
        if level[index]:
            what = f"is level: {subject.areas_km2[index]:.2f} km2 with heights within {reach:.1f} m, as a lake"
        else:
            what = (
                f"is flat ({ground.slope[index]:.1f} degrees) and {usual[index] - ground.median[index]:.0f} m below"
                f" the glaciers around: a lake, a river bed or snow?"
            )
        yield about(subject, index, "implausible flatness", Severity.WARNING, what)


def _usual_heights(subject: Subject, median: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median height of the nearest glaciers, and 1.4826 of the median absolute deviation; NaN where too few."""
    usual, spread = np.full(len(median), np.nan), np.full(len(median), np.nan)
    centres = shapely.get_coordinates(shapely.centroid(subject.metric[subject.usable]))
    places = np.full((len(median), 2), np.nan)
    places[subject.usable] = centres
    known = np.flatnonzero(np.isfinite(median) & np.isfinite(places).all(axis=1))
    if known.size < _ENOUGH:
        return usual, spread
    _, near = KDTree(places[known]).query(places[known], k=min(_AROUND, known.size))
    heights = median[known][near]
    usual[known] = np.median(heights, axis=1)
    spread[known] = _MAD_TO_SD * np.median(np.abs(heights - usual[known][:, None]), axis=1)
    return usual, spread
