"""A bounded sample of a model's pixels for calibration, gathered window by window, even over blocks."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.classes import UNKNOWN, Classes
from firnline.errors import ConfigError, LabelError
from firnline.evaluation.blocks import Unit
from firnline.evaluation.calibration import Floats

CAPACITY: Final = 500_000


@dataclass(frozen=True, eq=False)
class SampledPixels:
    """Pixels known in both: probabilities float32 (class, pixel), truth int64 (pixel,), weights float64 (pixel,).

    A weight says how many known pixels of its unit a sampled one stands for.
    """

    probabilities: NDArray[np.float32]
    truth: NDArray[np.int64]
    weights: NDArray[np.float64]


@dataclass(eq=False)
class _Kept:
    """One unit's pixels with the random keys by which they stay, and how many there were."""

    rng: np.random.Generator
    keys: NDArray[np.float64]
    probabilities: NDArray[np.float32]
    truth: NDArray[np.uint8]
    seen: int = 0

    def thin(self, most: int) -> None:
        if len(self.keys) > most:
            stay = np.argpartition(self.keys, most - 1)[:most]
            stay.sort()
            self.keys, self.truth = self.keys[stay], self.truth[stay]
            self.probabilities = self.probabilities[:, stay]


class CalibrationSample:
    """At most `capacity` pixels, from each unit (block) the same number: those of the least random keys.

    Each unit's share is a uniform sample of its known pixels whatever order they come in by units, as its keys
    come from the seed and its name (a bottom-k sample, Cohen & Kaplan 2007). When a unit more would go beyond the
    capacity, all units give up half.

    Examples
    --------
    >>> sample = CalibrationSample(classes=2, capacity=100, seed=0)
    >>> for column in range(4):
    ...     chances = np.full((2, 20, 20), 0.5, np.float32)
    ...     sample.add(Unit("a", 0, column), chances, np.ones((20, 20), np.uint8))
    >>> found = sample.pixels()
    >>> len(found.truth) <= 100, found.weights.sum()
    (True, np.float64(1600.0))
    """

    def __init__(self, classes: int, *, capacity: int = CAPACITY, seed: int = 0) -> None:
        if classes < 2 or capacity < 1:
            raise ConfigError(f"a sample of {capacity} pixels of {classes} classes makes no sense")
        self._classes, self._capacity, self._seed = classes, capacity, seed
        self._each = capacity
        self._units: dict[Unit, _Kept] = {}

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units that hold pixels, in order."""
        return tuple(sorted(self._units))

    def add(self, unit: Unit, probabilities: Floats, truth: Classes) -> None:
        """Take pixels of a unit, or of a part of it; pixels without truth or probabilities are left out.

        Parameters
        ----------
        unit
            The block that they are of.
        probabilities
            float (class, ...), NaN where unknown.
        truth
            uint8 (...); 255 is unknown.

        Raises
        ------
        LabelError
            When the shapes do not belong together.
        ConfigError
            When there are more units than the sample may hold pixels.
        """
        if probabilities.shape != (self._classes, *truth.shape):
            raise LabelError(
                f"probabilities {probabilities.shape} and truth {truth.shape} do not belong together", where=unit.name
            )
        known = (truth != UNKNOWN) & np.isfinite(probabilities).all(axis=0)
        count = int(known.sum())
        if count == 0:
            return
        kept = self._units.get(unit) or self._units.setdefault(unit, self._empty(unit))
        kept.keys = np.concatenate([kept.keys, kept.rng.random(count)])
        kept.probabilities = np.concatenate([kept.probabilities, probabilities[:, known].astype(np.float32)], axis=1)
        kept.truth = np.concatenate([kept.truth, truth[known]])
        kept.seen += count
        kept.thin(self._each)
        self._keep_within_capacity()

    def _empty(self, unit: Unit) -> _Kept:
        rng = np.random.default_rng([self._seed, zlib.crc32(unit.name.encode())])
        return _Kept(rng, np.zeros(0), np.zeros((self._classes, 0), np.float32), np.zeros(0, np.uint8))

    def _keep_within_capacity(self) -> None:
        while sum(len(kept.keys) for kept in self._units.values()) > self._capacity:
            if self._each == 1:
                raise ConfigError(
                    f"{len(self._units)} blocks are more than the {self._capacity} pixels of the sample",
                    do="choose larger blocks, or a larger sample",
                )
            self._each //= 2
            for kept in self._units.values():
                kept.thin(self._each)

    def pixels(self, units: Iterable[Unit] | None = None) -> SampledPixels:
        """The pixels of these units, or of all; units that hold none are passed over.

        Raises
        ------
        LabelError
            When none of them holds a pixel.
        """
        chosen = self.units if units is None else sorted(set(units) & set(self._units))
        if not chosen:
            raise LabelError("no pixel with truth and probabilities was sampled here")
        kept = [self._units[unit] for unit in chosen]
        return SampledPixels(
            np.concatenate([each.probabilities for each in kept], axis=1),
            np.concatenate([each.truth for each in kept]).astype(np.int64),
            np.concatenate([np.full(len(each.keys), each.seen / len(each.keys)) for each in kept]),
        )
