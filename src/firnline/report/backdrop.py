"""What lies beneath a map: a scene in false colour, the hillshade of a DEM, or paper, at the size of a picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyproj
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from firnline.errors import GridError
from firnline.grid import Grid, Window
from firnline.report.falsecolour import Stretch, choose_bands, fit_stretch, read_decimated, step_for, to_rgb
from firnline.scene import Scene, SceneReader
from firnline.terrain import HALO, gradient, open_dem

Bounds = tuple[float, float, float, float]
"""Left, lower, right, upper, in map units."""

_PAPER: Final = (246, 246, 244)
_SUN: Final = (315.0, 45.0)
"""Light from the upper left, where the eye expects it (Imhof 1965)."""
_GREY: Final = (150.0, 100.0)
"""Hillshade from the one grey on, by so much more: pale, so that outlines stand out."""
_SAMPLED: Final = 1000
_CACHE_MB: Final = 64


@dataclass(frozen=True)
class Backdrop:
    """Images of any part of a region, at a size that fits a picture; see `open_backdrop`."""

    crs: CRS
    words: str
    """What is shown, a sentence for a caption."""
    reader: SceneReader | None = None
    stretch: Stretch | None = None
    dem: Path | None = None

    def image(self, bounds: Bounds, most_pixels: int) -> tuple[NDArray[np.uint8], Grid]:
        """An image of at least the given part of the map, uint8 (row, column, 3), and its grid.

        Of a scene the grid is that of its own pixels, of which `step_for` makes one; else that of the image. Where a
        scene does not reach, paper is shown.
        """
        if self.reader is not None and self.stretch is not None:
            return self._of_scene(self.reader, self.stretch, bounds, most_pixels)
        grid = _grid_of(bounds, self.crs, most_pixels)
        if self.dem is not None:
            shaded = _hillshade(self.dem, grid)
            if shaded is not None:
                return shaded, grid
        return _paper(grid.shape), grid

    def _of_scene(
        self, reader: SceneReader, stretch: Stretch, bounds: Bounds, most_pixels: int
    ) -> tuple[NDArray[np.uint8], Grid]:
        scene = reader.scene.grid
        width, height = scene.transform.a, -scene.transform.e
        left, lower, right, upper = bounds
        west, north = scene.bounds[0], scene.bounds[3]
        column, row = math.floor((left - west) / width), math.floor((north - upper) / height)
        wanted = Window(
            row, column, math.ceil((north - lower) / height) - row, math.ceil((right - west) / width) - column
        )
        step = step_for(wanted.shape, most_pixels)
        image = _paper((-(-wanted.height // step), -(-wanted.width // step)))
        inside = wanted.intersection(scene.window)
        if inside is not None:
            # From a whole number of steps on, so that averaged pixels fall onto those of the image.
            row, column = (-(-start // step) for start in (inside.row - wanted.row, inside.column - wanted.column))
            top, first = wanted.row + row * step, wanted.column + column * step
            if top < inside.stop_row and first < inside.stop_column:
                part = Window(top, first, inside.stop_row - top, inside.stop_column - first)
                seen = to_rgb(read_decimated(reader, stretch.bands, step, part), stretch)
                image[row : row + seen.shape[0], column : column + seen.shape[1]] = seen
        origin = Affine(width, 0, west + wanted.column * width, 0, -height, north - wanted.row * height)
        return image, Grid(scene.crs, origin, wanted.shape)


@contextmanager
def open_backdrop(crs: CRS, scene: Scene | None, dem: Path | None) -> Iterator[Backdrop]:
    """Open what lies beneath the maps of a region: the scene where one is given, else the DEM, else nothing.

    Raises
    ------
    GridError
        When the scene has another CRS than the region: its pixels would have to be warped.
    SceneError, BandError
        When the scene or the DEM cannot be read.
    """
    with rasterio.Env(GDAL_CACHEMAX=_CACHE_MB), ExitStack() as stack:
        if scene is not None:
            if pyproj.CRS.from_user_input(scene.grid.crs) != pyproj.CRS.from_user_input(crs):
                raise GridError(
                    f"the scene is in {scene.grid.crs.to_string()}, the inventory in {crs.to_string()}",
                    where=scene.path,
                    do="give the scene that was mapped, or none",
                )
            reader = stack.enter_context(scene.reader())
            bands = choose_bands(scene)
            sample = read_decimated(reader, bands, step_for(scene.grid.shape, _SAMPLED))
            stretch = fit_stretch(bands, sample)
            red, green, blue = bands
            shown = f"grey: {red}" if red == blue else f"red, green and blue: {red}, {green} and {blue}"
            yield Backdrop(crs, f"Beneath: the scene {scene.path.name} ({shown}).", reader, stretch)
        elif dem is not None:
            yield Backdrop(crs, f"Beneath: hillshade of {dem.name}, lit from the north-west.", dem=dem)
        else:
            yield Backdrop(crs, "")


def _grid_of(bounds: Bounds, crs: CRS, most_pixels: int) -> Grid:
    left, lower, right, upper = bounds
    size = max(right - left, upper - lower) / most_pixels
    shape = (max(1, math.ceil((upper - lower) / size)), max(1, math.ceil((right - left) / size)))
    return Grid(crs, Affine(size, 0, left, 0, -size, upper), shape)


def _paper(shape: tuple[int, int]) -> NDArray[np.uint8]:
    return np.full((*shape, 3), _PAPER, np.uint8)


def _hillshade(dem: Path, grid: Grid) -> NDArray[np.uint8] | None:
    """Grey hillshade (row, column, 3), paper where heights are unknown; None where the DEM does not reach."""
    try:
        with open_dem(dem, grid) as opened:
            heights = opened.read(grid.window.grown(HALO))
    except GridError:
        return None
    size = grid.transform.a
    east, north = gradient(heights, size, size)
    azimuth, height = np.radians(_SUN)
    facing = -(east * np.sin(azimuth) + north * np.cos(azimuth)) * np.cos(height) + np.sin(height)
    with np.errstate(invalid="ignore"):
        light = np.clip(facing / np.sqrt(1 + east * east + north * north), 0, 1)
        grey = np.nan_to_num(_GREY[0] + _GREY[1] * light).astype(np.uint8)
    image = np.repeat(grey[..., None], 3, axis=-1)
    image[np.isnan(light)] = _PAPER
    return image
