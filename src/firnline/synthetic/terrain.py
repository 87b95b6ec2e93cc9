"""The bed of the range on a coarse grid: rivers first, then valleys that glaciers have widened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from firnline.synthetic.drainage import Drainage, drain, nearest_outlet, steepest
from firnline.synthetic.noise import Floats, fractal, hashed, noise

STEEPNESS = 0.46
"""Slope (a tangent) of a channel that drains 1 km2, before glaciers flatten it."""
CONCAVITY = 0.45
"""Flint's law: slope ~ area ** -0.45, the usual reference concavity (Whipple 2004)."""
CLIFF = 0.95
"""Hillslopes grow no steeper on this grid (44 degrees): above it they fail (Montgomery 2001)."""
TRUNK_SPACING = 22_000.0
TRUNK_ELEVATION = 3700.0


@dataclass(frozen=True)
class Terrain:
    """The ice-free landscape: `bed` (rows, columns) in metres, the cells' drainage, and what drains through.

    `area` (rows, columns) is the catchment in km2, `trunk` the distance to the main river in metres, `cell` the
    side of a cell in metres.
    """

    bed: Floats
    drainage: Drainage
    area: Floats
    trunk: Floats
    cell: float

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the coarse grid."""
        rows, columns = self.bed.shape
        return rows, columns


def make_terrain(seed: int, shape: tuple[int, int], cell: float) -> Terrain:
    """A fluvial landscape in balance with its uplift, its larger valleys widened to troughs.

    The bed rises from winding main rivers by Flint's law along a drainage tree; the tree then follows the new
    slopes, and the two are repeated until they agree well enough (the steady state of Braun and Willett 2013).

    Parameters
    ----------
    seed
        Any whole number from 0.
    shape, cell
        (rows, columns) of the coarse grid, and the side of its cells in metres.
    """
    y, x = (np.arange(n) * cell for n in shape)
    trunk = _trunk(seed, y, x)
    outlets = trunk < 0.75 * cell
    base = TRUNK_ELEVATION + 120 * noise(seed + 11, y, x, 15_000)
    uplift = np.exp(0.25 * fractal(seed + 12, y, x, 6000, 4))
    cost = np.exp(0.9 * fractal(seed + 13, y, x, 4000, 5, 0.7))
    receiver = nearest_outlet(cost, outlets)
    rows, columns = (receiver // shape[1], receiver % shape[1])
    own = np.arange(receiver.size)
    distance = cell * np.hypot(rows - own // shape[1], columns - own % shape[1])
    whole = [np.arange(n) for n in shape]

    def whim(way: int) -> Floats:
        return np.asarray(np.exp(0.9 * (hashed(seed + 100 + way, *whole) - 0.5)))

    for _ in range(8):
        drainage = drain(receiver)
        area = drainage.accumulate(np.full(receiver.size, (cell / 1000) ** 2))
        # Glaciers flatten the floors of larger valleys and steepen their heads (MacGregor et al. 2000).
        trough = 0.35 + 0.65 / (1 + area / 2)
        slope = np.clip(uplift.ravel() * STEEPNESS * trough * area**-CONCAVITY, 0.01, CLIFF)
        rise, root = drainage.along(slope * distance)
        bed = (base.ravel()[root] + rise).reshape(shape)
        receiver, distance = steepest(bed, cell, outlets, whim)
    drainage = drain(receiver)
    area = drainage.accumulate(np.full(receiver.size, (cell / 1000) ** 2)).reshape(shape)
    area[outlets] = np.maximum(area[outlets], 80.0)
    return Terrain(_widened(bed, area, cell), drainage, area, trunk, cell)


def _trunk(seed: int, y: Floats, x: Floats) -> Floats:
    """Distance (rows, columns) in metres to the nearest of winding, nearly parallel main rivers."""
    rng = np.random.default_rng([seed, 1])
    heading, phase = rng.uniform(0, np.pi), rng.uniform()
    bend = 2200 * noise(seed + 14, y, x, 9000) + 500 * noise(seed + 15, y, x, 2500)
    across = np.cos(heading) * y[:, None] + np.sin(heading) * x[None, :] + bend
    turn = across / TRUNK_SPACING + phase
    return np.asarray(np.abs(turn - np.round(turn)) * TRUNK_SPACING)


def _widened(bed: Floats, area: Floats, cell: float) -> Floats:
    """Cut flat floors and steep walls along the channels: the U of a trough, wider where more drains through.

    Floor half-widths follow area ** 0.35, as trough cross-sections do (Montgomery 2002).
    """
    carved = bed
    for least in (0.5, 2.0, 8.0):
        channel = area > least
        if not channel.any():
            continue
        off, nearest = ndimage.distance_transform_edt(~channel, return_indices=True)
        half = 140 * area[tuple(nearest)] ** 0.35
        wall = np.maximum(off * cell - half, 0) * 1.1
        carved = np.minimum(carved, bed[tuple(nearest)] + wall)
    smooth = ndimage.gaussian_filter(carved, 0.8, mode="nearest")
    return np.asarray(smooth)
