"""Features: what models and rules look at, by name: a scene's own bands, spectral indices, and terrain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.bands import Level
from firnline.errors import BandError, GridError
from firnline.grid import Window
from firnline.relief import NEARBY, SURROUNDINGS, Reach, curvature, facing, reach_of, relative_elevation
from firnline.scene import Scene, SceneReader
from firnline.terrain import HALO, WarpedDem, aspect_of, check_dem, extrapolated, gradient, open_dem, slope_of

INDICES: Final[dict[str, tuple[str, str]]] = {
    "ndvi": ("nir08", "red"),
    "ndsi": ("green", "swir16"),
    "ndmi": ("nir08", "swir16"),
    "ndwi": ("green", "nir08"),
}
"""Normalised differences (a - b) / (a + b) by name: the bands a and b. Names and formulas are those of the
spectral-indices catalogue (NDVI, NDSI, NDMI, NDWI)."""

TERRAIN: Final = ("elevation", "slope", "aspect", "eastness", "northness", "curvature", "relative_elevation")
_SCALES: Final = {"eastness": NEARBY, "northness": NEARBY, "curvature": NEARBY, "relative_elevation": SURROUNDINGS}
"""How far some features of terrain look, metres; the others look at the eight neighbours."""


def normalised_difference(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """(a - b) / (a + b), float32, in [-1, 1].

    Of true reflectance, which is not negative, it lies in [-1, 1]. Over deep shadow, atmospheric correction
    leaves values around and below 0: where the sum is not positive the quotient means nothing (its sign is that
    of the noise) and is NaN; where one term is slightly negative it runs outside, and is clipped.

    Examples
    --------
    >>> a, b = np.array([0.75, 0.02, -0.01, 0.0], np.float32), np.array([0.25, -0.01, 0.005, 0.0], np.float32)
    >>> normalised_difference(a, b).tolist()
    [0.5, 1.0, nan, nan]
    """
    total = a + b
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (a - b) / total
        value[~(total > 0)] = np.nan
    return np.clip(value, -1.0, 1.0)


@dataclass(frozen=True)
class FeatureSource:
    """What a scene, with a DEM or without, can tell by name.

    - A **band** is read as stored.
    - An **index** (`INDICES`) is computed from the scene's own bands where they are there, else read as stored
      (and clipped to [-1, 1], as the computed one is).
    - **elevation** comes from `dem` where one is given, else as stored. The other features of terrain are derived
      from `dem` where given, else read as stored, else derived from the stored elevation. A DEM named by the user so
      goes before stored terrain, for all of them: they always belong together. They are **slope** and **aspect**
      (degrees; Horn 1981; direction of descent clockwise from north, NaN where flat), and at scales
      on the ground (`firnline.relief`) **eastness** and **northness** (sine and cosine of the aspect over squares of
      200 m, 0 where flat), **curvature** (1/(100 m) over the same squares, convex positive) and
      **relative_elevation** (metres over the mean of 2 km x 2 km around).

    Slope is computed on the scene's grid. Of a DEM coarser than the scene it is the slope of a surface
    interpolated between the DEM's points: smoother than the ground, and constant by patches of the DEM's cells.

    Saturated pixels are as valid as others (Landsat saturates over fresh snow): they have a value, if a low one.

    Parameters
    ----------
    scene
        The scene.
    dem
        A raster of one band, heights in metres, in any CRS and resolution; resampled bilinearly.

    Raises
    ------
    GridError
        When the DEM has no CRS, or lies elsewhere.
    SceneError, BandError
        When the DEM cannot be opened, or has more than one band.

    Examples
    --------
    >>> import tempfile, rasterio
    >>> from firnline.scene import open_scene
    >>> path = Path(tempfile.mkdtemp()) / "scene.tif"
    >>> profile = dict(driver="GTiff", count=3, dtype="float32", width=4, height=3, crs="EPSG:32645",
    ...                transform=rasterio.Affine(30, 0, 478005, 0, -30, 3108145))
    >>> with rasterio.open(path, "w", **profile) as file:
    ...     file.descriptions = ["green", "swir16", "elevation"]
    ...     file.write(np.stack([np.full((3, 4), 0.75), np.full((3, 4), 0.25), np.full((3, 4), 5000.0)]))
    >>> source = FeatureSource(open_scene(path))
    >>> print(*source.available)
    green swir16 elevation ndsi slope aspect eastness northness curvature relative_elevation
    >>> source.missing(["ndsi", "ndvi"]), source.why_missing("ndvi")
    (('ndvi',), 'needs nir08 and red')
    >>> with source.reader() as reader:
    ...     reader.read(["ndsi", "slope"], Window(0, 0, 1, 2)).tolist()
    [[[0.5, 0.5]], [[0.0, 0.0]]]
    """

    scene: Scene
    dem: Path | None = None

    def __post_init__(self) -> None:
        if self.dem is not None:
            check_dem(self.dem, self.scene.grid, self.scene.driver)

    @property
    def available(self) -> tuple[str, ...]:
        """Every name that `FeatureReader.read` takes: stored bands in file order, then what can be derived."""
        stored = self.scene.band_names
        derived = (name for name in (*INDICES, *TERRAIN) if name not in stored and self._is_derivable(name))
        return (*stored, *derived)

    def missing(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of `names` that cannot be had, in their order."""
        available = self.available
        return tuple(name for name in names if name not in available)

    def why_missing(self, name: str) -> str:
        """What it would take to have `name`, as a phrase; empty when it is available."""
        if name in self.available:
            return ""
        if name in INDICES:
            return f"needs {' and '.join(band for band in INDICES[name] if not self._has(band))}"
        if name == "elevation":
            return "needs a DEM"
        if name in TERRAIN:
            return (
                "needs a CRS projected in metres, and not Mercator"
                if self._has_heights()
                else "needs elevation or a DEM"
            )
        return "the scene has no such band"

    def level_of(self, name: str) -> Level:
        """The radiometric level of a feature; indices and terrain have none.

        Raises
        ------
        BandError
            When it is not available.
        """
        self._require([name])
        return Level.NOT_RADIOMETRIC if name in INDICES or name in TERRAIN else self.scene.band(name).level

    def origin_of(self, name: str) -> str:
        """Where a feature comes from, in words for the record: ``stored``, or what it is derived from.

        Raises
        ------
        BandError
            When it is not available.
        """
        self._require([name])
        if name in INDICES and self._is_derivable(name):
            a, b = INDICES[name]
            return f"derived: ({a} - {b}) / ({a} + {b})"
        if name in TERRAIN and self.dem is not None:
            return f"{'resampled' if name == 'elevation' else 'derived'} from {self.dem}"
        return "stored" if self._has(name) else "derived from the stored elevation"

    @contextmanager
    def reader(self) -> Iterator[FeatureReader]:
        """Open the scene, and the DEM, for many reads."""
        with ExitStack() as stack:
            scene = stack.enter_context(self.scene.reader())
            dem = None
            if self.dem is not None:  # always as far as any feature looks: heights do not depend on what is asked for
                reach = _widest(self.scene, TERRAIN) if _is_in_metres(self.scene) else HALO
                dem = stack.enter_context(open_dem(self.dem, self.scene.grid, reach, self.scene.driver))
            yield FeatureReader(self, scene, dem)

    def _has(self, band: str) -> bool:
        return band in self.scene.band_names

    def _has_heights(self) -> bool:
        return self.dem is not None or self._has("elevation")

    def _is_derivable(self, name: str) -> bool:
        """Whether `name` is computed rather than read, when both could be."""
        if name in INDICES:
            return all(self._has(band) for band in INDICES[name])
        if name == "elevation":
            return self.dem is not None
        if name not in TERRAIN or (self.dem is None and self._has(name)):
            return False
        return self._has_heights() and _is_in_metres(self.scene)

    def _require(self, names: Sequence[str]) -> None:
        missing = self.missing(names)
        if missing:
            reasons = "; ".join(f"{name}: {self.why_missing(name)}" for name in missing)
            raise BandError(
                f"cannot give {' '.join(missing)} ({reasons})",
                where=self.scene.path,
                do=f"it has {' '.join(self.available)}",
            )


