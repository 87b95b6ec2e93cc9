"""A part of a scene as a scene of its own: the stored numbers as they are, and all that is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, floor
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
import rasterio.features
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from shapely.geometry.base import BaseGeometry

from firnline.errors import GridError, SceneError
from firnline.files import replaced
from firnline.flags import find_flags, flags_path
from firnline.grid import Grid, Window
from firnline.scene import Scene

_ROWS: Final = 256
"""Rows that are held at once."""


def window_of(area: BaseGeometry, grid: Grid) -> Window:
    """The pixels whose rectangle holds an area, as far as the grid reaches.

    Parameters
    ----------
    area
        In the grid's CRS.
    grid
        The pixels.

    Raises
    ------
    GridError
        When the area lies outside, or holds no pixel's centre.

    Examples
    --------
    >>> from affine import Affine
    >>> from shapely import box
    >>> grid = Grid(rasterio.CRS.from_epsg(32645), Affine(30, 0, 0, 0, -30, 3000), (100, 100))
    >>> window_of(box(40, 2900, 95, 2999), grid)
    Window(row=0, column=1, height=4, width=3)
    """
    t = grid.transform
    left, bottom, right, top = area.bounds
    first, last = floor((top - t.f) / t.e), ceil((bottom - t.f) / t.e)
    start, stop = floor((left - t.c) / t.a), ceil((right - t.c) / t.a)
    window = Window(first, start, last - first, stop - start).intersection(grid.window)
    if window is None or outside(area, grid.of_window(window)).all():
        raise GridError("the area holds no pixel of the scene", do="draw it on the scene, and larger than a pixel")
    return window


def outside(area: BaseGeometry, grid: Grid) -> NDArray[np.bool_]:
    """Whether the centre of each pixel lies outside of an area in the grid's CRS: bool (row, column).

    Examples
    --------
    >>> from affine import Affine
    >>> from shapely import box
    >>> grid = Grid(rasterio.CRS.from_epsg(32645), Affine(30, 0, 0, 0, -30, 30), (1, 3))
    >>> outside(box(10, 0, 50, 30), grid).tolist()
    [[False, False, True]]
    """
    return np.asarray(rasterio.features.geometry_mask([area], grid.shape, grid.transform), np.bool_)


def cut_scene(scene: Scene, window: Window, path: Path, *, again: bool = True) -> Scene:
    """Write a part of a scene to a file, with its flags beside it where it has some.

    Stored numbers, masks, names, scales, tags and nodata are kept; what a sidecar said is kept in the scene that is
    given back.

    Parameters
    ----------
    scene
        The scene; only what lies in the window is read, in strips.
    window
        Inside the scene.
    path
        For the file. Give it the name of the scene's: sensor and date may stand in it.
    again
        Whether to cut again where `path` is there already; false takes it for this part, from before.

    Returns
    -------
    The part.

    Raises
    ------
    GridError
        When the window leaves the scene.
    SceneError
        When the scene is damaged.
    OutputError
        When it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from firnline.scene import open_scene
    >>> folder = Path(tempfile.mkdtemp())
    >>> profile = dict(driver="GTiff", count=1, dtype="uint16", width=4, height=3, crs="EPSG:32645", nodata=0,
    ...                transform=rasterio.Affine(30, 0, 478005, 0, -30, 3108145))
    >>> with rasterio.open(folder / "scene.tif", "w", **profile) as file:
    ...     file.descriptions = ["green"]
    ...     file.write(np.arange(12, dtype=np.uint16).reshape(1, 3, 4))
    >>> part = cut_scene(open_scene(folder / "scene.tif"), Window(1, 2, 2, 2), folder / "part" / "scene.tif")
    >>> part.read(["green"]).tolist(), part.grid.bounds
    ([[[6.0, 7.0], [10.0, 11.0]]], (478065.0, 3108055.0, 478125.0, 3108115.0))
    """
    if scene.grid.window.intersection(window) != window:
        raise GridError(f"{window} is not inside the scene of {scene.grid.shape}", where=scene.path)
    grid = scene.grid.of_window(window)
    masked = [band.index for band in scene.bands if band.has_mask][:1]
    flags = find_flags(scene.path)
    if again or not path.is_file():
        if flags is not None:
            with rasterio.open(flags, driver=scene.driver) as dataset:
                _copy(dataset, window, grid, flags_path(path), [])
        with scene.reader() as reader:
            _copy(reader.dataset, window, grid, path, masked)
    rows, columns = (window.row, window.stop_row - 1), (window.column, window.stop_column - 1)
    where = f"rows {rows[0]} to {rows[1]}, columns {columns[0]} to {columns[1]} of {scene.path.name}"
    note = f"{scene.note}; {where}" if scene.note else where
    return replace(scene, path=path, grid=grid, gdal_name="", note=note)


def _copy(source: DatasetReader, window: Window, grid: Grid, path: Path, masked: Sequence[int]) -> None:
    """Copy a window; `masked` is the band, if any, whose mask is the file's."""
    profile = {
        "driver": "GTiff", "dtype": np.result_type(*source.dtypes), "count": source.count, "nodata": source.nodata,
        "crs": grid.crs, "transform": grid.transform, "height": grid.shape[0], "width": grid.shape[1], "tiled": True,
        "compress": "deflate", "zlevel": 1, "bigtiff": "if_safer", "interleave": "band",
    }  # fmt: skip
    internal = rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True)
    with replaced(path) as temporary, internal, rasterio.open(temporary, "w", **profile) as file:
        file.descriptions, file.scales, file.offsets = source.descriptions, source.scales, source.offsets
        file.colorinterp = source.colorinterp
        file.update_tags(**{key: value for key, value in source.tags().items() if key != "AREA_OR_POINT"})
        for index in source.indexes:
            file.update_tags(index, **source.tags(index))
        for strip in grid.strips(_ROWS):
            at = Window(window.row + strip.row, window.column, strip.height, window.width).to_rasterio()
            file.write(_read(source, at), window=strip.to_rasterio())
            for index in masked:
                file.write_mask(source.read_masks(index, window=at), window=strip.to_rasterio())


def _read(source: DatasetReader, at: rasterio.windows.Window) -> NDArray[np.generic]:
    try:
        values: NDArray[np.generic] = source.read(window=at)
    except RasterioError as error:
        what = f"cannot be read from row {at.row_off} on: the file is damaged or cut off ({error})"
        raise SceneError(what, where=source.name, do="get it again") from None
    return values
