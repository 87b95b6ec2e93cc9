"""Heights on the grid of a map: from a DEM that the user names, or from the scene's own elevation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import rasterio
from numpy.typing import NDArray

from firnline.features import FeatureSource
from firnline.grid import Grid
from firnline.terrain import open_dem


@dataclass(frozen=True)
class Heights:
    """Heights on a grid, and the raster that they come from.

    Parameters
    ----------
    values
        float32 (row, column), metres, NaN where unknown.
    dem
        A raster of one band that covers them; of a scene's own elevation a temporary one.
    source
        What to call it in ``dem_source``.
    """

    values: NDArray[np.float32]
    dem: Path
    source: str


@contextmanager
def open_heights(grid: Grid, dem: Path | None, scene: FeatureSource | None) -> Iterator[Heights | None]:
    """Give the heights of a grid: of `dem`, else of what the scene was mapped with, else None.

    Raises
    ------
    SceneError, BandError, GridError
        When the DEM cannot serve; see `firnline.terrain.check_dem`.
    """
    chosen = dem if dem is not None or scene is None else scene.dem
    if chosen is not None:
        with open_dem(chosen, grid) as opened:
            values = np.empty(grid.shape, np.float32)
            for window in grid.strips():
                values[window.slices] = opened.read(window)
        yield Heights(values, chosen, chosen.name)
    elif scene is not None and not scene.missing(["elevation"]):
        with scene.reader() as reader, TemporaryDirectory(prefix="firnline-") as folder:
            values = np.empty(grid.shape, np.float32)
            for window in grid.strips():
                values[window.slices] = reader.read(["elevation"], window)[0]
            path = Path(folder) / "elevation.tif"
            _write(path, values, grid)
            yield Heights(values, path, f"band elevation of {scene.scene.path.name}")
    else:
        yield None


def _write(path: Path, values: NDArray[np.float32], grid: Grid) -> None:
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": grid.shape[0], "width": grid.shape[1]}
    with rasterio.open(
        path, "w", **profile, crs=grid.crs, transform=grid.transform, nodata=np.nan, tiled=True
    ) as file:
        file.write(values, 1)
