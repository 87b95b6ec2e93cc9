"""Shadow by geometry: the length of a wall's shadow, and rays followed one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from scipy.ndimage import gaussian_filter, map_coordinates

from firnline.errors import ConfigError
from firnline.grid import Grid, Window
from firnline.inventory.shadows import Sun, in_shadow


@pytest.mark.parametrize(("azimuth", "away"), [(0, (1, 0)), (90, (0, -1)), (180, (-1, 0)), (270, (0, 1))])
@pytest.mark.parametrize("elevation", [20.0, 45.0])
def test_a_pillar_casts_a_shadow_of_its_height_over_the_tangent(
    azimuth: float, away: tuple[int, int], elevation: float
) -> None:
    heights = np.zeros((81, 81), np.float32)
    heights[40, 40] = 185.0
    dark = in_shadow(heights, Sun(azimuth, elevation), 20.0, 20.0)
    length = int(185.0 / math.tan(math.radians(elevation)) / 20.0)
    expected = np.zeros_like(dark)
    for step in range(1, length + 1):
        expected[40 + step * away[0], 40 + step * away[1]] = True
    assert np.array_equal(dark, expected)


@pytest.mark.parametrize("azimuth", [20.0, 135.0, 160.0, 245.0, 300.0])
@pytest.mark.parametrize("size", [(30.0, 30.0), (30.0, 20.0)])
def test_hills_are_as_dark_as_by_rays_followed_one_by_one(azimuth: float, size: tuple[float, float]) -> None:
    hills = gaussian_filter(np.random.default_rng(1).standard_normal((90, 100)), 6)
    hills = (hills / hills.std() * 200).astype(np.float32)
    sun = Sun(azimuth, 30.0)
    width, height = size
    south, east = -math.cos(math.radians(azimuth)), math.sin(math.radians(azimuth))
    row, column = np.indices(hills.shape).astype(float)
    expected = np.zeros(hills.shape, bool)
    for distance in np.arange(5.0, np.ptp(hills) / math.tan(math.radians(30.0)), 5.0):
        there = map_coordinates(hills, [row + south * distance / height, column + east * distance / width], order=1,
                                cval=-1e9)  # fmt: skip
        expected |= there - distance * math.tan(math.radians(30.0)) > hills
    found = in_shadow(hills, sun, width, height)
    assert 0.2 < expected.mean() < 0.7
    assert (found != expected).mean() < 0.02
    assert abs(found.mean() - expected.mean()) < 0.01


def test_unknown_heights_hide_nothing_and_are_not_dark() -> None:
    heights = np.zeros((3, 20), np.float32)
    heights[:, 15] = 100.0
    heights[1, 15] = np.nan
    heights[0, 12] = np.nan
    dark = in_shadow(heights, Sun(90.0, 45.0), 10.0, 10.0)
    assert not dark[1].any()
    assert not dark[0, 12]
    assert dark[0, [11, 13]].all()


def test_the_window_towards_the_sun_holds_every_ridge_that_counts() -> None:
    grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 0, 0, -30, 0), (2000, 2000))
    sun = Sun(150.0, 45.0)
    around = sun.window_towards(Window(500, 500, 100, 100), grid)
    assert around == Window(500, 500, 100 + math.ceil(3000 * math.cos(math.radians(30)) / 30), 150)
    assert sun.window_towards(Window(1950, 1990, 50, 10), grid) == Window(1950, 1990, 50, 10)


@pytest.mark.parametrize(("azimuth", "elevation"), [(100.0, 0.0), (100.0, -5.0), (math.nan, 30.0), (0.0, 91.0)])
def test_a_sun_that_casts_no_shadow_is_refused(azimuth: float, elevation: float) -> None:
    with pytest.raises(ConfigError, match="casts no shadow"):
        Sun(azimuth, elevation)
