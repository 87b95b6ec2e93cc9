"""Glaciers by a page of rules: snow gained above an equilibrium line, carried down the valleys, melted below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from firnline.synthetic.noise import Floats, noise
from firnline.synthetic.terrain import Terrain

GAIN, LOSS = 0.005, 0.007
"""Mass-balance gradients above and below the equilibrium line, 1/yr (m of ice per year and metre); Himalayan
glaciers show 0.003 to 0.01 (Wagnon et al. 2013, 10.5194/tc-7-1769-2013)."""
MOST_GAIN, MOST_LOSS = 1.3, 6.0
DEBRIS_MELT = 0.4
"""Share of the melt that is left under a debris cover (Oestrem 1959; Nicholson and Benn 2006)."""
GLEN = 2.08e-5
"""2 A / (n + 2) * (rho g) ** n for n = 3 and temperate ice (A = 2.4e-24 Pa-3 s-1), in m-3 yr-1."""
YIELD = 11.3
"""tau / (rho g) for a yield stress of 1e5 Pa, in metres: thickness = 11.3 m / sin(slope) (Nye 1951)."""
SMALLEST_FLUX = 6e4
LITTLE_ICE_AGE = 60.0
"""How much lower the equilibrium line lay when the moraines were built, m."""
SWOLLEN = 1.4
"""How much wider and thicker the tongues were then: lateral moraines stand beside and above the ice of today."""


@dataclass(frozen=True)
class Glaciers:
    """Ice over the terrain; all arrays are float64 (rows, columns) of the coarse grid.

    `thickness` in metres, below 0 where the surface lies above the ice; `former` the same for the Little Ice
    Age; `debris` an index that is above 0 where debris covers the ice; `across` how far from the centre line,
    in half-widths; `ela` the height of the equilibrium line; `terminus` the distance to a tongue's end.
    """

    thickness: Floats
    former: Floats
    debris: Floats
    across: Floats
    ela: Floats
    terminus: Floats
    floor: Floats


def grow(seed: int, terrain: Terrain, cover: float) -> Glaciers:
    """Grow glaciers that cover about `cover` (a fraction) of the terrain: the equilibrium line is bisected.

    Parameters
    ----------
    seed
        Any whole number from 0.
    """
    shift = _equilibrium_shift(seed, terrain)
    low, high = np.percentile(terrain.bed, [20, 99.5])
    for _ in range(9):
        middle = 0.5 * (low + high)
        ice = _spread(seed, terrain, middle + shift)
        too_much = float((ice[0] > 0).mean()) > cover
        low, high = (middle, high) if too_much else (low, middle)
    ela = 0.5 * (low + high) + shift
    thickness, debris, across, terminus, floor = _spread(seed, terrain, ela)
    former = _spread(seed, terrain, ela - LITTLE_ICE_AGE, SWOLLEN)[0]
    return Glaciers(thickness, former, debris, across, ela, terminus, floor)


def _equilibrium_shift(seed: int, terrain: Terrain) -> Floats:
    """Lower on slopes to the north, which get less sun (Evans 2006), and a little different from place to place."""
    south, east = np.gradient(ndimage.gaussian_filter(terrain.bed, 3), terrain.cell)
    steep = np.hypot(south, east)
    y, x = (np.arange(n) * terrain.cell for n in terrain.shape)
    # Row 0 is the north: a bed that falls with the row looks south.
    return np.asarray(110 * (-south) / (steep + 0.15) + 60 * noise(seed + 21, y, x, 9000))


def _flux(seed: int, terrain: Terrain, ela: Floats) -> tuple[Floats, Floats]:
    """Ice flux (n,) in m3/yr through each cell, and the debris index that goes with it.

    From the top down: what comes in, plus the cell's balance over its area (below the equilibrium line over the
    width of the tongue), and never less than nothing. Rock walls hand on debris, which no melt takes away.
    """
    bed, cell = terrain.bed.ravel(), terrain.cell
    height = bed - ela.ravel()
    balance = np.where(height > 0, np.minimum(GAIN * height, MOST_GAIN), np.maximum(LOSS * height, -MOST_LOSS))
    y, x = (np.arange(n) * cell for n in terrain.shape)
    rocky = (0.36 + 0.36 * noise(seed + 22, y, x, 3500)).ravel()
    flux, peak, debris = np.zeros(bed.size), np.zeros(bed.size), np.full(bed.size, -1.0)
    receiver = terrain.drainage.receiver
    for cells in terrain.drainage.levels:
        came = flux[cells]
        most = np.maximum(peak[cells], came)
        spent = 1 - came / np.maximum(most, 1.0)
        index = np.where(height[cells] < -20, spent * 1.0 + rocky[cells] - 0.72, -1.0)
        melt = np.where(index > 0, DEBRIS_MELT, 1.0)
        area = np.where(balance[cells] > 0, cell * cell, cell * np.maximum(cell, width(came)) * melt)
        left = np.maximum(came + balance[cells] * area, 0)
        debris[cells] = index
        flux[cells] = left
        np.add.at(flux, receiver[cells], left)
        np.maximum.at(peak, receiver[cells], np.where(left > 0, most, 0))
    flux[np.flatnonzero(receiver == np.arange(bed.size))] = 0
    return flux, debris


def width(flux: Floats) -> Floats:
    """Width of a tongue in metres for a flux in m3/yr: 420 m for a million, growing with its power 0.3.

    Examples
    --------
    >>> width(np.array([1e6, 8e6])).round().tolist()
    [420.0, 784.0]
    """
    return np.minimum(420 * (np.maximum(flux, 1) / 1e6) ** 0.3, 1600)


def _spread(
    seed: int, terrain: Terrain, ela: Floats, swell: float = 1.0
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Thickness, debris index, place across, distance to a terminus and its elevation, all (rows, columns)."""
    flux, debris = _flux(seed, terrain, ela)
    flux2, cell, bed = flux.reshape(terrain.shape), terrain.cell, terrain.bed
    gradient = np.gradient(ndimage.gaussian_filter(bed, 1.5), cell)
    sine = np.clip(np.sin(np.arctan(np.hypot(*gradient))), 0.04, 1)
    stream = flux2 > SMALLEST_FLUX
    if not stream.any():
        empty = np.full(terrain.shape, -60.0)
        return empty, np.full(terrain.shape, -1.0), np.full(terrain.shape, 9.0), np.full(terrain.shape, 1e5), bed
    off, nearest = ndimage.distance_transform_edt(~stream, return_indices=True)
    at = tuple(nearest)
    half = swell * np.maximum(width(flux2), cell)[at] / 2
    # Shallow ice: flux per width = GLEN sin^3 H^5 (Nye 1952), solved for H on the centre line.
    deep = np.clip((flux2 / np.maximum(width(flux2), cell) / (GLEN * sine**3)) ** 0.2, 10, 220) * swell**0.5
    across = off * cell / half
    level = bed[at] + deep[at] * (1 - 0.15 * np.minimum(across, 1.5) ** 2)
    tongue = level - bed - np.maximum(across - 1, 0) * half * 0.9
    # A tongue does not spill over the crest behind it: far below its own bed there is none of it.
    tongue = np.minimum(tongue, bed - bed[at] + 0.8 * deep[at])
    cap = np.minimum(YIELD / sine, 70) - 15.5 + np.minimum((bed - ela) / 4, 0)
    thickness = ndimage.gaussian_filter(np.clip(np.maximum(tongue, cap), -60, 220), 0.6)
    ends = stream & (flux2.ravel()[terrain.drainage.receiver].reshape(terrain.shape) <= SMALLEST_FLUX)
    far, end = ndimage.distance_transform_edt(~ends, return_indices=True)
    return thickness, debris.reshape(terrain.shape)[at], across, far * cell, bed[tuple(end)]
