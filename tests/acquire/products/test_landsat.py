"""A Landsat product as it was downloaded is read in its true units, or refused in one line."""

from __future__ import annotations

import math
import tarfile
from pathlib import Path

import numpy as np
import pytest
import rasterio

from firnline.acquire.products import read_products
from firnline.acquire.source import QualityConvention, SourceBand, SourceProduct
from firnline.bands import Level, Sensor
from firnline.errors import SceneError

from . import made

L2 = "LE07_L2SP_134040_20070922_20200913_02_T1"
C1 = "LE07_L1TP_134040_20070922_20170101_01_T1"
ETM = made.image_attributes("LANDSAT_7", "ETM", SENSOR_MODE_SLC='"OFF"')
NAMES = {"1": "blue", "2": "green", "3": "red", "4": "nir08", "5": "swir16", "7": "swir22", "8": "pan"}


def band(product: SourceProduct, name: str) -> SourceBand:
    return next(band for band in product.bands if band.name == name)


def values(source: SourceBand) -> np.ndarray:
    """The band's values by the contract's formula, NaN where unknown."""
    with rasterio.open(source.href) as file:
        stored = file.read(source.index).astype(float)
    return np.where(stored == source.nodata, np.nan, stored * source.scale + source.offset)


@pytest.fixture
def level2(tmp_path: Path) -> tuple[Path, dict[str, np.ndarray]]:
    return tmp_path / L2, made.landsat_c2(tmp_path / L2, L2, made.ETM_L2, ETM)


@pytest.mark.parametrize("form", ["txt", "xml", "json"])
def test_collection_2_level_2_is_surface_reflectance_and_kelvin(tmp_path: Path, form: str) -> None:
    numbers = made.landsat_c2(tmp_path, L2, made.ETM_L2, ETM, form=form)
    (product,) = read_products(tmp_path)
    assert (product.id, product.sensor, product.cloud_cover) == (L2, Sensor.LANDSAT7, 6.0)
    assert product.moment.isoformat() == "2007-09-22T04:01:59.738020+00:00"
    assert set(product.band_names) == {"blue", "green", "red", "nir08", "swir16", "swir22", "lwir11"}
    for number, name in NAMES.items():
        if number != "8":
            expected = np.where(numbers[number] == 0, np.nan, numbers[number] * 2.75e-5 - 0.2)
            np.testing.assert_allclose(values(band(product, name)), expected)
            assert band(product, name).level == Level.SURFACE_REFLECTANCE
    kelvin = np.where(numbers["ST_B6"] == 0, np.nan, numbers["ST_B6"] * 0.00341802 + 149)
    np.testing.assert_allclose(values(band(product, "lwir11")), kelvin)
    assert band(product, "lwir11").level == Level.SURFACE_TEMPERATURE
    assert product.quality is not None
    assert product.quality.convention == QualityConvention.LANDSAT_C2_PIXEL
    assert product.quality.href.endswith("QA_PIXEL.TIF")
    assert product.quality.saturation is not None
    assert product.quality.saturation.endswith("QA_RADSAT.TIF")
    about = product.metadata
    assert (about["path"], about["row"], about["collection"], about["level_of_processing"]) == (134, 40, 2, "L2SP")
    assert (about["sun_azimuth"], about["sun_elevation"], about["slc_off"]) == (141.0283317, 51.9708739, True)


