"""Divides after a reference inventory: each pixel of a complex takes the glacier it lies in, or the nearest one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firnline.inventory.coverage import Labels, Mask


def after_reference(complexes: Labels, count: int, reference: Labels) -> tuple[Labels, Mask]:
    """Give every pixel of the complexes that hold a reference glacier to one.

    Ice outside the reference goes to the glacier that is nearest within the ice: counted in steps over pixel edges
    that never leave the complex (a glacier across a ridge is not near). Of two equally near, the one with the
    smaller number has it.

    Parameters
    ----------
    complexes
        Numbers of the complexes from 1, 0 elsewhere.
    count
        How many there are.
    reference
        Numbers of the reference glaciers from 1 (`firnline.inventory.reference.burnt`), 0 elsewhere.

    Returns
    -------
    The number of the reference glacier that each pixel goes to, int32 (row, column), 0 outside the ice and in
    complexes that no reference glacier lies in; and whether complex 1, 2, ... holds one.

    Examples
    --------
    >>> ice, drawn = np.array([[1, 1, 1, 1, 0, 2]]), np.array([[7, 0, 0, 8, 8, 0]])
    >>> numbers, known = after_reference(ice.astype(np.int32), 2, drawn.astype(np.int32))
    >>> numbers.tolist(), known.tolist()
    ([[7, 7, 8, 8, 0, 0]], [True, False])
    """
    numbers = np.where(complexes > 0, reference, 0).astype(np.int32)
    known = np.zeros(count + 1, np.bool_)
    known[complexes[numbers > 0]] = True
    known[0] = False
    missing = known[complexes]
    missing &= numbers == 0
    _spread(numbers, missing)
    return numbers, known[1:]


def _spread(numbers: Labels, missing: Mask) -> None:
    """Fill `missing` pixels of `numbers` from their neighbours over edges, ring by ring (in place)."""
    columns = numbers.shape[1]
    # A rim of nothing, so that no step leaves the raster or wraps round to the next row.
    wide = columns + 2
    at = np.flatnonzero(missing)
    padded_at = (at // columns + 1) * wide + at % columns + 1
    filled = np.pad(numbers, 1).ravel()
    open_: Mask = np.zeros(filled.size, np.bool_)
    open_[padded_at] = True
    steps = (-wide, -1, 1, wide)
    ring = padded_at[np.any([filled[padded_at + step] > 0 for step in steps], axis=0)] if at.size else padded_at
    while ring.size:
        nearest = np.full(ring.size, np.iinfo(np.int32).max, np.int32)
        for step in steps:
            beside = filled[ring + step]
            np.minimum(nearest, beside, out=nearest, where=beside > 0)
        filled[ring] = nearest
        open_[ring] = False
        around: NDArray[np.int64] = np.concatenate([ring + step for step in steps])
        ring = np.unique(around[open_[around]])
    numbers.ravel()[at] = filled[padded_at]
