"""Whether a probability of 0.7 is right seven times in ten: reliability, calibration errors, proper scores.

Everywhere here classes come first: probabilities are float (class, pixel), truth is int (pixel,), and no pixel is
unknown. Truth that knows less than the model (glacier of any type, debris against the rest) is compared with
probabilities that `merged` has added up to what it knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.classes import LabelScheme
from firnline.errors import ConfigError, LabelError

Floats = NDArray[np.floating]
Truth = NDArray[np.integer]

Groups = tuple[tuple[int, ...], ...]
"""For each value of a truth the classes of the model that it may be; `((0,), (1, 2))`: glacier of either type."""

GROUPS: Final[dict[LabelScheme, Groups]] = {
    LabelScheme.CLASS: ((0,), (1,), (2,)),
    LabelScheme.GLACIER: ((0,), (1, 2)),
    LabelScheme.DEBRIS: ((0, 1), (2,)),
    LabelScheme.CLEAN: ((0, 2), (1,)),
}
"""What the truth of each scheme says of a model of the `class` scheme."""

FLOOR: Final = 1e-7
"""Probabilities below this are taken as this in logarithms: a float32 that sums to one knows no more."""

BINS: Final = 15
"""As in Guo et al. (2017)."""


def merged(probabilities: Floats, groups: Groups) -> NDArray[np.float64]:
    """Add up the probabilities of the classes that each value of the truth may be.

    Parameters
    ----------
    probabilities
        float (class, ...).
    groups
        Classes by truth value.

    Returns
    -------
    float64 (truth value, ...).

    Examples
    --------
    >>> merged(np.array([[0.5], [0.25], [0.25]]), GROUPS[LabelScheme.GLACIER]).tolist()
    [[0.5], [0.5]]
    """
    return np.stack([probabilities[list(group)].sum(axis=0, dtype=np.float64) for group in groups])


def negative_log_likelihood(probabilities: Floats, truth: Truth, weights: Floats | None = None) -> float:
    """The mean of -log p(true class), in nats.

    Parameters
    ----------
    probabilities
        float (class, pixel), summing to one.
    truth
        int (pixel,).
    weights
        What each pixel counts, float (pixel,); all the same without.

    Raises
    ------
    LabelError
        When shapes or values do not fit, or there is no pixel.

    Examples
    --------
    >>> round(negative_log_likelihood(np.array([[0.5, 0.2], [0.5, 0.8]]), np.array([0, 1])), 4)
    0.4581
    """
    require_fit(probabilities, truth, len(probabilities), weights)
    true = probabilities[truth, np.arange(len(truth))]
    return float(np.average(-np.log(np.maximum(true, FLOOR).astype(np.float64)), weights=weights))


def brier(probabilities: Floats, truth: Truth, weights: Floats | None = None) -> float:
    """The mean over pixels of the squared errors of all classes added up (Brier 1950): 0 is perfect, 2 the worst.

    With two classes it is twice the one that scikit-learn gives by default, which looks at one class alone.
    Parameters and failures are those of `negative_log_likelihood`.

    Examples
    --------
    >>> round(brier(np.array([[0.5, 0.2], [0.5, 0.8]]), np.array([0, 1])), 4)
    0.29
    """
    require_fit(probabilities, truth, len(probabilities), weights)
    is_class = np.arange(len(probabilities))[:, None] == truth
    return float(np.average(((probabilities - is_class) ** 2).sum(axis=0, dtype=np.float64), weights=weights))


@dataclass(frozen=True, eq=False)
class Reliability:
    """Forecasts in bins of equal width, (0, 1/n], ..., ((n-1)/n, 1]; a forecast of 0 is in the first.

    Bins of several samples are added. All are float64 (bin,).
    """

    weights: NDArray[np.float64]
    """How many pixels are in each bin."""
    forecasts: NDArray[np.float64]
    """Their probabilities, added up."""
    hits: NDArray[np.float64]
    """How many of them came true."""

    @property
    def mean_forecast(self) -> NDArray[np.float64]:
        """What was said in each bin; NaN in an empty one."""
        return _quotient(self.forecasts, self.weights)

    @property
    def frequency(self) -> NDArray[np.float64]:
        """How often it came true in each bin; NaN in an empty one."""
        return _quotient(self.hits, self.weights)

    @property
    def error(self) -> float:
        """The expected calibration error: how far frequency and forecast differ, over the bins by their pixels."""
        return float(np.abs(self.hits - self.forecasts).sum() / self.weights.sum())

    def __add__(self, other: Reliability) -> Reliability:
        if len(self.weights) != len(other.weights):
            raise LabelError(f"{len(self.weights)} and {len(other.weights)} bins cannot be added")
        return Reliability(self.weights + other.weights, self.forecasts + other.forecasts, self.hits + other.hits)


def _quotient(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)
    return result


def reliability(
    probabilities: Floats, truth: Truth, value: int | None = None, *, bins: int = BINS, weights: Floats | None = None
) -> Reliability:
    """Bin forecasts by probability: of the likeliest class (`value` None), or of one class against the rest.

    Parameters and failures are those of `negative_log_likelihood`, and ConfigError where `bins` is not at least 1.

    Examples
    --------
    >>> found = reliability(np.array([[0.4, 0.1], [0.6, 0.9]]), np.array([0, 1]), 1, bins=2)
    >>> found.weights.tolist(), found.frequency.tolist(), found.mean_forecast.tolist()
    ([0.0, 2.0], [nan, 0.5], [nan, 0.75])
    """
    require_fit(probabilities, truth, len(probabilities), weights)
    if bins < 1:
        raise ConfigError(f"{bins} bins are none")
    if value is None:
        forecasts, hits = probabilities.max(axis=0), probabilities.argmax(axis=0) == truth
    else:
        forecasts, hits = probabilities[value], truth == value
    number = np.clip(np.ceil(forecasts.astype(np.float64) * bins).astype(np.intp) - 1, 0, bins - 1)
    each = np.ones(len(truth)) if weights is None else weights.astype(np.float64)
    sums = [np.bincount(number, each * what, bins).astype(np.float64) for what in (1.0, forecasts, hits)]
    return Reliability(*sums)


@dataclass(frozen=True)
class Calibration:
    """How well probabilities are calibrated; `reliability` holds the bins of each class for the plot."""

    pixels: int
    error: float
    """Expected calibration error (ECE) of the likeliest class, Guo et al. (2017)."""
    class_errors: tuple[float, ...]
    """The same of each class against the rest; their mean is the classwise ECE of Kull et al. (2019)."""
    brier: float
    negative_log_likelihood: float
    reliability: tuple[Reliability, ...]

    @property
    def classwise_error(self) -> float:
        """The classwise expected calibration error, Kull et al. (2019)."""
        return float(np.mean(self.class_errors))


def calibration(
    probabilities: Floats, truth: Truth, *, bins: int = BINS, weights: Floats | None = None
) -> Calibration:
    """All measures at once. Parameters and failures are those of `reliability`.

    Examples
    --------
    >>> found = calibration(np.array([[0.4, 0.1], [0.6, 0.9]]), np.array([0, 1]), bins=2)
    >>> found.error, found.class_errors, found.pixels
    (0.25, (0.25, 0.25), 2)
    """
    by_class = tuple(
        reliability(probabilities, truth, value, bins=bins, weights=weights) for value in range(len(probabilities))
    )
    return Calibration(
        pixels=len(truth),
        error=reliability(probabilities, truth, bins=bins, weights=weights).error,
        class_errors=tuple(each.error for each in by_class),
        brier=brier(probabilities, truth, weights),
        negative_log_likelihood=negative_log_likelihood(probabilities, truth, weights),
        reliability=by_class,
    )


def require_fit(probabilities: Floats, truth: Truth, values: int, weights: Sequence[float] | Floats | None) -> None:
    """Raise LabelError unless these are probabilities (class, pixel) with a truth of 0 to `values` - 1 each."""
    if probabilities.ndim != 2 or truth.shape != probabilities.shape[1:] or len(truth) == 0:
        raise LabelError(f"probabilities {probabilities.shape} and truth {truth.shape} do not belong together")
    if int(truth.min()) < 0 or int(truth.max()) >= values:
        raise LabelError(f"the truth has values outside of 0 to {values - 1}", do="leave unknown pixels out")
    if not np.isfinite(probabilities).all():
        raise LabelError("there are probabilities that are no numbers", do="leave unknown pixels out")
    if weights is not None and len(weights) != len(truth):
        raise LabelError(f"{len(weights)} weights do not belong to {len(truth)} pixels")
