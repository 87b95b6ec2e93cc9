"""Features of a pixel: its bands, and what lies around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from firnline.models.normaliser import Floats
from firnline.models.pixels.settings import Context, LocalFeature


def context_features(values: Floats, context: Context) -> Floats:
    """The bands, and then each local feature of each band at each radius.

    Beyond the window the value at its rim goes on.

    Parameters
    ----------
    values
        Normalised bands (band, row, column), float32.
    context
        Which local features.

    Returns
    -------
    float32 (feature, row, column), in the order of `feature_names`.

    Examples
    --------
    >>> dot = np.zeros((1, 3, 3), np.float32)
    >>> dot[0, 1, 1] = 9
    >>> features = context_features(dot, Context(features=("mean", "deviation"), radii=(1,)))
    >>> features.shape, features[:, 1, 1].round(2).tolist() == [9.0, 1.0, np.float32(2.83)]
    ((3, 3, 3), True)
    """
    local = [
        _local(band, feature, radius) for radius in context.radii for feature in context.features for band in values
    ]
    return np.concatenate([values, np.stack(local)]) if local else values


def _local(band: Floats, feature: LocalFeature, radius: int) -> Floats:
    """One local feature; in double precision, because a deviation is a small difference of large squares."""
    exact, side = band.astype(np.float64), 2 * radius + 1
    match feature:
        case "mean":
            result = ndimage.uniform_filter(exact, side, mode="nearest")
        case "deviation":
            mean = ndimage.uniform_filter(exact, side, mode="nearest")
            squares = ndimage.uniform_filter(exact**2, side, mode="nearest")
            result = np.sqrt(np.maximum(squares - mean**2, 0))
        case "gradient":
            result = np.hypot(_slope(exact, radius, 0), _slope(exact, radius, 1))
    return np.asarray(result, np.float32)


def _slope(band: NDArray[np.float64], radius: int, axis: int) -> NDArray[np.float64]:
    """How steeply the plane that fits the square best (least squares) rises along an axis, per pixel."""
    along = np.arange(-radius, radius + 1)
    across = ndimage.uniform_filter1d(band, 2 * radius + 1, axis=1 - axis, mode="nearest")
    return np.asarray(ndimage.correlate1d(across, along / (along**2).sum(), axis=axis, mode="nearest"))


def feature_names(bands: Sequence[str], context: Context) -> tuple[tuple[str, str], ...]:
    """Each feature's name and the band that it is of, in the order of `context_features`.

    Examples
    --------
    >>> feature_names(("red", "ndsi"), Context(features=("mean",), radii=(3,)))
    (('red', 'red'), ('ndsi', 'ndsi'), ('mean 3 of red', 'red'), ('mean 3 of ndsi', 'ndsi'))
    """
    local = [
        (f"{feature} {radius} of {band}", band)
        for radius in context.radii
        for feature in context.features
        for band in bands
    ]
    return (*((band, band) for band in bands), *local)
