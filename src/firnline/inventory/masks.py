"""Masks of water, shadow and snow, as products of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray

import firnline
from firnline.classes import UNKNOWN
from firnline.cog import write_cog
from firnline.errors import BandError
from firnline.features import FeatureReader, FeatureSource
from firnline.flags import Flag, find_flags, read_flags
from firnline.grid import Window
from firnline.inventory.mask_rules import MaskRule, MaskThresholds, choose_rules
from firnline.inventory.shadows import Sun, in_shadow
from firnline.preflight.provider import provider_of
from firnline.scene import Scene

NAMES: Final = ("water", "shadow", "snow")
"""The masks, in the order of their bands."""
_CACHE_MB: Final = 64
"""GDAL would else keep blocks in up to a twentieth of the machine's memory."""
_FLAGGED: Final = {"water": Flag.WATER, "shadow": Flag.TERRAIN_SHADOW | Flag.CLOUD_SHADOW, "snow": Flag.SNOW}

Masks = NDArray[np.uint8]
"""(mask, row, column) in the order of `NAMES`: 1 where it is so, 0 where not, 255 where nothing can be told."""


@dataclass(frozen=True)
class MaskSource:
    """What tells water, shadow and snow in a scene; `masks_of` finds it out.

    Parameters
    ----------
    source
        The scene, with a DEM or without.
    rules
        The spectral rules that its bands allow, by mask.
    why_not
        Why a mask has no spectral rule, by mask.
    sun
        Where the sun stood, where the scene's tags say so and heights are known.
    flags
        The flags beside the scene, or None.
    level
        A word on the level that thresholds were chosen for; may be empty.
    """

    source: FeatureSource
    rules: Mapping[str, MaskRule]
    why_not: Mapping[str, str]
    sun: Sun | None
    flags: Path | None
    level: str = ""

    @property
    def told_by(self) -> dict[str, str]:
        """How each mask is told, in a sentence; one that cannot be told begins with ``unknown``."""
        said = {}
        for name in NAMES:
            ways = [self.rules[name].states] if name in self.rules else []
            if name == "shadow" and self.sun is not None:
                ways = [
                    f"hidden from a sun at azimuth {self.sun.azimuth:g} and {self.sun.elevation:g} degrees above the "
                    f"horizon by ridges within {self.sun.reach_m / 1000:.1f} km, or by its own slope "
                    "(Dozier and Frew 1990)"
                ]
            if self.flags is not None:
                ways.append(f"flagged as such in {self.flags.name}")
            said[name] = "; or ".join(ways) if ways else f"unknown: {self.why_not.get(name, 'nothing tells it')}"
        return said

    @contextmanager
    def reader(self) -> Iterator[MaskReader]:
        """Open the scene for many reads."""
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_MB), self.source.reader() as reader:
            yield MaskReader(self, reader)


