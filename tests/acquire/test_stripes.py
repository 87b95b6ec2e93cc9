"""Landsat 7's missing lines: found where they are, nowhere else, and filled so that it shows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from firnline.acquire.ready.make import make_ready
from firnline.acquire.ready.settings import ReadySettings
from firnline.acquire.ready.stripes import find_stripes, has_stripes, match_to
from firnline.acquire.source import QualityConvention, SourceProduct
from firnline.bands import Level, Sensor
from firnline.flags import Flag, read_flags
from firnline.scene import open_scene
from firnline.synthetic.sensor import stripes

SHAPE = (120, 150)
_L7 = {"sensor": Sensor.LANDSAT7, "level": Level.DIGITAL_NUMBER, "scale": 1.0, "offset": 0.0}


def _gap(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return stripes(0, np.arange(shape[0]), np.arange(shape[1]))


def _inside(gap: np.ndarray) -> np.ndarray:
    """What of the gaps has something above and below it."""
    known = ~gap
    above = np.maximum.accumulate(known, axis=0)
    below = np.maximum.accumulate(known[::-1], axis=0)[::-1]
    return gap & above & below


def test_gaps_are_found_and_nothing_else() -> None:
    gap = _gap()
    known = np.repeat(~gap[None], 6, axis=0)
    found = find_stripes(known)
    assert 0.05 < gap.mean() < 0.5
    assert (found == _inside(gap)).all()


def test_the_outside_of_a_tilted_footprint_is_no_stripe() -> None:
    rows, columns = np.mgrid[0:200, 0:200]
    inside = (rows + columns > 150) & (rows + columns < 320) & (np.abs(rows - columns) < 70)
    assert not find_stripes(inside[None]).any()


def test_a_hole_wider_than_any_stripe_and_a_hole_in_one_band_are_none() -> None:
    known = np.ones((2, 100, 100), bool)
    known[:, 30:60, 20:50] = False
    known[0, 80:84, 10:90] = False
    assert not find_stripes(known).any()


def test_bands_that_begin_elsewhere_in_a_gap_belong_to_it() -> None:
    known = np.ones((2, 60, 10), bool)
    known[:, 20:30] = False
    known[0, 19:31] = False
    found = find_stripes(known)
    assert found[19:31].all()
    assert not found[:19].any()
    assert not found[31:].any()


@pytest.mark.real
def test_the_real_clip_has_none_in_the_middle_of_the_swath(shared_data: Path) -> None:
    path = shared_data / "lila-hkh-sample" / "raster_data" / "LE07_134040_20070922_clip.tif"
    with rasterio.open(path) as file:
        known = file.read([1, 2, 3, 4, 5, 8]) > 0
    assert (~known).mean() > 0.3
    assert not find_stripes(known).any()


def test_only_landsat7_after_the_failure_has_them() -> None:
    def product(sensor: Sensor, year: int) -> SourceProduct:
        return SourceProduct("p", sensor, dt.datetime(year, 6, 1, tzinfo=dt.UTC), ())

    assert has_stripes(product(Sensor.LANDSAT7, 2005))
    assert not has_stripes(product(Sensor.LANDSAT7, 2002))
    assert not has_stripes(product(Sensor.LANDSAT8, 2015))


def test_match_agrees_with_a_plain_loop() -> None:
    rng = np.random.default_rng(1)
    other = rng.uniform(20, 120, (50, 60))
    wanted = 1.3 * other + 7 + rng.normal(0, 2, other.shape)
    shared = rng.random(other.shape) > 0.3
    matched = match_to(wanted, other, shared)
    for row, column in ((25, 30), (0, 0), (49, 59), (10, 55)):
        at = (slice(max(0, row - 15), row + 16), slice(max(0, column - 15), column + 16))
        a, b = wanted[at][shared[at]], other[at][shared[at]]
        gain = a.std() / b.std()
        expected = (other[row, column] - b.mean()) * gain + a.mean()
        assert matched[row, column] == pytest.approx(expected, abs=1e-6)


def test_match_leaves_values_where_too_little_is_shared() -> None:
    other = np.random.default_rng(0).uniform(0, 1, (40, 40))
    few = np.zeros((40, 40), bool)
    few[:11, :13] = True  # 143
    assert (match_to(3 * other, other, few) == other).all()


def _pair(
    make_product: Callable[..., SourceProduct], **of_other: Any
) -> tuple[SourceProduct, SourceProduct, Any, Any]:
    """A striped product, one of a darker day without stripes, the striped one's truth and the gaps."""
    rng = np.random.default_rng(3)
    ground = np.clip(rng.normal(90, 12, SHAPE).cumsum(1) % 60 + 60, 1, 254)
    truth = {name: np.rint(ground * gain).astype(np.uint8) for name, gain in (("green", 1.0), ("swir16", 0.6))}
    gap = _gap()
    striped = {name: np.where(gap, np.uint8(0), values) for name, values in truth.items()}
    darker = {name: np.rint(values * 0.8 + 5).astype(np.uint8) for name, values in truth.items()}
    a = make_product(striped, name="LE07_A", day="2005-10-30", **_L7)
    b = make_product(darker, name="LE07_B", day="2005-10-14", **{**_L7, **of_other})
    return a, b, truth, gap


