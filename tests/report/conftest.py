"""A small made-up scene with a glacier in it, and facts for a report."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from firnline.bands import Level
from firnline.classes import UNKNOWN, Classes
from firnline.report.content import ClassArea, ModelFacts, ResultFacts, SceneFacts, SnowFacts
from firnline.scene import Scene, open_scene

SHAPE = (150, 200)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Green bright and short-wave infrared dark (snow) in the left half, the other way round right; a hole."""
    green = np.full(SHAPE, 9000, np.uint16)
    swir = np.full(SHAPE, 20000, np.uint16)
    green[:, :100], swir[:, :100] = 30000, 9000
    blue = green + np.arange(200, dtype=np.uint16)
    stored = np.stack([blue, green, swir])
    stored[:, 50:70, 120:150] = 0
    path = tmp_path / "LC08_made_up_20200901.tif"
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 3, "nodata": 0, "crs": CRS.from_epsg(32645)}
    profile |= {"height": SHAPE[0], "width": SHAPE[1], "transform": Affine(30, 0, 478005, 0, -30, 3108145)}
    with rasterio.open(path, "w", **profile) as file:
        file.write(stored)
        file.descriptions = ("blue", "green", "swir16")
        file.scales, file.offsets = (2.75e-05,) * 3, (-0.2,) * 3
    return open_scene(path)


@pytest.fixture
def classes() -> Classes:
    """A glacier in the left half, with a debris-covered tongue; the hole is unknown."""
    made = np.zeros(SHAPE, np.uint8)
    made[20:120, 10:80] = 1
    made[90:140, 30:60] = 2
    made[50:70, 120:150] = UNKNOWN
    return made


@pytest.fixture
def scene_facts() -> SceneFacts:
    """A Landsat 8 scene of the end of the melt season in Khumbu."""
    return SceneFacts(
        name="scene",
        path="scene.tif",
        sensor="landsat8",
        date=dt.date(2020, 10, 5),
        crs="EPSG:32645",
        resolution_m=30.0,
        shape=SHAPE,
        level=Level.SURFACE_REFLECTANCE,
        bands=("blue", "green", "swir16"),
        centre=(28.0, 86.9),
    )


@pytest.fixture
def model_facts() -> ModelFacts:
    """A network that fits the scene in every respect."""
    return ModelFacts(
        name="khumbu-unet",
        kind="network",
        classes=("clean ice", "debris-covered ice"),
        bands=("blue", "green", "swir16"),
        trained_on="40 Landsat 8 scenes of Nepal",
        sensors=("landsat8",),
        level=Level.SURFACE_REFLECTANCE,
        bounds=(80.0, 26.0, 89.0, 31.0),
        scores={"this model": {"IoU": 0.8}, "everything is glacier": {"IoU": 0.3}},
        scores_on="5 scenes kept apart",
    )


@pytest.fixture
def result_facts() -> ResultFacts:
    """A map of a fully known scene with little snow."""
    return ResultFacts(0.0, (ClassArea("clean ice", 6.3, 0.2, 1),), 0.01, SnowFacts(0.2, 0.01))
