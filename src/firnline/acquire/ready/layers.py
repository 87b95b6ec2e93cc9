"""One band of a product, read on the scene's grid: copied where its pixels are the scene's, else resampled."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import CRSError, RasterioError
from rasterio.io import DatasetReader, MemoryFile
from rasterio.vrt import WarpedVRT
from rasterio.warp import reproject, transform_bounds

from firnline.acquire.source import SourceBand
from firnline.errors import BandError, GridError, SceneError
from firnline.grid import Grid, Window, require_same

Method = Literal["copied", "bilinear", "average", "nearest"]

_HOW: Final = {
    "bilinear": Resampling.bilinear,
    "average": Resampling.average,
    "nearest": Resampling.nearest,
}
_ALIGNED_WITHIN: Final = 1e-3
"""Pixels: `Grid.is_same_as` takes corners that agree so closely for the same."""
_COARSER: Final = 1.5
"""From this ratio of pixel sizes on, the scene's pixel is the mean of the band's pixels that it covers."""
_WARP_TOLERANCE: Final = 0.01
"""Pixels by which GDAL may place a pixel wrong where it approximates."""
_MARGIN: Final = 3
"""Source pixels around what a window covers: bilinear kernels reach one, and the edges of a warp bend."""


@dataclass(frozen=True)
class Stored:
    """Stored numbers of a band in a window, and where they mean a value: both (row, column)."""

    values: NDArray[np.generic]
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class Fill:
    """A band of the same grid that says where there is no image: where it is stored as `value`."""

    dataset: DatasetReader
    index: int
    value: float


@dataclass(frozen=True)
class Layer:
    """An open band on the scene's grid; windows may reach beyond the grid, and are unknown outside the band."""

    dataset: DatasetReader
    source: Grid
    index: int
    nodata: float | None
    target: Grid
    method: Method
    fill: Fill | None = None

    @property
    def dtype(self) -> str:
        """The type of the stored numbers."""
        return str(self.dataset.dtypes[self.index - 1])

    def read(self, window: Window) -> Stored:
        """Read a window of the scene's grid.

        Raises
        ------
        SceneError
            When the file is damaged or cut off.
        """
        if self.method == "copied":
            row, column = _steps_between(self.source, self.target)
            return self._own(Window(window.row + row, window.column + column, window.height, window.width))
        return self._resampled(window)

    def _own(self, window: Window) -> Stored:
        """A window of the band's own grid; beyond its edge is unknown."""
        values = np.zeros(window.shape, self.dtype)
        known = np.zeros(window.shape, np.bool_)
        inside = window.intersection(self.source.window)
        if inside is None:
            return Stored(values, known)
        try:
            raw = self.dataset.read(self.index, window=inside.to_rasterio())
            blank = (
                None if self.fill is None else self.fill.dataset.read(self.fill.index, window=inside.to_rasterio())
            )
        except RasterioError as error:
            raise SceneError(
                f"cannot be read at row {inside.row}, column {inside.column}: damaged or cut off ({error})",
                where=self.dataset.name,
                do="get it again",
            ) from None
        at = inside.relative_to(window).slices
        values[at] = raw
        means = np.isfinite(raw) if raw.dtype.kind == "f" else np.ones(raw.shape, np.bool_)
        if self.nodata is not None and not math.isnan(self.nodata):
            means &= raw != self.nodata
        if self.fill is not None and blank is not None:
            means &= ~np.isnan(blank) if math.isnan(self.fill.value) else blank != self.fill.value
        known[at] = means
        return Stored(values, known)

    def _resampled(self, window: Window) -> Stored:
        around = self._needed(window)
        here = self.target.of_window(window)
        if around is None:
            return Stored(np.zeros(window.shape, np.float64), np.zeros(window.shape, np.bool_))
        own, there = self._own(around), self.source.of_window(around)
        values = np.where(own.known, own.values.astype(np.float64), np.nan)
        out = _warp(values, there, here, _HOW[self.method])
        known = np.isfinite(out)  # bilinear, too, GDAL gives no value where the nearest pixel is unknown
        if self.method == "average":
            known &= _warp(own.known.astype(np.float64), there, here, Resampling.average) >= 0.5
        return Stored(np.where(known, out, 0.0), known)

    def _needed(self, window: Window) -> Window | None:
        """The band's own pixels that a window of the scene needs; None where it lies far outside."""
        bounds = self.target.of_window(window).bounds
        if self.source.crs != self.target.crs:
            try:
                bounds = transform_bounds(self.target.crs, self.source.crs, *bounds)
            except (CRSError, RasterioError):
                return None
        if not all(map(math.isfinite, bounds)):  # so far away that the band's CRS has no coordinates for it
            return None
        left, bottom, right, top = bounds
        t = self.source.transform
        first_row, first_column = math.floor((top - t.f) / t.e), math.floor((left - t.c) / t.a)
        last_row, last_column = math.ceil((bottom - t.f) / t.e), math.ceil((right - t.c) / t.a)
        around = Window(first_row, first_column, last_row - first_row, last_column - first_column).grown(_MARGIN)
        reach = self.source.window.grown(_MARGIN)
        return around.intersection(reach)


