"""Ids of every generation mean the same acquisition."""

from __future__ import annotations

import datetime as dt

import pytest

from firnline.acquire.landsat_ids import parse_landsat_id
from firnline.acquire.sentinel2_ids import parse_sentinel2_id
from firnline.bands import Sensor

SAME_SCENE = (
    "LE07_L1TP_134040_20070922_20170101_01_T1",
    "LE07_L1TP_134040_20070922_20200913_02_T1",
    "LE07_L2SP_134040_20070922_20200913_02_T2_SR",
    "LE07_L2SP_134040_20070922_02_T1",
    "LE71340402007265EDC00",
    "LE07_134040_20070922",
    "LANDSAT/LE07/C02/T1_L2/LE07_134040_20070922",
    "LE07_134040_20070922_clip.tif",
    "LE07_L1TP_134040_20070922_20170101_01_T1_B6_VCID_1.TIF",
)


@pytest.mark.parametrize("text", SAME_SCENE)
def test_every_form_of_a_landsat_id_is_the_same_acquisition(text: str) -> None:
    found = parse_landsat_id(text)
    assert found is not None
    assert (found.sensor, found.path, found.row, found.date) == (Sensor.LANDSAT7, 134, 40, dt.date(2007, 9, 22))
    first = parse_landsat_id(SAME_SCENE[0])
    assert first is not None
    assert first.matches(found)
    assert found.matches(first)


def test_what_a_form_says_is_kept() -> None:
    found = parse_landsat_id("LC08_L1GT_139041_20200901_20200906_02_T2")
    assert found is not None
    assert (found.level, found.collection, found.tier, found.processed) == ("L1GT", 2, "T2", dt.date(2020, 9, 6))


@pytest.mark.parametrize(
    "other",
    [
        "LE07_L1TP_134041_20070922_20170101_01_T1",
        "LE07_L1TP_135040_20070922_20170101_01_T1",
        "LE07_L1TP_134040_20070923_20170101_01_T1",
        "LT05_L1TP_134040_20070922_20170101_01_T1",
    ],
)
def test_another_acquisition_does_not_match(other: str) -> None:
    one, two = parse_landsat_id(SAME_SCENE[0]), parse_landsat_id(other)
    assert one is not None
    assert two is not None
    assert not one.matches(two)


@pytest.mark.parametrize(
    "text",
    ["", "scene", "LE07_134040_20071322", "LM05_L1TP_134040", "XLE07_134040_20070922", "LE07_134040_200709221"],
)
def test_what_is_no_landsat_id(text: str) -> None:
    assert parse_landsat_id(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454.SAFE",
        "S2A_MSIL1C_20221005T115411_N0400_R023_T29UNU_20221005T135151",
        "S2A_MSIL2A_20221005T115411_R023_T29UNU_20240719T164454",
        "S2A_29UNU_20221005_0_L2A",
        "S2A_T29UNU_20221005T115407_L2A",
        "COPERNICUS/S2_SR_HARMONIZED/20221005T115411_20221005T115407_T29UNU",
        "L2A_T29UNU_A038058_20221005T115407",
    ],
)
def test_every_form_of_a_sentinel_2_id(text: str) -> None:
    found = parse_sentinel2_id(text)
    assert found is not None
    assert (found.tile, found.date) == ("29UNU", dt.date(2022, 10, 5))
    assert found.platform in ("S2A", None)
    product = parse_sentinel2_id("S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454")
    other = parse_sentinel2_id("S2B_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454")
    assert product is not None
    assert other is not None
    assert product.matches(found)
    assert not product.matches(other)


def test_what_is_no_sentinel_2_id() -> None:
    assert parse_sentinel2_id("S2A_MSIL2A_20221399T115411_N0400_R023_T29UNU_20221005T164454") is None
    assert parse_sentinel2_id("LE07_134040_20070922") is None
