"""Quality bits of products as firnline's flags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.acquire.source import QualityConvention
from firnline.bands import Sensor
from firnline.flags import Flag

Bits = NDArray[np.int64]


@dataclass(frozen=True)
class Decoded:
    """Flags of a quality band, uint8, where it says that there is no image, and where that there is one."""

    flags: NDArray[np.uint8]
    is_fill: NDArray[np.bool_]
    is_image: NDArray[np.bool_]


def decode(
    values: NDArray[np.generic], convention: QualityConvention, sensor: Sensor, *, cirrus: bool = True
) -> Decoded:
    """Read a quality band.

    Cloud is what the product calls cloud (with the rim that Collection 2 adds to it), and thin cirrus where `cirrus`
    is set. What the product calls likely (confidence "high") counts for shadow, snow and cirrus of Landsat.

    Parameters
    ----------
    values
        Stored numbers. Floats are read as whole numbers where they are; others (a quality band that was
        interpolated by mistake) say nothing.
    convention, sensor
        How to read them.
    cirrus
        Whether thin cirrus counts as cloud.

    Notes
    -----
    Landsat Collection 2 Level 2 Science Product Guides (USGS LSDS-1618, LSDS-1619); Landsat Collection 1 Level 1
    Quality Assessment Band (USGS); Sentinel-2 Level-2A algorithm and products (ESA); QA60 as in Sentinel-2 Level-1C.

    Examples
    --------
    >>> bits = np.array([[672, 752, 1696, 928, 1]])
    >>> read = decode(bits, QualityConvention.LANDSAT_C1_BQA, Sensor.LANDSAT7)
    >>> [Flag(int(value)).name for value in read.flags[0]], read.is_fill.tolist()
    ([None, 'CLOUD', 'SNOW', 'CLOUD_SHADOW', None], [[False, False, False, False, True]])
    """
    whole, means = _whole(values)
    is_oli = sensor in (Sensor.LANDSAT8, Sensor.LANDSAT9)
    said, is_fill = _CONVENTIONS[convention](whole, is_oli, cirrus)
    flags = np.zeros(values.shape, np.uint8)
    for flag, where in said.items():
        flags[where & means & ~is_fill] |= np.uint8(flag)
    is_image = means & ~is_fill & (whole != 0)  # Landsat's bits are never all 0 in an image, but in what was cut out
    return Decoded(flags, is_fill & means, is_image)


def decode_saturation(
    values: NDArray[np.generic], convention: QualityConvention, sensor: Sensor
) -> NDArray[np.uint8]:
    """Read Landsat's bit field of saturated bands: of reflective ones alone, and terrain that hides the ground.

    Collection 2 QA_RADSAT has band n in bit n - 1; Collection 1 radsat_qa has it in bit n. Thermal bands (6 of
    Landsat 4 to 7, 10 and 11 of 8 and 9) do not count. Bit 11 of Landsat 8 and 9 in Collection 2 says that terrain
    hides the ground from the sensor.

    Examples
    --------
    >>> bits = np.array([[0, 0b1, 0b100000, 0b100000000000]])
    >>> decode_saturation(bits, QualityConvention.LANDSAT_C2_PIXEL, Sensor.LANDSAT8).tolist()
    [[0, 8, 8, 16]]
    >>> decode_saturation(bits, QualityConvention.LANDSAT_C2_PIXEL, Sensor.LANDSAT7).tolist()
    [[0, 8, 0, 0]]
    """
    bits, _ = _whole(values)
    is_oli = sensor in (Sensor.LANDSAT8, Sensor.LANDSAT9)
    reflective = (1, 2, 3, 4, 5, 6, 7) if is_oli else (1, 2, 3, 4, 5, 7)
    first = 0 if convention == QualityConvention.LANDSAT_C1_PIXEL_QA else 1
    mask = sum(1 << (band - first) for band in reflective)
    flags = np.where(bits & mask != 0, np.uint8(Flag.SATURATED), np.uint8(0))
    if is_oli and convention == QualityConvention.LANDSAT_C2_PIXEL:
        flags |= np.where(_bit(bits, 11), np.uint8(Flag.TERRAIN_SHADOW), np.uint8(0))
    return flags


def _whole(values: NDArray[np.generic]) -> tuple[Bits, NDArray[np.bool_]]:
    """Whole numbers, and where they are some."""
    if values.dtype.kind != "f":
        return values.astype(np.int64), np.ones(values.shape, np.bool_)
    means = np.isfinite(values) & (values == np.rint(values))
    return np.where(means, values, 0).astype(np.int64), np.asarray(means)


def _bit(values: Bits, number: int) -> NDArray[np.bool_]:
    return np.asarray((values >> number) & 1 == 1)


def _high(values: Bits, first: int) -> NDArray[np.bool_]:
    """A confidence of two bits: 3 is high."""
    return np.asarray((values >> first) & 3 == 3)


_Said = tuple[dict[Flag, NDArray[np.bool_]], NDArray[np.bool_]]


def _c2_pixel(values: Bits, is_oli: bool, cirrus: bool) -> _Said:
    cloud = _bit(values, 3) | _bit(values, 1)
    if cirrus and is_oli:
        cloud |= _bit(values, 2)
    said = {
        Flag.CLOUD: cloud,
        Flag.CLOUD_SHADOW: _bit(values, 4),
        Flag.SNOW: _bit(values, 5),
        Flag.WATER: _bit(values, 7),
    }
    return said, _bit(values, 0)


def _c1_bqa(values: Bits, is_oli: bool, cirrus: bool) -> _Said:
    cloud = _bit(values, 4)
    if cirrus and is_oli:
        cloud |= _high(values, 11)
    said = {
        Flag.CLOUD: cloud,
        Flag.CLOUD_SHADOW: _high(values, 7),
        Flag.SNOW: _high(values, 9),
        Flag.SATURATED: (values >> 2) & 3 != 0,
    }
    if not is_oli:
        return said, _bit(values, 0) | _bit(values, 1)  # a dropped pixel of Landsat 4 to 7 has no value
    said[Flag.TERRAIN_SHADOW] = _bit(values, 1)
    return said, _bit(values, 0)


def _c1_pixel_qa(values: Bits, is_oli: bool, cirrus: bool) -> _Said:
    cloud = _bit(values, 5)
    if cirrus and is_oli:
        cloud |= _high(values, 8)
    said = {
        Flag.CLOUD: cloud,
        Flag.CLOUD_SHADOW: _bit(values, 3),
        Flag.SNOW: _bit(values, 4),
        Flag.WATER: _bit(values, 2),
    }
    if is_oli:
        said[Flag.TERRAIN_SHADOW] = _bit(values, 10)
    return said, _bit(values, 0)


def _scl(values: Bits, _is_oli: bool, cirrus: bool) -> _Said:
    cloudy = (8, 9, 10) if cirrus else (8, 9)
    said = {
        Flag.SATURATED: values == 1,
        Flag.TERRAIN_SHADOW: values == 2,
        Flag.CLOUD_SHADOW: values == 3,
        Flag.WATER: values == 6,
        Flag.CLOUD: np.isin(values, cloudy),
        Flag.SNOW: values == 11,
    }
    return said, values == 0


def _qa60(values: Bits, _is_oli: bool, cirrus: bool) -> _Said:
    cloud = _bit(values, 10)
    if cirrus:
        cloud |= _bit(values, 11)
    return {Flag.CLOUD: cloud}, np.zeros(values.shape, np.bool_)


_CONVENTIONS: Final[dict[QualityConvention, Callable[[Bits, bool, bool], _Said]]] = {
    QualityConvention.LANDSAT_C2_PIXEL: _c2_pixel,
    QualityConvention.LANDSAT_C1_BQA: _c1_bqa,
    QualityConvention.LANDSAT_C1_PIXEL_QA: _c1_pixel_qa,
    QualityConvention.SENTINEL2_SCL: _scl,
    QualityConvention.SENTINEL2_QA60: _qa60,
}
