"""Masks of water, shadow and snow: what a scene shows beside ice, as a raster of three bands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray

from firnline.bands import Level
from firnline.classes import UNKNOWN
from firnline.errors import BandError
from firnline.features import FeatureSource
from firnline.files import replaced
from firnline.flags import Flag, find_flags, read_flags
from firnline.inventory.check.thresholds import Thresholds
from firnline.report.snow import NDSI_OF_SNOW

BANDS: Final = ("water", "shadow", "snow")

NDWI_OF_WATER: Final = 0.3
"""Water index (McFeeters 1996) above; the value is McFeeters' (2013) and that of the ratio rules."""
WATER_NIR: Final = {Level.SURFACE_REFLECTANCE: 0.06, Level.TOP_OF_ATMOSPHERE: 0.07}
"""Near infrared of water below, by level: ice has a high water index as well. Those of the ratio rules."""
DARK_BLUE: Final = {Level.SURFACE_REFLECTANCE: 0.05, Level.TOP_OF_ATMOSPHERE: 0.10}
"""Blue of ground in shadow below, by level: that of the ratio rules, after Paul and Kääb (2005)."""
WATER_SLOPE: Final = Thresholds().water_slope_degrees
"""Water is flatter than this, degrees, where the slope is known: as the check of inventories takes it."""

_SHADOWS: Final = Flag.TERRAIN_SHADOW | Flag.CLOUD_SHADOW

Mask = NDArray[np.uint8]
Features = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Told:
    """How each mask of a scene is told, in words; empty where it cannot be, and the mask is unknown throughout."""

    water: str
    shadow: str
    snow: str


def how_told(source: FeatureSource) -> Told:
    """How the masks of a scene are told, or not.

    Water and darkness need reflectance, whose thresholds are known; digital numbers of two bands have no common
    scale, and their masks stay unknown.
    """
    water = shadow = snow = ""
    level = _level(source, "green", "nir08")
    if level in WATER_NIR:
        slope = f", slope below {WATER_SLOPE:g} degrees where known" if "slope" in source.available else ""
        water = f"NDWI above {NDWI_OF_WATER:g}, near infrared below {WATER_NIR[level]:g}{slope}"
    dark = _level(source, "blue", "nir08")
    if find_flags(source.scene.path) is not None:
        shadow = "flags of terrain shadow and cloud shadow"
    elif dark in DARK_BLUE:
        shadow = f"darkness: blue below {DARK_BLUE[dark]:g}, near infrared below {WATER_NIR[dark]:g}, not water"
    if _level(source, "green", "swir16") not in (None, Level.DIGITAL_NUMBER) or _is_stored(source, "ndsi"):
        snow = f"NDSI above {NDSI_OF_SNOW:g}, not water"
    return Told(water, shadow, snow)


