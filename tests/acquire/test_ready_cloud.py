"""Cloud, shadow, saturation and snow: what becomes unknown, what is flagged, and what the report says of ice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

from firnline.acquire.products import read_products
from firnline.acquire.ready.make import ReadyScene, make_ready
from firnline.acquire.ready.settings import Dem, ReadySettings
from firnline.acquire.source import QualityConvention, SourceProduct
from firnline.bands import Level, Sensor
from firnline.errors import GridError
from firnline.flags import Flag, read_flags
from firnline.scene import open_scene

MakeProduct = Callable[..., SourceProduct]
Spectra = Callable[..., dict[str, NDArray[np.uint16]]]
SHAPE = (60, 80)
CLEAR, CLOUD, SHADOW, SNOW = 21824, 22280, 23888, 30048


def _quality(cloud: NDArray[np.bool_]) -> NDArray[np.uint16]:
    return np.where(cloud, CLOUD, CLEAR).astype(np.uint16)


@pytest.fixture
def snow() -> NDArray[np.bool_]:
    where = np.zeros(SHAPE, bool)
    where[:, 40:] = True
    return where


@pytest.fixture
def cloud() -> NDArray[np.bool_]:
    where = np.zeros(SHAPE, bool)
    where[10:30, 30:50] = True  # half of it over the snow
    where[50, 5] = True
    return where


@pytest.fixture
def product(
    make_product: MakeProduct, spectra: Spectra, snow: NDArray[np.bool_], cloud: NDArray[np.bool_]
) -> SourceProduct:
    return make_product(spectra(SHAPE, snow), quality=_quality(cloud))


def _made(
    product: SourceProduct, out: Path, **settings: Any
) -> tuple[ReadyScene, NDArray[np.bool_], NDArray[np.uint8]]:
    """The scene, where it is unknown in green, and its flags."""
    ready = make_ready([product], out, settings=ReadySettings(**settings))
    scene = open_scene(ready.path)
    values = scene.read(["green", "swir16", "ndsi"])
    assert (np.isnan(values[0]) == np.isnan(values[1])).all()
    assert (np.isnan(values[0]) == np.isnan(values[2])).all()
    return ready, np.isnan(values[0]), read_flags(ready.flags, scene.grid)


def test_cloud_becomes_unknown_and_is_flagged(product: SourceProduct, cloud: Any, tmp_path: Path) -> None:
    _, unknown, flags = _made(product, tmp_path / "s.tif")
    assert (unknown == cloud).all()
    assert ((flags & Flag.CLOUD != 0) == cloud).all()


def test_the_report_says_how_much_bright_ice_the_cloud_flag_took(
    product: SourceProduct, cloud: Any, snow: Any, tmp_path: Path
) -> None:
    ready, _, _ = _made(product, tmp_path / "s.tif")
    km2 = (cloud & snow).sum() * 0.0009
    share = 100 * (cloud & snow).sum() / snow.sum()
    text = "\n".join(ready.lines)
    assert f"the cloud flag took {km2:.1f} km2 of what looks like bright snow or ice" in text
    assert f"{share:.1f} % of all of it" in text
    assert "--cloud keep" in text


def test_cloud_can_be_kept(product: SourceProduct, cloud: Any, tmp_path: Path) -> None:
    ready, unknown, flags = _made(product, tmp_path / "s.tif", cloud="keep")
    assert not unknown.any()
    assert ((flags & Flag.CLOUD != 0) == cloud).all()
    assert "the cloud flag would take" in "\n".join(ready.lines)


def test_cloud_over_ice_alone_can_be_kept(product: SourceProduct, cloud: Any, snow: Any, tmp_path: Path) -> None:
    _, unknown, flags = _made(product, tmp_path / "s.tif", keep_cloud_over_ice=True)
    assert (unknown == (cloud & ~snow)).all()
    assert ((flags & Flag.CLOUD != 0) == cloud).all()


@pytest.mark.parametrize("pixels", [1, 3])
def test_cloud_can_be_widened(product: SourceProduct, cloud: Any, pixels: int, tmp_path: Path) -> None:
    _, unknown, flags = _made(product, tmp_path / "s.tif", cloud_buffer=pixels)
    expected = np.zeros(SHAPE, bool)
    for row, column in zip(*np.nonzero(cloud), strict=True):
        for r in range(row - pixels, row + pixels + 1):
            for c in range(column - pixels, column + pixels + 1):
                near = (r - row) ** 2 + (c - column) ** 2 <= pixels**2
                if near and 0 <= r < SHAPE[0] and 0 <= c < SHAPE[1]:
                    expected[r, c] = True
    assert (unknown == expected).all()
    assert ((flags & Flag.CLOUD != 0) == expected).all()


def test_a_buffer_reaches_across_blocks_and_the_edge_of_the_area(make_product: MakeProduct, tmp_path: Path) -> None:
    cloud = np.zeros((1030, 20), bool)
    cloud[511, 10] = True
    product = make_product({"green": np.full((1030, 20), 9000, np.uint16)}, quality=_quality(cloud))
    ready = make_ready([product], tmp_path / "s.tif", settings=ReadySettings(cloud_buffer=2))
    unknown = np.isnan(open_scene(ready.path).read(["green"])[0])
    assert np.argwhere(unknown).min(axis=0).tolist() == [509, 8]
    assert np.argwhere(unknown).max(axis=0).tolist() == [513, 12]


def test_shadow_is_flagged_and_unknown_only_where_told(
    make_product: MakeProduct, spectra: Spectra, tmp_path: Path
) -> None:
    bits = np.full(SHAPE, CLEAR, np.uint16)
    bits[:5], bits[5:9] = SHADOW, SNOW
    product = make_product(spectra(SHAPE), quality=bits)
    _, unknown, flags = _made(product, tmp_path / "kept.tif")
    assert not unknown.any()
    assert (flags[:5] == Flag.CLOUD_SHADOW).all()
    assert (flags[5:9] == Flag.SNOW).all()
    _, unknown, flags = _made(product, tmp_path / "unknown.tif", shadow="unknown")
    assert (unknown == (bits == SHADOW)).all()


def test_what_the_quality_band_calls_fill_is_unknown(
    make_product: MakeProduct, spectra: Spectra, tmp_path: Path
) -> None:
    bits = np.full(SHAPE, CLEAR, np.uint16)
    bits[:7] = 1
    _, unknown, flags = _made(make_product(spectra(SHAPE), quality=bits), tmp_path / "s.tif")
    assert (unknown == (bits == 1)).all()
    assert not flags.any()


def test_coarse_quality_is_taken_from_the_nearest_pixel(make_product: MakeProduct, tmp_path: Path) -> None:
    scl = np.random.default_rng(0).integers(1, 12, (20, 20)).astype(np.uint8)
    product = make_product(
        {"green": np.full((40, 40), 5000, np.uint16)},
        sensor=Sensor.SENTINEL2,
        pixels={"green": 10.0},
        quality=scl,
        quality_pixel=20.0,
        convention=QualityConvention.SENTINEL2_SCL,
    )
    ready = make_ready([product], tmp_path / "s.tif")
    flags = read_flags(ready.flags, ready.grid)
    cloud = np.isin(scl, (8, 9, 10)).repeat(2, 0).repeat(2, 1)
    assert ((flags & Flag.CLOUD != 0) == cloud).all()
    assert (np.isnan(open_scene(ready.path).read(["green"])[0]) == cloud).all()


def test_saturated_snow_is_flagged_and_stays(make_product: MakeProduct, tmp_path: Path) -> None:
    dn = np.tile(np.array([[0, 1, 100, 254, 255]], np.uint8), (3, 1))
    product = make_product(
        {"green": dn, "lwir_high_gain": np.full((3, 5), 255, np.uint8)},
        sensor=Sensor.LANDSAT7,
        level=Level.DIGITAL_NUMBER,
        day="2001-10-30",
        scale=1.0,
        offset=0.0,
    )
    ready = make_ready([product], tmp_path / "s.tif")
    scene = open_scene(ready.path)
    assert scene.band("green").level == Level.DIGITAL_NUMBER
    np.testing.assert_array_equal(scene.read(["green"])[0, 0], [np.nan, 1, 100, 254, 255])
    assert read_flags(ready.flags, scene.grid)[0].tolist() == [0, 0, 0, 0, Flag.SATURATED]


def test_saturation_bits_and_hidden_ground_of_landsat8(make_product: MakeProduct, tmp_path: Path) -> None:
    bits = np.array([[0, 0b100, 0b100000000000]], np.uint16)
    product = make_product(
        {"green": np.full((1, 3), 9000, np.uint16)}, quality=np.full((1, 3), CLEAR, np.uint16), saturation=bits
    )
    ready = make_ready([product], tmp_path / "s.tif")
    assert read_flags(ready.flags, ready.grid).tolist() == [[0, Flag.SATURATED, Flag.TERRAIN_SHADOW]]


def test_all_under_cloud_is_told(make_product: MakeProduct, spectra: Spectra, tmp_path: Path) -> None:
    product = make_product(spectra(SHAPE), quality=_quality(np.ones(SHAPE, bool)), name="CLOUDY")
    with pytest.raises(
        GridError, match="CLOUDY: no pixel of the products is known there: all of it is flagged as cloud"
    ):
        make_ready([product], tmp_path / "s.tif")
    assert not list(tmp_path.glob("*.*"))


def test_without_a_quality_band_it_is_said(make_product: MakeProduct, spectra: Spectra, tmp_path: Path) -> None:
    ready = make_ready([make_product(spectra(SHAPE), name="BARE")], tmp_path / "s.tif")
    assert "no quality band, so cloud is not found: BARE" in ready.lines


def test_terrain_comes_from_the_dem_and_its_gaps_are_said(
    make_product: MakeProduct, spectra: Spectra, tmp_path: Path
) -> None:
    product = make_product(spectra(SHAPE), metadata={"sun_azimuth": 90.0, "sun_elevation": 30.0})
    rows, columns = np.mgrid[0 : SHAPE[0] + 2, 0 : SHAPE[1] // 2 + 1]
    heights = (5000 + 30.0 * np.abs(columns - 20) * -1.0 + 0.0 * rows).astype(np.float32)  # a ridge of 45 degrees
    dem = tmp_path / "dem.tif"
    with rasterio.open(
        dem,
        "w",
        driver="GTiff",
        count=1,
        dtype="float32",
        height=heights.shape[0],
        width=heights.shape[1],
        crs="EPSG:32645",
        transform=Affine(30, 0, 478005 - 30, 0, -30, 3108135 + 30),
        nodata=-9999,
    ) as file:
        file.write(heights, 1)
    ready = make_ready([product], tmp_path / "s.tif", dem=Dem(dem, "made up", "2011"))
    scene = open_scene(ready.path)
    elevation, slope = scene.read(["elevation", "slope"])
    known = np.arange(SHAPE[1]) < heights.shape[1] - 1
    assert (np.isnan(elevation) == ~known).all()
    np.testing.assert_allclose(elevation[:, known], heights[1:-1, 1:], atol=0.11)
    assert np.abs(slope[:, 2:17] - 45).max() < 0.01
    flags = read_flags(ready.flags, scene.grid)
    away = flags & Flag.TERRAIN_SHADOW != 0
    assert away[:, 2:17].all()  # falls to the west, and the sun is in the east, 30 degrees high
    assert not away[:, 22:].any()
    share = 100 * (1 - known.mean())
    assert f"the DEM does not cover the scene: elevation and slope are unknown in {share:.1f} % of it" in ready.lines
    with rasterio.open(ready.path) as file:
        assert (file.tags()["DEM_NAME"], file.tags()["DEM_DATE"]) == ("made up", "2011")
    assert not np.isnan(scene.read(["green"])).any()


@pytest.mark.real
def test_the_real_clip_becomes_a_scene(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "lila-hkh-sample" / "raster_data" / "LE07_134040_20070922_clip.tif"
    ready = make_ready(read_products(path), tmp_path / "s.tif")
    with rasterio.open(path) as file:
        stored, bits = file.read(), file.read(10).astype(int)
    outside, cloud = stored[0] == 0, bits & 16 != 0
    scene = open_scene(ready.path)
    for name, index in (("blue", 1), ("swir16", 5), ("swir22", 8)):
        np.testing.assert_array_equal(
            scene.read([name])[0], np.where(outside | cloud, np.nan, stored[index - 1]).astype(np.float32)
        )
    ndsi = scene.read(["ndsi"])[0]
    both = np.isfinite(ndsi)
    np.testing.assert_allclose(ndsi[both], -stored[11][both], atol=1e-6)  # the published sign is flipped
    np.testing.assert_allclose(scene.read(["elevation"])[0][~outside], stored[13][~outside])
    assert np.isnan(scene.read(["elevation"])[0][outside]).all()
