"""Composites of several days agree with a plain loop over pixels, and say which day each pixel is from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from firnline.acquire.ready.composite import in_order
from firnline.acquire.ready.make import ReadyScene, make_ready
from firnline.acquire.ready.settings import Composite, ReadySettings
from firnline.acquire.source import SourceProduct
from firnline.bands import Level, Sensor
from firnline.errors import BandError
from firnline.flags import Flag, read_flags
from firnline.scene import open_scene

MakeProduct = Callable[..., SourceProduct]
Spectra = Callable[..., dict[str, NDArray[np.uint16]]]
SHAPE = (40, 50)
DAYS = ("2019-08-01", "2019-09-18", "2019-11-20")
COVERS = (5.0, 12.0, 55.0)
CLEAR, CLOUD, SHADOW, FILL = 21824, 22280, 23888, 1


class _Stack:
    """Three days with cloud, shadow, missing pixels and snow of their own."""

    def __init__(self, make_product: MakeProduct, spectra: Spectra) -> None:
        self.bits, self.bands, self.products = [], [], []
        for number, (day, cover) in enumerate(zip(DAYS, COVERS, strict=True)):
            rng = np.random.default_rng(number)
            snow = rng.random(SHAPE) > 0.5
            bits = rng.choice([CLEAR, CLEAR, CLOUD, SHADOW, FILL], SHAPE).astype(np.uint16)
            bits[:, :4] = CLOUD
            bands = spectra(SHAPE, snow, seed=number)
            for values in bands.values():
                values[bits == FILL] = 0
            bands["red"][:, 40:44] = 0  # one band is missing
            self.bits.append(bits)
            self.bands.append(bands)
            self.products.append(make_product(bands, name=f"P{number}", day=day, quality=bits, cloud_cover=cover))


@pytest.fixture
def stack(make_product: MakeProduct, spectra: Spectra) -> _Stack:
    return _Stack(make_product, spectra)


def _loop(stack: _Stack, order: list[int], by_ndsi: bool) -> NDArray[np.int64]:
    """For each pixel the number of the product, -1 where it is unknown: a plain loop."""
    chosen = np.full(SHAPE, -1)
    for row in range(SHAPE[0]):
        for column in range(SHAPE[1]):
            clear, shadowed, partial = [], [], []
            for number in order:
                bits = stack.bits[number][row, column]
                values = {name: int(band[row, column]) for name, band in stack.bands[number].items()}
                if bits == CLOUD or not any(values.values()):
                    continue
                if not all(values.values()):
                    partial.append(number)
                elif bits == SHADOW:
                    shadowed.append(number)
                else:
                    clear.append(number)
            best = clear or shadowed or partial
            if best:
                chosen[row, column] = min(best, key=lambda n: _ndsi(stack, n, row, column)) if by_ndsi else best[0]
    return chosen


def _ndsi(stack: _Stack, number: int, row: int, column: int) -> float:
    green, swir = (stack.bands[number][name][row, column] * 2.75e-05 - 0.2 for name in ("green", "swir16"))
    return float((green - swir) / (green + swir))


def _require_from(ready: ReadyScene, stack: _Stack, chosen: NDArray[np.int64]) -> None:
    scene = open_scene(ready.path)
    with rasterio.open(ready.path) as file:
        for name in stack.bands[0]:
            own = file.read(file.descriptions.index(name) + 1)
            expected = np.zeros(SHAPE, np.uint16)
            for number, bands in enumerate(stack.bands):
                expected[chosen == number] = bands[name][chosen == number]
            np.testing.assert_array_equal(own, expected)
    day = scene.read(["day"])[0]
    since = [(dt.date.fromisoformat(day) - dt.date(1970, 1, 1)).days for day in DAYS]
    expected_day = np.where(chosen < 0, np.nan, np.array([*since, 0], float)[chosen])
    np.testing.assert_array_equal(day, expected_day)


def test_least_cloud_takes_the_first_clear_day(stack: _Stack, tmp_path: Path) -> None:
    settings = ReadySettings(composite=Composite.LEAST_CLOUD)
    ready = make_ready(stack.products, tmp_path / "s.tif", settings=settings)
    _require_from(ready, stack, _loop(stack, [0, 1, 2], by_ndsi=False))
    flags = read_flags(ready.flags, ready.grid)
    assert (flags[:, :4] & Flag.CLOUD).all()
    assert not (flags & Flag.FILLED).any()
    assert sum(line.startswith("from P") for line in ready.lines) == 3


def test_minimum_snow_takes_the_clear_day_with_the_lowest_ndsi(stack: _Stack, tmp_path: Path) -> None:
    ready = make_ready(stack.products, tmp_path / "s.tif", settings=ReadySettings(composite="minimum-snow"))
    chosen = _loop(stack, [0, 1, 2], by_ndsi=True)
    assert len(np.unique(chosen)) == 4
    _require_from(ready, stack, chosen)


def test_the_order_is_cloud_then_season() -> None:
    def product(name: str, day: str, cover: float | None) -> SourceProduct:
        moment = dt.datetime.fromisoformat(f"{day}T04:50:00+00:00")
        return SourceProduct(name, Sensor.LANDSAT8, moment, (), cloud_cover=cover)

    products = [
        product("unknown", "2019-09-15", None),
        product("winter", "2019-12-15", 1.0),
        product("autumn", "2019-09-20", 8.0),
        product("cloudy", "2019-09-15", 30.0),
    ]
    order = [each.id for each in in_order(products, Composite.LEAST_CLOUD, 28.0)]
    assert order == ["autumn", "winter", "cloudy", "unknown"]
    south = [each.id for each in in_order(products[1:3], Composite.LEAST_CLOUD, -45.0)]
    assert south == ["winter", "autumn"]


def test_minimum_snow_needs_the_bands_of_ndsi(make_product: MakeProduct, tmp_path: Path) -> None:
    values = {"green": np.full((5, 5), 9000, np.uint16)}
    pair = [make_product(values, name=name, day=day) for name, day in zip("AB", DAYS, strict=False)]
    with pytest.raises(BandError, match="needs green and swir16"):
        make_ready(pair, tmp_path / "s.tif", settings=ReadySettings(composite="minimum-snow"))


def _two(make_product: MakeProduct, first: dict[str, Any], second: dict[str, Any], out: Path) -> NDArray[np.float32]:
    """A composite of two products, of which the first lacks the left half; green as read."""
    numbers = np.arange(1, 801).reshape(20, 40)
    a, b = (numbers * 10).astype(np.uint16), (numbers * 10 + 1000).astype(np.uint16)
    a[:, :20] = 0
    one = make_product({"green": a}, name="A", day=DAYS[0], cloud_cover=0.0, **first)
    two = make_product({"green": b}, name="B", day=DAYS[1], cloud_cover=90.0, **second)
    ready = make_ready([one, two], out, settings=ReadySettings(composite="least-cloud"))
    return open_scene(ready.path).read(["green"])[0]


def test_sentinel2_before_and_after_the_offset_go_together_exactly(make_product: MakeProduct, tmp_path: Path) -> None:
    common = {"sensor": Sensor.SENTINEL2, "scale": 1e-4}
    green = _two(make_product, {**common, "offset": 0.0}, {**common, "offset": -0.1}, tmp_path / "s.tif")
    expected = np.arange(1, 801).reshape(20, 40) * 10 * 1e-4  # both are the same reflectance
    np.testing.assert_allclose(green, expected, atol=1e-6)


def test_products_of_other_scales_are_stored_finely_enough(make_product: MakeProduct, tmp_path: Path) -> None:
    common = {"level": Level.TOP_OF_ATMOSPHERE}
    first, second = {"scale": 2.1e-5, "offset": -0.105}, {"scale": 2.4e-5, "offset": -0.12}
    green = _two(make_product, {**common, **first}, {**common, **second}, tmp_path / "s.tif")
    numbers = np.arange(1, 801).reshape(20, 40) * 10
    expected = np.where(np.arange(40) < 20, (numbers + 1000) * 2.4e-5 - 0.12, numbers * 2.1e-5 - 0.105)
    np.testing.assert_allclose(green, expected, atol=1.6e-5)


def test_bands_that_only_some_have_are_left_out_and_said(make_product: MakeProduct, tmp_path: Path) -> None:
    green = np.full((5, 5), 9000, np.uint16)
    one = make_product({"green": green, "red": green}, name="A", day=DAYS[0])
    two = make_product({"green": green}, name="B", day=DAYS[1])
    ready = make_ready([one, two], tmp_path / "s.tif", settings=ReadySettings(composite="least-cloud"))
    assert ready.bands == ("green", "day")
    assert "bands left out, as not every product has them: red" in ready.lines


def test_products_of_two_zones_become_one(make_product: MakeProduct, tmp_path: Path) -> None:
    from rasterio.warp import transform

    values = np.full((60, 60), 9000, np.uint16)
    x, y = transform("EPSG:32645", "EPSG:32644", [478005.0 + 900], [3108135.0])
    one = make_product({"green": values}, name="A")
    two = make_product({"green": values + 100}, name="B", crs="EPSG:32644", corner=(x[0], y[0]))
    ready = make_ready([one, two], tmp_path / "s.tif")
    with rasterio.open(ready.path) as file:
        own = file.read(1)
    assert ready.grid.crs.to_epsg() == 32645
    assert {9000, 9100} <= set(np.unique(own)) <= {0, 9000, 9100}
    assert (own == 9000).sum() == 3600
    assert "B: green: resampled (bilinear) from 30 m from EPSG:32644" in ready.lines
