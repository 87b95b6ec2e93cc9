"""Blending leaves no seam, and a row band depends on nothing but scene and settings."""

from __future__ import annotations

import numpy as np
import pytest

from firnline.grid import Lattice, Window
from firnline.inference.blend import Known, RowBlender, window_weight
from firnline.models.normaliser import Floats


def mapper(scene: Floats):
    """Maps a window to what the scene holds there, tilted within the window, so that windows disagree."""

    def map_window(window: Window) -> tuple[Floats, Known]:
        part = scene[window.slices]
        tilt = np.linspace(0, 0.1, window.width, dtype=np.float32)
        return np.stack([part + tilt, 1 - part - tilt]), np.isfinite(part)

    return map_window


@pytest.mark.parametrize("shape", [(1, 1), (40, 7), (64, 64), (65, 200), (150, 90), (300, 33)])
def test_every_pixel_is_mapped_once_whatever_the_shape(shape: tuple[int, int]) -> None:
    scene = np.random.default_rng(0).random(shape, np.float32)
    lattice = Lattice(shape, window=64, overlap=16)

    def map_window(window: Window) -> tuple[Floats, Known]:
        return scene[window.slices][None], np.ones(window.shape, np.bool_)

    blender = RowBlender(lattice, 1, map_window)
    bands = [blender.band(index) for index in range(lattice.band_count)]
    assert np.concatenate([band[0][0] for band in bands]) == pytest.approx(scene, abs=1e-5)
    assert np.concatenate([band[1] for band in bands]).all()


def test_bands_are_the_same_to_the_bit_in_any_order() -> None:
    scene = np.random.default_rng(1).random((250, 150), np.float32)
    lattice = Lattice(scene.shape, window=64, overlap=24)
    one_run = RowBlender(lattice, 2, mapper(scene))
    straight = [one_run.band(index)[0] for index in range(lattice.band_count)]
    for index in reversed(range(lattice.band_count)):
        resumed = RowBlender(lattice, 2, mapper(scene)).band(index)[0]
        assert np.array_equal(resumed, straight[index]), f"band {index}"


def test_neighbouring_windows_fade_into_each_other() -> None:
    """Between a window that says 0 and one that says 1 the map rises step by step, without a jump."""
    lattice = Lattice((32, 56), window=32, overlap=8)

    def map_window(window: Window) -> tuple[Floats, Known]:
        value = np.float32(window.column > 0)
        return np.full((1, *window.shape), value), np.ones(window.shape, np.bool_)

    row = RowBlender(lattice, 1, map_window).band(0)[0][0, 16]
    assert row[:24] == pytest.approx(0)
    assert row[32:] == pytest.approx(1)
    assert np.diff(row[23:33]).max() < 0.2
    assert (np.diff(row) >= 0).all()


def test_weights_of_neighbours_add_up_to_one() -> None:
    weight = window_weight(32, 8)[16]
    assert weight[-8:] + weight[:8] == pytest.approx(np.ones(8))
