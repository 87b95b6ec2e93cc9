"""How far two distributions lie apart: histograms over the same classes, with an interval over blocks and seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.evaluation.bootstrap import LEAST_UNITS, REPLICATES, draws_of, outward_tail

Floats = NDArray[np.float64]

_AT_ONCE: Final = 100
"""Replicates that are held at once."""


def earth_movers(first: Floats, second: Floats, width: float) -> Floats:
    """How far the one distribution must be moved, on average, to become the other, in the unit of `width`.

    It is Wasserstein's distance of order 1 (Vaserstein 1969; Rubner et al. 2000 call it the earth mover's), of
    histograms with classes `width` wide: the area between the two cumulative shares.

    Parameters
    ----------
    first, second
        Histograms (..., class), not negative; the last axis is the same for both.
    width
        Of a class.

    Returns
    -------
    (...), NaN where one of the two holds nothing.

    Examples
    --------
    >>> earth_movers(np.array([2.0, 0.0, 0.0]), np.array([0.0, 1.0, 1.0]), 50.0)
    array(75.)
    """
    totals = [each.sum(axis=-1, keepdims=True) for each in (first, second)]
    shares = [
        np.divide(each, total, out=np.full(each.shape, np.nan), where=total > 0)
        for each, total in zip((first, second), totals, strict=True)
    ]
    return np.asarray(np.abs(np.cumsum(shares[0] - shares[1], axis=-1)).sum(axis=-1) * width)


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; `low` and `high` are None where too few blocks hold anything."""

    value: float | None
    low: float | None
    high: float | None

    def text(self, digits: int) -> str:
        """For a sentence.

        Examples
        --------
        >>> Estimate(12.34, 8.0, 20.0).text(1), Estimate(12.34, None, None).text(0)
        ('12.3 [8.0, 20.0]', '12')
        """
        if self.value is None:
            return "-"
        if self.low is None or self.high is None:
            return f"{self.value:.{digits}f}"
        return f"{self.value:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"


def distances_to(
    truth: Floats, maps: tuple[Floats, Floats], width: float, *, confidence: float = 0.95, seed: int = 0
) -> tuple[Estimate, Estimate, Estimate]:
    """How far each of two ways lies from the truth, and by how much the first lies further than the second.

    Histograms of all blocks, and of all seeds, are added before they are compared. Blocks and seeds are drawn again
    at once, the same for truth and both ways (of n seeds n - 1, see `paired.difference`); that counts what is of
    neither twice, and so errs to the careful side. The interval is the expanded percentile one of `bootstrap`.

    Parameters
    ----------
    truth
        (block, class).
    maps
        Of each way, (block, seed, class).
    width
        Of a class.

    Returns
    -------
    Distance of the first, of the second, and their difference, in the unit of `width`.

    Examples
    --------
    >>> truth = np.tile([4.0, 0.0, 0.0], (8, 1))
    >>> near, far = (np.tile(each, (8, 3, 1)) for each in ([2.0, 2.0, 0.0], [0.0, 0.0, 4.0]))
    >>> [each.text(0) for each in distances_to(truth, (near, far), 100.0)]
    ['50 [50, 50]', '200 [200, 200]', '-150 [-150, -150]']
    """
    held = (truth.sum(axis=1) + sum(each.sum(axis=(1, 2)) for each in maps)) > 0
    truth, maps = truth[held], (maps[0][held], maps[1][held])
    number, seeds = len(truth), maps[0].shape[1]
    point = np.array([earth_movers(truth.sum(axis=0), each.sum(axis=(0, 1)), width) for each in maps])
    values = (*point.tolist(), float(point[0] - point[1]))
    if number < LEAST_UNITS or np.isnan(values[2]):
        first, second, gap = (Estimate(None if np.isnan(v) else v, None, None) for v in values)
        return first, second, gap
    rng = np.random.default_rng(seed)
    drawn: list[Floats] = []
    for weights in draws_of(number, REPLICATES, rng):
        for start in range(0, len(weights), _AT_ONCE):
            some = weights[start : start + _AT_ONCE]
            by_seed = _seed_weights(seeds, len(some), rng)
            sums = [np.einsum("rs,rsc->rc", by_seed, np.tensordot(some, each, axes=1)) for each in maps]
            drawn.append(np.stack([earth_movers(some @ truth, each, width) for each in sums]))
    both = np.concatenate(drawn, axis=1)
    tail = outward_tail(number, confidence)
    low, high = np.nanquantile(np.vstack([both, both[:1] - both[1:]]), [tail, 1 - tail], axis=1)
    first, second, gap = (Estimate(*each) for each in zip(values, low.tolist(), high.tolist(), strict=True))
    return first, second, gap


def _seed_weights(count: int, replicates: int, rng: np.random.Generator) -> Floats:
    """How often each seed is drawn, (replicate, seed): n - 1 of n; a single one is what there is."""
    if count == 1:
        return np.ones((replicates, 1))
    return rng.multinomial(count - 1, np.full(count, 1 / count), replicates).astype(np.float64)
