"""Landsat 7's missing lines after its scan-line corrector failed: where they are, and filling them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from firnline.acquire.landsat_ids import SLC_FAILED
from firnline.acquire.source import SourceProduct
from firnline.bands import Sensor

WIDEST: Final = 20
"""Pixels of 30 m, down a column: gaps are at most 14 lines wide, tilted against the rows, and resampled."""
_RAGGED: Final = 2
"""The gap is not the same in all bands: pixels so near to it that lack some of their bands belong to it."""

MATCH: Final = 15
"""Pixels to each side of a filled one from which the match of both dates is taken: 31 x 31."""
_FEWEST: Final = 144
"""Pixels that both dates must share there (Scaramuzza, Micijevic and Chander 2004)."""
_GAIN: Final = 3.0
"""Gains beyond it, or below its inverse, are not of the atmosphere or the season but of a bad match."""


def has_stripes(product: SourceProduct) -> bool:
    """Whether a product was taken after the scan-line corrector failed."""
    return product.sensor == Sensor.LANDSAT7 and product.date >= SLC_FAILED


def halo_for_stripes(pixels_of_30_m: float) -> int:
    """Pixels around a window that finding stripes looks at, where 30 m are so many pixels."""
    return round(WIDEST * pixels_of_30_m) + _RAGGED + 1


def find_stripes(
    known: NDArray[np.bool_], pixels_of_30_m: float = 1.0, is_image: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Where pixels are missing between others above and below them that are there.

    Outside of the image's footprint nothing lies on one of both sides; what is wider than the widest stripe is none;
    and where only some bands are missing away from a stripe, something else took them.

    Parameters
    ----------
    known
        (band, row, column): whether the product has a value, before anything is masked as cloud. With
        `halo_for_stripes` more pixels around what is wanted; there the result is not to be used.
    pixels_of_30_m
        How many pixels 30 m are.
    is_image
        (row, column): where the quality band says that the sensor saw something, whatever became of it.

    Returns
    -------
    (row, column).

    Examples
    --------
    >>> known = np.array([0, 0, 1, 1, 0, 0, 1, 1, 0], bool).reshape(1, -1, 1)
    >>> np.flatnonzero(find_stripes(known)).tolist()
    [4, 5]
    """
    anything, everything = known.any(axis=0), known.all(axis=0)
    if is_image is not None:
        anything = anything | is_image
    length = round(WIDEST * pixels_of_30_m) + 1
    padded = np.pad(anything, ((length, length), (0, 0)))
    column = np.ones((length, 1), np.bool_)
    closed = ndimage.binary_closing(padded, structure=column)[length:-length]
    gaps = closed & ~anything
    near = ndimage.binary_dilation(gaps, structure=np.ones((2 * _RAGGED + 1, 1), np.bool_))
    return np.asarray(gaps | (near & ~everything & closed))


def match_to(
    wanted: NDArray[np.floating], other: NDArray[np.floating], shared: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Bring values of another date to those of the wanted one, by a linear match of the surroundings.

    Around each pixel (31 x 31) mean and deviation of both dates are compared over the pixels that both have: gain is
    the ratio of the deviations, bias makes the means agree. A gain beyond 3 or below 1/3 is taken as 1; where fewer
    than 144 pixels are shared the values stay as they are.

    Parameters
    ----------
    wanted, other
        (row, column), in the same unit.
    shared
        Where both are known, clear and not saturated.

    Notes
    -----
    Scaramuzza, P., Micijevic, E. and Chander, G. (2004), SLC gap-filled products phase one methodology, USGS; with
    a window of fixed size.

    Examples
    --------
    >>> other = np.random.default_rng(0).uniform(0.1, 0.3, (40, 40))
    >>> matched = match_to(2 * other + 0.05, other, np.ones((40, 40), bool))
    >>> bool(np.abs(matched - (2 * other + 0.05)).max() < 1e-9)
    True
    """
    side = 2 * MATCH + 1
    weight = shared.astype(np.float64)

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(ndimage.uniform_filter(values, side, mode="constant")) * side * side

    level = float(other[shared].mean()) if shared.any() else 0.0  # sums of squares lose digits far from zero
    a = np.where(shared, wanted - level, 0.0).astype(np.float64)
    b = np.where(shared, other - level, 0.0).astype(np.float64)
    count = np.rint(total(weight))
    enough = count >= _FEWEST
    n = np.where(enough, count, 1.0)
    mean_a, mean_b = total(a) / n, total(b) / n
    spread_a = np.sqrt(np.maximum(total(a * a) / n - mean_a**2, 0.0))
    spread_b = np.sqrt(np.maximum(total(b * b) / n - mean_b**2, 0.0))
    gain = np.divide(spread_a, spread_b, out=np.ones_like(spread_a), where=spread_b > 1e-9)
    gain[(gain > _GAIN) | (gain < 1.0 / _GAIN)] = 1.0
    matched = (other - level - mean_b) * gain + mean_a + level
    return np.asarray(np.where(enough, matched, other), np.float64)