def test_stripes_are_unknown_and_flagged(make_product: Callable[..., SourceProduct], tmp_path: Path) -> None:
    striped, _, truth, gap = _pair(make_product)
    ready = make_ready([striped], tmp_path / "scene.tif")
    scene = open_scene(ready.path)
    green = scene.read(["green"])[0]
    assert (np.isnan(green) == gap).all()
    assert (green[~gap] == truth["green"][~gap]).all()
    flags = read_flags(ready.flags, scene.grid)
    assert ((flags & Flag.STRIPE != 0) == _inside(gap)).all()
    assert not (flags & Flag.FILLED).any()
    assert any(line.startswith("stripes:") for line in ready.lines)


def test_holes_where_the_sensor_saw_something_are_no_stripes(
    make_product: Callable[..., SourceProduct], tmp_path: Path
) -> None:
    gap = _gap()
    values = np.where(gap, np.uint16(0), np.uint16(9000))
    values[50:53, 60:64] = 0  # the atmospheric correction failed
    quality = np.where(gap, np.uint16(1), np.uint16(5440))
    product = make_product(
        {"green": values}, name="LE07_D", day="2005-10-30", sensor=Sensor.LANDSAT7, quality=quality
    )
    ready = make_ready([product], tmp_path / "scene.tif")
    assert ((read_flags(ready.flags, ready.grid) & Flag.STRIPE != 0) == _inside(gap)).all()
    assert (np.isnan(open_scene(ready.path).read(["green"])[0]) == (values == 0)).all()


def test_filled_stripes_are_flagged_dated_and_matched(
    make_product: Callable[..., SourceProduct], tmp_path: Path
) -> None:
    striped, other, truth, gap = _pair(make_product)
    ready = make_ready([striped, other], tmp_path / "scene.tif", settings=ReadySettings(fill_stripes=True))
    scene = open_scene(ready.path)
    filled = _inside(gap)
    flags = read_flags(ready.flags, scene.grid)
    assert ((flags & Flag.FILLED != 0) == filled).all()
    assert (flags[filled] & Flag.STRIPE).all()
    day = scene.read(["day"])[0]
    epoch = dt.date(1970, 1, 1)
    assert (day[~gap] == (dt.date(2005, 10, 30) - epoch).days).all()
    assert (day[filled] == (dt.date(2005, 10, 14) - epoch).days).all()
    green = scene.read(["green"])[0]
    assert (green[~gap] == truth["green"][~gap]).all()
    assert np.abs(green[filled] - truth["green"][filled]).max() <= 3  # the darker day is 8 to 20 lower
    assert (np.isnan(green) == (gap & ~filled)).all()


def test_a_day_that_is_not_clear_does_not_fill(make_product: Callable[..., SourceProduct], tmp_path: Path) -> None:
    cloud = np.full(SHAPE, 672, np.uint16)
    cloud[:, 75:] = 752
    striped, other, _, gap = _pair(make_product, quality=cloud, convention=QualityConvention.LANDSAT_C1_BQA)
    ready = make_ready([striped, other], tmp_path / "scene.tif", settings=ReadySettings(fill_stripes=True))
    flags = read_flags(ready.flags, ready.grid)
    assert ((flags & Flag.FILLED != 0)[:, :75] == _inside(gap)[:, :75]).all()
    assert not (flags & Flag.FILLED)[:, 75:].any()
    assert np.isnan(open_scene(ready.path).read(["green"])[0][gap & (np.arange(150) >= 75)]).all()


def test_gaps_across_blocks_are_those_of_the_whole(
    make_product: Callable[..., SourceProduct], tmp_path: Path
) -> None:
    shape = (540, 60)
    gap = np.zeros(shape, bool)
    gap[100:110], gap[505:519] = True, True
    values = {"green": np.where(gap, np.uint8(0), np.uint8(90))}
    ready = make_ready([make_product(values, name="LE07_C", day="2005-10-30", **_L7)], tmp_path / "scene.tif")
    flags = read_flags(ready.flags, ready.grid)
    assert ((flags & Flag.STRIPE != 0) == _inside(gap)).all()


def test_a_striped_product_on_another_grid_keeps_its_stripes(
    make_product: Callable[..., SourceProduct], tmp_path: Path
) -> None:
    striped, _, _, gap = _pair(make_product)
    ready = make_ready([striped], tmp_path / "scene.tif", settings=ReadySettings(resolution=15.0))
    flags = read_flags(ready.flags, ready.grid)
    expected = _inside(gap).repeat(2, axis=0).repeat(2, axis=1)
    assert ((flags & Flag.STRIPE != 0) == expected).all()
