"""Uncertainty of areas: a buffer along the boundary, in single glaciers and summed over a region."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.grid import Grid
from firnline.inventory.coverage import Labels

CLEAN_PIXELS: Final = 0.5
"""Width of the buffer along clean ice, pixels (Paul et al. 2013: automatic mapping of clean ice is good to that)."""

DEBRIS_PIXELS: Final = 1.0
"""Along debris-covered ice, whose boundary is harder to see; what is glacier at all there is not in it."""

_STAIRS: Final = math.pi / 4.0
"""A smooth boundary of all directions alike is 4 / pi times longer along the edges of pixels than it is."""


def area_errors(labels: Labels, count: int, classes: Classes, grid: Grid, scheme: LabelScheme) -> NDArray[np.float64]:
    """One standard error of the area of glacier 1, 2, ... in km2: length of its boundary times a width.

    Half a pixel where the outer boundary, or that of a nunatak, is clean ice, one pixel where it is debris (Granshaw
    and Fountain 2006 and Paul et al. 2017 take such buffers). Divides between glaciers and the boundary between ice
    and debris move no area in or out and are excluded, as are boundaries with unknown and the edge of the scene,
    where the area is a lower bound and not uncertain by a pixel. It leaves out errors of interpretation, which on
    debris are the larger ones.

    Parameters
    ----------
    labels
        Glacier numbers, int32 (row, column), 0 for none.
    count
        How many glaciers.
    classes
        Class values, uint8 (row, column).

    Examples
    --------
    >>> from rasterio import Affine, CRS
    >>> grid = Grid(CRS.from_epsg(32645), Affine(100, 0, 0, 0, -100, 300), (3, 3))
    >>> one = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    >>> area_errors(one.astype(np.int32), 1, one.astype(np.uint8), grid, LabelScheme.CLASS).round(4).tolist()
    [0.0157]
    """
    width = np.full(256, CLEAN_PIXELS)
    for value, name in enumerate(scheme.class_names):
        if "debris" in name:
            width[value] = DEBRIS_PIXELS
    sums = np.zeros(count + 1)
    rest = (labels == 0) & (classes != UNKNOWN)
    for here, there, side in _sides(grid):
        meets = (labels[here] > 0) & rest[there]
        sums += np.bincount(labels[here][meets], weights=width[classes[here][meets]] * side, minlength=count + 1)
    return sums[1:] * _STAIRS * grid.resolution / 1e6


def _sides(grid: Grid) -> list[tuple[tuple[slice, slice], tuple[slice, slice], float]]:
    """Pairs of neighbours over each of the four sides of a pixel, and the length of that side in metres."""
    every, first, last = slice(None), slice(None, -1), slice(1, None)
    width, height = grid.transform.a, -grid.transform.e
    return [
        ((every, first), (every, last), height),
        ((every, last), (every, first), height),
        ((first, every), (last, every), width),
        ((last, every), (first, every), width),
    ]


@dataclass(frozen=True)
class RegionalSum:
    """Area of all glaciers, km2, and its standard error: errors of glaciers taken as independent, or as all alike.

    The truth lies between: one scene and one method err the same way in all glaciers.
    """

    glaciers: int
    area_km2: float
    independent_km2: float
    correlated_km2: float
    lower_bounds: int


def regional_sum(glaciers: gpd.GeoDataFrame) -> RegionalSum:
    """Sum a table of glaciers with ``area_km2``, ``area_error_km2`` and ``is_lower_bound``.

    Examples
    --------
    >>> table = gpd.GeoDataFrame({"area_km2": [1.0, 2.0], "area_error_km2": [0.3, 0.4], "is_lower_bound": [0, 1]})
    >>> regional_sum(table)
    RegionalSum(glaciers=2, area_km2=3.0, independent_km2=0.5, correlated_km2=0.7, lower_bounds=1)
    """
    errors = glaciers["area_error_km2"].to_numpy(np.float64)
    return RegionalSum(
        len(glaciers),
        float(glaciers["area_km2"].sum()),
        float(np.sqrt((errors**2).sum())),
        float(errors.sum()),
        int(glaciers["is_lower_bound"].sum()),
    )
