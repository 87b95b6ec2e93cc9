"""Topography of glaciers: heights, slope, aspect, and area by height, each on a grid of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from shapely.geometry.base import BaseGeometry

from firnline.errors import BandError, GridError
from firnline.grid import Grid
from firnline.terrain import HALO, aspect_of, gradient, open_dem, slope_of

BAND_M: Final = 50
"""Height of a band of the hypsometry, metres, as in RGI 7.0."""

LEAST_KNOWN: Final = 0.75
"""Where heights are known of a smaller share of a glacier, what they say of the whole is left empty."""

LOWEST_M: Final = -500.0
"""No glacier, and no land at all, lies as low (the shore of the Dead Sea is at -430 m)."""

NO_SECTOR: Final = 9
_NO_DIRECTION: Final = 0.01
"""Aspects whose mean vector is shorter than this point everywhere: a dome, a cone."""


@dataclass(frozen=True)
class Topography:
    """Topography of one glacier; every number is None where heights are known of too little of it.

    Parameters
    ----------
    known
        Share of its cells whose height is known, 0 to 1.
    zmin_m, zmax_m, zmed_m, zmean_m
        Heights of its cells, metres.
    slope_deg
        Mean slope of its cells, degrees.
    aspect_deg, aspect_sec
        Direction of the mean vector of the cells' aspects, degrees clockwise from north; its sector, 1 (north)
        clockwise to 8, 9 where there is none.
    per_mille
        Area by height, in thousandths that add up to 1000: lower end of a band of 50 m to share.
    """

    known: float
    zmin_m: float | None = None
    zmax_m: float | None = None
    zmed_m: float | None = None
    zmean_m: float | None = None
    slope_deg: float | None = None
    aspect_deg: float | None = None
    aspect_sec: int = NO_SECTOR
    per_mille: tuple[tuple[int, int], ...] = ()


def cell_size(area_km2: float) -> float:
    """Side of the cells that a glacier is described on, metres: 14 sqrt(area) + 10, at most 100.

    The rule of OGGM (Maussion et al. 2019) and RGI 7.0: cells grow with the glacier.

    Examples
    --------
    >>> cell_size(1.0), cell_size(500.0)
    (24.0, 100.0)
    """
    return min(14.0 * math.sqrt(area_km2) + 10.0, 100.0)


def describe(outline: BaseGeometry, crs: CRS, area_km2: float, dem: Path) -> Topography:
    """Describe the topography of one glacier.

    The DEM is warped bilinearly onto the glacier's own cells (`cell_size`); where these are coarser than the DEM,
    GDAL widens its kernel, so that all heights count. Slope and aspect after Horn (1981).

    Parameters
    ----------
    outline
        In `crs`, projected in metres, whose north is true north nearly: its UTM zone. Aspect counts from grid north.
    area_km2
        Its area.
    dem
        Heights in metres, one band, any CRS and resolution.

    Raises
    ------
    SceneError, BandError
        When the DEM cannot be read, is not in metres, or holds "heights" lower than `LOWEST_M` within the outline.
    """
    grid, inside = _cells(outline, crs, cell_size(area_km2))
    try:
        with open_dem(dem, grid) as opened:
            around = opened.read(grid.window.grown(HALO))
    except GridError:
        return Topography(0.0)  # it does not reach the glacier
    heights = around[HALO:-HALO, HALO:-HALO]
    is_known = inside & np.isfinite(heights)
    known = float(is_known.sum() / inside.sum())
    if known < LEAST_KNOWN:
        return Topography(known)
    z = heights[is_known].astype(np.float64)
    if z.min() < LOWEST_M:
        raise BandError(
            f"holds a height of {z.min():.0f} m, where no land is", where=dem,
            do="declare what stands for no height (gdal_edit.py -a_nodata VALUE FILE)",
        )  # fmt: skip
    size = grid.transform.a
    eastward, northward = gradient(around, size, size)
    slopes = slope_of(eastward, northward)[is_known]
    aspect_deg, sector = mean_aspect(aspect_of(eastward, northward)[is_known])
    return Topography(
        known,
        float(z.min()),
        float(z.max()),
        float(np.median(z)),
        float(z.mean()),
        float(np.nanmean(slopes)) if np.isfinite(slopes).any() else None,
        aspect_deg,
        sector,
        hypsometry(z),
    )


def mean_aspect(aspects: NDArray[np.float32]) -> tuple[float | None, int]:
    """Mean direction of aspects in degrees, from their mean sine and cosine, and its sector (9 for none).

    NaN (flat cells) takes no part.

    Examples
    --------
    >>> mean_aspect(np.array([350.0, 10.0], np.float32)), mean_aspect(np.array([90.0, 270.0], np.float32))
    ((0.0, 1), (None, 9))
    """
    radians = np.radians(aspects[np.isfinite(aspects)].astype(np.float64))
    if radians.size == 0:
        return None, NO_SECTOR
    east, north = float(np.sin(radians).mean()), float(np.cos(radians).mean())
    if math.hypot(east, north) < _NO_DIRECTION:
        return None, NO_SECTOR
    degrees = round(math.degrees(math.atan2(east, north)) % 360.0, 6) % 360.0
    return degrees, sector_of(degrees)


def sector_of(degrees: float) -> int:
    """The sector of a direction: 1 (north, 337.5 to 22.5 degrees) clockwise to 8 (north-west).

    Examples
    --------
    >>> [sector_of(degrees) for degrees in (0.0, 22.5, 77.07, 322.25, 359.0)]
    [1, 2, 3, 8, 1]
    """
    return int(((degrees + 22.5) % 360.0) // 45.0) + 1


def hypsometry(heights: NDArray[np.float64]) -> tuple[tuple[int, int], ...]:
    """Area by bands of 50 m, (lower end in metres, per mille) from the lowest band up, that add up to 1000 exactly.

    Rounded by the largest remainders (Hamilton's method); of equal ones the lower band comes first.

    Examples
    --------
    >>> hypsometry(np.array([4980.0, 5010.0, 5020.0]))
    ((4950, 333), (5000, 667))
    """
    bands = np.floor(heights / BAND_M).astype(np.int64)
    first = int(bands.min())
    exact = np.bincount(bands - first) * 1000.0 / heights.size
    whole = np.floor(exact).astype(np.int64)
    missing = 1000 - int(whole.sum())
    whole[np.argsort(-(exact - whole), kind="stable")[:missing]] += 1
    return tuple((int((first + index) * BAND_M), int(share)) for index, share in enumerate(whole))


def _cells(outline: BaseGeometry, crs: CRS, size: float) -> tuple[Grid, NDArray[np.bool_]]:
    """The grid of a glacier and which cells have their centre inside; of a sliver without any, those it touches."""
    left, bottom, right, top = shapely.bounds(outline)
    shape = (max(1, math.ceil((top - bottom) / size)), max(1, math.ceil((right - left) / size)))
    grid = Grid(crs, Affine(size, 0.0, left, 0.0, -size, top), shape)
    for every in (False, True):
        inside = rasterio.features.geometry_mask([outline], shape, grid.transform, all_touched=every, invert=True)
        if inside.any():
            break
    return grid, np.asarray(inside, np.bool_)
