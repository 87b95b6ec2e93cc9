"""Noise that depends on nothing but a seed and a place, so that a tile is the same however a scene is cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
"""Float64 everywhere here; numpy's own annotations only promise some float after arithmetic."""
Indices = NDArray[np.int64]

_UNIT = 3.6
"""A cubic B-spline over uniform(-1, 1) nodes has a standard deviation of about 1 / 3.6."""


def hashed(seed: int, rows: Indices, columns: Indices) -> Floats:
    """Uniform numbers in [0, 1) for whole-number places: the finaliser of SplitMix64 (Steele et al. 2014).

    Parameters
    ----------
    seed
        Any whole number from 0.
    rows, columns
        Places (n,) and (m,), int64, negative ones too.

    Returns
    -------
    float64 (n, m)

    Examples
    --------
    >>> whole = hashed(7, np.arange(4), np.arange(6))
    >>> bool((hashed(7, np.arange(2, 4), np.arange(3, 6)) == whole[2:, 3:]).all())
    True
    """
    state = np.array([seed], np.int64).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state = state + rows.astype(np.uint64)[:, None] * np.uint64(0xD1B54A32D192ED03)
    state = _mixed(state) + columns.astype(np.uint64)[None, :] * np.uint64(0x8CB92BA72F3D8DD7)
    return (_mixed(state) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def interpolate(nodes: Callable[[Indices, Indices], Floats], rows: Floats, columns: Floats) -> Floats:
    """Cubic B-spline through the neighbourhood of nodes at whole-number places (smooth, not interpolating).

    The four taps are gathered and added one by one: a matrix product would depend on the BLAS and its threads.

    Parameters
    ----------
    nodes
        Gives the node values (n, m) of whole-number rows (n,) and columns (m,).
    rows, columns
        Where to evaluate, in units of nodes: (n,) and (m,), each ascending.

    Returns
    -------
    float64 (n, m)

    Examples
    --------
    >>> flat = interpolate(lambda r, c: np.full((r.size, c.size), 3.0), np.array([0.2, 1.7]), np.array([5.1]))
    >>> flat.round(6).tolist()
    [[3.0], [3.0]]
    """
    row_first, row_at, row_weights = _taps(rows)
    column_first, column_at, column_weights = _taps(columns)
    values = nodes(
        row_first + np.arange(row_at[-1] + 4, dtype=np.int64),
        column_first + np.arange(column_at[-1] + 4, dtype=np.int64),
    )
    across = sum(column_weights[k] * values[:, column_at + k] for k in range(4))
    return np.asarray(sum(row_weights[k][:, None] * across[row_at + k] for k in range(4)))


def _taps(places: Floats) -> tuple[int, Indices, Floats]:
    """The first node needed, the first tap of each place counted from it, and the four weights (4, n)."""
    floor = np.floor(places)
    t = places - floor
    first = int(floor[0]) - 1
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]) / 6
    return first, floor.astype(np.int64) - 1 - first, weights


def noise(seed: int, y: Floats, x: Floats, wavelength: float) -> Floats:
    """Smooth noise of mean 0 and standard deviation 1 with features of about `wavelength`.

    Parameters
    ----------
    seed
        Any whole number from 0; different seeds are independent.
    y, x
        Coordinates (n,) and (m,), ascending, in the unit of `wavelength` (metres here).

    Returns
    -------
    float64 (n, m)
    """
    return _UNIT * interpolate(
        lambda rows, columns: 2 * hashed(seed, rows, columns) - 1, y / wavelength, x / wavelength
    )


def fractal(seed: int, y: Floats, x: Floats, wavelength: float, octaves: int, gain: float = 0.5) -> Floats:
    """Noise over `octaves` wavelengths, each half of the one before and `gain` times as strong; deviation 1.

    Examples
    --------
    >>> field = fractal(3, np.arange(0, 3000.0, 30), np.arange(0, 3000.0, 30), 400.0, 3)
    >>> field.shape, bool(0.7 < field.std() < 1.3)
    ((100, 100), True)
    """
    amplitudes = [gain**k for k in range(octaves)]
    layers = (a * noise(seed + 7919 * k, y, x, wavelength / 2**k) for k, a in enumerate(amplitudes))
    return np.asarray(sum(layers)) / float(np.sqrt(sum(a * a for a in amplitudes)))
