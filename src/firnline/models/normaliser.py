"""The one normaliser: what training learns of the bands, and prediction applies in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from firnline.chips.statistics import BandStatistics

Floats = NDArray[np.float32]
Impute = Literal["after", "before"]


@dataclass(frozen=True)
class Normaliser:
    """Standardises bands: ``(value - mean) / deviation``, each by its own, with unknown values imputed as 0.

    ``impute="after"`` puts 0, the training mean, after normalisation. ``"before"`` puts 0 in the band's own unit
    first, as the paper did; then an unknown pixel looks like a very dark one. Mean and deviation are of known values
    in both cases.

    Examples
    --------
    >>> normaliser = Normaliser(("red", "ndvi"), (0.5, 0.0), (0.25, 1.0))
    >>> raw = np.array([[[1.0, np.nan]], [[np.nan, 0.5]]], np.float32)
    >>> normaliser.apply(raw).tolist()
    [[[2.0, 0.0]], [[0.0, 0.5]]]
    """

    bands: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    impute: Impute = "after"

    @classmethod
    def of(cls, statistics: BandStatistics, impute: Impute = "after") -> Self:
        """The normaliser that statistics come to; a band that never varies is only centred.

        Examples
        --------
        >>> statistics = BandStatistics(("red",))
        >>> statistics.add(np.array([[[1.0, 3.0, np.nan]]], np.float32))
        >>> Normaliser.of(statistics)
        Normaliser(bands=('red',), mean=(2.0,), deviation=(1.0,), impute='after')
        """
        deviation = tuple(1.0 if value < 1e-12 else value for value in statistics.deviation)
        return cls(statistics.bands, statistics.mean, deviation, impute)

    def apply(self, raw: Floats) -> Floats:
        """Normalise (band, row, column) values in their own units, NaN where unknown: float32 without NaN."""
        mean = np.asarray(self.mean, np.float32)[:, None, None]
        deviation = np.asarray(self.deviation, np.float32)[:, None, None]
        values: Floats = np.array(raw, np.float32)  # one copy, changed in place: a window is many megabytes
        if self.impute == "before":
            np.copyto(values, np.float32(0), where=np.isnan(values))
        values -= mean
        values /= deviation
        if self.impute == "after":
            np.copyto(values, np.float32(0), where=np.isnan(values))
        return values

    def of_band(self, name: str) -> tuple[str, float, float]:
        """A band's name, mean and deviation."""
        i = self.bands.index(name)
        return name, self.mean[i], self.deviation[i]
