"""Blocks: squares of ground that chips are gathered in."""

from __future__ import annotations

import numpy as np

from firnline.chips.splitting.places import Indices, Places


def blocks_of(places: Places, block_km: float) -> Indices:
    """The block (0, 1, ...) in which the centre of each place lies.

    Blocks are squares on the common plane of the places: their own CRS where they have but one, else an
    equal-area plane around them. They are counted from its origin, so they do not depend on which chips there are
    (nor, on the equal-area plane, on a few chips more or less).

    Examples
    --------
    >>> bounds = np.array([[0.0, 0, 960, 960], [960, 0, 1920, 960], [20160, 0, 21120, 960]])
    >>> places = Places(bounds, np.zeros(3, int), ("EPSG:32645",), np.full(3, 30.0), np.arange(3))
    >>> blocks_of(places, 20).tolist()
    [0, 0, 1]
    """
    steps = np.floor(places.centres / (1000 * block_km)).astype(np.int64)
    steps -= steps.min(axis=0)
    keys = steps[:, 0] * (steps[:, 1].max() + 1) + steps[:, 1]
    return np.unique(keys, return_inverse=True)[1].reshape(-1).astype(np.intp)
