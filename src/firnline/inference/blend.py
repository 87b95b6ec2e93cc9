"""Blending: overlapping windows of probabilities into rows that each pixel's windows agree on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from firnline.grid import Lattice, Window
from firnline.models.normaliser import Floats

Known = NDArray[np.bool_]
MapWindow = Callable[[Window], tuple[Floats, Known]]


def window_weight(window: int, overlap: int) -> Floats:
    """The weight (row, column) of a window's pixels: 1 inside, falling linearly over the overlap.

    Two neighbours' weights add up to 1 along an edge, so that no seam is left.

    Examples
    --------
    >>> window_weight(6, 2)[3].tolist()
    [0.25, 0.75, 1.0, 1.0, 0.75, 0.25]
    """
    side = np.ones(window, np.float32)
    ramp = (np.arange(overlap, dtype=np.float32) + 0.5) / max(overlap, 1)
    side[:overlap] = ramp
    side[window - overlap :] = ramp[::-1]
    return side[:, None] * side[None, :]


class RowBlender:
    """Turns rows of windows, from the top down, into blended row bands.

    Windows add up in a fixed order, so that a band is the same to the last bit whether the bands above it were
    computed in the same run or in another.

    Parameters
    ----------
    lattice
        How the scene is cut.
    classes
        How many probabilities a pixel has.
    map_window
        Gives probabilities (class, row, column) and known pixels (row, column) of a window inside the scene.
    """

    def __init__(self, lattice: Lattice, classes: int, map_window: MapWindow) -> None:
        self._lattice = lattice
        self._map_window = map_window
        self._weight = window_weight(lattice.window, lattice.overlap)
        shape = (lattice.overlap, lattice.shape[1])
        self._none = (np.zeros((classes, *shape), np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.bool_))
        self._carried, self._carried_from = self._none, -1

    def band(self, index: int) -> tuple[Floats, Known]:
        """Blended probabilities (class, row, column) and known pixels (row, column) of a row band."""
        if index > 0 and self._carried_from != index - 1:
            self._carried = self._none  # nothing from above but what touches this band
            self._add_row(index - 1)
        sums, weights, known = self._add_row(index)
        first, last = self._lattice.rows_of(index)
        rows = last - first
        blended: Floats = np.divide(sums[:, :rows], np.maximum(weights[:rows], np.float32(1e-12)), dtype=np.float32)
        return blended, known[:rows]

    def _add_row(self, index: int) -> tuple[Floats, Floats, Known]:
        """Add a row of windows to what the row above left, and keep what it leaves to the row below."""
        lattice = self._lattice
        height = min(lattice.window, lattice.shape[0] - index * lattice.stride)
        width = lattice.shape[1]
        carried = min(lattice.overlap, height)
        sums = np.zeros((self._none[0].shape[0], height, width), np.float32)
        weights, known = np.zeros((height, width), np.float32), np.zeros((height, width), np.bool_)
        for whole, above in zip((sums, weights, known), self._carried, strict=True):
            whole[..., :carried, :] = above[..., :carried, :]
        scene = Window(0, 0, *lattice.shape)
        for at in lattice.windows_in_row(index):
            inside = at.intersection(scene)
            assert inside is not None  # windows start inside the scene
            probabilities, is_known = self._map_window(inside)
            part = (slice(0, inside.height), slice(inside.column, inside.stop_column))
            weight = self._weight[: inside.height, : inside.width]
            sums[(slice(None), *part)] += probabilities * weight
            weights[part] += weight
            known[part] |= is_known
        stride = lattice.stride
        if height > stride:
            self._carried = (sums[:, stride:].copy(), weights[stride:].copy(), known[stride:].copy())
        self._carried_from = index
        return sums, weights, known
