"""Statistics of bands, gathered window by window; unknown is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firnline.bands import BANDS, Kind

Floats = NDArray[np.float32]


def known_pixels(raw: Floats, bands: Sequence[str]) -> NDArray[np.bool_]:
    """Which pixels (row, column) have a value in every measured band of (band, row, column).

    An index may be undefined where its bands are known (0 / 0), and does not count; but where no optical band stands
    beside it, it alone tells where the image ends, and counts.

    Examples
    --------
    >>> raw = np.array([[[np.nan, 0.5]], [[20.0, 20.0]]], np.float32)
    >>> known_pixels(raw, ("ndsi", "slope")).tolist(), known_pixels(raw, ("ndsi", "green")).tolist()
    ([[False, True]], [[True, True]])
    """
    kinds = [BANDS[name].kind if name in BANDS else Kind.OTHER for name in bands]
    counts = [kind != Kind.INDEX or Kind.OPTICAL not in kinds for kind in kinds]
    return np.asarray(np.isfinite(raw[counts]).all(axis=0))


@dataclass(frozen=True)
class BandSummary:
    """What is known of one band; None where no pixel of it is known."""

    name: str
    count: int
    mean: float | None
    deviation: float | None
    """Of the population, in the band's unit."""
    minimum: float | None
    maximum: float | None


class BandStatistics:
    """Mean, deviation and range of bands, gathered window by window over known pixels (Chan et al. 1983).

    Examples
    --------
    >>> statistics = BandStatistics(("red",))
    >>> statistics.add(np.array([[[1.0, 3.0, np.nan]]], np.float32))
    >>> statistics.summary()[0]
    BandSummary(name='red', count=2, mean=2.0, deviation=1.0, minimum=1.0, maximum=3.0)
    """

    def __init__(self, bands: Sequence[str]) -> None:
        self.bands = tuple(bands)
        self._count = np.zeros(len(self.bands))
        self._mean = np.zeros(len(self.bands))
        self._squares = np.zeros(len(self.bands))
        self._minimum = np.full(len(self.bands), np.inf)
        self._maximum = np.full(len(self.bands), -np.inf)

    def add(self, raw: Floats) -> None:
        """Take in (band, row, column) values; what is not finite is left out."""
        for i, band in enumerate(raw):
            values = band[np.isfinite(band)].astype(np.float64)
            if values.size == 0:
                continue
            mean, count = values.mean(), self._count[i] + values.size
            shift = mean - self._mean[i]
            self._squares[i] += ((values - mean) ** 2).sum() + shift**2 * self._count[i] * values.size / count
            self._mean[i] += shift * values.size / count
            self._count[i] = count
            self._minimum[i] = min(self._minimum[i], values.min())
            self._maximum[i] = max(self._maximum[i], values.max())

    def absorb(self, other: BandStatistics) -> None:
        """Take in what another has gathered of the same bands; it may know of others too.

        Examples
        --------
        >>> one, other = BandStatistics(("red",)), BandStatistics(("nir08", "red"))
        >>> one.add(np.array([[[1.0]]], np.float32))
        >>> other.add(np.array([[[9.0]], [[3.0]]], np.float32))
        >>> one.absorb(other)
        >>> one.mean, one.deviation
        ((2.0,), (1.0,))
        """
        for i, name in enumerate(self.bands):
            j = other.bands.index(name)
            if other._count[j] == 0:
                continue
            count = self._count[i] + other._count[j]
            shift = other._mean[j] - self._mean[i]
            self._squares[i] += other._squares[j] + shift**2 * self._count[i] * other._count[j] / count
            self._mean[i] += shift * other._count[j] / count
            self._count[i] = count
            self._minimum[i] = min(self._minimum[i], other._minimum[j])
            self._maximum[i] = max(self._maximum[i], other._maximum[j])

    @property
    def mean(self) -> tuple[float, ...]:
        """Of each band; 0 where nothing of it is known."""
        return tuple(self._mean.tolist())

    @property
    def deviation(self) -> tuple[float, ...]:
        """Of each band, of the population; 0 where nothing of it is known."""
        return tuple(np.sqrt(self._squares / np.maximum(self._count, 1)).tolist())

    def summary(self) -> tuple[BandSummary, ...]:
        """What is known of each band."""
        values = zip(self.bands, self._count, self.mean, self.deviation, self._minimum, self._maximum, strict=True)
        return tuple(
            BandSummary(name, int(count), *(float(each) if count else None for each in told))
            for name, count, *told in values
        )
