"""How much of a scene looks like snow: measured from its pixels, where its bands allow."""

from __future__ import annotations

from typing import Final

import numpy as np

from firnline.bands import Level
from firnline.classes import BACKGROUND, UNKNOWN, Classes
from firnline.errors import GridError
from firnline.features import normalised_difference
from firnline.grid import Window
from firnline.report.content import SnowFacts
from firnline.scene import Scene, SceneReader
from firnline.spectral import NDSI_OF_SNOW

_ROWS: Final = 512


def measure_snow(scene: Scene, classes: Classes) -> SnowFacts | None:
    """Measure which share of a scene looks like snow or ice, in all and outside what was mapped as glacier.

    The index separates neither snow from ice nor, quite, either from water. At the end of the melt season
    little lies outside the glaciers; what does then is seasonal or perennial snow, or glacier that was missed.

    Parameters
    ----------
    scene
        The scene; read in blocks of rows.
    classes
        What was mapped, uint8 (row, column) on the scene's grid.

    Returns
    -------
    Shares from 0 to 1, or None where the scene has no reflectance in green and short-wave infrared (digital
    numbers of two bands have no common scale) and no band ``ndsi``, or nothing is known.

    Raises
    ------
    GridError
        When the class raster does not have the scene's shape.
    """
    if classes.shape != scene.grid.shape:
        raise GridError(f"the class raster has the shape {classes.shape}, the scene {scene.grid.shape}")
    if not _has_index(scene):
        return None
    counts = np.zeros(4, np.int64)
    with scene.reader() as reader:
        for window in scene.grid.strips(_ROWS):
            counts += _count(reader, window, classes[window.slices])
    known, snow, outside, snow_outside = counts.tolist()
    return SnowFacts(snow / known, snow_outside / outside if outside else 0.0) if known else None


def _has_index(scene: Scene) -> bool:
    if not {"green", "swir16"} <= set(scene.band_names):
        return "ndsi" in scene.band_names
    levels = {scene.band("green").level, scene.band("swir16").level}
    return len(levels) == 1 and Level.DIGITAL_NUMBER not in levels


def _count(reader: SceneReader, window: Window, classes: Classes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Known pixels, snow among them, known pixels mapped as background, and snow among those."""
    if {"green", "swir16"} <= set(reader.scene.band_names):
        index = normalised_difference(*reader.read(["green", "swir16"], window))
    else:
        index = reader.read(["ndsi"], window)[0]
    known = np.isfinite(index) & (classes != UNKNOWN)
    snow = known & (index > NDSI_OF_SNOW)
    outside = known & (classes == BACKGROUND)
    return np.array([known.sum(), snow.sum(), outside.sum(), (snow & outside).sum()], np.int64)
