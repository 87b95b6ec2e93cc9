"""What another instrument, or another day's calibration, does to a chip. Bands are changed in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from firnline.bands import Kind
from firnline.models.normaliser import Floats
from firnline.training.augment_bands import ChipBand
from firnline.training.augment_fields import between

_ETM_WAVELENGTHS: Final = (0.48, 0.56, 0.66, 0.83, 1.65, 2.2)
_ETM_BRIGHTEST: Final = (0.301, 0.341, 0.313, 0.476, 0.423, 0.400)
"""The brightest reflectance that Landsat 7 ETM+ records in high gain with the sun in the zenith: pi LMAX / ESUN of
Chander, Markham and Helder (2009), Remote Sensing of Environment 113, 893-903."""
_LOW_GAIN: Final = 1.53
"""How much brighter a surface may be in low gain, which is used over snow, if not always."""

_PERIOD: Final = 33.0
"""Pixels of 30 m down a column from one gap to the next: two scans of 16 lines, and a little."""
_TAPER: Final = 14.0 / 3080
"""A gap is 14 lines wide at the edge of a scene and closes at its middle, 92 km away."""


def jitter(
    values: Floats,
    bands: Sequence[ChipBand],
    random: np.random.Generator,
    *,
    gain: float,
    offset: float,
    temperature: float,
) -> None:
    """Give each optical band a gain and an offset of its own, and all thermal bands one offset in kelvin.

    See `Augmentation` for the strengths. A thermal band has no gain: another day is colder, not a multiple.

    Examples
    --------
    >>> from firnline.bands import Level
    >>> bands = [ChipBand("red", Level.SURFACE_REFLECTANCE, 0.2), ChipBand("slope", Level.NOT_RADIOMETRIC, 10.0)]
    >>> values = np.full((2, 1, 1), 0.5, np.float32)
    >>> jitter(values, bands, np.random.default_rng(0), gain=0.1, offset=0.0, temperature=5.0)
    >>> bool(0.45 <= values[0] <= 0.55 and values[1] == 0.5)
    True
    """
    warmer = random.uniform(-temperature, temperature)
    for value, band in zip(values, bands, strict=True):
        if band.kind == Kind.OPTICAL:
            value *= np.float32(1 + random.uniform(-gain, gain))
            value += np.float32(random.uniform(-offset, offset) * band.deviation)
        elif band.kind == Kind.THERMAL:
            value += np.float32(warmer * band.kelvin)


def saturate(values: Floats, bands: Sequence[ChipBand], random: np.random.Generator) -> None:
    """Cut the optical bands off where Landsat 7 ETM+ does, with the sun 27 to 64 degrees high.

    It is in high or in low gain, and the lower the sun, the brighter a surface has to be to saturate it: both hold
    for all bands of a chip. Snow saturates the visible bands, and in the short-wave infrared hardly anything does.
    """
    times = random.choice((1.0, _LOW_GAIN)) / random.uniform(0.45, 0.9)
    for value, band in zip(values, bands, strict=True):
        if band.kind == Kind.OPTICAL and band.reflectance_one > 0:
            level = times * np.interp(band.wavelength, _ETM_WAVELENGTHS, _ETM_BRIGHTEST) * band.reflectance_one
            np.minimum(value, np.float32(level), out=value)


def stripe(values: Floats, bands: Sequence[ChipBand], random: np.random.Generator) -> None:
    """Make unknown what Landsat 7 misses since its scan-line corrector failed: wedges, wider to one side.

    Gaps lie 33 pixels apart, are 2 to 13 pixels wide and fall to the east by 6 to 18 degrees, as the orbit lies
    between the equator and 60 degrees north. They are those of pixels of 30 m, whatever the chip's are, and go
    through every optical and thermal band and the indices.
    """
    side = values.shape[1]
    row, column = np.arange(side)[:, None], np.arange(side)[None]
    width = random.uniform(2.0, 13.0) + random.choice((-_TAPER, _TAPER)) * (column - side / 2)
    fall = np.tan(np.radians(random.uniform(6.0, 18.0)))
    since = (row - fall * column + random.uniform(0, _PERIOD)) % _PERIOD
    missed = np.abs(since - _PERIOD / 2) < width / 2
    for value, band in zip(values, bands, strict=True):
        if band.is_image:
            value[missed] = np.nan


def coarsen(values: Floats, bands: Sequence[ChipBand], random: np.random.Generator) -> None:
    """See what the imager recorded with pixels two or three times as large, brought back bilinearly.

    A large pixel is the mean of the known small ones in it; an unknown pixel stays unknown and a known one known.
    Terrain and radar come from elsewhere, and stay.
    """
    times = int(random.integers(2, 4))
    for value, band in zip(values, bands, strict=True):
        if band.is_image:
            known = ~np.isnan(value)
            counts = _sums(known.astype(np.float32), times)
            means = _sums(np.where(known, value, np.float32(0)), times)
            np.divide(means, counts, out=means, where=counts > 0)
            there = (counts > 0).astype(np.float32)
            smooth = _back(means, value.shape, times) / np.maximum(_back(there, value.shape, times), np.float32(1e-6))
            np.copyto(value, smooth, where=known)


def _sums(values: Floats, times: int) -> Floats:
    """Sums over squares of times x times pixels; those at the far edges may be cut off."""
    height, width = (-(-side // times) * times for side in values.shape)
    padded = np.zeros((height, width), np.float32)
    padded[: values.shape[0], : values.shape[1]] = values
    parts = [padded[row::times, column::times] for row in range(times) for column in range(times)]
    sums: Floats = np.sum(parts, axis=0, dtype=np.float32)
    return sums


def _back(large: Floats, shape: tuple[int, ...], times: int) -> Floats:
    rows, columns = ((np.arange(side) + 0.5) / times - 0.5 for side in shape)
    return between(between(large, columns, 1), rows, 0)
