"""Small scenes with truth, made by rule, for training tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from firnline.bands import Level
from firnline.classes import LabelScheme
from firnline.classraster import write_classes
from firnline.grid import Grid


@pytest.fixture
def make_pair(tmp_path: Path) -> Callable[..., Path]:
    """Writes ``NAME_image.tif`` (green, swir16) and ``NAME_truth.tif``; bright green is ice."""

    def make(
        name: str, *, seed: int = 0, size: int = 96, column: int = 0, scheme: LabelScheme = LabelScheme.GLACIER
    ) -> Path:
        random = np.random.default_rng(seed)
        rows, columns = np.mgrid[:size, :size]
        centre = random.integers(size // 3, 2 * size // 3, 2)
        is_ice = np.hypot(rows - centre[0], columns - centre[1]) < size / 4
        green = np.where(is_ice, 0.7, 0.2) + random.normal(0, 0.1, (size, size))
        swir = np.where(is_ice, 0.1, 0.25) + random.normal(0, 0.05, (size, size))
        grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005 + 30 * column, 0, -30, 3108145), (size, size))
        profile = {"driver": "GTiff", "dtype": "float32", "count": 2, "height": size, "width": size}
        with rasterio.open(
            tmp_path / f"{name}_image.tif", "w", crs=grid.crs, transform=grid.transform, nodata=np.nan, **profile
        ) as file:
            file.descriptions = ("green", "swir16")
            file.update_tags(LEVEL=str(Level.SURFACE_REFLECTANCE))
            file.write(np.stack([green, swir]).astype(np.float32))
        truth = is_ice.astype(np.uint8)
        if scheme == LabelScheme.CLASS:
            truth[is_ice & (rows > centre[0])] = 2
        truth[:4] = 255
        write_classes(tmp_path / f"{name}_truth.tif", truth, grid, scheme)
        return tmp_path

    return make
