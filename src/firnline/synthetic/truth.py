"""The truth about a range as a specialist would hand it over: class raster, outlines and the mapped region."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio.features
from numpy.typing import NDArray
from shapely.geometry import Polygon, shape

from firnline.classes import BACKGROUND, CLEAN_ICE, DEBRIS, UNKNOWN, Classes
from firnline.grid import Grid
from firnline.synthetic.surface import CLEAN, Surface

SMALLEST_KM2 = 0.02
"""ICIMOD's inventory leaves out what is smaller (Bajracharya and Shrestha 2011); but never less than 4 pixels."""
ICIMOD_NAMES = {CLEAN_ICE: "Clean Ice", DEBRIS: "Debris covered"}


def classes_of(kind: NDArray[np.uint8]) -> Classes:
    """Classes of surfaces, uint8 of the same shape: snow on a glacier is clean ice, snow beside it background.

    Examples
    --------
    >>> classes_of(np.array([[Surface.ROCK, Surface.FIRN, Surface.DEBRIS, Surface.SNOW]], np.uint8)).tolist()
    [[0, 1, 2, 0]]
    """
    table = np.full(256, BACKGROUND, np.uint8)
    table[[int(surface) for surface in CLEAN]] = CLEAN_ICE
    table[Surface.DEBRIS] = DEBRIS
    return table[kind]


def mapped_region(seed: int, grid: Grid) -> Polygon:
    """The polygon within which glaciers were mapped, in map units: the scene but for one corner."""
    rng = np.random.default_rng([seed, 9])
    rows, columns = grid.shape
    along = np.linspace(0, 1, 13)
    wobble = np.concatenate([[0], rng.uniform(-0.025, 0.025, along.size - 2), [0]])
    # In shares of the scene, for the north-east corner; mirrored for the others.
    right, down = 0.76 + 0.24 * along + wobble, 0.34 * along - wobble
    down[0], right[-1] = 0.0, 1.0
    cut = [(0.0, 0.0), *zip(right.tolist(), down.tolist(), strict=True), (1.0, 1.0), (0.0, 1.0)]
    mirror_rows, mirror_columns = rng.integers(0, 2, 2)
    corners = [((1 - v if mirror_rows else v) * rows, (1 - u if mirror_columns else u) * columns) for u, v in cut]
    return Polygon([grid.corner(min(max(r, 0), rows), min(max(c, 0), columns)) for r, c in corners])


def draw(classes: Classes, grid: Grid, region: Polygon) -> Classes:
    """The class raster as drawn: specks left out, unknown outside the mapped region (pixel centres decide).

    Parameters
    ----------
    classes
        Classes of all pixels, uint8 (rows, columns) of `grid`.
    """
    smallest = max(4, round(SMALLEST_KM2 / grid.pixel_area_km2))
    drawn = rasterio.features.sieve(classes, size=smallest, connectivity=4)
    outside = rasterio.features.geometry_mask([region], grid.shape, grid.transform)
    drawn[outside] = UNKNOWN
    return np.asarray(drawn, np.uint8)


def outlines_of(classes: Classes, grid: Grid) -> gpd.GeoDataFrame:
    """Polygons with holes along the pixel edges of both ice classes, with ICIMOD's column ``Glaciers``."""
    ice = (classes == CLEAN_ICE) | (classes == DEBRIS)
    found = rasterio.features.shapes(classes, mask=ice, connectivity=4, transform=grid.transform)
    pairs = [(shape(geometry), int(value)) for geometry, value in found]
    return gpd.GeoDataFrame(
        {
            "Glaciers": [ICIMOD_NAMES[value] for _, value in pairs],
            "Area_SqKm": [round(polygon.area / 1e6, 6) for polygon, _ in pairs],
        },
        geometry=[polygon for polygon, _ in pairs],
        crs=grid.crs.to_wkt(),
    )


def write_vectors(outlines: gpd.GeoDataFrame, outlines_path: Path, region: Polygon, border_path: Path) -> None:
    """Write both as GeoPackages with the layers ``outlines`` and ``border``."""
    outlines.to_file(outlines_path, layer="outlines", driver="GPKG", engine="pyogrio")
    border = gpd.GeoDataFrame({"name": ["mapped region"]}, geometry=[region], crs=outlines.crs)
    border.to_file(border_path, layer="border", driver="GPKG", engine="pyogrio")
