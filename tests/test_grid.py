"""Grids and the lattice: pixels lie where the transform says, and windows cover a scene without gaps."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from firnline.errors import GridError
from firnline.grid import Grid, Lattice, require_same


def grid(**changes: object) -> Grid:
    settings = {"crs": CRS.from_epsg(32643), "transform": Affine(30, 0, 660105, 0, -30, 3679695), "shape": (40, 60)}
    return Grid(**(settings | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (65, 64), (511, 300), (1000, 1000), (7, 2000)])
@pytest.mark.parametrize(("window", "overlap"), [(64, 0), (64, 16), (64, 32), (96, 10)])
def test_windows_cover_every_pixel_and_bands_own_every_row_once(
    shape: tuple[int, int], window: int, overlap: int
) -> None:
    lattice = Lattice(shape, window, overlap)
    covered = np.zeros(shape, bool)
    owned = np.zeros(shape[0], int)
    for band in range(lattice.band_count):
        first, last = lattice.rows_of(band)
        owned[first:last] += 1
        for at in lattice.windows_in_row(band):
            assert at.row < shape[0]
            assert at.column < shape[1]
            covered[at.slices] = True
        rows = [row * lattice.stride for row in lattice.window_rows_of(band)]
        assert min(rows) <= first
        assert max(rows) + window >= last
    assert covered.all()
    assert (owned == 1).all()


def test_a_scene_that_fits_one_window_takes_one() -> None:
    lattice = Lattice((512, 512), 512, 64)
    assert (lattice.band_count, len(list(lattice.windows_in_row(0)))) == (1, 1)


def test_the_footprint_comes_from_the_transform() -> None:
    assert grid().footprint().bounds == (660105, 3679695 - 1200, 660105 + 1800, 3679695)


def test_a_window_keeps_its_place_on_the_map() -> None:
    part = grid().of_window(Lattice((40, 60), 16, 0).windows_in_row(1).__next__())
    assert part.corner(0, 0) == grid().corner(16, 0)


def test_origins_that_differ_in_the_last_digits_are_the_same() -> None:
    other = grid(transform=Affine(30.0000001, 0, 660105.0004, 0, -30, 3679695))
    assert grid().is_same_as(other)


@pytest.mark.parametrize(
    "changes",
    [
        {"transform": Affine(30, 0, 660120, 0, -30, 3679695)},  # half a pixel: 15 mod 30
        {"transform": Affine(30.1, 0, 660105, 0, -30, 3679695)},
        {"shape": (40, 61)},
        {"crs": CRS.from_epsg(32644)},
    ],
)
def test_other_grids_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(GridError, match="another grid"):
        require_same(grid(), grid(**changes), "a.tif", "b.tif")


def test_degrees_have_no_resolution_in_metres() -> None:
    degrees = grid(crs=CRS.from_epsg(4326), transform=Affine(0.001, 0, 86, 0, -0.001, 28))
    with pytest.raises(GridError, match="metres"):
        _ = degrees.resolution


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:3395", "EPSG:5641", "+proj=webmerc +datum=WGS84 +units=m"])
def test_metres_of_a_mercator_map_are_not_those_of_the_ground(crs: str) -> None:
    with pytest.raises(GridError, match=r"Mercator.*warp the scene to UTM"):
        _ = grid(crs=CRS.from_string(crs)).resolution


@pytest.mark.parametrize("crs", ["EPSG:32645", "EPSG:27700", "EPSG:3035", "EPSG:3031", "EPSG:3375"])
def test_other_projections_have_true_metres(crs: str) -> None:
    assert grid(crs=CRS.from_string(crs)).resolution == 30
