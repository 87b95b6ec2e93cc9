"""What lies where on the ground of a tile: elevation, slope and the kind of surface of every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from firnline.synthetic.noise import Floats, Indices, fractal, noise
from firnline.synthetic.world import World


class Surface(IntEnum):
    """The kinds of surface, as stored in ``surfaces.tif``."""

    ROCK = 0
    ICE = 1
    DIRTY_ICE = 2
    FIRN = 3
    DEBRIS = 4
    MORAINE = 5
    OUTWASH = 6
    VEGETATION = 7
    LAKE = 8
    SNOW = 9


GRAZING = 0.15
"""Below this cosine (the sun less than 9 degrees above the surface) a pixel counts as shaded."""
CLEAN = (Surface.ICE, Surface.DIRTY_ICE, Surface.FIRN)


@dataclass(frozen=True)
class Ground:
    """One tile: float64 and uint8 arrays (rows, columns).

    `elevation` in metres, `slope` in degrees, `lit` the cosine of the sun's angle on the surface (0 in cast
    shadow), `kind` a `Surface`, `dirt` and `fresh` from 0 to 1: how dirty the ice and how new the snow is.
    """

    elevation: Floats
    slope: Floats
    lit: Floats
    shadow: Floats
    kind: NDArray[np.uint8]
    dirt: Floats
    fresh: Floats


def lay_ground(world: World, rows: Indices, columns: Indices) -> Ground:
    """Lay out a tile; a pixel comes out the same in whatever tile it is asked for.

    Parameters
    ----------
    rows, columns
        Pixel rows (n,) and columns (m,) of the scene, ascending by one.
    """
    wide_rows = np.arange(rows[0] - 1, rows[-1] + 2)
    wide_columns = np.arange(columns[0] - 1, columns[-1] + 2)
    y, x = world.places(wide_rows, wide_columns)
    elevation, thickness = _relief(world, y, x)
    slope, south, east = _horn(elevation, world.resolution)
    core = (slice(1, -1), slice(1, -1))
    y, x, elevation, thickness = y[1:-1], x[1:-1], elevation[core], thickness[core]
    kind, dirt, fresh = _kinds(world, y, x, elevation, slope, thickness, south)
    lit, shadow = _light(world, y, x, elevation, south, east)
    return Ground(elevation, slope, lit, shadow, kind, dirt, fresh)


def _relief(world: World, y: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Surface elevation and ice thickness (below 0: none), both in metres."""
    seed = world.seed
    bed, steep = world.field("bed", y, x), world.field("steep", y, x)
    thickness = world.field("thickness", y, x)
    former = world.field("former", y, x)
    rough = 4 + 34 * np.clip(steep - 0.08, 0, 0.9)
    crags = fractal(seed + 31, y, x, 420, 4 + world.finer, 0.55)
    # Ice hides the small relief of its bed where it is thick, and lets rock through where it is thin.
    thickness = thickness - np.clip(1.4 * rough * crags, -40, 80) * np.clip(1.2 - thickness / 60, 0.1, 1)
    cover = np.clip(thickness / 12, 0, 1)
    smooth = 1.2 * noise(seed + 32, y, x, 500)
    hummocks = fractal(seed + 33, y, x, 170, 2 + world.finer)
    old = np.clip(former / 10, 0, 1)
    near = np.exp(-(((np.minimum(former, 40) - 9) / 9) ** 2)) * (thickness < 0)
    debris = np.clip(world.field("debris", y, x) * 4, 0, 1)
    ground = (1 - cover) * (rough * crags * (1 - 0.6 * old) + 3.5 * old * hummocks + 18 * near)
    ice = cover * (smooth + (1 + 2.8 * debris) * hummocks)
    return bed + np.maximum(thickness, 0) + ground + ice, thickness


def slope_of(elevation: Floats, resolution: float) -> Floats:
    """Slope in degrees, one pixel in from the rim of an elevation (rows, columns) in metres (Horn 1981).

    Examples
    --------
    >>> slope_of(np.tile(np.arange(4) * 30.0, (4, 1)), 30.0).round(6).tolist()
    [[45.0, 45.0], [45.0, 45.0]]
    """
    return _horn(elevation, resolution)[0]


def _horn(elevation: Floats, resolution: float) -> tuple[Floats, Floats, Floats]:
    """Slope in degrees, and the rise to the south and the east (tangents), one pixel in from the rim (Horn 1981)."""
    z = elevation
    east = (z[:-2, 2:] + 2 * z[1:-1, 2:] + z[2:, 2:]) - (z[:-2, :-2] + 2 * z[1:-1, :-2] + z[2:, :-2])
    south = (z[2:, :-2] + 2 * z[2:, 1:-1] + z[2:, 2:]) - (z[:-2, :-2] + 2 * z[:-2, 1:-1] + z[:-2, 2:])
    east, south = east / (8 * resolution), south / (8 * resolution)
    return np.rad2deg(np.arctan(np.hypot(east, south))), south, east


