"""Patches of a release: a chip as files of its own, from which exactly the same pixels are read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from firnline.bands import BANDS, Level
from firnline.chips.reader import OpenScene
from firnline.errors import BandError, SceneError
from firnline.features import FeatureSource
from firnline.flags import Flag, flags_path
from firnline.grid import Grid, Window
from firnline.scene import open_scene

_ALWAYS: Final = ("elevation", "slope")
"""Derived features that go into a patch unasked: at its edge they could not be derived again as in the scene."""


@dataclass(frozen=True)
class PatchBand:
    """One band of a patch: ``value = stored * scale + offset``, in `unit`."""

    name: str
    scale: float
    offset: float
    level: Level
    unit: str
    origin: str
    """``stored``, or what it is derived from."""

    @property
    def meaning(self) -> str:
        """What it measures, in words."""
        return BANDS[self.name].meaning if self.name in BANDS else self.name


@dataclass(frozen=True)
class PatchLayout:
    """How the patches of one scene are stored.

    `is_verbatim`: the scene's own numbers in its own type. Else they are floating-point numbers, wide enough to
    hold the stored ones exactly, with NaN where a pixel is unknown: for scenes that tell unknown pixels otherwise
    than by one nodata value (a mask, an alpha band, a fill rule), with bands of several types, or with derived bands.
    """

    bands: tuple[PatchBand, ...]
    dtype: str
    nodata: float | None
    is_verbatim: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The bands' names, in file order."""
        return tuple(band.name for band in self.bands)


def layout_of(scene: OpenScene, windows: Sequence[Window], names: Sequence[str] | None = None) -> PatchLayout:
    """How the patches of a scene are stored.

    Parameters
    ----------
    scene
        The open scene.
    windows
        All windows that are cut from it: some may reach beyond it, and need a value for unknown.
    names
        Features to put in; without them all stored bands, and elevation and slope where they can be derived.

    Raises
    ------
    BandError
        When the scene cannot give a feature.
    """
    source, stored_names = scene.source, scene.source.scene.band_names
    if names is None:
        names = (*stored_names, *(name for name in _ALWAYS if name in source.available and name not in stored_names))
    missing = source.missing(names)
    if missing:
        raise BandError(
            f"has no {' '.join(missing)}", where=source.scene.path, do=f"it has {' '.join(source.available)}"
        )
    bands = tuple(_patch_band(source, name) for name in names)
    stored = [source.scene.band(band.name) for band in bands if band.origin == "stored"]
    types = {scene.features.scene.dataset.dtypes[band.index - 1] for band in stored}
    nodatas = {band.nodata for band in stored}
    is_plain = len(stored) == len(bands) and len(types) == 1 and len(nodatas) == 1
    is_plain = is_plain and not source.scene.unknown_where and not any(band.has_mask for band in stored)
    if is_plain:
        (dtype,), (nodata,) = types, nodatas
        is_float = dtype.startswith("float")
        inside = all(source.scene.grid.window.intersection(window) == window for window in windows)
        if nodata is not None or is_float or inside:
            return PatchLayout(bands, dtype, float("nan") if nodata is None and is_float else nodata, True)
    return PatchLayout(bands, str(np.result_type(np.float32, *types)), float("nan"), False)


def _patch_band(source: FeatureSource, name: str) -> PatchBand:
    origin = source.origin_of(name)
    if origin == "stored":
        band = source.scene.band(name)
        return PatchBand(name, band.scale, band.offset, band.level, band.unit, origin)
    where = f"derived from {source.dem.name}" if source.dem is not None and "from" in origin else origin
    return PatchBand(name, 1.0, 0.0, Level.NOT_RADIOMETRIC, BANDS[name].unit if name in BANDS else "degree", where)


def write_patch(path: Path, scene: OpenScene, window: Window, layout: PatchLayout, tags: Mapping[str, str]) -> None:
    """Write the bands of a window as a GeoTIFF, and its flags beside it where the scene has some.

    The patch is read back as a scene and compared: every value, and where it is unknown, is exactly as in the scene.

    Raises
    ------
    SceneError
        When the scene is damaged, or cannot be written so that the same values are read again.
    OSError, RasterioError
        When the files cannot be written.
    """
    values = scene.bands(layout.names, window)
    grid = scene.grid.of_window(window)
    _write_bands(path, _stored(scene, window, layout, values), grid, layout, tags)
    _require_same_values(path, scene.source.scene.path, layout.names, values)
    bits = _flag_bits(scene, window)
    if bits is not None:
        _write_flags(flags_path(path), bits, grid)


