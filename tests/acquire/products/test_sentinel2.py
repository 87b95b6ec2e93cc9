"""A Sentinel-2 product is read with its offset as its metadata states it, at native pixel sizes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio

from firnline.acquire.products import read_products
from firnline.acquire.source import QualityConvention, SourceBand
from firnline.bands import Level, Sensor
from firnline.errors import SceneError

from . import made

L2A = "S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454"
L1C = "S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248"
NAMES = {"B02": "blue", "B04": "red", "B08": "nir08", "B8A": "nir08_narrow", "B05": "rededge071", "B11": "swir16"} | {
    "B12": "swir22",
    "B09": "nir09",
    "B01": "coastal",
}


def values(source: SourceBand) -> np.ndarray:
    with rasterio.open(source.href) as file:
        stored = file.read(source.index).astype(float)
    return np.where(stored == source.nodata, np.nan, stored * source.scale + source.offset)


def test_level_2a_with_the_offset_of_baseline_4(tmp_path: Path) -> None:
    safe, numbers = made.sentinel2(tmp_path, L2A)
    (product,) = read_products(safe)
    assert (product.id, product.sensor, product.cloud_cover) == (L2A, Sensor.SENTINEL2, 59.769726)
    assert product.moment.isoformat() == "2022-10-05T11:54:11.024000+00:00"
    bands = {band.name: band for band in product.bands}
    for number, name in NAMES.items():
        expected = np.where(numbers[number] == 0, np.nan, (numbers[number] - 1000.0) / 10000)
        np.testing.assert_allclose(values(bands[name]), expected, atol=1e-12)
        assert bands[name].level == Level.SURFACE_REFLECTANCE
        with rasterio.open(bands[name].href) as file:
            assert file.driver == "JP2OpenJPEG"
            assert file.res[0] == made.SENTINEL2_BANDS[number], "its native pixel size"
    assert product.quality is not None
    assert product.quality.convention == QualityConvention.SENTINEL2_SCL
    assert product.quality.href.endswith("SCL_20m.jp2")
    about = product.metadata
    assert (about["processing_baseline"], about["tile"], about["platform"]) == ("04.00", "29UNU", "S2A")
    assert (about["sun_elevation"], about["sun_azimuth"], about["snow_cover"]) == (32.75, 168.5, 6.46e-4)


def test_level_1c_of_before_the_offset(tmp_path: Path) -> None:
    _, numbers = made.sentinel2(tmp_path, L1C, offset=None, baseline="03.01", level="1C")
    (product,) = read_products(tmp_path)
    bands = {band.name: band for band in product.bands}
    np.testing.assert_allclose(values(bands["red"])[1:], numbers["B04"][1:] / 10000)
    assert bands["red"].level == Level.TOP_OF_ATMOSPHERE
    assert "cirrus" in bands
    assert product.quality is None
    assert any("cloud is not known" in note for note in product.notes)


def test_a_zip_gives_the_same(tmp_path: Path) -> None:
    _, numbers = made.sentinel2(tmp_path / "in", L2A)
    archive = shutil.make_archive(str(tmp_path / L2A), "zip", tmp_path / "in")
    (product,) = read_products(archive)
    red = next(band for band in product.bands if band.name == "red")
    assert red.href.startswith("/vsizip/")
    np.testing.assert_allclose(values(red)[1:], numbers["B04"][1:] / 10000 - 0.1)
    assert product.metadata["sun_elevation"] == 32.75


def test_the_offset_is_never_guessed(tmp_path: Path) -> None:
    made.sentinel2(tmp_path, L2A, offset=None)
    with pytest.raises(SceneError, match=r"baseline 04\.00 stores an offset, but the metadata does not state it"):
        read_products(tmp_path)


def test_an_offset_of_an_old_baseline_is_used_and_noted(tmp_path: Path) -> None:
    made.sentinel2(tmp_path, L2A, baseline="02.12")
    (product,) = read_products(tmp_path)
    assert product.bands[0].offset == -0.1
    assert any("although its processing baseline is 02.12" in note for note in product.notes)


def test_missing_files(tmp_path: Path) -> None:
    safe, _ = made.sentinel2(tmp_path, L2A)
    next(safe.rglob("*_B02_10m.jp2")).unlink()
    next(safe.rglob("*_B09_60m.jp2")).unlink()
    next(safe.rglob("MTD_TL.xml")).unlink()
    (product,) = read_products(safe)
    assert next(band for band in product.bands if band.name == "blue").href.endswith("B02_20m.jp2")
    assert {"B02 is read at 20 m: its file at 10 m is missing", "B09 is left out: its file is missing"} <= {
        *product.notes
    }
    assert "sun_elevation" not in product.metadata
    next(safe.rglob("*_B11_20m.jp2")).unlink()
    with pytest.raises(SceneError, match=r"lacks the files of swir16 \(B11\)"):
        read_products(safe)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<PROCESSING_BASELINE>04.00</PROCESSING_BASELINE>", "", "no PROCESSING_BASELINE"),
        ("<PROCESSING_BASELINE>04.00", "<PROCESSING_BASELINE>new", "no number such as 04.00"),
        ('unit="none">10000<', 'unit="none"><', "no BOA_QUANTIFICATION_VALUE"),
        ('unit="none">10000<', 'unit="none">0<', "BOA_QUANTIFICATION_VALUE is 0"),
        ('<BOA_ADD_OFFSET band_id="3">-1000</BOA_ADD_OFFSET>', "", "states no offset for B04"),
        ("IMAGE_FILE>", "IMAGE_ID>", "compact form"),
        ("</n1:General_Info>", "", "not whole XML"),
        ("<Product_Info>", "<!DOCTYPE x><Product_Info>", "declares XML entities"),
    ],
)
def test_broken_metadata_is_one_clear_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    safe, _ = made.sentinel2(tmp_path, L2A)
    mtd = safe / "MTD_MSIL2A.xml"
    text = mtd.read_text()
    assert old in text
    mtd.write_text(text.replace(old, new))
    with pytest.raises(SceneError, match=said) as caught:
        read_products(safe)
    assert "\n" not in str(caught.value)
