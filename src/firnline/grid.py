"""Grids and windows: where the pixels of a raster lie, and how a raster is cut for work in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from typing import Self

import rasterio.windows
from affine import Affine
from rasterio.crs import CRS
from rasterio.io import DatasetReader
from shapely.geometry import Polygon

from firnline.errors import GridError

_SAME_WITHIN_PIXELS = 1e-3
"""Two grids are the same when their corners agree within this share of a pixel: products are written with
origins that differ in the last digits (10.00000000000745 m), never by more."""

_MERCATOR = ("merc", "webmerc")
"""What PROJ calls Mercator and web Mercator; transverse and oblique ones have other names, and true metres."""


@dataclass(frozen=True, order=True)
class Window:
    """A rectangle of pixels: rows `row` to `row + height`, columns `column` to `column + width`.

    Examples
    --------
    >>> Window(0, 0, 10, 20).intersection(Window(5, 15, 10, 10))
    Window(row=5, column=15, height=5, width=5)
    """

    row: int
    column: int
    height: int
    width: int

    @property
    def stop_row(self) -> int:
        """The first row below the window."""
        return self.row + self.height

    @property
    def stop_column(self) -> int:
        """The first column right of the window."""
        return self.column + self.width

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.height, self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the window in an array of the whole grid."""
        return slice(self.row, self.stop_row), slice(self.column, self.stop_column)

    def intersection(self, other: Window) -> Window | None:
        """The shared rectangle, or None."""
        row, column = max(self.row, other.row), max(self.column, other.column)
        height = min(self.stop_row, other.stop_row) - row
        width = min(self.stop_column, other.stop_column) - column
        return Window(row, column, height, width) if height > 0 and width > 0 else None

    def relative_to(self, outer: Window) -> Window:
        """The same rectangle counted from the corner of `outer`."""
        return Window(self.row - outer.row, self.column - outer.column, self.height, self.width)

    def grown(self, pixels: int) -> Window:
        """The rectangle with a rim of `pixels` more on each side (it may leave the grid)."""
        return Window(self.row - pixels, self.column - pixels, self.height + 2 * pixels, self.width + 2 * pixels)

    def to_rasterio(self) -> rasterio.windows.Window:
        """The same window for rasterio."""
        return rasterio.windows.Window(self.column, self.row, self.width, self.height)


