"""Fields that change smoothly from pixel to pixel: noise, and values between the middles of larger pixels.

Both are computed without matrix products: those would start threads of their own beside the network's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firnline.models.normaliser import Floats


def smooth_field(side: int, cells: int, random: np.random.Generator) -> Floats:
    """Noise between 0 and 1, float32 (side, side), that changes smoothly over `cells` cells each way.

    Examples
    --------
    >>> field = smooth_field(64, 4, np.random.default_rng(0))
    >>> bool(0 <= field.min() < field.max() <= 1 and np.abs(np.diff(field)).max() < 0.1)
    True
    """
    at = (np.arange(side) + 0.5) * cells / side
    part = at - np.floor(at)
    at += part * part * (3 - 2 * part) - part  # flat at the nodes
    nodes = random.random((cells + 1, cells + 1), dtype=np.float32)
    return between(between(nodes, at, 1), at, 0)


def between(values: Floats, at: NDArray[np.float64], axis: int) -> Floats:
    """Values at positions between indices along an axis, straight from one to the next; beyond the ends, the ends'.

    Examples
    --------
    >>> between(np.array([[1.0, 3.0, 7.0]], np.float32), np.array([-0.5, 0.5, 1.25]), 1).tolist()
    [[1.0, 2.0, 4.0]]
    """
    last = values.shape[axis] - 1
    at = np.clip(at, 0, last)
    low = np.minimum(at.astype(np.intp), max(last - 1, 0))
    shape = [1] * values.ndim
    shape[axis] = at.size
    part = (at - low).astype(np.float32).reshape(shape)
    first = values.take(low, axis)
    found: Floats = first + part * (values.take(np.minimum(low + 1, last), axis) - first)
    return found