def _kinds(
    world: World, y: Floats, x: Floats, elevation: Floats, slope: Floats, thickness: Floats, south: Floats
) -> tuple[NDArray[np.uint8], Floats, Floats]:
    """The surface, how dirty it is as ice, and how fresh as snow."""
    seed, above = world.seed, elevation - world.field("ela", y, x)
    patches, fine = fractal(seed + 41, y, x, 700, 4, 0.6), fractal(seed + 42, y, x, 150, 3 + world.finer, 0.7)
    ice = thickness > 0
    across, former = world.field("across", y, x), world.field("former", y, x)
    # Debris gathers at the sides and in stripes along the flow (medial moraines), and is patchy.
    stripes = np.cos(4.5 * across + 1.5 * noise(seed + 43, y, x, 1800))
    load = world.field("debris", y, x) + 0.30 * np.minimum(across, 1.3) ** 2 - 0.04
    load = load + 0.13 * stripes + 0.14 * patches + 0.10 * fine
    # No debris where snow stays, and less and less the steeper the ice: it slides off.
    load = load - 0.25 * np.clip((above + 40) / 80, 0, 3) - 0.5 * np.clip((slope - 21) / 11, 0, 2)
    kind = np.full(elevation.shape, Surface.ROCK, np.uint8)
    trunk = world.field("trunk", y, x)
    floor = (slope < 9) & (former < 0) & (trunk < 900 + 250 * patches)
    kind[floor] = Surface.OUTWASH
    # Old glacier beds, and the loose ground beyond them that no outline can be told from by its looks.
    old = (former + 7 * fine + 4 * patches - 2.5 * np.maximum(slope - 23, 0) > 0) & (above < 90)
    kind[old] = Surface.MORAINE
    green = elevation < world.treeline + 130 * patches + 60 * fine - 140 * south
    kind[green & (slope < 40) & (fine + 0.5 * patches > -0.5) & (~old | (fine > 1.0))] = Surface.VEGETATION
    kind[_lakes(world, y, x, slope, former, trunk, fine)] = Surface.LAKE
    # Snow lies longer high up, on slopes that look north, in hollows; not on walls.
    snow = above / 170 + 0.75 * south + 0.65 * patches + 0.45 * fine - np.clip((slope - 42) / 8, 0, 3)
    kind[(snow > 0.36) & (kind != Surface.LAKE)] = Surface.SNOW
    kind[ice] = Surface.ICE
    kind[ice & (load > -0.75)] = Surface.DIRTY_ICE
    kind[ice & (snow > 0.3)] = Surface.FIRN
    kind[ice & (load > 0)] = Surface.DEBRIS
    dirt = np.clip(0.05 + 1.4 * np.maximum(load + 0.75, 0) + 0.04 * fine, 0, 1)
    return kind, dirt, np.clip(0.5 + 0.3 * snow + 0.1 * fine, 0, 1)


def _lakes(
    world: World, y: Floats, x: Floats, slope: Floats, former: Floats, trunk: Floats, fine: Floats
) -> NDArray[np.bool_]:
    """Water: in front of some glaciers, in hollows of old glacier beds and on debris, and the main river."""
    end, height = world.field("terminus", y, x), world.field("terminus_height", y, x)
    chosen = noise(world.seed + 44, y, x, 2500)
    proglacial = (end < 230 + 120 * chosen) & (chosen > 0.2) & (height < 10) & (slope < 12)
    hollow = (former > -15) & (fine < -1.65) & (slope < 9)
    wander = 130 * noise(world.seed + 45, y, x, 900) + 60 * noise(world.seed + 46, y, x, 300)
    river = (np.abs(trunk - 140 + wander) < 22) & (slope < 14)
    return proglacial | hollow | river


def _light(
    world: World, y: Floats, x: Floats, elevation: Floats, south: Floats, east: Floats
) -> tuple[Floats, Floats]:
    """Cosine of the sun's angle on the surface, and how far the pixel lies in shadow, 0 to 1."""
    height = np.deg2rad(world.sun.height)
    dr, dc = world.sun.direction
    facing = np.sin(height) - np.cos(height) * (south * dr + east * dc)
    facing = facing / np.sqrt(1 + south**2 + east**2)
    cast = np.clip((world.field("shade", y, x) - elevation) / 15 + 0.5, 0, 1)
    lit = np.maximum(facing, 0) * (1 - cast)
    return lit, np.maximum(cast, (facing < GRAZING).astype(np.float64))
