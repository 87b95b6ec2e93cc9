"""The surface in a scene: glaciers that are water or vegetation there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray
from rasterio.transform import rowcol

from firnline.errors import GridError
from firnline.features import FeatureReader, FeatureSource
from firnline.grid import Window
from firnline.inventory.check.finding import Finding, Severity
from firnline.inventory.check.subject import Subject
from firnline.inventory.check.table import about
from firnline.inventory.check.terrain import Ground
from firnline.inventory.check.thresholds import Thresholds

_INDICES: Final = ("ndvi", "ndwi")
_ROWS: Final = 512
_ENOUGH_KNOWN: Final = 0.2
"""Where less of a glacier is known in the scene, nothing is said of it."""
_KEPT: Final = 40_000
"""Pixels of a glacier that a median is taken of."""


def check_surface(
    subject: Subject, source: FeatureSource, ground: Ground, thresholds: Thresholds
) -> Iterator[Finding]:
    """Ask for glaciers whose median NDVI is that of plants, or whose median NDWI is that of water, on flat ground.

    The scene is read glacier by glacier, 512 rows at a time. Where the slope is known (`ground`), water lies on
    ground flatter than `Thresholds.water_slope_degrees`.

    Raises
    ------
    GridError
        When the inventory tells no CRS.
    SceneError
        When the scene is damaged.
    """
    names: list[str] = [name for name in _INDICES if name in source.available]
    for name in set(_INDICES) - set(names):
        what = f"the scene cannot tell {name} ({source.why_missing(name)}): {_asked(name)} was not asked for"
        yield Finding("not asked", Severity.NOTE, (), what, *subject.middle())
    if not names:
        return
    medians, known = _medians(subject, source, names)
    values = dict(zip(names, medians, strict=True))
    seen = known >= _ENOUGH_KNOWN
    if "ndvi" in values:
        for index in np.flatnonzero(seen & (values["ndvi"] > thresholds.ndvi)):
            what = f"its median NDVI in the scene is {values['ndvi'][index]:.2f}: plants, not ice"
            yield about(subject, index, "vegetation", Severity.WARNING, what)
    if "ndwi" in values:
        flat = ~(ground.slope > thresholds.water_slope_degrees)
        for index in np.flatnonzero(seen & flat & (values["ndwi"] > thresholds.ndwi)):
            slope = "" if np.isnan(ground.slope[index]) else f" on {ground.slope[index]:.1f} degrees"
            what = f"its median NDWI in the scene is {values['ndwi'][index]:.2f}{slope}: water, not ice"
            yield about(subject, index, "water", Severity.WARNING, what)


def _asked(name: str) -> str:
    return {"ndvi": "vegetation", "ndwi": "water"}[name]


def _medians(
    subject: Subject, source: FeatureSource, names: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(index, glacier) medians, and the share of each glacier that the scene knows."""
    if subject.crs is None:
        raise GridError("tells no CRS, so no scene can be laid under it", where=subject.path, do="assign one")
    grid = source.scene.grid
    shapes = np.asarray(gpd.GeoSeries(subject.shapes, crs=subject.crs).to_crs(grid.crs.to_wkt()).array, dtype=object)
    medians, known = np.full((len(names), len(shapes)), np.nan), np.zeros(len(shapes))
    footprint = grid.footprint()
    with source.reader() as reader:
        for index in np.flatnonzero(shapely.intersects(shapes, footprint) & subject.usable):
            values, pixels = _values(shapes[index], reader, names)
            if pixels:
                known[index] = np.isfinite(values).all(axis=0).sum() / pixels
            if known[index]:
                medians[:, index] = np.nanmedian(values[:, np.isfinite(values).all(axis=0)], axis=1)
    return medians, known


def _values(shape: Any, reader: FeatureReader, names: list[str]) -> tuple[NDArray[np.float32], int]:
    """Values (index, pixel) under a glacier, thinned out evenly, and how many pixels they stand for."""
    grid = reader.source.scene.grid
    left, bottom, right, top = shape.bounds
    row, column = rowcol(grid.transform, left, top)
    stop_row, stop_column = rowcol(grid.transform, right, bottom)
    window = Window(row, column, stop_row - row + 1, stop_column - column + 1).intersection(grid.window)
    if window is None:
        return np.empty((len(names), 0), np.float32), 0
    step = max(1, int((window.height * window.width / _KEPT) ** 0.5))
    kept = []
    for start in range(window.row, window.stop_row, _ROWS):
        block = Window(start, window.column, min(_ROWS, window.stop_row - start), window.width)
        here = grid.of_window(block)
        inside = rasterio.features.geometry_mask([shape], here.shape, here.transform, invert=True)
        if inside.any():
            values = reader.read(names, block)[:, ::step, ::step]
            kept.append(values[:, inside[::step, ::step]])
    if not kept:
        return np.empty((len(names), 0), np.float32), 0
    values = np.concatenate(kept, axis=1)
    return values, values.shape[1]
