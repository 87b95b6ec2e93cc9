"""Terrain: slope and aspect of heights after Horn, and heights of a DEM on another grid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds

from firnline.errors import BandError, GridError, SceneError
from firnline.grid import Grid, Window

HALO: Final = 1
"""How many pixels around a window Horn's 3 x 3 cells need."""

_TILE: Final = 512
_CACHED_TILES: Final = 80
"""80 tiles of 512 x 512 float32 are 80 MB: a row of windows over a Landsat or Sentinel-2 scene finds its neighbours'
tiles, three rows of up to 22 with what lies within a kilometre of it."""
_WARP_TOLERANCE: Final = 0.01
"""GDAL may place a pixel of the DEM wrong by this share of a pixel (its default, an eighth, leaves steps between
tiles that show in the slope)."""
_METRES: Final = ("", "m", "metre", "metres", "meter", "meters")
"""How a raster says metres; one that says nothing is taken to mean them."""


def gradient(heights: NDArray[np.float32], dx: float, dy: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slope components by Horn's third-order finite difference, for every pixel that has eight neighbours.

    Parameters
    ----------
    heights
        (row, column), metres, row 0 in the north, with a rim of one pixel around the wanted ones.
    dx, dy
        Pixel width and height, metres, both positive.

    Returns
    -------
    (eastward, northward) rise in metres a metre, each float64 and without the rim; NaN where any of the nine
    heights is.

    Notes
    -----
    Horn, B. K. P. (1981), Hill shading and the reflectance map, Proceedings of the IEEE 69(1), 14-47: what
    ``gdaldem slope`` computes.

    Examples
    --------
    >>> east, north = gradient(np.arange(9, dtype=np.float32).reshape(3, 3), 1.0, 1.0)
    >>> east.tolist(), north.tolist()
    ([[1.0]], [[-3.0]])
    """
    z = heights.astype(np.float64)
    west, east = z[:, :-2], z[:, 2:]
    rise = east - west
    eastward = (rise[:-2] + 2.0 * rise[1:-1] + rise[2:]) / (8.0 * dx)
    fall = z[:-2] - z[2:]
    northward = (fall[:, :-2] + 2.0 * fall[:, 1:-1] + fall[:, 2:]) / (8.0 * dy)
    # The two differences together leave out only the middle cell, and one has no slope where it has no height.
    lost = np.isnan(eastward) | np.isnan(northward) | np.isnan(z[1:-1, 1:-1])
    eastward[lost] = np.nan
    northward[lost] = np.nan
    return eastward, northward


def slope_of(eastward: NDArray[np.float64], northward: NDArray[np.float64]) -> NDArray[np.float32]:
    """Steepest slope in degrees, float32, from the components of `gradient`.

    Examples
    --------
    >>> slope_of(np.array([[3.0, 0.0]]), np.array([[4.0, 1.0]])).round(2).tolist()
    [[78.69000244140625, 45.0]]
    """
    return np.degrees(np.arctan(np.sqrt(eastward * eastward + northward * northward))).astype(np.float32)


def aspect_of(eastward: NDArray[np.float64], northward: NDArray[np.float64]) -> NDArray[np.float32]:
    """Direction of steepest descent, degrees clockwise from north in [0, 360), float32; NaN where it is flat.

    Examples
    --------
    >>> aspect_of(np.array([[-1.0, 0.0, 1.0, 0.0]]), np.array([[0.0, 1.0, 0.0, 0.0]])).tolist()
    [[90.0, 180.0, 270.0, nan]]
    """
    degrees = np.degrees(np.arctan2(-eastward, -northward)) % 360.0
    degrees[(eastward == 0.0) & (northward == 0.0)] = np.nan
    aspect = degrees.astype(np.float32)
    aspect[aspect >= 360.0] = 0.0  # a hair west of north, rounded up to float32
    return aspect


def hillshade_of(
    slope: NDArray[np.float32], aspect: NDArray[np.float32], azimuth: float = 315.0, altitude: float = 45.0
) -> NDArray[np.float32]:
    """How brightly a matt surface is lit: the cosine of the angle between its normal and the sun, not below 0.

    Parameters
    ----------
    slope
        Degrees, as of `slope_of`.
    aspect
        Degrees clockwise from north, as of `aspect_of`; NaN where it is flat.
    azimuth, altitude
        Where the sun stands: degrees clockwise from north, and above the horizon. Relief is read right with light
        from the upper left, where no sun is in the north.

    Returns
    -------
    float32, 0 to 1, in the shape of `slope`; NaN where the slope is.

    Notes
    -----
    Horn, B. K. P. (1981), Hill shading and the reflectance map, Proceedings of the IEEE 69(1), 14-47. Shadows that
    one slope casts on another are not drawn.

    Examples
    --------
    >>> slope, aspect = np.array([0, 45, 45, np.nan], np.float32), np.array([np.nan, 315, 135, 0], np.float32)
    >>> hillshade_of(slope, aspect).round(3).tolist()
    [0.7070000171661377, 1.0, 0.0, nan]
    """
    tilt, towards = np.radians(slope, dtype=np.float64), np.radians(azimuth - np.nan_to_num(aspect))
    high = np.radians(altitude)
    light = np.sin(high) * np.cos(tilt) + np.cos(high) * np.sin(tilt) * np.cos(towards)
    shade: NDArray[np.float32] = np.clip(light, 0.0, 1.0).astype(np.float32)
    return shade


def extrapolated(heights: NDArray[np.float32], rim: tuple[tuple[int, int], tuple[int, int]]) -> NDArray[np.float32]:
    """Continue heights by one pixel beyond their edge, straight on along the outermost two (2 a - b).

    A plane so keeps its slope at the edge (to repeat the edge would halve it); ``gdaldem -compute_edges`` does
    the same.

    Parameters
    ----------
    heights
        (row, column).
    rim
        Pixels to add, 0 or 1, as ((above, below), (left, right)).

    Examples
    --------
    >>> extrapolated(np.array([[1, 3, 5]], np.float32), ((0, 1), (1, 1))).tolist()
    [[-1.0, 1.0, 3.0, 5.0, 7.0], [-1.0, 1.0, 3.0, 5.0, 7.0]]
    """
    for axis, (before, after) in enumerate(rim):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (before, after)
        if heights.shape[axis] > 1:
            heights = np.pad(heights, pad, mode="reflect", reflect_type="odd")
        else:  # a single row or column goes nowhere: taken as level
            heights = np.pad(heights, pad, mode="edge")
    return heights


def check_dem(path: Path, grid: Grid, driver: str | None = None) -> None:
    """Raise when a raster cannot serve as the DEM of a scene on `grid`; `driver` is as in `open_scene`.

    Raises
    ------
    SceneError
        When it is not a raster.
    BandError
        When it has more than one band, or says that its heights are not in metres.
    GridError
        When it has no CRS, or lies somewhere else than the scene.
    """
    with _opened(path, driver) as dem:
        _check(dem, path, grid)


def _check(dem: DatasetReader, path: Path, grid: Grid) -> None:
    if dem.count != 1:
        raise BandError(f"a DEM has one band, this has {dem.count}", where=path, do="extract the height")
    if (unit := dem.units[0] or "").lower() not in _METRES:
        raise BandError(f"its heights are in '{unit}'", where=path, do="convert them to metres (gdal_calc.py)")
    if not dem.crs:
        raise GridError("the DEM has no CRS", where=path, do="assign one (gdal_edit.py -a_srs EPSG:... FILE)")
    left, bottom, right, top = transform_bounds(grid.crs, dem.crs, *grid.bounds)
    here = dem.bounds
    apart = left > here.right or right < here.left or bottom > here.top or top < here.bottom
    if apart and left <= right:  # left > right: the scene straddles the date line, which bounds cannot tell
        raise GridError("the DEM does not reach the scene", where=path, do="get the DEM of the scene's area")


@contextmanager
def _opened(path: Path, driver: str | None) -> Iterator[DatasetReader]:
    try:
        dataset = rasterio.open(path, driver=driver)
    except RasterioError as error:
        what = f"is not a raster that GDAL reads ({error})" if path.exists() else "does not exist"
        raise SceneError(what, where=path, do="give the DEM as a GeoTIFF or another GDAL raster") from None
    with dataset:
        yield dataset


def _nodata(dem: DatasetReader) -> float | None:
    """The value that stands for no height: as declared; else what can be no height (NaN, the lowest integer)."""
    if dem.nodata is not None:
        return float(dem.nodata)
    kind = np.dtype(dem.dtypes[0])
    if kind.kind == "f":
        return math.nan
    return float(np.iinfo(kind).min) if kind.kind == "i" and kind.itemsize > 1 else None


@contextmanager
def open_dem(path: Path, grid: Grid, reach: int = HALO, driver: str | None = None) -> Iterator[WarpedDem]:
    """Open a DEM in any CRS and resolution for reading on `grid`, and `reach` pixels beyond it on each side.

    `driver` is as in `open_scene`.

    Raises
    ------
    SceneError, BandError, GridError
        See `check_dem`.
    """
    around = grid.of_window(grid.window.grown(reach))
    with _opened(path, driver) as dem:
        _check(dem, path, grid)
        with WarpedVRT(
            dem,
            crs=grid.crs,
            transform=Affine(*around.transform[:6]),
            height=around.shape[0],
            width=around.shape[1],
            resampling=Resampling.bilinear,
            tolerance=_WARP_TOLERANCE,
            dtype="float32",
            src_nodata=_nodata(dem),
            nodata=math.nan,
        ) as warped:
            yield WarpedDem(path, warped, reach, dem.scales[0], dem.offsets[0])


@dataclass(frozen=True)
class WarpedDem:
    """An open DEM, seen bilinearly on a scene's grid; see `open_dem`.

    It is warped in fixed tiles, whatever window is asked for: GDAL approximates coordinates piece by piece, and
    a window would else depend a little on where it begins.
    """

    path: Path
    warped: WarpedVRT
    reach: int
    """Pixels beyond the scene that can be read, on each side."""
    scale: float
    offset: float
    _tiles: dict[tuple[int, int], NDArray[np.float32]] = field(default_factory=dict, repr=False, compare=False)

    def read(self, window: Window) -> NDArray[np.float32]:
        """Heights in metres in a window of the scene's grid, float32 (row, column), NaN where the DEM has none.

        The window may go `reach` pixels beyond the scene.
        """
        at = Window(window.row + self.reach, window.column + self.reach, window.height, window.width)
        heights = np.empty(at.shape, np.float32)
        for row in range(at.row // _TILE, -(-at.stop_row // _TILE)):
            for column in range(at.column // _TILE, -(-at.stop_column // _TILE)):
                tile = Window(row * _TILE, column * _TILE, _TILE, _TILE)
                shared = tile.intersection(at)
                if shared is not None:
                    values = self._tile(row, column)
                    heights[shared.relative_to(at).slices] = values[shared.relative_to(tile).slices]
        return heights

    def _tile(self, row: int, column: int) -> NDArray[np.float32]:
        kept = self._tiles.pop((row, column), None)
        if kept is None:
            kept = self._warp(row, column)
            while len(self._tiles) >= _CACHED_TILES:
                self._tiles.pop(next(iter(self._tiles)))
        self._tiles[row, column] = kept  # put last: the one not used for longest goes first
        return kept

    def _warp(self, row: int, column: int) -> NDArray[np.float32]:
        whole = Window(0, 0, self.warped.height, self.warped.width)
        tile = Window(row * _TILE, column * _TILE, _TILE, _TILE).intersection(whole)
        assert tile is not None
        try:
            heights = np.asarray(self.warped.read(1, window=tile.to_rasterio()), np.float32)
        except RasterioError as error:
            raise SceneError(f"the DEM cannot be read: damaged or cut off ({error})", where=self.path) from None
        heights *= np.float32(self.scale)
        heights += np.float32(self.offset)
        heights[~np.isfinite(heights)] = np.nan
        return heights
