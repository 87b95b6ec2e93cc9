"""Quality bits are read as their makers document them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from firnline.acquire.ready.quality import decode, decode_saturation
from firnline.acquire.source import QualityConvention as Convention
from firnline.bands import Sensor
from firnline.flags import Flag

_CLOUD, _SHADOW, _SNOW, _WATER = Flag.CLOUD, Flag.CLOUD_SHADOW, Flag.SNOW, Flag.WATER


@pytest.mark.parametrize(
    ("convention", "sensor", "value", "expected"),
    [
        # The values that USGS lists in its tables of QA_PIXEL for Landsat 8 and 9, and for Landsat 4 to 7.
        (Convention.LANDSAT_C2_PIXEL, Sensor.LANDSAT8, 21824, 0),  # clear with lows set
        (Convention.LANDSAT_C2_PIXEL, Sensor.LANDSAT8, 21826, _CLOUD),  # dilated cloud over land
        (Convention.LANDSAT_C2_PIXEL, Sensor.LANDSAT8, 22280, _CLOUD),  # high confidence cloud
        (Convention.LANDSAT_C2_PIXEL, Sensor.LANDSAT8, 23888, _SHADOW),  # high confidence cloud shadow
        (Convention.LANDSAT_C2_PIXEL, Sensor.LANDSAT8, 21952, _WATER),  # water with lows set
        (Convention.LANDSAT_C2_PIXEL, Sensor.LANDSAT8, 30048, _SNOW),  # high confidence snow
        (Convention.LANDSAT_C2_PIXEL, Sensor.LANDSAT8, 54596, _CLOUD),  # high confidence cirrus
        (Convention.LANDSAT_C2_PIXEL, Sensor.LANDSAT7, 5440, 0),  # clear
        (Convention.LANDSAT_C2_PIXEL, Sensor.LANDSAT7, 5896, _CLOUD),
        (Convention.LANDSAT_C2_PIXEL, Sensor.LANDSAT7, 7440, _SHADOW),
        (Convention.LANDSAT_C2_PIXEL, Sensor.LANDSAT7, 5504, _WATER),
        (Convention.LANDSAT_C2_PIXEL, Sensor.LANDSAT7, 13664, _SNOW),
        # Collection 1 BQA.
        (Convention.LANDSAT_C1_BQA, Sensor.LANDSAT7, 672, 0),
        (Convention.LANDSAT_C1_BQA, Sensor.LANDSAT7, 752, _CLOUD),
        (Convention.LANDSAT_C1_BQA, Sensor.LANDSAT7, 676, Flag.SATURATED),
        (Convention.LANDSAT_C1_BQA, Sensor.LANDSAT7, 674, 0),  # bit 1 is a dropped pixel here
        (Convention.LANDSAT_C1_BQA, Sensor.LANDSAT8, 2722, Flag.TERRAIN_SHADOW),
        (Convention.LANDSAT_C1_BQA, Sensor.LANDSAT8, 6816, _CLOUD),  # cirrus, high confidence
        # Collection 1 pixel_qa: 322 land, 324 water, 328 shadow, 336 snow, 352 cloud, 834 cirrus.
        (Convention.LANDSAT_C1_PIXEL_QA, Sensor.LANDSAT8, 322, 0),
        (Convention.LANDSAT_C1_PIXEL_QA, Sensor.LANDSAT8, 324, _WATER),
        (Convention.LANDSAT_C1_PIXEL_QA, Sensor.LANDSAT8, 328, _SHADOW),
        (Convention.LANDSAT_C1_PIXEL_QA, Sensor.LANDSAT8, 336, _SNOW),
        (Convention.LANDSAT_C1_PIXEL_QA, Sensor.LANDSAT8, 480, _CLOUD),
        (Convention.LANDSAT_C1_PIXEL_QA, Sensor.LANDSAT8, 834, _CLOUD),
        (Convention.LANDSAT_C1_PIXEL_QA, Sensor.LANDSAT8, 1346, Flag.TERRAIN_SHADOW),
        (Convention.LANDSAT_C1_PIXEL_QA, Sensor.LANDSAT7, 66, 0),
        # Sentinel-2 classes.
        *(
            (Convention.SENTINEL2_SCL, Sensor.SENTINEL2, value, expected)
            for value, expected in enumerate(
                (0, Flag.SATURATED, Flag.TERRAIN_SHADOW, _SHADOW, 0, 0, _WATER, 0, _CLOUD, _CLOUD, _CLOUD, _SNOW)
            )
        ),
        (Convention.SENTINEL2_QA60, Sensor.SENTINEL2, 1024, _CLOUD),
        (Convention.SENTINEL2_QA60, Sensor.SENTINEL2, 2048, _CLOUD),
        (Convention.SENTINEL2_QA60, Sensor.SENTINEL2, 0, 0),
    ],
)
def test_documented_values(convention: Convention, sensor: Sensor, value: int, expected: int) -> None:
    assert decode(np.array([[value]], np.uint16), convention, sensor).flags.tolist() == [[expected]]


@pytest.mark.parametrize(
    ("convention", "sensor", "value"),
    [
        (Convention.LANDSAT_C2_PIXEL, Sensor.LANDSAT8, 54596),
        (Convention.LANDSAT_C1_BQA, Sensor.LANDSAT8, 6816),
        (Convention.LANDSAT_C1_PIXEL_QA, Sensor.LANDSAT8, 834),
        (Convention.SENTINEL2_SCL, Sensor.SENTINEL2, 10),
        (Convention.SENTINEL2_QA60, Sensor.SENTINEL2, 2048),
    ],
)
def test_cirrus_is_no_cloud_where_told(convention: Convention, sensor: Sensor, value: int) -> None:
    assert decode(np.array([[value]]), convention, sensor, cirrus=False).flags.tolist() == [[0]]


def test_fill_has_no_flags() -> None:
    for convention, value in ((Convention.LANDSAT_C2_PIXEL, 1 | 8), (Convention.LANDSAT_C1_BQA, 1 | 16)):
        read = decode(np.array([[value]]), convention, Sensor.LANDSAT7)
        assert read.is_fill.all()
        assert not read.flags.any()


def test_a_quality_band_that_was_interpolated_says_nothing_where_it_is_no_whole_number() -> None:
    values = np.array([[752.0, 711.3, np.nan]], np.float32)
    read = decode(values, Convention.LANDSAT_C1_BQA, Sensor.LANDSAT7)
    assert read.flags.tolist() == [[Flag.CLOUD, 0, 0]]
    assert not read.is_fill.any()


def test_saturation_of_thermal_bands_does_not_count() -> None:
    c2, c1 = Convention.LANDSAT_C2_PIXEL, Convention.LANDSAT_C1_PIXEL_QA
    bits = np.array([[1 << n for n in range(12)]])
    saturated = int(Flag.SATURATED)
    of_landsat7 = decode_saturation(bits, c2, Sensor.LANDSAT7)[0].tolist()
    assert of_landsat7 == [saturated] * 5 + [0, saturated] + [0] * 5
    of_landsat8 = decode_saturation(bits, c2, Sensor.LANDSAT8)[0].tolist()
    assert of_landsat8 == [saturated] * 7 + [0] * 4 + [int(Flag.TERRAIN_SHADOW)]
    assert (
        decode_saturation(bits, c1, Sensor.LANDSAT7)[0].tolist() == [0] + [saturated] * 5 + [0, saturated] + [0] * 4
    )


@pytest.mark.real
def test_real_quality_band_agrees_with_the_pixels(shared_data: Path) -> None:
    path = shared_data / "lila-hkh-sample" / "raster_data" / "LE07_134040_20070922_clip.tif"
    with rasterio.open(path) as file:
        blue, green, swir16, bits = (file.read(index) for index in (1, 2, 5, 10))
        highest = file.read([1, 2, 3, 4, 5, 8, 9]).max(axis=0)
    inside = blue > 0
    read = decode(bits, Convention.LANDSAT_C1_BQA, Sensor.LANDSAT7)
    assert not read.is_fill[inside].any()
    snow, cloud, saturated = (read.flags & flag != 0 for flag in (Flag.SNOW, Flag.CLOUD, Flag.SATURATED))
    ndsi = (green - swir16) / np.where(inside, green + swir16, 1)
    assert np.median(ndsi[snow]) > 0.6
    assert np.median(ndsi[cloud]) < 0.4
    assert np.median(ndsi[inside & ~snow & ~cloud]) < 0.4
    assert saturated[blue == 255].mean() > 0.95
    assert (highest[saturated] >= 230).mean() > 0.95


def test_a_pixel_that_landsat_7_dropped_has_no_value() -> None:
    """Bit 1 of BQA: a dropped pixel of TM and ETM+, hidden ground of OLI."""
    bits = np.array([[672, 672 | 2]])
    of_etm = decode(bits, Convention.LANDSAT_C1_BQA, Sensor.LANDSAT7)
    assert of_etm.is_fill.tolist() == [[False, True]]
    assert of_etm.is_image.tolist() == [[True, False]]
    of_oli = decode(bits, Convention.LANDSAT_C1_BQA, Sensor.LANDSAT8)
    assert not of_oli.is_fill.any()
    assert of_oli.flags.tolist() == [[0, Flag.TERRAIN_SHADOW]]
