"""The one normaliser: what training learns of the bands, and prediction applies in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from firnline.bands import BANDS, Kind

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
    >>> values, known = normaliser.apply(raw)
    >>> values.tolist(), known.tolist()
    ([[[2.0, 0.0]], [[0.0, 0.5]]], [[True, False]])
    """

    bands: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    impute: Impute = "after"

    def apply(self, raw: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Normalise (band, row, column) values in their own units, NaN where unknown.

        Returns
        -------
        The normalised values, float32 without NaN, and which pixels (row, column) are known: those whose measured
        bands are all known. An index may be undefined where its bands are not (0 / 0), so it does not count.
        """
        known = known_pixels(raw, self.bands)
        mean = np.asarray(self.mean, np.float32)[:, None, None]
        deviation = np.asarray(self.deviation, np.float32)[:, None, None]
        if self.impute == "before":
            return (np.nan_to_num(raw, nan=0.0) - mean) / deviation, known
        return np.nan_to_num((raw - mean) / deviation, nan=0.0), known


def known_pixels(raw: Floats, bands: Sequence[str]) -> NDArray[np.bool_]:
    """Which pixels (row, column) have a value in every measured band of (band, row, column)."""
    measured = [i for i, name in enumerate(bands) if name not in BANDS or BANDS[name].kind != Kind.INDEX]
    return np.asarray(np.isfinite(raw[measured or slice(None)]).all(axis=0))


class BandStatistics:
    """Mean and deviation of bands, gathered window by window over known pixels (Chan et al. 1983).

    Examples
    --------
    >>> statistics = BandStatistics(("red",))
    >>> statistics.add(np.array([[[1.0, 3.0, np.nan]]], np.float32))
    >>> statistics.normaliser().mean, statistics.normaliser().deviation
    ((2.0,), (1.0,))
    """

    def __init__(self, bands: Sequence[str], impute: Impute = "after") -> None:
        self.bands = tuple(bands)
        self.impute: Impute = impute
        self._count = np.zeros(len(self.bands))
        self._mean = np.zeros(len(self.bands))
        self._squares = np.zeros(len(self.bands))

    def add(self, raw: Floats) -> None:
        """Take in (band, row, column) values; NaN is left out."""
        for i, band in enumerate(raw):
            values = band[np.isfinite(band)].astype(np.float64)
            if values.size == 0:
                continue
            mean, count = values.mean(), self._count[i] + values.size
            shift = mean - self._mean[i]
            self._squares[i] += ((values - mean) ** 2).sum() + shift**2 * self._count[i] * values.size / count
            self._mean[i] += shift * values.size / count
            self._count[i] = count

    def normaliser(self) -> Normaliser:
        """The normaliser learnt so far; a band that never varies is only centred."""
        deviation = np.sqrt(self._squares / np.maximum(self._count, 1))
        deviation[deviation < 1e-12] = 1.0
        return Normaliser(self.bands, tuple(self._mean.tolist()), tuple(deviation.tolist()), self.impute)
