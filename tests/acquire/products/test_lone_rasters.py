"""Rasters that say little of themselves: what they tell is used, what they do not tell is never guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from firnline.acquire.products import read_products
from firnline.acquire.source import QualityConvention, SourceBand
from firnline.bands import Level, Sensor
from firnline.errors import BandError, SceneError

from . import made

C2_NAMES = ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7", "ST_B10", "QA_PIXEL", "QA_RADSAT")
S2_NAMES = ("B2", "B3", "B4", "B8", "B8A", "B11", "B12", "QA60", "SCL")
HKH = (*(f"B{n}" for n in range(1, 6)), "B6_VCID_1", "B6_VCID_2", "B7", "B8", "BQA", "ndvi", "ndsi", "ndwi")


def stack(path: Path, names: tuple[str, ...], dtype: str, low: float, high: float) -> np.ndarray:
    values = np.random.default_rng(1).uniform(low, high, (len(names), 8, 8)).astype(dtype)
    made.raster(path, values, 30.0, names)
    return values


def by_name(product: object) -> dict[str, SourceBand]:
    return {band.name: band for band in product.bands}  # type: ignore[attr-defined]


def test_landsat_collection_2_as_delivered(tmp_path: Path) -> None:
    stack(tmp_path / "LC08_139041_20200901.tif", C2_NAMES, "uint16", 7500, 30000)
    (product,) = read_products(tmp_path)
    bands = by_name(product)
    assert (product.sensor, str(product.date)) == (Sensor.LANDSAT8, "2020-09-01")
    assert (bands["swir16"].scale, bands["swir16"].offset, bands["swir16"].nodata) == (2.75e-05, -0.2, 0.0)
    assert (bands["swir16"].level, bands["swir16"].index) == (Level.SURFACE_REFLECTANCE, 5)
    assert (bands["lwir11"].scale, bands["lwir11"].level) == (0.00341802, Level.SURFACE_TEMPERATURE)
    assert product.quality is not None
    assert (product.quality.convention, product.quality.index) == (QualityConvention.LANDSAT_C2_PIXEL, 8)
    assert product.quality.saturation_index == 9
    assert (product.metadata["path"], product.metadata["row"]) == (139, 41)


@pytest.mark.parametrize("bands", [C2_NAMES, C2_NAMES[:4]])
def test_reflectance_times_10000_is_not_taken_for_collection_2(tmp_path: Path, bands: tuple[str, ...]) -> None:
    """Snow is the hard case: its 9000 in the visible would pass for a dark surface of Collection 2."""
    path = tmp_path / "LC08_139041_20200901.tif"
    snow = {"SR_B6": 900, "SR_B7": 700}
    made.raster(path, np.stack([np.full((8, 8), snow.get(name, 9500), "uint16") for name in bands]), 30.0, bands)
    (product,) = read_products(path)
    assert {by_name(product)[name].level for name in ("blue", "red", "nir08")} == {Level.UNKNOWN}
    assert any("of another scale" in note for note in product.notes)


@pytest.mark.real
@pytest.mark.parametrize("with_short_wave", [True, False])
def test_real_snow_scenes_are_known_as_collection_2(shared_data: Path, tmp_path: Path, with_short_wave: bool) -> None:
    tiles = sorted((shared_data / "landsat8-zanskar").glob("*_image.tif"))[:4]
    assert tiles
    names = ("SR_B2", "SR_B3", "SR_B4", "SR_B6")[: 4 if with_short_wave else 3]
    for number, tile in enumerate(tiles, start=1):
        with rasterio.open(tile) as file:
            values = file.read(list(range(1, len(names) + 1)))
        made.raster(tmp_path / f"LC08_139041_2020010{number}.tif", values, 30.0, names)
    products = read_products(tmp_path)
    assert {band.level for product in products for band in product.bands} == {Level.SURFACE_REFLECTANCE}


@pytest.mark.parametrize(
    ("told", "red", "thermal"),
    [
        (None, Level.UNKNOWN, Level.UNKNOWN),
        (Level.SURFACE_REFLECTANCE, Level.SURFACE_REFLECTANCE, Level.SURFACE_TEMPERATURE),
        (Level.DIGITAL_NUMBER, Level.DIGITAL_NUMBER, Level.DIGITAL_NUMBER),
    ],
)
def test_floats_are_of_the_level_that_is_told(tmp_path: Path, told: Level | None, red: Level, thermal: Level) -> None:
    stack(tmp_path / "LC08_139041_20200901.tif", C2_NAMES[:7], "float32", 0.1, 0.9)
    (product,) = read_products(tmp_path, level=told)
    bands = by_name(product)
    assert (bands["red"].level, bands["red"].scale, bands["red"].nodata) == (red, 1.0, None)
    assert bands["lwir11"].level == thermal
    assert any("say it in a sidecar" in note for note in product.notes) == (told is None)


def test_top_of_atmosphere_floats_have_brightness_temperature(tmp_path: Path) -> None:
    stack(tmp_path / "LC08_139041_20200901_toa.tif", ("B2", "B3", "B4", "B5", "B6", "B7", "B10"), "float32", 0.1, 0.9)
    (product,) = read_products(tmp_path, level=Level.TOP_OF_ATMOSPHERE)
    bands = by_name(product)
    assert bands["green"].level == Level.TOP_OF_ATMOSPHERE
    assert bands["lwir11"].level == Level.BRIGHTNESS_TEMPERATURE


def test_the_offset_of_sentinel_2_is_told_by_the_name_or_a_sidecar_or_not_at_all(tmp_path: Path) -> None:
    for name in ("20221005T115411_20221005T115407_T29UNU.tif", "S2_SR_HARMONIZED_20221006.tif", "s2_20221007.tif"):
        stack(tmp_path / name, S2_NAMES, "uint16", 900, 9000)
    (tmp_path / "s2_20221007.firnline.yaml").write_text(
        "level: surface reflectance\nbands:\n"
        + "".join(f"  {n}: {{scale: 0.0001, offset: -0.1}}\n" for n in S2_NAMES[:7])
    )
    untold, named, noted = read_products(tmp_path, level=Level.SURFACE_REFLECTANCE)
    assert untold.metadata["tile"] == "29UNU"
    for product, scale, offset, level in (
        (untold, 1.0, 0.0, Level.UNKNOWN),
        (named, 0.0001, 0.0, Level.SURFACE_REFLECTANCE),
        (noted, 0.0001, -0.1, Level.SURFACE_REFLECTANCE),
    ):
        red = by_name(product)["red"]
        assert (red.scale, red.offset, red.level) == (scale, offset, level)
        assert product.quality is not None
        assert product.quality.convention == QualityConvention.SENTINEL2_SCL
    assert any("offset of 1000" in note for note in untold.notes)


def test_what_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    stack(tmp_path / "export.tif", C2_NAMES, "uint16", 7500, 30000)
    with pytest.raises(SceneError, match=r"sensor cannot be told .* sidecar"):
        read_products(tmp_path)
    (tmp_path / "export.firnline.yaml").write_text("sensor: landsat9\n")
    with pytest.raises(SceneError, match="which day"):
        read_products(tmp_path)
    (tmp_path / "export.firnline.yaml").write_text("sensor: landsat9\ndate: 2022-09-01\n")
    (product,) = read_products(tmp_path)
    assert (product.sensor, str(product.date)) == (Sensor.LANDSAT9, "2022-09-01")


def test_unknown_bands_are_noted_and_doubled_ones_refused(tmp_path: Path) -> None:
    path = tmp_path / "LC08_139041_20200901.tif"
    stack(path, ("SR_B4", "cloudiness", "elevation"), "uint16", 7500, 30000)
    (product,) = read_products(path)
    assert product.band_names == ("red", "elevation")
    assert "band 2 is left out: its name 'cloudiness' is not known" in product.notes
    stack(path, ("SR_B4", "B4"), "uint16", 7500, 30000)
    with pytest.raises(BandError, match="two bands that are red"):
        read_products(path)


def test_a_tiled_export_is_one_raster_again(tmp_path: Path) -> None:
    whole = np.random.default_rng(0).integers(7500, 30000, (2, 7, 9)).astype("uint16")
    for row in (0, 4):
        for column in (0, 5):
            part = whole[:, row : row + 4, column : column + 5]
            path = tmp_path / f"LC08_139041_20200901-{row:010}-{column:010}.tif"
            made.raster(path, part, 30.0, ("SR_B4", "QA_PIXEL"))
            with rasterio.open(path, "r+") as file:
                file.transform = Affine(30, 0, made.LEFT + 30 * column, 0, -30, made.TOP - 30 * row)
    (product,) = read_products(tmp_path, unpack=tmp_path / "joined")
    with rasterio.open(product.bands[0].href) as file:
        np.testing.assert_array_equal(file.read(), whole)
        assert (file.transform.c, file.transform.f, file.crs.to_epsg()) == (made.LEFT, made.TOP, 32645)
    (tmp_path / "LC08_139041_20200901-0000000004-0000000005.tif").unlink()
    with pytest.raises(SceneError, match="a tile of the export is missing"):
        read_products(tmp_path)


def test_other_rasters_are_no_products(tmp_path: Path) -> None:
    made.raster(tmp_path / "dem.tif", np.zeros((4, 4), "float32"), 30.0, ("elevation",))
    with pytest.raises(SceneError, match="no product that can be read"):
        read_products(tmp_path)


def test_the_published_layout_needs_its_name(tmp_path: Path) -> None:
    stack(tmp_path / "scene.tif", (*HKH, "elevation", "slope"), "float32", 0, 255)
    with pytest.raises(SceneError, match="LE07_PPPRRR_YYYYMMDD"):
        read_products(tmp_path)


@pytest.mark.real
def test_the_published_scene_is_put_right(shared_data: Path) -> None:
    (product,) = read_products(shared_data / "lila-hkh-sample" / "raster_data")
    bands = by_name(product)
    assert (product.id, product.sensor) == ("LE07_134040_20070922_clip", Sensor.LANDSAT7)
    assert (product.metadata["path"], product.metadata["row"], product.metadata["slc_off"]) == (134, 40, True)
    assert product.fill is not None
    with rasterio.open(bands["red"].href) as file:
        inside = file.read(product.fill.index) != product.fill.nodata
        green, swir = file.read(bands["green"].index)[inside], file.read(bands["swir16"].index)[inside]
        stored = file.read(bands["ndsi"].index)[inside]
        assert (file.read(bands["elevation"].index)[inside] > 0).all()
    np.testing.assert_allclose(stored * bands["ndsi"].scale, (green - swir) / (green + swir), atol=1e-6)
    assert 0.6 < inside.mean() < 0.7
    assert {bands[name].level for name in ("blue", "swir22", "lwir_low_gain")} == {Level.DIGITAL_NUMBER}
    assert "ndmi" in bands
    assert "ndwi" not in bands
