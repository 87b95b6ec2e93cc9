"""What a sensor makes of a view: blur, noise, gain, saturation, stripes, and the product's stored numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from firnline.bands import Level, Sensor
from firnline.synthetic.look import View
from firnline.synthetic.noise import Floats, Indices
from firnline.synthetic.surface import slope_of
from firnline.synthetic.world import World

HALO: Final = 6
"""Pixels around a tile that blurs look at."""


@dataclass(frozen=True)
class Product:
    """How a sensor's product is stored: band names, value = stored * scale + offset, and its nodata value."""

    sensor: Sensor
    resolution: float
    date: str
    level: Level
    dtype: str
    bands: tuple[str, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    nodata: float


_C2_REFLECTANCE: Final = (2.75e-05, -0.2)
_C2_TEMPERATURE: Final = (0.00341802, 149.0)
_L8_BANDS: Final = ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7", "ST_B10", "elevation", "slope")
_S2_BANDS: Final = ("B02", "B03", "B04", "B08", "B11", "B12", "elevation", "slope")
_L7_BANDS: Final = (
    *("B1", "B2", "B3", "B4", "B5", "B6_VCID_1", "B6_VCID_2", "B7", "B8", "BQA"),
    *("ndvi", "ndsi", "ndwi", "elevation", "slope"),
)

PRODUCTS: Final[dict[str, Product]] = {
    "landsat7": Product(
        *(Sensor.LANDSAT7, 30.0, "2005-10-30", Level.DIGITAL_NUMBER, "float32", _L7_BANDS),
        *((1.0,) * 15, (0.0,) * 15, float("nan")),
    ),
    "landsat8": Product(
        *(Sensor.LANDSAT8, 30.0, "2019-10-24", Level.SURFACE_REFLECTANCE, "uint16", _L8_BANDS),
        (*(_C2_REFLECTANCE[0],) * 6, _C2_TEMPERATURE[0], 1.0, 0.01),
        (*(_C2_REFLECTANCE[1],) * 6, _C2_TEMPERATURE[1], 0.0, 0.0),
        0.0,
    ),
    "sentinel2": Product(
        *(Sensor.SENTINEL2, 10.0, "2019-10-26", Level.SURFACE_REFLECTANCE, "uint16", _S2_BANDS),
        (*(1e-4,) * 6, 1.0, 0.01),
        (0.0,) * 8,
        0.0,
    ),
}
"""The products that can be made, by sensor."""

# Landsat 7 ETM+ (Chander, Markham and Helder 2009, 10.1016/j.rse.2009.01.007): radiance at 1 and 255, high gain
# (the setting over land in autumn), and the sun's irradiance; blue, green, red, nir08, swir16, swir22, pan.
_L7_LOW: Final = np.array([-6.2, -6.4, -5.0, -5.1, -1.0, -0.35, -4.7])
_L7_HIGH: Final = np.array([191.6, 196.5, 152.9, 157.4, 31.06, 10.80, 158.3])
_L7_SUN: Final = np.array([1997.0, 1812.0, 1533.0, 1039.0, 230.8, 84.90, 1362.0])
_L7_K1, _L7_K2 = 666.09, 1282.71
_L7_THERMAL: Final = ((0.0, 17.04), (3.2, 12.65))
_STRIPE_PERIOD = 33.0
_STRIPE_WIDEST = 14.0
_HALF_SWATH = 3080.0


def record(product: Product, world: World, view: View, elevation: Floats, rows: Indices, columns: Indices) -> Floats:
    """Record a tile: stored numbers (bands, rows, columns), float64 and not yet rounded to the product's dtype.

    Parameters
    ----------
    view, elevation
        The tile with `HALO` more pixels on each side; elevation in metres.
    rows, columns
        Pixel rows (n,) and columns (m,) of the tile without its halo.
    """
    rng = np.random.default_rng([world.seed, 7, int(rows[0]), int(columns[0])])
    core = (slice(HALO, -HALO), slice(HALO, -HALO))
    fine = world.resolution < 20
    blurs = (0.6, 0.6, 0.6, 0.6, *((0.9, 0.9) if fine else (0.6, 0.6)))
    bands = np.stack([_blur(band, blur)[core] for band, blur in zip(view.reflectance, blurs, strict=True)])
    temperature = _blur(view.temperature, 1.4)[core]
    dem = _blur(elevation, 1.5 if not fine else 2.5)
    slope = slope_of(dem, world.resolution)[HALO - 1 : 1 - HALO, HALO - 1 : 1 - HALO]
    terrain = np.stack([dem[core], slope])
    if product.sensor == Sensor.LANDSAT7:
        cloud = view.cloud[core]
        return _landsat7(world, bands, temperature, terrain, cloud, rows, columns, rng)
    noisy = bands * (1 + 0.012 * rng.standard_normal(bands.shape)) + 0.003 * rng.standard_normal(bands.shape)
    values: list[Floats] = [noisy]
    if product.sensor == Sensor.LANDSAT8:
        values.append((temperature + 0.4 * rng.standard_normal(temperature.shape))[None])
    values.append(terrain)
    physical = np.concatenate(values)
    scale, offset = (np.array(v)[:, None, None] for v in (product.scales, product.offsets))
    # 0 is nodata, so the darkest pixel that was seen is 1; the top of the range is saturation.
    return np.asarray(np.clip(np.rint((physical - offset) / scale), 1, 65535))


def _blur(band: Floats, sigma: float) -> Floats:
    return np.asarray(ndimage.gaussian_filter(band, sigma, radius=HALO - 2, mode="nearest"))


def _landsat7(
    world: World,
    bands: Floats,
    temperature: Floats,
    terrain: Floats,
    cloud: Floats,
    rows: Indices,
    columns: Indices,
    rng: np.random.Generator,
) -> Floats:
    """The paper's 15 bands (15, rows, columns), its flipped NDSI and Gao's NDWI with them; NaN in stripes."""
    pan = bands[[1, 2, 3]].mean(0, keepdims=True)
    sine = float(np.sin(np.deg2rad(world.sun.height)))
    low, high, sun = (v[:, None, None] for v in (_L7_LOW, _L7_HIGH, _L7_SUN))
    radiance = np.concatenate([bands, pan]) * sun * sine / np.pi
    numbers = (radiance - low) / (high - low) * 254 + 1
    numbers = np.clip(np.rint(numbers + 0.9 * rng.standard_normal(numbers.shape)), 1, 255)
    emitted = _L7_K1 / np.expm1(_L7_K2 / (temperature + 0.25 * rng.standard_normal(temperature.shape)))
    warm = [np.clip(np.rint((emitted - a) / (b - a) * 254 + 1), 1, 255) for a, b in _L7_THERMAL]
    blue, green, red, near, short, far, pan = numbers
    indices = [(a - b) / (a + b) for a, b in ((near, red), (short, green), (near, short))]
    seen = [blue, green, red, near, short, *warm, far, pan]
    quality = _quality(numbers, short, green, cloud)
    gap = stripes(world.seed, rows, columns)
    out = np.stack([*seen, quality, *indices, *terrain])
    out[[*range(9), 10, 11, 12]] = np.where(gap, np.nan, out[[*range(9), 10, 11, 12]])
    out[9] = np.where(gap, 1, out[9])
    return out


def _quality(numbers: Floats, short: Floats, green: Floats, cloud: Floats) -> Floats:
    """Landsat Collection 1 quality bits, as found from the image: 672 clear, 752 cloud, 1696 snow, + saturation.

    Like the real ones they are not truth: thin cloud is missed, and cold bright ground is snow.
    """
    snow = (green - short) / (green + short) > 0.45
    bits = np.where(snow, 1696.0, 672.0)
    bits = np.where(cloud > 0.45, 752.0, bits)
    count = (numbers[:6] >= 255).sum(0)
    return np.asarray(bits + np.select([count > 4, count > 2, count > 0], [12, 8, 4], 0))


def stripes(seed: int, rows: Indices, columns: Indices) -> NDArray[np.bool_]:
    """Where Landsat 7 saw nothing after its scan-line corrector failed: bool (rows.size, columns.size).

    Every 33 lines (two scans of 16 detectors) a wedge opens from nothing at the centre of the swath to 14 lines
    at its edge, along scan lines that run 10.3 degrees off the rows (Storey, Scaramuzza and Schmidt 2005).

    Examples
    --------
    >>> gap = stripes(0, np.arange(200), np.arange(200))
    >>> gap.shape, bool(0.1 < gap.mean() < 0.4)
    ((200, 200), True)
    """
    rng = np.random.default_rng([seed, 8])
    centre = float(rng.choice([-1, 1]) * rng.uniform(1300, 2200))
    tilt = np.deg2rad(10.3)
    along = rows[:, None] * np.cos(tilt) - columns[None, :] * np.sin(tilt)
    across = columns[None, :] * np.cos(tilt) + rows[:, None] * np.sin(tilt) - centre
    opening = np.minimum(_STRIPE_WIDEST * np.abs(across) / _HALF_SWATH, _STRIPE_WIDEST)
    phase = np.mod(along + np.where(across > 0, 0.5, 0) * _STRIPE_PERIOD, _STRIPE_PERIOD)
    return np.asarray(phase < opening)
