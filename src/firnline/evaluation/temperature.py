"""A temperature per class, by which a model's probabilities are calibrated after training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.special import logsumexp, softmax

from firnline.errors import ConfigError
from firnline.evaluation.calibration import FLOOR, Floats, Groups, Truth, require_fit

LEAST_PIXELS: Final = 200
"""A class that fewer pixels of the truth belong to keeps the temperature 1."""

PRIOR_PIXELS: Final = 10.0
"""The strength of the pull of log T towards 0 (a normal prior of deviation 1), as if this many pixels spoke for it:
enough to settle what the pixels leave open, too little to be seen where they do not."""

_RANGE: Final = (0.05, 20.0)


def apply_temperatures(probabilities: Floats, temperatures: Sequence[float]) -> NDArray[np.float32]:
    """Calibrate probabilities: p_c^(1/T_c), divided by their sum over the classes.

    With one T for all it is the temperature scaling of Guo et al. (2017); with one for each class and two classes
    it is the beta calibration of Kull et al. (2017) without its constant. T > 1 makes forecasts of a class less
    sharp; unlike a single T, several can change which class is the likeliest.

    Parameters
    ----------
    probabilities
        float (class, ...); unknown (NaN) stays so.
    temperatures
        One for each class, greater than 0.

    Returns
    -------
    float32 of the same shape.

    Raises
    ------
    ConfigError
        When there is not one temperature greater than 0 for each class.

    Examples
    --------
    >>> apply_temperatures(np.array([[0.9], [0.1]]), (2.0, 2.0)).round(2).tolist()
    [[0.75], [0.25]]
    """
    if len(temperatures) != len(probabilities) or not all(0 < each < np.inf for each in temperatures):
        raise ConfigError(f"the temperatures {tuple(temperatures)} do not fit {len(probabilities)} classes")
    exponents = 1.0 / np.array(temperatures, np.float32).reshape(-1, *[1] * (probabilities.ndim - 1))
    logarithms = np.log(np.maximum(probabilities, FLOOR, dtype=np.float32))
    return np.asarray(softmax(logarithms * exponents, axis=0), np.float32)


def fit_temperatures(
    probabilities: Floats, truth: Truth, *, groups: Groups | None = None, weights: Floats | None = None
) -> tuple[float, ...]:
    """Find the temperatures that make the truth likeliest: the least negative log-likelihood.

    The logarithm of T is sought, so that T is positive, within 0.05 to 20, with a slight pull towards 1
    (`PRIOR_PIXELS`). A class that too few pixels belong to (`LEAST_PIXELS`) keeps T = 1; where the truth leaves the
    class open, a pixel belongs to the classes that it may be, in the shares that the model gives.

    Parameters
    ----------
    probabilities
        float (class, pixel), summing to one.
    truth
        int (pixel,): indices of `groups`, or classes without it.
    groups
        For each value of the truth the classes that it may be; they may overlap, so that pixels of several label
        schemes can be fitted together: `((0,), (1,), (2,), (1, 2))` with 3 for a glacier of unknown type. The
        likelihood of a pixel is the sum of the calibrated probabilities of its group.
    weights
        What each pixel counts, float (pixel,); all the same without.

    Raises
    ------
    LabelError
        When shapes or values do not fit, or there is no pixel.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> right = rng.uniform(0.01, 0.99, 100_000)
    >>> truth = (rng.random(100_000) < right).astype(np.int64)
    >>> sharp = right**2 / (right**2 + (1 - right) ** 2)
    >>> [round(each) for each in fit_temperatures(np.stack([1 - sharp, sharp]), truth)]
    [2, 2]
    """
    classes = len(probabilities)
    groups = tuple((each,) for each in range(classes)) if groups is None else groups
    require_fit(probabilities, truth, len(groups), weights)
    allowed = np.zeros((len(groups), classes), np.bool_)
    for value, group in enumerate(groups):
        allowed[value, list(group)] = True
    may_be = allowed[truth].T
    logarithms = np.log(np.maximum(probabilities, FLOOR).astype(np.float64))
    each = np.ones(len(truth)) if weights is None else weights * (len(truth) / weights.sum())
    is_free = _shares(logarithms, may_be).sum(axis=1) >= LEAST_PIXELS
    if not is_free.any():
        return (1.0,) * classes
    found = optimize.minimize(
        _loss,
        np.zeros(int(is_free.sum())),
        args=(is_free, logarithms, may_be, each),
        jac=True,
        method="L-BFGS-B",
        bounds=[(np.log(_RANGE[0]), np.log(_RANGE[1]))] * int(is_free.sum()),
        options={"ftol": 1e-10},
    )
    temperatures = np.ones(classes)
    temperatures[is_free] = np.exp(found.x)
    return tuple(temperatures.tolist())


def _shares(scores: NDArray[np.float64], may_be: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How much each pixel belongs to each class that its truth leaves open (class, pixel)."""
    return np.asarray(softmax(np.where(may_be, scores, -np.inf), axis=0))


def _loss(
    free: NDArray[np.float64],
    is_free: NDArray[np.bool_],
    logarithms: NDArray[np.float64],
    may_be: NDArray[np.bool_],
    weights: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """The mean negative log-likelihood with its pull, and its gradient, by the logarithms of free temperatures."""
    exponents = np.ones(len(logarithms))
    exponents[is_free] = np.exp(-free)
    scores = exponents[:, None] * logarithms
    likelihood = logsumexp(np.where(may_be, scores, -np.inf), axis=0) - logsumexp(scores, axis=0)
    pull = PRIOR_PIXELS / len(weights)
    # d(-log likelihood) / d(score) = softmax over all classes - softmax over those that the truth leaves open
    by_score = softmax(scores, axis=0) - _shares(scores, may_be)
    by_log_temperature = -(by_score * scores * weights).mean(axis=1)[is_free]
    loss = -float((weights * likelihood).mean()) + 0.5 * pull * float(free @ free)
    return loss, by_log_temperature + pull * free