def test_level_1_is_reflectance_corrected_for_the_sun_and_thermal_stays_digital_numbers(tmp_path: Path) -> None:
    product_id = "LC08_L1TP_139041_20200901_20200906_02_T1"
    attributes = made.image_attributes("LANDSAT_8", "OLI_TIRS")
    numbers = made.landsat_c2(tmp_path, product_id, made.OLI_L1, attributes, thermal=("10", "11"))
    (product,) = read_products(tmp_path)
    sine = math.sin(51.97087390 * math.pi / 180)
    for number, (name, mult, add) in {"2": ("blue", 2.2e-3, -0.02), "6": ("swir16", 6.6e-3, -0.06)}.items():
        expected = np.where(numbers[number] == 0, np.nan, (mult * numbers[number] + add) / sine)
        np.testing.assert_allclose(values(band(product, name)), expected)
        assert band(product, name).level == Level.TOP_OF_ATMOSPHERE
    thermal = band(product, "lwir11")
    assert (thermal.level, thermal.scale, thermal.offset) == (Level.DIGITAL_NUMBER, 1.0, 0.0)
    keys = ("radiance_mult", "radiance_add", "k1", "k2")
    assert [product.metadata[f"lwir11_{key}"] for key in keys] == [0.33, -9.1, 666.09, 1282.71]
    assert any("digital numbers" in note for note in product.notes)
    assert product.metadata["slc_off"] is False
    with rasterio.open(band(product, "pan").href) as pan:
        assert (pan.shape, pan.res) == ((8, 8), (15.0, 15.0))


def test_collection_1_has_both_gains_saturation_and_its_own_quality_band(tmp_path: Path) -> None:
    numbers = made.landsat_c1(tmp_path, C1, made.ETM_L1, made.image_attributes("LANDSAT_7", "ETM"))
    (product,) = read_products(tmp_path)
    assert product.metadata["collection"] == 1
    assert product.metadata["slc_off"] is True, "by its date: Collection 1 does not say"
    assert product.quality is not None
    assert product.quality.convention == QualityConvention.LANDSAT_C1_BQA
    low, high = band(product, "lwir_low_gain"), band(product, "lwir_high_gain")
    assert low.href.endswith("B6_VCID_1.TIF")
    assert high.href.endswith("B6_VCID_2.TIF")
    green = (numbers["2"] * 2.2e-3 - 0.02) / math.sin(math.radians(51.97087390))
    np.testing.assert_allclose(values(band(product, "green")), np.where(numbers["2"] == 0, np.nan, green))
    assert band(product, "green").saturated == 255


def test_landsat_5_and_9(tmp_path: Path) -> None:
    five = "LT05_L1TP_134040_20070922_20170101_01_T1"
    nine = "LC09_L2SP_139041_20220901_20220906_02_T1"
    made.landsat_c1(tmp_path / "five", five, made.TM_L1, made.image_attributes("LANDSAT_5", "TM"))
    attributes = made.image_attributes("LANDSAT_9", "OLI_TIRS") | {"DATE_ACQUIRED": "2022-09-01"}
    made.landsat_c2(tmp_path / "nine", nine, made.OLI_L2, attributes)
    products = read_products(tmp_path)
    assert [product.sensor for product in products] == [Sensor.LANDSAT5, Sensor.LANDSAT9]
    assert band(products[0], "lwir11").href.endswith("_B6.TIF")
    assert band(products[1], "lwir11").href.endswith("_ST_B10.TIF")
    assert band(products[1], "swir16").href.endswith("_SR_B6.TIF")


@pytest.mark.parametrize(("mode", "suffix"), [("w", ".tar"), ("w:gz", ".tar.gz"), ("w:gz", ".tgz")])
@pytest.mark.parametrize("inside", ["", "scene/"])
def test_a_tar_gives_the_same_as_its_folder(
    level2: tuple[Path, dict[str, np.ndarray]], tmp_path: Path, mode: str, suffix: str, inside: str
) -> None:
    folder, _ = level2
    archive = made.packed(folder, tmp_path / f"download{suffix}", mode, inside)
    (from_folder,) = read_products(folder)
    (from_tar,) = read_products(archive, unpack=tmp_path / "unpacked")
    assert from_tar.metadata == from_folder.metadata
    for one, other in zip(from_tar.bands, from_folder.bands, strict=True):
        assert (one.name, one.scale, one.offset) == (other.name, other.scale, other.offset)
        np.testing.assert_array_equal(values(one), values(other))
    assert (tmp_path / "unpacked").exists() == (suffix != ".tar"), "a plain tar is read where it lies"


