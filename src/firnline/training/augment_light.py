"""What the air and clouds do to a chip: haze, and the shadow of a cloud. Bands are changed in place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firnline.bands import Kind
from firnline.models.normaliser import Floats
from firnline.training.augment_bands import ChipBand
from firnline.training.augment_fields import smooth_field

_BLUE = 0.48


def add_haze(values: Floats, bands: Sequence[ChipBand], random: np.random.Generator) -> None:
    """Add the light of hazy air to the optical bands, and dim what is seen through it.

    Path reflectance p is 0.02 to 0.12 in blue and falls with the wavelength to the power of -1 (moderate haze) to
    -2 (clear air), after Chavez (1988); over the chip it varies by a fifth to both sides. A surface of reflectance
    r is seen as p + (1 - p) r: dark ground brightens, fresh snow stays as it is.

    Notes
    -----
    Chavez, P. S. (1988), An improved dark-object subtraction technique for atmospheric scattering correction of
    multispectral data, Remote Sensing of Environment 24, 459-479.

    Examples
    --------
    >>> from firnline.bands import Level
    >>> bands = [ChipBand(name, Level.SURFACE_REFLECTANCE, 0.2) for name in ("blue", "swir16")]
    >>> values = np.zeros((2, 8, 8), np.float32)
    >>> add_haze(values, bands, np.random.default_rng(0))
    >>> blue, swir16 = values.mean(axis=(1, 2))
    >>> bool(0.12 > blue > 3 * swir16 > 0)
    True
    """
    path = random.uniform(0.02, 0.12) * (2 + smooth_field(values.shape[1], 3, random)) / 2.5
    falls = random.uniform(1.0, 2.0)
    for value, band in zip(values, bands, strict=True):
        if band.kind == Kind.OPTICAL:
            p = path * np.float32((band.wavelength / _BLUE) ** -falls)
            value += p * (np.float32(band.reflectance_one) - value)


def cast_shadow(values: Floats, bands: Sequence[ChipBand], random: np.random.Generator) -> None:
    """Lay the shadow of one cloud on the chip, with a soft and ragged edge.

    In it the sun is hidden, wholly or by two thirds, and the sky still shines: it leaves 0.3 to 0.5 of the light in
    blue, and less with the wavelength to the power of -0.7 to -1.6. (On Sentinel-2 scenes of the Himalaya, ground
    that a mountain shades has 0.36 to 0.51 of its blue in the sun, and 0.06 to 0.16 at 1.6 um, path radiance taken
    off.) The ground is up to 5 K colder. What a mountain shades already is dimmed as well, which it would not be.
    """
    shadow = _blob(values.shape[1], random) * np.float32(random.uniform(0.66, 1.0))
    sky, falls, colder = random.uniform(0.3, 0.5), random.uniform(0.7, 1.6), random.uniform(0.0, 5.0)
    for value, band in zip(values, bands, strict=True):
        if band.kind == Kind.OPTICAL:
            left = min(1.0, sky * (band.wavelength / _BLUE) ** -falls)
            value *= 1 - np.float32(1 - left) * shadow
        elif band.kind == Kind.THERMAL:
            value -= np.float32(colder * band.kelvin) * shadow


def _blob(side: int, random: np.random.Generator) -> Floats:
    """(row, column), 1 in a lumpy ellipse somewhere in the chip, 0 outside, with an edge 2 to 8 pixels wide."""
    row, column = random.uniform(0, side, 2)
    radius, stretch, turn = random.uniform(0.1, 0.4) * side, random.uniform(1.0, 2.0), random.uniform(0, np.pi)
    soft = random.uniform(2.0, 8.0)
    down = np.arange(side, dtype=np.float32)[:, None] - np.float32(row)
    right = np.arange(side, dtype=np.float32)[None] - np.float32(column)
    along = down * np.float32(np.sin(turn)) + right * np.float32(np.cos(turn))
    across = down * np.float32(np.cos(turn)) - right * np.float32(np.sin(turn))
    distance = np.sqrt(along**2 / np.float32(stretch) + across**2 * np.float32(stretch)) / np.float32(radius)
    for cells, weight in ((4, 0.8), (10, 0.4), (25, 0.2)):
        distance += np.float32(weight) * (smooth_field(side, cells, random) - np.float32(0.5))
    steepness = np.maximum(np.hypot(*np.gradient(distance)), np.float32(1e-6))  # so the edge is as wide all around
    edge: Floats = np.clip((1 - distance) / (steepness * np.float32(soft)) + np.float32(0.5), 0, 1)
    return edge
