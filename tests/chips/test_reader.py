"""Chips are read as GDAL reads their windows, with unknown as unknown, from a bounded number of open files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from tests.chips.tables import row, table

from firnline.chips.reader import Cut, OpenScenes
from firnline.chips.table import Chip
from firnline.classes import UNKNOWN, LabelScheme
from firnline.classraster import write_classes
from firnline.errors import FirnlineError
from firnline.flags import Flag, flags_path
from firnline.grid import Grid, Window

GRID = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), (40, 50))


def scene(folder: Path, name: str, *, seed: int = 0) -> tuple[Path, Path]:
    random = np.random.default_rng(seed)
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 2, "height": 40, "width": 50, "nodata": 0}
    path = folder / f"{name}.tif"
    with rasterio.open(path, "w", crs=GRID.crs, transform=GRID.transform, **profile) as file:
        file.descriptions, file.scales, file.offsets = ("green", "swir16"), (2e-5, 2e-5), (-0.1, -0.1)
        file.write(random.integers(0, 3, (2, 40, 50)) * random.integers(1, 20000, (2, 40, 50)).astype(np.uint16))
    truth = random.choice(np.array([0, 1, UNKNOWN], np.uint8), (40, 50))
    return path, write_classes(folder / f"{name}_truth.tif", truth, GRID, LabelScheme.GLACIER)


def chip(paths: tuple[Path, Path], window: Window) -> Chip:
    corner = GRID.corner(window.row, window.column)
    return Chip("x", *paths, None, None, window, LabelScheme.GLACIER, None, None, None, "EPSG:32645", corner)


@pytest.mark.parametrize("window", [Window(3, 7, 16, 16), Window(30, 44, 16, 16)], ids=["inside", "beyond"])
def test_a_chip_is_the_window_of_its_scene(tmp_path: Path, window: Window) -> None:
    paths = scene(tmp_path, "a")
    with OpenScenes() as scenes:
        values, classes = scenes.read(chip(paths, window), ["green", "swir16"])
    with rasterio.open(paths[0]) as file:
        whole = np.pad(file.read().astype(float), ((0, 0), (0, 20), (0, 20)))
    with rasterio.open(paths[1]) as file:
        truth = np.pad(file.read(1), (0, 20), constant_values=UNKNOWN)[window.slices]
    stored = whole[(slice(None), *window.slices)]
    expected = np.where(stored == 0, np.nan, stored * 2e-5 - 0.1)
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-7)
    assert (classes == truth).all()


def test_filled_pixels_are_unknown(tmp_path: Path) -> None:
    paths = scene(tmp_path, "a")
    flags = np.zeros((1, 40, 50), np.uint8)
    flags[:, 5:10, 5:10] = Flag.FILLED
    flags[:, 20:, :] = Flag.SNOW | Flag.CLOUD
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": 40, "width": 50}
    with OpenScenes() as scenes:
        _, before = scenes.read(chip(paths, GRID.window), ["green"])
    with rasterio.open(flags_path(paths[0]), "w", crs=GRID.crs, transform=GRID.transform, **profile) as file:
        file.write(flags)
    with OpenScenes() as scenes:
        _, after = scenes.read(chip(paths, GRID.window), ["green"])
    assert (after[5:10, 5:10] == UNKNOWN).all()
    after[5:10, 5:10] = before[5:10, 5:10]
    assert (after == before).all()


def test_a_truth_with_another_nodata_value_is_understood(tmp_path: Path) -> None:
    paths = scene(tmp_path, "a")
    values = np.random.default_rng(3).choice(np.array([0, 1, 9], np.uint8), (40, 50))
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": 40, "width": 50, "nodata": 9}
    with rasterio.open(paths[1], "w", crs=GRID.crs, transform=GRID.transform, **profile) as file:
        file.write(values, 1)
    with OpenScenes() as scenes:
        _, classes = scenes.read(chip(paths, GRID.window), ["green"])
    assert (classes == np.where(values == 9, UNKNOWN, values)).all()


def test_no_more_scenes_stay_open_than_allowed(tmp_path: Path) -> None:
    several = [scene(tmp_path, name, seed=n) for n, name in enumerate("abc")]
    with OpenScenes(2) as scenes:
        opened = [scenes.opened(Cut.of(chip(paths, GRID.window))) for paths in several]
        assert [each.classes.closed for each in opened] == [True, False, False]
        assert scenes.opened(opened[2].cut) is opened[2]
        again = scenes.read(chip(several[0], GRID.window), ["green"])[1]
        assert opened[1].classes.closed, "the one used longest ago"
    assert opened[2].classes.closed
    with rasterio.open(several[0][1]) as file:
        assert (again == file.read(1)).all()


def test_a_table_with_values_that_are_none_of_its_own_is_one_clear_line(tmp_path: Path) -> None:
    paths = scene(tmp_path, "image")
    with OpenScenes() as scenes, pytest.raises(FirnlineError, match="where its table says"):
        scenes.read(replace(chip(paths, GRID.window), crs="EPSG:99"), ["green"])
    with pytest.raises(FirnlineError, match=r"t\.parquet: the chip a_r0_c0 has the label scheme 'ice'"):
        list(table([row(scheme="ice")], tmp_path / "t.parquet").chips())


def test_a_scene_made_again_on_other_ground_is_not_taken_for_the_one_of_the_table(tmp_path: Path) -> None:
    paths = scene(tmp_path, "image")
    for path in paths:
        with rasterio.open(path, "r+") as file:
            file.transform = file.transform @ Affine.translation(10, 0)
    with OpenScenes() as scenes, pytest.raises(FirnlineError, match=r"image\.tif: does not hold the chip x where"):
        scenes.read(chip(paths, GRID.window), ["green"])
    with rasterio.open(paths[0]) as file:
        assert file.transform.c == GRID.transform.c + 300, "both have moved, so that they still fit each other"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda image, truth: image.unlink(), "image.tif: does not exist"),
        (lambda image, truth: truth.unlink(), "truth.tif: does not exist"),
        (lambda image, truth: truth.write_bytes(image.read_bytes()), "is not a class raster"),
        (
            lambda image, truth: write_classes(truth, np.zeros((40, 50), np.uint8), GRID, LabelScheme.DEBRIS),
            "label scheme 'debris', not 'glacier'",
        ),
        (
            lambda image, truth: write_classes(
                truth, np.zeros((20, 20), np.uint8), Grid(GRID.crs, GRID.transform, (20, 20)), LabelScheme.GLACIER
            ),
            "another grid",
        ),
    ],
)
def test_files_that_changed_since_are_one_clear_line(tmp_path: Path, spoil: object, said: str) -> None:
    paths = scene(tmp_path, "image")
    spoil(*paths)  # type: ignore[operator]
    with OpenScenes() as scenes, pytest.raises(FirnlineError, match=said):
        scenes.read(chip(paths, GRID.window), ["green"])


@pytest.mark.parametrize("value", [256, 257, -1])
def test_a_value_that_a_byte_cannot_hold_is_not_taken_for_a_class(tmp_path: Path, value: int) -> None:
    paths = scene(tmp_path, "a")
    profile = {"driver": "GTiff", "dtype": "int16", "count": 1, "height": 40, "width": 50}
    with rasterio.open(paths[1], "w", crs=GRID.crs, transform=GRID.transform, **profile) as file:
        file.write(np.full((1, 40, 50), value, np.int16))
    with OpenScenes() as scenes, pytest.raises(FirnlineError, match=rf"has the values \[{value}\]"):
        scenes.read(chip(paths, Window(0, 0, 8, 8)), ["green"])


def test_values_that_are_no_classes_are_refused_where_they_are_read(tmp_path: Path) -> None:
    paths = scene(tmp_path, "a")
    with rasterio.open(paths[1], "r+") as file:
        file.write(np.full((1, 40, 50), 7, np.uint8))
    with OpenScenes() as scenes, pytest.raises(FirnlineError, match=r"has the values \[7\]"):
        scenes.read(chip(paths, Window(0, 0, 8, 8)), ["green"])
