"""A click outlines the pixels that look alike and hang together, and no unknown ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from firnline.errors import EditError
from firnline.inventory.editing.segment import similar_pixels
from firnline.scene import Scene, open_scene

LEFT, TOP, SIZE = 500_000.0, 3_100_000.0, 30.0


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A glacier of 40 x 20 pixels in rock, a second one apart, and a gap across the first; noise of 2 %."""
    rng = np.random.default_rng(1)
    values = np.stack([np.full((100, 100), level, np.float32) for level in (0.15, 0.18, 0.2)])
    for rows, columns in ((slice(20, 60), slice(30, 50)), (slice(20, 60), slice(60, 80))):
        values[:, rows, columns] = np.array([0.8, 0.75, 0.7], np.float32)[:, None, None]
    values += rng.normal(0, 0.02, values.shape).astype(np.float32)
    values[:, 50:52, 30:50] = np.nan
    path = tmp_path / "scene.tif"
    grid = {"width": 100, "height": 100, "crs": "EPSG:32645", "transform": Affine(SIZE, 0, LEFT, 0, -SIZE, TOP)}
    with rasterio.open(path, "w", driver="GTiff", count=3, dtype="float32", nodata=np.nan, **grid) as file:
        file.descriptions = ["blue", "green", "red"]
        file.write(values)
    return open_scene(path)


def place(row: int, column: int) -> tuple[float, float]:
    return LEFT + (column + 0.5) * SIZE, TOP - (row + 0.5) * SIZE


def test_the_glacier_that_was_clicked_is_outlined(scene: Scene) -> None:
    outline = similar_pixels(scene, place(30, 40))
    assert outline.is_valid
    pixels = outline.area / SIZE**2
    assert pixels == pytest.approx(30 * 20, rel=0.05)  # down to the gap, which is unknown
    left, bottom, right, top = outline.bounds
    assert (left, right) == pytest.approx((LEFT + 30 * SIZE, LEFT + 50 * SIZE), abs=SIZE)
    assert (bottom, top) == pytest.approx((TOP - 50 * SIZE, TOP - 20 * SIZE), abs=SIZE)


def test_a_greater_tolerance_takes_more(scene: Scene) -> None:
    assert similar_pixels(scene, place(30, 40), 50.0).area > 4 * similar_pixels(scene, place(30, 40)).area


def test_clicks_beside_the_scene_and_on_nothing_are_said(scene: Scene) -> None:
    with pytest.raises(EditError, match="nothing is known"):
        similar_pixels(scene, place(50, 40))
    with pytest.raises(EditError, match="outside"):
        similar_pixels(scene, place(-1, 40))
    with pytest.raises(EditError, match="makes no sense"):
        similar_pixels(scene, place(30, 40), 0)