def _is_in_metres(scene: Scene) -> bool:
    try:
        return scene.grid.resolution > 0
    except GridError:
        return False


def _reach(scene: Scene, name: str) -> Reach:
    """How many pixels around its own a feature of terrain looks at, (rows, columns)."""
    if name not in _SCALES:
        return HALO, HALO
    transform = scene.grid.transform
    return reach_of(_SCALES[name], transform.a, -transform.e)


def _widest(scene: Scene, names: Iterable[str]) -> int:
    return max(HALO, *(pixels for name in names for pixels in _reach(scene, name)))


@dataclass(frozen=True)
class FeatureReader:
    """An open source of features; see `FeatureSource.reader`."""

    source: FeatureSource
    scene: SceneReader
    dem: WarpedDem | None

    def read(self, names: Sequence[str], window: Window | None = None) -> NDArray[np.float32]:
        """Read features in a window inside the scene (the whole scene without one).

        Bands that several features share are read once. What is read of a window does not depend on the window:
        terrain looks beyond it, slope and aspect by one pixel, the others by 100 or 1000 m, and beyond the scene in
        the DEM, where that reaches further. Stored elevation is continued straight on by one pixel for slope and
        aspect; for the others it ends with the scene, as at a gap.

        Returns
        -------
        float32 array (feature, row, column) in the order of `names`, NaN where unknown.

        Raises
        ------
        BandError
            When a feature is not available.
        GridError
            When the window leaves the scene.
        SceneError
            When the scene or the DEM is damaged.
        """
        self.source._require(names)
        grid = self.source.scene.grid
        window = grid.window if window is None else window
        if grid.window.intersection(window) != window:
            raise GridError(f"{window} is not inside the scene of {grid.shape}", where=self.source.scene.path)
        known = self._derive_terrain(names, window)
        known |= self._read_stored([name for name in names if name not in known], window)
        values = np.empty((len(names), *window.shape), np.float32)
        for value, name in zip(values, names, strict=True):
            if name in INDICES and self.source._is_derivable(name):
                a, b = INDICES[name]
                value[:] = normalised_difference(known[a], known[b])
            elif name in INDICES:
                np.clip(known[name], -1.0, 1.0, out=value)
            else:
                value[:] = known[name]
        return values

    def _read_stored(self, names: Sequence[str], window: Window) -> dict[str, NDArray[np.float32]]:
        wanted: dict[str, None] = {}  # a set that keeps the order
        for name in names:
            if not self.source._is_derivable(name):
                wanted[name] = None
            elif name in INDICES:
                wanted.update(dict.fromkeys(INDICES[name]))
        bands = self.scene.read(list(wanted), window) if wanted else ()
        return dict(zip(wanted, bands, strict=True))

    def _derive_terrain(self, names: Sequence[str], window: Window) -> dict[str, NDArray[np.float32]]:
        wanted = {name for name in names if name in TERRAIN and self.source._is_derivable(name)}
        if not wanted:
            return {}
        if wanted == {"elevation"} and self.dem is not None:
            return {"elevation": self.dem.read(window)}
        scene = self.source.scene
        dx, dy = scene.grid.transform.a, -scene.grid.transform.e
        rim = _widest(scene, wanted)
        heights = self._heights(window.grown(rim))
        known = {"elevation": _trimmed(heights, rim, (0, 0))}
        if wanted & {"slope", "aspect"}:
            near = self._continued(_trimmed(heights, rim, (HALO, HALO)), window.grown(HALO))
            eastward, northward = gradient(near, dx, dy)
            if "slope" in wanted:
                known["slope"] = slope_of(eastward, northward)
            if "aspect" in wanted:
                known["aspect"] = aspect_of(eastward, northward)
        if wanted & {"eastness", "northness", "curvature"}:
            reach = _reach(scene, "curvature")
            near = _trimmed(heights, rim, reach)
            if "curvature" in wanted:
                known["curvature"] = curvature(near, reach, dx, dy)
            if wanted & {"eastness", "northness"}:
                known["eastness"], known["northness"] = facing(near, reach, dx, dy)
        if "relative_elevation" in wanted:
            reach = _reach(scene, "relative_elevation")
            known["relative_elevation"] = relative_elevation(_trimmed(heights, rim, reach), reach)
        return known

    def _heights(self, around: Window) -> NDArray[np.float32]:
        """Heights in a window that may leave the scene; NaN where none are known."""
        if self.dem is not None:
            return self.dem.read(around)
        inside = around.intersection(self.source.scene.grid.window)
        assert inside is not None
        heights = np.full(around.shape, np.nan, np.float32)
        heights[inside.relative_to(around).slices] = self.scene.read(["elevation"], inside)[0]
        return heights

    def _continued(self, heights: NDArray[np.float32], around: Window) -> NDArray[np.float32]:
        """Heights with stored ones continued straight on beyond the scene, where a DEM has its own."""
        if self.dem is not None:
            return heights
        inside = around.intersection(self.source.scene.grid.window)
        assert inside is not None
        rows = (inside.row - around.row, around.stop_row - inside.stop_row)
        columns = (inside.column - around.column, around.stop_column - inside.stop_column)
        return extrapolated(heights[inside.relative_to(around).slices], (rows, columns))


def _trimmed(heights: NDArray[np.float32], rim: int, reach: Reach) -> NDArray[np.float32]:
    """Heights with a rim of `reach` in place of `rim` pixels."""
    rows, columns = rim - reach[0], rim - reach[1]
    return heights[rows : heights.shape[0] - rows, columns : heights.shape[1] - columns]