def _warp(values: NDArray[np.float64], there: Grid, here: Grid, how: Resampling) -> NDArray[np.float64]:
    """Values of one grid on another, NaN where unknown.

    Between coordinate systems GDAL places pixels wrong by up to an eighth of a pixel unless told otherwise, which
    only its virtual warped rasters can be.
    """
    to = Affine(*here.transform[:6])
    # Of a tilted window GDAL would take the kernel to be wider than it is: bilinear has 2 x 2 pixels.
    kernel = {"XSCALE": "1", "YSCALE": "1"} if how == Resampling.bilinear else {}
    if there.crs == here.crs:
        out = np.full(here.shape, np.nan)
        reproject(
            values,
            out,
            src_transform=there.transform,
            src_crs=there.crs,
            src_nodata=math.nan,
            dst_transform=to,
            dst_crs=here.crs,
            dst_nodata=math.nan,
            resampling=how,
            **kernel,
        )
        return out
    rows, columns = there.shape
    own = {"driver": "GTiff", "count": 1, "dtype": "float64", "height": rows, "width": columns, "nodata": math.nan}
    with MemoryFile() as memory:
        with memory.open(**own, crs=there.crs, transform=there.transform) as file:
            file.write(values, 1)
        with (
            memory.open() as file,
            WarpedVRT(
                file,
                crs=here.crs,
                transform=to,
                height=here.shape[0],
                width=here.shape[1],
                resampling=how,
                tolerance=_WARP_TOLERANCE,
                nodata=math.nan,
                **kernel,
            ) as warped,
        ):
            return np.asarray(warped.read(1), np.float64)


def _steps_between(source: Grid, target: Grid) -> tuple[int, int]:
    """(rows, columns) from the source's corner to the target's."""
    s, t = source.transform, target.transform
    return round((t.f - s.f) / s.e), round((t.c - s.c) / s.a)


def is_aligned(source: Grid, target: Grid) -> bool:
    """Whether the pixels of two grids lie on each other where both have some.

    Examples
    --------
    >>> crs = rasterio.CRS.from_epsg(32645)
    >>> a = Grid(crs, Affine(30, 0, 478005, 0, -30, 3108145), (100, 100))
    >>> b = Grid(crs, Affine(30, 0, 478035, 0, -30, 3108115), (10, 10))
    >>> is_aligned(a, b), is_aligned(a, Grid(crs, Affine(30, 0, 478020, 0, -30, 3108115), (10, 10)))
    (True, False)
    """
    s, t = source.transform, target.transform
    if source.crs != target.crs:
        return False
    rows, columns = _steps_between(source, target)
    corner = source.corner(rows, columns)
    far = source.corner(rows + target.shape[0], columns + target.shape[1])
    own_far = target.corner(*target.shape)
    apart = max(abs(corner[0] - t.c), abs(corner[1] - t.f), abs(far[0] - own_far[0]), abs(far[1] - own_far[1]))
    return apart < _ALIGNED_WITHIN * s.a


class Files:
    """Open datasets by name: bands of one file share it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._open: dict[str, DatasetReader] = {}

    def open(self, href: str, index: int = 1) -> DatasetReader:
        """The dataset of a name, which has at least `index` bands.

        Raises
        ------
        SceneError
            When GDAL does not open it.
        BandError
            When it has fewer bands.
        """
        if href not in self._open:
            try:
                self._open[href] = self._stack.enter_context(rasterio.open(href))
            except RasterioError as error:
                raise SceneError(
                    f"is missing, or is not a raster that GDAL reads ({error})", where=href, do="get it again"
                ) from None
        dataset = self._open[href]
        if index > dataset.count:
            raise BandError(f"has {dataset.count} bands, and number {index} is asked for", where=href)
        return dataset

    def grid(self, href: str) -> Grid:
        """The grid of a name."""
        return Grid.of(self.open(href))

    def layer(
        self,
        band: SourceBand,
        target: Grid,
        resampling: Literal["bilinear", "nearest"],
        fill: SourceBand | None = None,
    ) -> Layer:
        """A band on the scene's grid; `fill` says where the product has no image in any of its bands.

        Raises
        ------
        GridError
            When `fill` lies on another grid than the band.
        """
        source, dataset = self.grid(band.href), self.open(band.href, band.index)
        blank = None
        if fill is not None and fill.nodata is not None:
            require_same(source, self.grid(fill.href), band.href, fill.href)
            blank = Fill(self.open(fill.href, fill.index), fill.index, fill.nodata)
        method = method_for(source, target, resampling)
        return Layer(dataset, source, band.index, band.nodata, target, method, blank)

    def bits(self, href: str, index: int, target: Grid) -> Layer:
        """A band of quality bits, which are never interpolated."""
        return self.layer(SourceBand("qa", href, nodata=None, index=index), target, "nearest")


@contextmanager
def open_files() -> Iterator[Files]:
    """Keep files open until the block ends."""
    with ExitStack() as stack:
        yield Files(stack)


def method_for(source: Grid, target: Grid, resampling: Literal["bilinear", "nearest"]) -> Method:
    """How pixels of one grid come onto another: copied where they are the same, averaged where they are finer."""
    if is_aligned(source, target):
        return "copied"
    if resampling == "nearest":
        return "nearest"
    return "average" if _pixel_ratio(source, target) >= _COARSER else "bilinear"


def _pixel_ratio(source: Grid, target: Grid) -> float:
    """How many times larger the target's pixels are."""
    if source.crs == target.crs:
        return math.sqrt(target.transform.a * target.transform.e / (source.transform.a * source.transform.e))
    middle = Window(target.shape[0] // 2, target.shape[1] // 2, 1, 1)
    try:
        bounds = transform_bounds(target.crs, source.crs, *target.of_window(middle).bounds)
    except (CRSError, RasterioError):
        raise GridError("cannot be brought onto the scene's grid", do="give --like, or warp it first") from None
    left, bottom, right, top = bounds
    return math.sqrt((right - left) * (top - bottom) / (source.transform.a * -source.transform.e))
