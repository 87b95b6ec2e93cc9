"""A model is kept from scenes on which its map would look right and be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from firnline.bands import Level, Sensor
from firnline.classes import LabelScheme
from firnline.errors import BandError, FirnlineError, GridError, ModelError
from firnline.features import FeatureSource
from firnline.models.architectures import UNetSettings
from firnline.models.bundle import BandInput, Bundle, Description
from firnline.models.fit import require_fit
from firnline.scene import open_scene

SETTINGS = UNetSettings(width=2, depth=1)


def source(folder: Path, level: Level, *, pixel: float = 30, sensor: str = "landsat8") -> FeatureSource:
    profile = {"driver": "GTiff", "dtype": "float32", "count": 2, "height": 4, "width": 4, "crs": "EPSG:32645"}
    path = folder / "scene.tif"
    with rasterio.open(path, "w", transform=Affine(pixel, 0, 478005, 0, -pixel, 3108145), **profile) as file:
        file.descriptions = ("green", "swir16")
        file.update_tags(LEVEL=str(level), SENSOR=sensor)
        file.write(np.ones((2, 4, 4), np.float32))
    return FeatureSource(open_scene(path))


def bundle(name: str, level: Level, *sensors: Sensor) -> Bundle:
    band = BandInput(name=name, level=level, unit="1", mean=0, deviation=1)
    said = Description(
        name="m", architecture=SETTINGS, bands=(band,), impute="after", scheme=LabelScheme.GLACIER,
        sensors=sensors, resolution_m=30, window=64,
    )  # fmt: skip
    return Bundle(Path("m"), said, SETTINGS.build(1, 2))


def test_what_it_was_trained_on_fits(tmp_path: Path) -> None:
    require_fit(bundle("green", Level.SURFACE_REFLECTANCE), source(tmp_path, Level.SURFACE_REFLECTANCE))
    require_fit(bundle("ndsi", Level.SURFACE_REFLECTANCE), source(tmp_path, Level.SURFACE_REFLECTANCE))


@pytest.mark.parametrize("band", ["green", "ndsi"])
@pytest.mark.parametrize("level", [Level.DIGITAL_NUMBER, Level.TOP_OF_ATMOSPHERE, Level.UNKNOWN])
def test_another_level_is_refused_of_bands_and_of_indices_made_of_them(
    tmp_path: Path, band: str, level: Level
) -> None:
    with pytest.raises(ModelError, match=band):
        require_fit(bundle(band, Level.SURFACE_REFLECTANCE), source(tmp_path, level))


@pytest.mark.parametrize("level", [Level.DIGITAL_NUMBER, Level.UNKNOWN])
def test_values_without_a_scale_fit_only_the_sensor_they_were_learnt_from(tmp_path: Path, level: Level) -> None:
    model = bundle("green", level, Sensor.LANDSAT7)
    require_fit(model, source(tmp_path, level, sensor="landsat7"))
    with pytest.raises(ModelError, match="landsat8"):
        require_fit(model, source(tmp_path, level, sensor="landsat8"))


@pytest.mark.parametrize(("band", "pixel", "error"), [("red", 30, BandError), ("green", 10, GridError)])
def test_a_missing_band_and_another_resolution_are_refused(
    tmp_path: Path, band: str, pixel: float, error: type[FirnlineError]
) -> None:
    with pytest.raises(error, match="m"):
        require_fit(bundle(band, Level.SURFACE_REFLECTANCE), source(tmp_path, Level.SURFACE_REFLECTANCE, pixel=pixel))
