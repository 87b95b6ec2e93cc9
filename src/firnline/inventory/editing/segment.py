"""Similar pixels around a place: what a person adds or removes with one click."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import shapes as raster_shapes
from scipy import ndimage
from shapely import Polygon

from firnline.bands import BANDS, Kind
from firnline.errors import EditError
from firnline.grid import Grid, Window
from firnline.inventory.editing.part import on_grid
from firnline.scene import Scene

_REACH: Final = 256
"""Pixels from the place to the edge of what is looked at."""
_LEAST_SPREAD: Final = 1e-6


def similar_pixels(scene: Scene, place: tuple[float, float], tolerance: float = 1.0) -> Polygon:
    """Outline the pixels around a place that look like it: a region grown from there.

    Bands are smoothed by a median of 3 x 3 pixels and divided by how much neighbours differ around the place (the
    median of absolute differences, as a standard deviation). Pixels belong to the region that hang together with the
    place over edges and whose distance to it, the root of the mean square over the bands, is at most five times the
    tolerance. Holes of fewer than nine pixels are filled. Unknown pixels never belong to it.

    Parameters
    ----------
    scene
        The scene; its optical bands count.
    place
        x and y in its CRS.
    tolerance
        More than 0; 1 as a rule.

    Raises
    ------
    EditError
        When the place is outside of the scene, or nothing is known there.
    SceneError
        When the scene is damaged.
    """
    if not 0 < tolerance < 1000:
        raise EditError("the tolerance makes no sense", do="give more than 0, 1 as a rule")
    row, column = _pixel(scene.grid, place)
    around = Window(row - _REACH, column - _REACH, 2 * _REACH + 1, 2 * _REACH + 1)
    window = around.intersection(scene.grid.window)
    assert window is not None  # it holds the place
    names = [name for name in scene.band_names if name in BANDS and BANDS[name].kind is Kind.OPTICAL]
    values = scene.read(names, window)
    region = grown(values, (row - window.row, column - window.column), tolerance)
    return _outline(region, scene.grid.of_window(window))


def grown(values: NDArray[np.float32], seed: tuple[int, int], tolerance: float) -> NDArray[np.bool_]:
    """The region of similar pixels around a pixel; see `similar_pixels`.

    Parameters
    ----------
    values
        Float32 (band, row, column), NaN where unknown.
    seed
        Row and column.
    tolerance
        See `similar_pixels`.

    Returns
    -------
    bool (row, column).

    Examples
    --------
    >>> values = np.zeros((1, 9, 9), np.float32)
    >>> values[0, :, 5:] = 1
    >>> grown(values, (4, 1), 1.0).sum(axis=0).tolist()
    [9, 9, 9, 9, 9, 0, 0, 0, 0]
    """
    known = np.asarray(np.isfinite(values).all(axis=0))
    if not known[seed]:
        raise EditError("nothing is known there", do="click where the scene has data")
    distance = np.zeros(known.shape, np.float64)
    for band in values:
        smooth = ndimage.median_filter(np.where(known, band, band[seed]), size=3, mode="nearest").astype(np.float64)
        steps = np.concatenate([np.abs(np.diff(smooth, axis=axis)).ravel() for axis in (0, 1)])
        spread = max(1.4826 * float(np.median(steps)), _LEAST_SPREAD)
        distance += ((smooth - smooth[seed]) / spread) ** 2
    alike = known & (np.sqrt(distance / len(values)) <= 5 * tolerance)
    alike[seed] = True
    numbers, _ = ndimage.label(alike)
    return _without_specks(np.asarray(numbers == numbers[seed]), known)


def _without_specks(region: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The region with holes of fewer than nine pixels filled, except with what is unknown."""
    holes, count = ndimage.label(~region)
    small = np.asarray(np.bincount(np.ravel(holes), minlength=count + 1) < 9)
    small[0] = False
    filled: NDArray[np.bool_] = region | (small[holes] & known)
    return filled


def _pixel(grid: Grid, place: tuple[float, float]) -> tuple[int, int]:
    column, row = (int(np.floor(value)) for value in ~grid.transform @ place)
    if not (0 <= row < grid.shape[0] and 0 <= column < grid.shape[1]):
        raise EditError("that is outside of the scene", do="click inside")
    return row, column


def _outline(region: NDArray[np.bool_], grid: Grid) -> Polygon:
    found = [
        shapely.geometry.shape(shape)
        for shape, value in raster_shapes(region.view(np.uint8), mask=region, transform=grid.transform)
        if value == 1
    ]
    outline = on_grid(max(found, key=lambda polygon: polygon.area))
    assert isinstance(outline, Polygon)
    return outline