def test_many_products_come_by_date_and_each_once(level2: tuple[Path, dict[str, np.ndarray]], tmp_path: Path) -> None:
    folder, _ = level2
    made.packed(folder, tmp_path / "same.tar")
    earlier = "LE07_L2SP_134040_20060903_20200913_02_T1"
    made.landsat_c2(tmp_path / "x" / earlier, earlier, made.ETM_L2, ETM | {"DATE_ACQUIRED": "2006-09-03"})
    made.packed(tmp_path / "x" / earlier, tmp_path / "earlier.tar")
    for file in (tmp_path / "x" / earlier).iterdir():
        file.unlink()
    products = read_products(tmp_path)
    assert [product.id for product in products] == [earlier, L2]
    assert products[0].bands[0].href.startswith("/vsitar/")
    assert any("more than once" in note for note in products[1].notes)
    assert not products[1].bands[0].href.startswith("/vsitar/")


def test_espa_surface_reflectance_of_collection_1(tmp_path: Path) -> None:
    stored = {}
    for number in (1, 2, 3, 4, 5, 7):
        stored[number] = np.random.default_rng(number).integers(-50, 9000, (4, 4)).astype("int16")
        stored[number][0, 0] = -9999
        made.raster(tmp_path / f"{C1}_sr_band{number}.tif", stored[number])
    made.raster(tmp_path / f"{C1}_bt_band6.tif", np.full((4, 4), 2655, "int16"))
    made.raster(tmp_path / f"{C1}_pixel_qa.tif", np.full((4, 4), 66, "uint16"))
    (tmp_path / f"{C1}.xml").write_text(
        '<espa_metadata xmlns="http://espa.cr.usgs.gov/v2"><global_metadata><acquisition_date>2007-09-22</acquisition_date>'
        "<scene_center_time>04:01:59.7380207Z</scene_center_time>"
        '<solar_angles zenith="38.5" azimuth="141.0" units="degrees"/></global_metadata></espa_metadata>'
    )
    (product,) = read_products(tmp_path)
    expected = np.where(stored[4] == -9999, np.nan, stored[4] * 0.0001)
    np.testing.assert_allclose(values(band(product, "nir08")), expected)
    assert band(product, "nir08").level == Level.SURFACE_REFLECTANCE
    np.testing.assert_allclose(values(band(product, "lwir11")), 265.5)
    assert band(product, "lwir11").level == Level.BRIGHTNESS_TEMPERATURE
    assert product.quality is not None
    assert product.quality.convention == QualityConvention.LANDSAT_C1_PIXEL_QA
    assert (product.metadata["sun_elevation"], product.moment.hour) == (51.5, 4)


def test_from_before_the_collections_stays_digital_numbers_and_says_so(tmp_path: Path) -> None:
    made.landsat_c1(tmp_path, C1, made.ETM_L1, made.image_attributes("LANDSAT_7", "ETM"))
    mtl = tmp_path / f"{C1}_MTL.txt"
    gone = ("COLLECTION_NUMBER", "LANDSAT_PRODUCT_ID", "REFLECTANCE_", "FILE_NAME_BAND_QUALITY")
    mtl.write_text("\n".join(line for line in mtl.read_text().splitlines() if not line.strip().startswith(gone)))
    (product,) = read_products(tmp_path)
    assert product.id == "LE71340402007265EDC00"
    assert {band.level for band in product.bands} == {Level.DIGITAL_NUMBER}
    assert product.quality is None
    assert any("gives no factors of reflectance" in note for note in product.notes)


