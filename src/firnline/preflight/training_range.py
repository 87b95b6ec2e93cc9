"""Are a scene's values of the kind that a model was trained on? A model answers whatever it is fed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from firnline.bands import BANDS, Kind
from firnline.preflight.finding import Finding, Severity
from firnline.preflight.sample import Sample

CHECK: Final = "values as in training"
_FAR = 20.0
"""Deviations of the training pixels from their mean to the scene's median. Snow is 7 away from rock; reflectance in
per cent 100, digital numbers thousands, Celsius 30 from kelvin."""
_FLAT, _NOTHING = 0.01, 0.01
_FEWEST = 200


@dataclass(frozen=True)
class Trained:
    """Mean and deviation of a band over the pixels that a model was trained on."""

    band: str
    mean: float
    deviation: float


def check_range(sample: Sample, trained: Sequence[Trained]) -> Iterator[Finding]:
    """Compare the scene's values with those of training; heights differ from region to region and are left out."""
    for band in trained:
        if band.band not in sample.bands or _is_of_terrain(band.band):
            continue
        values = sample.bands[band.band]
        values = values[np.isfinite(values)]
        if values.size < _FEWEST or band.deviation <= 0:
            continue
        middle, spread = float(np.median(values)), float(values.std())
        far = abs(middle - band.mean) / band.deviation
        # Water alone is flat too, and a scale that was applied twice leaves nothing.
        is_flat = 0 < spread < _FLAT * band.deviation and float(np.abs(values).max()) < _NOTHING * abs(band.mean)
        if far > _FAR or is_flat:
            yield Finding(
                CHECK,
                Severity.REFUSE,
                f"band '{band.band}' has a median of {middle:.4g} and a deviation of {spread:.4g}, where the model "
                f"was trained on {band.mean:.4g} and {band.deviation:.4g}: not the same unit",
                "check the band's scale and offset, and its level",
                {"band": band.band, "median": round(middle, 4), "deviations away": round(far, 1)},
            )


def _is_of_terrain(name: str) -> bool:
    return name in BANDS and BANDS[name].kind in (Kind.TERRAIN, Kind.INDEX)
