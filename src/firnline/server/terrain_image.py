"""Terrain of a scene as an image: hillshade and slope of its heights, made once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from firnline.cog import Strip, write_cog
from firnline.features import FeatureSource
from firnline.server.cogs import made_once
from firnline.server.problems import NotFound
from firnline.server.project import Project, SceneEntry
from firnline.server.recipes import TERRAIN_BANDS
from firnline.terrain import hillshade_of

_ROWS: Final = 256


def terrain_of(project: Project, entry: SceneEntry) -> Path:
    """A float32 COG of hillshade (0 to 1, sun in the north-west, 45 degrees high) and slope (degrees).

    It lies on the scene's grid. Both are of the same heights: the DEM's where there is one, else the scene's
    elevation band. NaN is unknown.

    Raises
    ------
    NotFound
        When no heights are known.
    SceneError, OutputError
        When they cannot be read, or the file cannot be written.
    """
    source = entry.source
    if "elevation" not in source.available:
        raise NotFound("terrain: no heights are known")
    heights = tuple(band for band in source.scene.bands if band.name == "elevation")
    bare = FeatureSource(replace(source.scene, bands=heights), source.dem)  # a stored slope may be of other heights
    tags = {"HILLSHADE": "sun from 315 degrees, 45 degrees high; Horn 1981"}

    def make(path: Path) -> None:
        grid = source.scene.grid
        write_cog(
            path, _strips(bare), grid, TERRAIN_BANDS, tags, "average", dtype="float32", nodata=math.nan, blocksize=256
        )

    return made_once(project, entry, "terrain", make)


def _strips(source: FeatureSource) -> Iterator[Strip]:
    with source.reader() as reader:
        for window in source.scene.grid.strips(_ROWS):
            slope, aspect = reader.read(["slope", "aspect"], window)
            yield window.row, np.stack([hillshade_of(slope, aspect), slope])
