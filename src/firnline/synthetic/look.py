"""How the ground looks from above: reflectance and temperature of each pixel before a sensor sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from firnline.synthetic.noise import Floats, Indices, fractal, noise
from firnline.synthetic.surface import CLEAN, Ground, Surface
from firnline.synthetic.world import World, cloud_field

BANDS: Final = ("blue", "green", "red", "nir08", "swir16", "swir22")

# Reflectance of level ground in the sun, by band; what each is modelled on stands in docs/synthetic.md.
_SNOW_NEW: Final = (0.88, 0.89, 0.89, 0.75, 0.045, 0.040)
_SNOW_OLD: Final = (0.58, 0.59, 0.59, 0.49, 0.020, 0.018)
_ICE: Final = (0.42, 0.42, 0.39, 0.28, 0.013, 0.011)
_GRANITE: Final = (0.210, 0.228, 0.250, 0.265, 0.305, 0.275)
_SCHIST: Final = (0.108, 0.114, 0.122, 0.130, 0.175, 0.155)
_OCHRE: Final = (0.122, 0.140, 0.175, 0.200, 0.280, 0.250)
_GREEN: Final = (0.068, 0.068, 0.060, 0.255, 0.150, 0.085)
_CLEAR: Final = (0.070, 0.075, 0.048, 0.025, 0.013, 0.012)
_MILKY: Final = (0.135, 0.165, 0.125, 0.045, 0.015, 0.013)
_CLOUD: Final = (0.74, 0.74, 0.75, 0.76, 0.52, 0.40)
_SKY: Final = (0.26, 0.20, 0.16, 0.13, 0.105, 0.095)
"""Share of the light on level ground that comes from the sky: more in the blue, and all there is in shadow."""
_AIR: Final = (0.055, 0.035, 0.022, 0.010, 0.003, 0.002)
"""Path reflectance of the air, for sensors that are not corrected for it."""
CLOUD_BASE: Final = 900.0
"""Height of the clouds above the ground, m."""

Spectrum = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class View:
    """A tile as it would be seen without a sensor's faults.

    `reflectance` float64 (6, rows, columns) in the order of `BANDS`, a fraction; `temperature` float64
    (rows, columns) in kelvin; `cloud` float64 (rows, columns), opacity from 0 to 1.
    """

    reflectance: Floats
    temperature: Floats
    cloud: Floats


def look_down(world: World, ground: Ground, rows: Indices, columns: Indices, *, air: bool) -> View:
    """See a tile from above.

    Parameters
    ----------
    rows, columns
        Pixel rows (n,) and columns (m,) of the scene that `ground` was laid for.
    air
        Whether the light scattered by the air is still in it (top of atmosphere), or taken out (surface).
    """
    y, x = world.places(rows, columns)
    flat = _level_spectra(world, ground, y, x)
    sine = float(np.sin(np.deg2rad(world.sun.height)))
    sky = _column(_SKY)
    reflectance = flat * (ground.lit / sine * (1 - sky) + sky)
    cloud, dark = _clouds(world, y, x)
    reflectance = reflectance * (1 - 0.75 * dark * (1 - sky))
    reflectance = reflectance * (1 - cloud) + _column(_CLOUD) * cloud
    if air:
        reflectance = reflectance * (1 - _column(_AIR)) + _column(_AIR)
    temperature = _temperature(world, ground, y, x) - 3.0 * dark
    return View(reflectance, temperature * (1 - cloud) + 253.0 * cloud, cloud)


def _column(spectrum: Spectrum) -> Floats:
    return np.array(spectrum)[:, None, None]


def _mix(weight: Floats, there: Floats | Spectrum, here: Floats | Spectrum) -> Floats:
    """`there` where the weight (rows, columns) is 1, `here` where it is 0."""
    a, b = (np.array(s)[:, None, None] if isinstance(s, tuple) else s for s in (there, here))
    return np.asarray(weight * a + (1 - weight) * b)


def _level_spectra(world: World, ground: Ground, y: Floats, x: Floats) -> Floats:
    """Reflectance (6, rows, columns) as if each pixel lay level in the sun."""
    seed, kind = world.seed, ground.kind
    stone = _stone(world, ground, y, x)
    grain = fractal(seed + 51, y, x, 90, 2 + world.finer, 0.9)
    out = stone
    dirty = np.clip(ground.dirt, 0, 0.85)
    ice = _mix(dirty, stone, _mix(np.clip(0.3 + 0.3 * grain, 0, 1), _SNOW_OLD, _ICE))
    snow = _mix(np.clip(ground.fresh + 0.12 * grain, 0, 1), _SNOW_NEW, _SNOW_OLD)
    thin = np.clip(0.75 + 0.25 * grain, 0.3, 1)
    murk = np.clip(0.5 + 0.4 * noise(seed + 52, y, x, 1500), 0, 1)
    plants = _mix(np.clip(0.78 + 0.15 * grain, 0.1, 0.98), _GREEN, stone)
    choices = (
        ((Surface.ICE, Surface.DIRTY_ICE), ice),
        ((Surface.FIRN,), _mix(np.clip(dirty - 0.25, 0, 0.3), stone, snow)),
        ((Surface.SNOW,), _mix(thin, snow, stone)),
        ((Surface.LAKE,), _mix(murk, _MILKY, _CLEAR)),
        ((Surface.VEGETATION,), plants),
    )
    for kinds, spectra in choices:
        out = np.where(np.isin(kind, kinds), spectra, out)
    # Thin debris lets ice show through, and old moraines carry some lichen and grass.
    through = np.clip(0.30 - ground.dirt * 0.27 + 0.05 * grain, 0, 0.3) * (kind == Surface.DEBRIS)
    out = _mix(through, ice, out)
    old = np.isin(kind, (Surface.MORAINE, Surface.ROCK, Surface.OUTWASH))
    lichen = np.clip(0.022 * old + 0.05 * fractal(seed + 58, y, x, 500, 3, 0.8), 0, 0.2) * (~np.isin(kind, CLEAN))
    return _mix(lichen, _GREEN, out)


def _stone(world: World, ground: Ground, y: Floats, x: Floats) -> Floats:
    """Reflectance of bare stone (6, rows, columns), by one map of rock types for walls, debris and moraines alike.

    Debris and moraine are made of the walls above them: no spectrum can tell them apart, only a slight shift to
    the grey of fresh faces on the glacier and to the brown of weathered ones beside it.
    """
    seed = world.seed
    types = fractal(seed + 53, y, x, 3200, 6, 0.62)
    weathered = 0.55 + 0.33 * fractal(seed + 54, y, x, 1300, 5, 0.65)
    weathered = weathered - 0.07 * (ground.kind == Surface.DEBRIS) + 0.05 * (ground.kind == Surface.ROCK)
    bright = np.exp(0.13 * fractal(seed + 55, y, x, 360, 4 + world.finer, 0.7))
    dark = _mix(np.clip(weathered, 0, 1), _OCHRE, _SCHIST)
    return np.asarray(_mix(np.clip(0.42 + 0.30 * types, 0, 1), _GRANITE, dark) * bright)


def _temperature(world: World, ground: Ground, y: Floats, x: Floats) -> Floats:
    """Surface temperature in kelvin of a late morning: colder with height and in shade, ice at most at melting."""
    air = 279.0 - 0.0060 * (ground.elevation - world.ela)
    wander = 1.8 * fractal(world.seed + 56, y, x, 800, 3, 0.7)
    bare = air + 3.0 + 13.0 * ground.lit + wander
    kind = ground.kind
    bare = bare - 1.3 * (kind == Surface.DEBRIS) - 5.0 * (kind == Surface.VEGETATION) * ground.lit
    frozen = np.isin(kind, (Surface.ICE, Surface.DIRTY_ICE, Surface.FIRN, Surface.SNOW))
    cold = np.minimum(air - 5.0 + 3.0 * ground.lit + 0.5 * wander, 273.3)
    water = np.full_like(air, 276.5) + 0.3 * wander
    return np.asarray(np.where(frozen, cold, np.where(kind == Surface.LAKE, water, bare)))


def _clouds(world: World, y: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Opacity of clouds, thin at their rims, and how dark their shadows are, both 0 to 1."""

    def opacity(y: Floats, x: Floats) -> Floats:
        return np.asarray(np.clip((cloud_field(world.seed, y, x) - world.cloud_level) / 0.9, 0, 0.97))

    dr, dc = world.sun.direction
    run = CLOUD_BASE / float(np.tan(np.deg2rad(world.sun.height)))
    return opacity(y, x), opacity(y + dr * run, x + dc * run)
