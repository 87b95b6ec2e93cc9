"""The mean probability of an outline is that of its class over its own pixels, unknown ones left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from firnline.classes import LabelScheme
from firnline.errors import BandError, SceneError
from firnline.grid import Grid
from firnline.inventory import probability
from firnline.inventory.polygonise import polygonise
from firnline.inventory.probability import mean_probability

NAMES = LabelScheme.CLASS.class_names


def write_map(path: Path, stored: np.ndarray, grid: Grid, names: tuple[str, ...] = NAMES) -> Path:
    profile = {"driver": "GTiff", "dtype": "uint8", "count": len(names), "nodata": 255}
    profile |= {"height": grid.shape[0], "width": grid.shape[1], "crs": grid.crs, "transform": grid.transform}
    with rasterio.open(path, "w", **profile) as file:
        file.write(stored)
        file.descriptions, file.scales = names, (1 / 250,) * len(names)
    return path


@pytest.fixture
def grid() -> Grid:
    return Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), (70, 60))


def test_it_is_the_mean_over_the_pixels_of_the_outline(
    grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for outlines that lie in several of the blocks that are read."""
    monkeypatch.setattr(probability, "_BLOCK_ROWS", 16)
    random = np.random.default_rng(4)
    blocks = random.choice([0, 1, 2], size=(10, 10)).astype(np.uint8)
    classes = np.kron(blocks, np.ones((7, 6), np.uint8))
    stored = random.integers(0, 251, (3, *grid.shape)).astype(np.uint8)
    stored[:, random.random(grid.shape) < 0.1] = 255
    outlines = polygonise(classes, grid, LabelScheme.CLASS)
    found = mean_probability(outlines, write_map(tmp_path / "p.tif", stored, grid))
    for row, value in zip(outlines.itertuples(), found, strict=True):
        inside = rasterio.features.geometry_mask([row.geometry], grid.shape, grid.transform, invert=True)
        own = stored[row.class_value][inside]
        assert value == pytest.approx(own[own != 255].mean() / 250)


def test_where_all_is_unknown_and_for_rules_it_is_nan(grid: Grid, tmp_path: Path) -> None:
    outlines = polygonise(np.ones(grid.shape, np.uint8), grid, LabelScheme.CLASS)
    unknown = np.full((3, *grid.shape), 255, np.uint8)
    assert np.isnan(mean_probability(outlines, write_map(tmp_path / "p.tif", unknown, grid))).all()
    assert np.isnan(mean_probability(outlines, None)).all()


def test_a_map_that_does_not_fit_is_told(grid: Grid, tmp_path: Path) -> None:
    outlines = polygonise(np.ones(grid.shape, np.uint8), grid, LabelScheme.CLASS)
    other = write_map(tmp_path / "other.tif", np.zeros((2, *grid.shape), np.uint8), grid, ("background", "glacier"))
    with pytest.raises(BandError, match="clean ice"):
        mean_probability(outlines, other)
    with pytest.raises(SceneError, match="probability map"):
        mean_probability(outlines, tmp_path / "none.tif")