def _flag_bits(scene: OpenScene, window: Window) -> NDArray[np.uint8] | None:
    """Flags (row, column), uint8, none beyond the scene; None where the scene has no flags."""
    if scene.flags is None:
        return None
    bits = np.zeros(window.shape, np.uint8)
    inside = scene.grid.window.intersection(window)
    if inside is not None:
        bits[inside.relative_to(window).slices] = scene.flags.read(1, window=inside.to_rasterio())
    return bits


def _stored(
    scene: OpenScene, window: Window, layout: PatchLayout, values: NDArray[np.float32]
) -> NDArray[np.generic]:
    """What goes into the file: stored numbers of stored bands, values of derived ones."""
    dataset = scene.features.scene.dataset
    inside = scene.grid.window.intersection(window)
    outside = 0 if layout.nodata is None else layout.nodata  # without nodata no window reaches beyond the scene
    stored = np.full((len(layout.bands), *window.shape), outside, layout.dtype)
    for position, band in enumerate(layout.bands):
        if band.origin != "stored":
            stored[position] = values[position]
        elif inside is not None:
            at = (position, *inside.relative_to(window).slices)
            try:
                stored[at] = dataset.read(scene.source.scene.band(band.name).index, window=inside.to_rasterio())
            except RasterioError as error:
                raise SceneError(
                    f"cannot be read: damaged or cut off ({error})", where=scene.source.scene.path, do="get it again"
                ) from None
    if not layout.is_verbatim:
        stored[~np.isfinite(values)] = np.nan
    return stored


def _write_bands(
    path: Path, stored: NDArray[np.generic], grid: Grid, layout: PatchLayout, tags: Mapping[str, str]
) -> None:
    predictor = 3 if layout.dtype.startswith("float") else 2
    profile: dict[str, Any] = {"dtype": layout.dtype, "count": len(layout.bands), "nodata": layout.nodata}
    # MINISBLACK: three or four bands of bytes would else be taken for a picture, the fourth for its alpha band.
    profile |= {"compress": "deflate", "predictor": predictor, "interleave": "band", "photometric": "MINISBLACK"}
    with rasterio.open(path, "w", **profile, **_place(grid)) as file:
        file.write(stored)
        file.descriptions = layout.names
        file.scales = [band.scale for band in layout.bands]
        file.offsets = [band.offset for band in layout.bands]
        file.units = [band.unit for band in layout.bands]
        file.update_tags(**tags)
        for index, band in enumerate(layout.bands, start=1):
            file.update_tags(index, LEVEL=str(band.level), ORIGIN=band.origin)


def _place(grid: Grid) -> dict[str, Any]:
    rows, columns = grid.shape
    place = {"driver": "GTiff", "height": rows, "width": columns, "crs": grid.crs, "transform": grid.transform}
    return {**place, "tiled": True, "blockxsize": 256, "blockysize": 256} if min(grid.shape) > 256 else place


def _require_same_values(path: Path, scene: Path, names: Sequence[str], values: NDArray[np.float32]) -> None:
    """Read a patch as anybody will: GDAL writes its last blocks on closing, and a full disk goes without a word."""
    with FeatureSource(open_scene(path)).reader() as reader:
        again = reader.read(names)
    if not np.array_equal(again, values, equal_nan=True):
        differing = [
            name for name, a, b in zip(names, again, values, strict=True) if not np.array_equal(a, b, equal_nan=True)
        ]
        raise SceneError(
            f"the patch {path.name} does not give the scene's values of {' '.join(differing)} again",
            where=scene,
            do="check the disk, or name other --bands",
        )


def _write_flags(path: Path, bits: NDArray[np.uint8], grid: Grid) -> None:
    with rasterio.open(path, "w", dtype="uint8", count=1, compress="deflate", **_place(grid)) as file:
        file.write(bits, 1)
        file.set_band_description(1, "flags")
        file.update_tags(FLAGS=", ".join(f"{flag.value} {flag.name}" for flag in Flag))
    with rasterio.open(path) as file:
        if not np.array_equal(file.read(1), bits):
            raise OSError("the disk did not keep all of it")
