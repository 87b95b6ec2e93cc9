"""The grid of an analysis-ready scene: a product's own pixels, cropped to an area of interest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from affine import Affine
from rasterio.warp import transform_bounds

from firnline.acquire.aoi import Aoi
from firnline.acquire.ready.layers import Files
from firnline.acquire.source import SourceBand, SourceProduct
from firnline.bands import BANDS, Kind
from firnline.errors import BandError, GridError
from firnline.grid import Grid, Window

_EMPTY: Final = 8.0
"""A scene may be this many times as large as the products in it."""
_FINEST: Final = 10
"""Pixels may be made this many times smaller."""
_SLACK: Final = 1e-6
"""Pixels: an edge that so nearly lies on the lattice lies on it."""


def reference_band(
    product: SourceProduct, names: Sequence[str], files: Files, resolution: float | None
) -> SourceBand:
    """The band whose pixels are the scene's: the first of the finest optical ones, pan apart.

    Where `resolution` is given, the first band that has it, if there is one.
    """
    bands = [band for band in product.bands if band.name in names]
    if not bands:
        raise BandError("has no band to make a scene of", where=product.id)
    optical = [b for b in bands if b.name in BANDS and BANDS[b.name].kind == Kind.OPTICAL and b.name != "pan"]
    candidates = optical or bands
    sizes = {band.name: files.grid(band.href).transform.a for band in candidates}
    if resolution is not None:
        fitting = [band for band in candidates if abs(sizes[band.name] - resolution) < 1e-6 * resolution]
        if fitting:
            return fitting[0]
    return min(candidates, key=lambda band: sizes[band.name])


def scene_grid(
    products: Sequence[SourceProduct],
    names: Sequence[str],
    files: Files,
    *,
    aoi: Aoi | None = None,
    resolution: float | None = None,
) -> Grid:
    """The lattice of the first product's reference band, over all products, cropped to the area of interest.

    Edges snap outwards to whole pixels of the lattice. Landsat's corners lie at 15 mod 30 m: they stay there.

    Raises
    ------
    GridError
        When the area lies outside of every product, or pixels are not in metres.
    """
    own = files.grid(reference_band(products[0], names, files, resolution).href)
    lattice = own if resolution is None else _with_pixels_of(own, resolution)
    boxes = [_bounds_in(lattice, files.grid(product.bands[0].href)) for product in products]
    if len(products) > 1:
        lattice = _over(lattice, _around(boxes))
        _require_near(lattice, boxes, aoi)
    try:
        _ = lattice.resolution
    except GridError as error:
        raise GridError(error.what, where=products[0].id, do="give the wanted grid with --like") from None
    if aoi is None:
        return lattice
    bounds = aoi.bounds_in(lattice.crs)
    wanted = _over(lattice, bounds) if all(map(math.isfinite, bounds)) else None  # far away it has no coordinates
    parts = [_window_in(lattice, _over(lattice, box)) for box in boxes]
    if wanted is None or not any(_window_in(lattice, wanted).intersection(part) for part in parts):
        raise GridError(
            f"lies outside of every product ({' '.join(product.id for product in products)})",
            where=aoi.name or "the area of interest",
            do="choose another area, or products that cover it",
        )
    shared = _window_in(lattice, wanted).intersection(lattice.window)
    assert shared is not None
    return lattice.of_window(shared)


def _require_near(lattice: Grid, boxes: Sequence[tuple[float, float, float, float]], aoi: Aoi | None) -> None:
    """A scene around products that lie far apart would be nearly empty, and might fill a disk."""
    left, bottom, right, top = lattice.bounds
    covered = sum((box[2] - box[0]) * (box[3] - box[1]) for box in boxes)
    if aoi is None and (right - left) * (top - bottom) > _EMPTY * covered:
        raise GridError(
            f"the products lie too far apart for one scene ({lattice.shape[0]} x {lattice.shape[1]} pixels)",
            do="build a scene of each, or give an area with --aoi",
        )


def covers_something(grid: Grid, product: SourceProduct, files: Files) -> bool:
    """Whether a product reaches into a grid."""
    left, bottom, right, top = _bounds_in(grid, files.grid(product.bands[0].href))
    here = grid.bounds
    return left < here[2] and right > here[0] and bottom < here[3] and top > here[1]


def _with_pixels_of(grid: Grid, resolution: float) -> Grid:
    """The same corner with pixels of another size."""
    if abs(grid.transform.a - resolution) < 1e-6 * resolution:
        return grid
    if resolution * _FINEST < grid.transform.a:
        raise GridError(
            f"pixels of {resolution:g} m are more than {_FINEST} times finer than the product's"
            f" ({grid.transform.a:g} m), which would make up what was not seen, and might fill a disk",
            where="--resolution",
            do="choose larger pixels",
        )
    left, bottom, right, top = grid.bounds
    shape = math.ceil((top - bottom) / resolution - _SLACK), math.ceil((right - left) / resolution - _SLACK)
    return Grid(grid.crs, Affine(resolution, 0.0, left, 0.0, -resolution, top), shape)


def _bounds_in(target: Grid, source: Grid) -> tuple[float, float, float, float]:
    if source.crs == target.crs:
        return source.bounds
    left, bottom, right, top = transform_bounds(source.crs, target.crs, *source.bounds, densify_pts=21)
    if not all(map(math.isfinite, (left, bottom, right, top))):
        raise GridError(
            f"a product in {source.crs.to_string()} lies too far from {target.crs.to_string()} to be put on one grid",
            do="build a scene of each",
        )
    return left, bottom, right, top


def _around(boxes: Sequence[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)


def _over(lattice: Grid, bounds: tuple[float, float, float, float]) -> Grid:
    """The pixels of a lattice that cover some bounds; they may lie outside of its own shape."""
    t = lattice.transform
    left, bottom, right, top = bounds
    row, column = math.floor((top - t.f) / t.e + _SLACK), math.floor((left - t.c) / t.a + _SLACK)
    stop_row, stop_column = math.ceil((bottom - t.f) / t.e - _SLACK), math.ceil((right - t.c) / t.a - _SLACK)
    return lattice.of_window(Window(row, column, max(1, stop_row - row), max(1, stop_column - column)))


def _window_in(lattice: Grid, part: Grid) -> Window:
    t = lattice.transform
    row, column = round((part.transform.f - t.f) / t.e), round((part.transform.c - t.c) / t.a)
    return Window(row, column, *part.shape)
