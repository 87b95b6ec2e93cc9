"""Flags: what is told of pixels beside their values, in a file of bits beside the scene."""

from __future__ import annotations

from enum import IntFlag
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from firnline.errors import SceneError
from firnline.grid import Grid, Window, require_same

SUFFIX = ".flags.tif"
"""``scene.tif`` has its flags in ``scene.flags.tif``."""

IN_FOLDER = "flags.tif"
"""What the flags of a scene are called in the folder of its map."""


class Flag(IntFlag):
    """One bit each, in a uint8 raster on the scene's grid. A pixel may have a flag and still be known.

    Saturated snow stays valid: to drop it would delete the accumulation areas. A filled pixel has values of another
    date: it may be looked at and mapped, and never counts in a metric.
    """

    CLOUD = 1
    CLOUD_SHADOW = 2
    SNOW = 4
    SATURATED = 8
    TERRAIN_SHADOW = 16
    STRIPE = 32
    FILLED = 64
    WATER = 128


def flags_path(scene: Path) -> Path:
    """Where the flags of a scene are, or would be."""
    return scene.with_name(scene.stem + SUFFIX)


def find_flags(scene: Path) -> Path | None:
    """The flags that lie beside a scene, or None."""
    path = flags_path(scene)
    return path if path.is_file() else None


def read_flags(path: Path, grid: Grid, window: Window | None = None, driver: str | None = None) -> NDArray[np.uint8]:
    """Read the flags of a scene on `grid`, uint8 (row, column), in a window (all of them without one).

    `driver` is as in `open_scene`.

    Raises
    ------
    GridError
        When they lie on another grid.
    SceneError
        When the file is no flags, or damaged.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "scene.flags.tif"
    >>> grid = Grid(rasterio.CRS.from_epsg(32645), rasterio.Affine(30, 0, 0, 0, -30, 0), (1, 2))
    >>> with rasterio.open(path, "w", driver="GTiff", count=1, dtype="uint8", height=1, width=2, crs=grid.crs,
    ...                    transform=grid.transform) as file:
    ...     file.write(np.array([[[0, Flag.CLOUD | Flag.SNOW]]], np.uint8))
    >>> [Flag(int(value)).name for value in read_flags(path, grid)[0]]
    [None, 'CLOUD|SNOW']
    """
    at = None if window is None else window.to_rasterio()
    try:
        with rasterio.open(path, driver=driver) as dataset:
            if dataset.count != 1 or dataset.dtypes[0] != "uint8":
                raise SceneError("is not a raster of flags (one band of bytes)", where=path, do="make it again")
            require_same(grid, Grid.of(dataset), "the scene", path)
            flags: NDArray[np.uint8] = dataset.read(1, window=at)
            return flags
    except RasterioError as error:
        raise SceneError(f"cannot be read as flags ({error})", where=path, do="make it again") from None