@dataclass(frozen=True)
class Grid:
    """Where pixels lie: CRS, affine transform (pixel corner to map), and shape (rows, columns); row 0 is north.

    Raises
    ------
    GridError
        When there is no CRS, or rows do not run from north to south and columns from west to east.

    Examples
    --------
    >>> grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), (100, 200))
    >>> grid.resolution, grid.pixel_area_km2, grid.bounds
    (30.0, 0.0009, (478005.0, 3105145.0, 484005.0, 3108145.0))
    """

    crs: CRS
    transform: Affine
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        t = self.transform
        if not self.crs:
            raise GridError("has no CRS", do="assign one (gdal_edit.py -a_srs EPSG:... FILE)")
        if t.is_identity:
            raise GridError("is not georeferenced", do="give it a geotransform")
        if t.b != 0 or t.d != 0 or t.a <= 0 or t.e >= 0:
            raise GridError("is rotated or not north up", do="warp it north up (gdalwarp)")

    @classmethod
    def of(cls, dataset: DatasetReader) -> Self:
        """The grid of an open rasterio dataset; a GridError names its file."""
        try:
            return cls(dataset.crs, dataset.transform, (dataset.height, dataset.width))
        except GridError as error:
            raise GridError(error.what, where=dataset.name, do=error.do) from None

    @property
    def window(self) -> Window:
        """The whole grid as a window."""
        return Window(0, 0, *self.shape)

    def strips(self, rows: int = 512) -> Iterator[Window]:
        """Windows of `rows` whole rows (the last may have fewer), from the north: for work in bounded memory.

        Examples
        --------
        >>> grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), (100, 200))
        >>> [strip.height for strip in grid.strips(64)]
        [64, 36]
        """
        height, width = self.shape
        for row in range(0, height, rows):
            yield Window(row, 0, min(rows, height - row), width)

    @property
    def resolution(self) -> float:
        """Pixel size in metres (the geometric mean of both sides).

        Raises
        ------
        GridError
            When the CRS is not projected in metres, or is a Mercator projection, whose metres are not the ground's:
            pixels of 30 m at 28 degrees north are 26 m wide, at 60 degrees 15 m.
        """
        if not self.crs.is_projected or abs(self.crs.linear_units_factor[1] - 1.0) > 1e-9:
            raise GridError(
                f"the CRS {self.crs.to_string()} is not projected in metres",
                do="warp the scene to UTM (gdalwarp)",
            )
        if self.crs.to_dict().get("proj") in _MERCATOR:
            raise GridError(
                f"the CRS {self.crs.to_string()} is a Mercator projection, in which areas and slopes are wrong",
                do="warp the scene to UTM (gdalwarp)",
            )
        return float(round((self.transform.a * -self.transform.e) ** 0.5, 6))

    @property
    def pixel_area_km2(self) -> float:
        """Area of a pixel on the map plane, km2."""
        _ = self.resolution
        return float(round(self.transform.a * -self.transform.e, 6)) / 1e6

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) in map units."""
        left, top = self.corner(0, 0)
        right, bottom = self.corner(*self.shape)
        return left, bottom, right, top

    def corner(self, row: float, column: float) -> tuple[float, float]:
        """Map coordinates (x, y) of the upper left corner of a pixel; `row + 0.5` gives its centre."""
        t = self.transform
        return t.c + column * t.a, t.f + row * t.e

    def of_window(self, window: Window) -> Grid:
        """The grid of a window of this one."""
        x, y = self.corner(window.row, window.column)
        return Grid(self.crs, Affine(self.transform.a, 0.0, x, 0.0, self.transform.e, y), window.shape)

    def footprint(self) -> Polygon:
        """The outer edge of the pixels, from the transform, in map units."""
        rows, columns = self.shape
        return Polygon([self.corner(*at) for at in ((0, 0), (0, columns), (rows, columns), (rows, 0))])

    def is_same_as(self, other: Grid) -> bool:
        """Whether pixels of both lie on each other (corners within a thousandth of a pixel)."""
        if self.shape != other.shape or self.crs != other.crs:
            return False
        near = _SAME_WITHIN_PIXELS * self.transform.a
        pairs = [(self.corner(*end), other.corner(*end)) for end in ((0, 0), self.shape)]
        return all(hypot(a[0] - b[0], a[1] - b[1]) < near for a, b in pairs)


def require_same(a: Grid, b: Grid, where_a: str | Path, where_b: str | Path) -> None:
    """Raise GridError when two grids differ, saying how."""
    if not a.is_same_as(b):
        raise GridError(
            f"is on another grid ({_describe(b)}) than {where_a} ({_describe(a)})",
            where=where_b,
            do="resample one onto the other (gdalwarp)",
        )


def _describe(grid: Grid) -> str:
    left, _, _, top = grid.bounds
    rows, columns = grid.shape
    return f"{grid.crs.to_string()}, {rows} x {columns} pixels of {grid.transform.a:g}, corner {left:.10g} {top:.10g}"


@dataclass(frozen=True)
class Lattice:
    """The one way a scene is cut into windows: they start at its origin, `window - overlap` pixels apart.

    A *row band* owns `window - overlap` rows (the last one all that remain) and is computed from every window
    that touches them, so that what it holds depends on nothing but the scene and these settings. The last
    windows may reach beyond the right and lower edge; who reads them pads.

    Examples
    --------
    >>> lattice = Lattice((100, 250), window=96, overlap=32)
    >>> lattice.band_count, lattice.rows_of(1), lattice.window_rows_of(1)
    (2, (64, 100), (0, 1))
    >>> [w.column for w in lattice.windows_in_row(0)]
    [0, 64, 128, 192]
    >>> Lattice((90, 90), window=96, overlap=32).band_count
    1
    """

    shape: tuple[int, int]
    window: int
    overlap: int

    def __post_init__(self) -> None:
        if self.window < 1 or not 0 <= self.overlap <= self.window // 2:
            raise GridError(
                f"windows of {self.window} with an overlap of {self.overlap} pixels make no lattice",
                do="choose an overlap of at most half the window",
            )

    @property
    def stride(self) -> int:
        """Distance between neighbouring windows, pixels."""
        return self.window - self.overlap

    @property
    def band_count(self) -> int:
        """How many row bands, and rows of windows, the scene has."""
        return self._steps(self.shape[0])

    def _steps(self, pixels: int) -> int:
        """How many windows it takes until one reaches the end of `pixels`."""
        return max(1, -(-(pixels - self.overlap) // self.stride))

    def rows_of(self, band: int) -> tuple[int, int]:
        """(first row, row after the last) that a row band owns."""
        last = band == self.band_count - 1
        return band * self.stride, self.shape[0] if last else (band + 1) * self.stride

    def window_rows_of(self, band: int) -> tuple[int, ...]:
        """The rows of windows that touch a band: its own, and the one above that reaches into it."""
        return (band,) if band == 0 or self.overlap == 0 else (band - 1, band)

    def windows_in_row(self, window_row: int) -> Iterator[Window]:
        """Every window of a row of windows, from left to right."""
        for step in range(self._steps(self.shape[1])):
            yield Window(window_row * self.stride, step * self.stride, self.window, self.window)

    def around(self, window: Window) -> Window:
        """The smallest rectangle of whole windows of the lattice that holds every one that touches `window`.

        A scene cut to it has the same windows as the whole scene has there, and so the same map.

        Examples
        --------
        >>> Lattice((1000, 1000), window=96, overlap=32).around(Window(100, 10, 50, 20))
        Window(row=64, column=0, height=160, width=96)
        """
        row, height = self._around(window.row, window.stop_row, self.shape[0])
        column, width = self._around(window.column, window.stop_column, self.shape[1])
        return Window(row, column, height, width)

    def _around(self, first: int, stop: int, pixels: int) -> tuple[int, int]:
        """(first pixel, how many) of the windows that touch `first` to `stop`, in one direction."""
        start = max(0, (first - self.window) // self.stride + 1) * self.stride
        last = min(self._steps(pixels) - 1, (stop - 1) // self.stride) * self.stride
        return start, min(pixels, last + self.window) - start
