"""A chip as another day, another mountain or another instrument would have shown it; truth moves with the pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from firnline.bands import Kind
from firnline.classes import Classes
from firnline.features import INDICES, normalised_difference
from firnline.models.normaliser import Floats
from firnline.training.augment_bands import ChipBand
from firnline.training.augment_light import add_haze, cast_shadow
from firnline.training.augment_sensor import coarsen, jitter, saturate, stripe
from firnline.training.augment_turns import turned
from firnline.training.augmentation import Augmentation

Change = Callable[[Floats, Sequence[ChipBand], np.random.Generator], None]


def augmented(
    raw: Floats,
    truth: Classes,
    bands: Sequence[ChipBand],
    settings: Augmentation,
    random: np.random.Generator,
    droppable: Sequence[Sequence[str]] = (),
) -> tuple[Floats, Classes]:
    """A chip, changed by chance in what nature changes; only new arrays are returned.

    In this order, as light comes to a file: the chip is turned; a cloud's shadow and haze fall on it; larger pixels,
    a gain and an offset, saturation and stripes are the instrument's; whole inputs are dropped. Optical
    and thermal bands alone are changed by light and instrument. An index is computed again from the changed bands
    where both of its bands are in the chip; where they are not it stays as it is (but for larger pixels, of which
    it is the mean, and stripes).

    Unknown pixels stay unknown, and only stripes and dropped inputs make more of them (and an index that means
    nothing any more, see `normalised_difference`). Optical bands do not become negative where they were not.

    Parameters
    ----------
    raw
        float32 (band, row, column), square, in each band's own unit, before normalisation; NaN unknown.
    truth
        uint8 (row, column), 255 unknown.
    bands
        What the bands of `raw` are.
    settings
        What happens how often.
    random
        Where chance comes from: in the same state it gives the same chip.
    droppable
        Groups of bands that the model can do without, each of which goes as a whole.

    Examples
    --------
    >>> from firnline.bands import Level
    >>> bands = [ChipBand("green", Level.SURFACE_REFLECTANCE, 0.3),
    ...          ChipBand("swir16", Level.SURFACE_REFLECTANCE, 0.1),
    ...          ChipBand("ndsi", Level.NOT_RADIOMETRIC, 0.5)]
    >>> raw = np.array([[[0.75]], [[0.25]], [[0.5]]], np.float32)
    >>> truth = np.array([[1]], np.uint8)
    >>> chip, _ = augmented(raw, truth, bands, Augmentation(gain=0.2), np.random.default_rng(1))
    >>> green, swir, ndsi = chip.ravel()
    >>> bool(green != 0.75 and abs(ndsi - (green - swir) / (green + swir)) < 1e-6)
    True
    """
    values, truth = turned(raw, truth, [band.name for band in bands], settings.turns, random)
    _change_image(values, bands, settings, random)
    if _happens(settings.stripes, random):
        stripe(values, bands, random)
    _drop(values, bands, settings.drop_input, random, droppable)
    return values, truth


def _happens(probability: float, random: np.random.Generator) -> bool:
    """Chance is asked only for what may happen: what is off does not change the rest."""
    return probability > 0 and random.random() < probability


def _change_image(
    values: Floats, bands: Sequence[ChipBand], settings: Augmentation, random: np.random.Generator
) -> None:
    jitters = bool(settings.gain or settings.offset or settings.temperature)
    jittered = partial(jitter, gain=settings.gain, offset=settings.offset, temperature=settings.temperature)
    possible: tuple[tuple[float, Change], ...] = (
        (settings.cloud_shadow, cast_shadow),
        (settings.haze, add_haze),
        (settings.coarser, coarsen),
        (float(jitters), jittered),
        (settings.saturation, saturate),
    )
    changes = [change for probability, change in possible if _happens(probability, random)]
    if changes:
        before = values.copy()
        for change in changes:
            change(values, bands, random)
        _settle(values, before, bands)


def _settle(values: Floats, before: Floats, bands: Sequence[ChipBand]) -> None:
    """Keep optical bands from becoming negative, and compute indices again from them; unknown stays unknown."""
    place = {band.name: i for i, band in enumerate(bands)}
    for value, old, band in zip(values, before, bands, strict=True):
        if band.kind == Kind.OPTICAL:
            np.maximum(value, np.minimum(old, 0), out=value)
    for name, (a, b) in INDICES.items():
        if name in place and a in place and b in place:
            index = normalised_difference(values[place[a]], values[place[b]])
            index[np.isnan(before[place[name]])] = np.nan
            values[place[name]] = index


def _drop(
    values: Floats,
    bands: Sequence[ChipBand],
    probability: float,
    random: np.random.Generator,
    droppable: Sequence[Sequence[str]],
) -> None:
    """Make groups of bands unknown, each with the same probability."""
    dropped = {name for group in droppable if _happens(probability, random) for name in group}
    for value, band in zip(values, bands, strict=True):
        if band.name in dropped:
            value[:] = np.nan