def write_masks(source: FeatureSource, path: str | Path) -> Told:
    """Write the masks of water, shadow and snow of a scene, strip by strip.

    A pixel of water has an NDWI (McFeeters 1996) above `NDWI_OF_WATER`, is dark in the near infrared, and lies on
    flat ground where the slope is known. Snow has an NDSI (Dozier 1989; Hall et al. 1995) above 0.4 and is no water;
    the index does not separate it from ice. Shadow is what the flags beside the scene call so; without flags it is
    ground dark in blue and near infrared that is no water. Under a flagged cloud all is unknown, and in flagged
    shadow water is: rock lit by the sky alone has the index of water.

    Parameters
    ----------
    source
        The scene, with a DEM or without.
    path
        The GeoTIFF to write: uint8, bands `BANDS`, 1 yes, 0 no, 255 unknown (its nodata). Tags ``WATER``,
        ``SHADOW`` and ``SNOW`` say how each was told.

    Returns
    -------
    How each was told.

    Raises
    ------
    BandError
        When the scene can tell none of the three.
    GridError, SceneError
        When the flags or the scene are damaged.
    OutputError
        When the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from firnline.scene import open_scene
    >>> folder = Path(tempfile.mkdtemp())
    >>> profile = dict(driver="GTiff", count=2, dtype="float32", width=3, height=1, crs="EPSG:32645",
    ...                transform=rasterio.Affine(30, 0, 478005, 0, -30, 3108145))
    >>> with rasterio.open(folder / "scene.tif", "w", **profile) as file:
    ...     file.descriptions = ["green", "nir08"]
    ...     file.update_tags(LEVEL="surface reflectance")
    ...     file.write(np.array([[[0.08, 0.1, np.nan]], [[0.02, 0.3, 0.3]]], np.float32))
    >>> told = write_masks(FeatureSource(open_scene(folder / "scene.tif")), folder / "masks.tif")
    >>> with rasterio.open(folder / "masks.tif") as file:
    ...     file.descriptions, file.read().tolist()
    (('water', 'shadow', 'snow'), [[[1, 0, 255]], [[255, 255, 255]], [[255, 255, 255]]])
    """
    told, scene = how_told(source), source.scene
    if not (told.water or told.shadow or told.snow):
        raise BandError(
            "can tell neither water nor shadow nor snow",
            where=scene.path,
            do="give reflectance of green and nir08, or green and swir16, or flags beside the scene",
        )
    rows, columns = scene.grid.shape
    profile = {
        **{"driver": "GTiff", "dtype": "uint8", "count": len(BANDS), "height": rows, "width": columns},
        **{"crs": scene.grid.crs, "transform": scene.grid.transform, "nodata": UNKNOWN},
        **{"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate"},
    }
    flags_at, names = find_flags(scene.path), _needed(source, told)
    with (
        replaced(path) as temporary,
        source.reader() as reader,
        rasterio.open(temporary, "w", **profile) as file,
    ):
        file.descriptions = BANDS
        tags = {name.upper(): getattr(told, name) or "unknown: the scene cannot tell it" for name in BANDS}
        file.update_tags(MASKS="0 no, 1 yes, 255 unknown", SCENE=scene.path.name, **tags)
        for window in scene.grid.strips():
            features = dict(zip(names, reader.read(names, window), strict=True)) if names else {}
            flags = None if flags_at is None else read_flags(flags_at, scene.grid, window)
            file.write(_masks(source, told, features, flags, window.shape), window=window.to_rasterio())
    return told


def _masks(source: FeatureSource, told: Told, features: Features, flags: Mask | None, shape: tuple[int, int]) -> Mask:
    """uint8 (band, row, column) of a window."""
    masks = np.full((len(BANDS), *shape), UNKNOWN, np.uint8)
    water, shadow, snow = masks
    if told.water:
        index, nir = features["ndwi"], features["nir08"]
        looks = (index > NDWI_OF_WATER) & (nir < WATER_NIR[source.level_of("nir08")])
        if "slope" in features:
            looks &= ~(features["slope"] >= WATER_SLOPE)  # where it is not known, looks decide
        _tell(water, looks, np.isfinite(index) & np.isfinite(nir))
    if told.shadow and flags is None:
        blue, nir, level = features["blue"], features["nir08"], source.level_of("blue")
        dark = (blue < DARK_BLUE[level]) & (nir < WATER_NIR[level]) & (water != 1)
        _tell(shadow, dark, np.isfinite(blue) & np.isfinite(nir))
    if told.snow:
        _tell(snow, (features["ndsi"] > NDSI_OF_SNOW) & (water != 1), np.isfinite(features["ndsi"]))
    if flags is not None:
        shaded = (flags & _SHADOWS) != 0
        shadow[:] = shaded
        water[shaded] = UNKNOWN
        masks[:, (flags & Flag.CLOUD) != 0] = UNKNOWN
        shadow[np.logical_and.reduce([np.isnan(values) for values in features.values()])] = UNKNOWN  # no data at all
    return masks


def _tell(mask: Mask, holds: NDArray[np.bool_], known: NDArray[np.bool_]) -> None:
    mask[known] = holds[known]


def _needed(source: FeatureSource, told: Told) -> list[str]:
    names: list[str] = []
    if told.water:
        names += ["ndwi", "nir08", *(name for name in ("slope",) if name in source.available)]
    if told.shadow:  # of flags a band tells where there is no data, which they do not
        names += ["blue", "nir08"] if find_flags(source.scene.path) is None else source.scene.band_names[:1]
    if told.snow:
        names.append("ndsi")
    return list(dict.fromkeys(names))


def _is_stored(source: FeatureSource, index: str) -> bool:
    return index in source.scene.band_names and source.origin_of(index) == "stored"


def _level(source: FeatureSource, *names: str) -> Level | None:
    """The level that bands have in common; None where one is missing or they differ."""
    if not set(names) <= set(source.scene.band_names):
        return None
    levels = {source.scene.band(name).level for name in names}
    return levels.pop() if len(levels) == 1 else None