def test_a_missing_required_band_is_named_and_another_is_noted(level2: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, _ = level2
    (folder / f"{L2}_ST_B6.TIF").unlink()
    (product,) = read_products(folder)
    assert "lwir11" not in product.band_names
    assert f"lwir11 is left out: {L2}_ST_B6.TIF is missing" in product.notes
    (folder / f"{L2}_SR_B2.TIF").unlink()
    (folder / f"{L2}_SR_B5.TIF").unlink()
    with pytest.raises(SceneError, match=rf"green \({L2}_SR_B2.TIF\), swir16 \({L2}_SR_B5.TIF\)"):
        read_products(folder)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    REFLECTANCE_MULT_BAND_3 = 2.75e-05\n", "", "has no REFLECTANCE_MULT_BAND_3"),
        ("REFLECTANCE_ADD_BAND_3 = -0.2", "REFLECTANCE_ADD_BAND_3 = NULL", "REFLECTANCE_ADD_BAND_3 is not a number"),
        ("    SUN_ELEVATION = 51.97087390\n", "", "no SUN_ELEVATION"),
        ("2007-09-22", "2007-22-09", "is not a date"),
        ('"LANDSAT_7"', '"LANDSAT_4"', "LANDSAT_4 is not known here"),
        ("END_GROUP = LANDSAT_METADATA_FILE", "", "cut short"),
        ("GROUP = LANDSAT_METADATA_FILE", "GROUP = SOMETHING", "Landsat MTL"),
    ],
)
def test_a_broken_mtl_is_one_clear_line(
    level2: tuple[Path, dict[str, np.ndarray]], old: str, new: str, said: str
) -> None:
    mtl = level2[0] / f"{L2}_MTL.txt"
    text = mtl.read_text()
    assert old in text
    mtl.write_text(text.replace(old, new))
    with pytest.raises(SceneError, match=said) as caught:
        read_products(level2[0])
    assert "_MTL.txt" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_level_1_scene_by_night_is_refused(tmp_path: Path) -> None:
    attributes = made.image_attributes("LANDSAT_7", "ETM") | {"SUN_ELEVATION": "-3.2"}
    made.landsat_c1(tmp_path, C1, made.ETM_L1, attributes)
    with pytest.raises(SceneError, match="by day"):
        read_products(tmp_path)


def test_a_band_that_is_no_raster_is_named(level2: tuple[Path, dict[str, np.ndarray]]) -> None:
    (level2[0] / f"{L2}_SR_B4.TIF").write_bytes(b"II*\0")
    with pytest.raises(SceneError, match=r"SR_B4.TIF: cannot be opened as a raster"):
        read_products(level2[0])


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
@pytest.mark.parametrize(("mode", "suffix"), [("w", ".tar"), ("w:gz", ".tar.gz")])
def test_a_truncated_tar_is_told(
    level2: tuple[Path, dict[str, np.ndarray]], tmp_path: Path, keep: float, mode: str, suffix: str
) -> None:
    archive = made.packed(level2[0], tmp_path / f"cut{suffix}", mode)
    with tarfile.open(archive) as tar:
        last = tar.getmembers()[-1]
    content = archive.read_bytes()
    whole = last.offset_data + last.size if suffix == ".tar" else len(content)
    archive.write_bytes(content[: int(whole * keep)])
    with pytest.raises(SceneError, match=r"cut short|no whole tar") as caught:
        read_products(archive)
    assert "download it again" in str(caught.value)


def test_one_of_two_levels_by_its_mtl(level2: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, _ = level2
    level1 = "LE07_L1TP_134040_20070922_20200913_02_T1"
    made.landsat_c2(folder, level1, made.ETM_L1, ETM, dtype="uint8")
    assert len(read_products(folder)) == 2
    (product,) = read_products(folder / f"{level1}_MTL.txt")
    assert product.metadata["level_of_processing"] == "L1TP"


def test_bands_without_their_mtl_are_told_apart_from_nothing(level2: tuple[Path, dict[str, np.ndarray]]) -> None:
    (level2[0] / f"{L2}_MTL.txt").unlink()
    with pytest.raises(SceneError, match=r"without their _MTL\.txt: download it"):
        read_products(level2[0])