@dataclass(frozen=True)
class MaskReader:
    """An open source of masks; see `MaskSource.reader`."""

    masks: MaskSource
    features: FeatureReader

    def read(self, window: Window, names: tuple[str, ...] = NAMES) -> Masks:
        """Masks in a window.

        A pixel that is cloud by the flags is unknown in every mask: nothing is seen of its ground. A pixel that is
        flagged as water, shadow or snow is it even where no band tells; that it has no flag tells something only
        where there is no rule.

        Returns
        -------
        uint8 (mask, row, column), in the order of `names`.
        """
        found = np.full((len(names), *window.shape), UNKNOWN, np.uint8)
        flags = None if self.masks.flags is None else self._flags(self.masks.flags, window)
        for mask, name in zip(found, names, strict=True):
            told = self._rule(name, window)
            if flags is not None:
                flagged = (flags & _FLAGGED[name]) != 0
                told = self._unflagged(flags, window) if told is None else told
                told[flagged] = 1
            if told is not None:
                mask[:] = told
        if flags is not None:
            found[:, (flags & Flag.CLOUD) != 0] = UNKNOWN
        return found

    def _rule(self, name: str, window: Window) -> NDArray[np.uint8] | None:
        if name == "shadow" and self.masks.sun is not None:
            return self._geometric(self.masks.sun, window)
        rule = self.masks.rules.get(name)
        return None if rule is None else rule.apply(self.features.read(rule.needs, window))

    def _geometric(self, sun: Sun, window: Window) -> NDArray[np.uint8]:
        grid = self.masks.source.scene.grid
        around = sun.window_towards(window, grid)
        heights = self.features.read(["elevation"], around)[0]
        dark = in_shadow(heights, sun, grid.transform.a, -grid.transform.e)
        at = window.relative_to(around).slices
        return np.where(np.isfinite(heights[at]), dark[at].view(np.uint8), np.uint8(UNKNOWN))

    def _flags(self, path: Path, window: Window) -> NDArray[np.uint8]:
        return read_flags(path, self.masks.source.scene.grid, window)

    def _unflagged(self, flags: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
        """0 where the scene has values in any band, so that a flag could have been set; unknown elsewhere."""
        band = self.masks.source.scene.band_names[0]
        known = np.isfinite(self.features.read([band], window)[0])
        return np.where(known | (flags != 0), np.uint8(0), np.uint8(UNKNOWN))


def masks_of(source: FeatureSource, thresholds: MaskThresholds | None = None) -> MaskSource:
    """Find out what tells water, shadow and snow in a scene.

    Shadow is told by heights and the sun where the scene says where the sun stood (tags ``SUN_AZIMUTH`` and
    ``SUN_ELEVATION``), else by darkness in all optical bands. Flags beside the scene count in any case.

    Parameters
    ----------
    source
        The scene, with a DEM or without.
    thresholds
        Thresholds other than those of the scene's radiometric level.

    Raises
    ------
    GridError, SceneError
        When the flags do not go with the scene, or the scene is damaged.
    """
    rules, why_not, level = choose_rules(source, thresholds or MaskThresholds())
    scene = source.scene
    flags = find_flags(scene.path)
    if flags is not None:
        read_flags(flags, scene.grid, Window(0, 0, 1, 1))
    return MaskSource(source, rules, why_not, _sun(source), flags, level)


def _sun(source: FeatureSource) -> Sun | None:
    scene: Scene = source.scene
    if source.missing(["elevation", "slope"]):  # slope needs metres, as shadow does
        return None
    with scene.reader() as reader:
        said = provider_of(scene, reader)
    if said.sun_azimuth is None or said.sun_elevation is None or not 0 < said.sun_elevation <= 90:
        return None
    return Sun(said.sun_azimuth, said.sun_elevation)


@dataclass(frozen=True)
class MaskShares:
    """Of one mask: the share of the scene that is known, and of that the share where it is so (0 to 1)."""

    known: float
    share: float


def write_masks(
    path: str | Path, masks: MaskSource, progress: Callable[[float], None] = lambda _: None
) -> dict[str, MaskShares]:
    """Write the masks as a COG of three bands ``water``, ``shadow`` and ``snow``: 0, 1, and 255 for unknown.

    The scene is read in strips of 512 rows (for cast shadow with what lies towards the sun), so memory does not
    grow with its height. How each mask was told stands in the tags ``WATER``, ``SHADOW`` and ``SNOW``.

    Parameters
    ----------
    path
        Where it shall be.
    masks
        What tells them.
    progress
        Told the share that is done.

    Returns
    -------
    What was found, by mask.

    Raises
    ------
    BandError
        When nothing tells any of the three.
    OutputError
        When the file cannot be written.
    SceneError
        When the scene is damaged.

    Examples
    --------
    >>> import tempfile, rasterio
    >>> from firnline.scene import open_scene
    >>> scene = Path(tempfile.mkdtemp()) / "scene.tif"
    >>> profile = dict(driver="GTiff", count=2, dtype="float32", width=3, height=1, crs="EPSG:32645", nodata=-9,
    ...                transform=rasterio.Affine(30, 0, 478005, 0, -30, 3108145))
    >>> with rasterio.open(scene, "w", **profile) as file:
    ...     file.descriptions = ["green", "nir08"]
    ...     file.update_tags(LEVEL="surface reflectance")
    ...     file.write(np.array([[[0.08, 0.1, -9]], [[0.02, 0.3, -9]]], np.float32))
    >>> masks = masks_of(FeatureSource(open_scene(scene)))
    >>> print(masks.told_by["water"])
    NDWI > 0.3 and nir08 < 0.15 (McFeeters 1996, 2013)
    >>> print(masks.told_by["snow"])
    unknown: needs ndsi, which needs swir16
    >>> shares = write_masks(scene.with_name("masks.tif"), masks)
    >>> with rasterio.open(scene.with_name("masks.tif")) as file:
    ...     file.descriptions, file.read()[:, 0].tolist()
    (('water', 'shadow', 'snow'), [[1, 0, 255], [0, 0, 255], [255, 255, 255]])
    """
    grid, told_by = masks.source.scene.grid, masks.told_by
    if all(said.startswith("unknown") for said in told_by.values()):
        raise BandError(
            f"can tell neither water nor shadow nor snow (water is {told_by['water']})",
            where=masks.source.scene.path,
            do="give reflectance of green, nir08 and swir16, set thresholds, or put flags beside the scene",
        )
    counts = np.zeros((len(NAMES), 2), np.int64)

    def strips() -> Iterator[tuple[int, Masks]]:
        with masks.reader() as reader:
            for window in grid.strips():
                found = reader.read(window)
                counts[:, 0] += (found != UNKNOWN).sum(axis=(1, 2))
                counts[:, 1] += (found == 1).sum(axis=(1, 2))
                progress(window.stop_row / grid.shape[0])
                yield window.row, found

    tags = {name.upper(): said for name, said in told_by.items()}
    tags |= {"SCENE": str(masks.source.scene.path), "DEM": str(masks.source.dem or "none")}
    tags |= {
        "LEVEL_NOTE": masks.level,
        "VALUES": "0 no, 1 yes, 255 unknown",
        "FIRNLINE_VERSION": firnline.__version__,
    }
    with rasterio.Env(GDAL_CACHEMAX=_CACHE_MB):
        write_cog(Path(path), strips(), grid, NAMES, tags, "mode")
    pixels = grid.shape[0] * grid.shape[1]
    return {
        name: MaskShares(int(known) / pixels, int(found) / int(known) if known else 0.0)
        for name, (known, found) in zip(NAMES, counts, strict=True)
    }
