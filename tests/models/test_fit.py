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
from firnline.models.band_inputs import BandInput, Reading, inputs_of
from firnline.models.bundle import Bundle, Description
from firnline.models.fit import fit_scene
from firnline.models.inputs import Layout
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
    return bundle_of(
        BandInput(name=name, readings=(Reading(level=level, unit="1", mean=0, deviation=1, sensors=sensors),))
    )


def bundle_of(*bands: BandInput) -> Bundle:
    said = Description(
        name="m", architecture=SETTINGS, bands=bands, scheme=LabelScheme.GLACIER, resolutions_m=(30,), window=64
    )
    return Bundle(Path("m"), said, SETTINGS.build(said.layout, 2))


def test_what_it_was_trained_on_fits(tmp_path: Path) -> None:
    fit_scene(bundle("green", Level.SURFACE_REFLECTANCE), source(tmp_path, Level.SURFACE_REFLECTANCE))
    fit_scene(bundle("ndsi", Level.SURFACE_REFLECTANCE), source(tmp_path, Level.SURFACE_REFLECTANCE))


@pytest.mark.parametrize("band", ["green", "ndsi"])
@pytest.mark.parametrize("level", [Level.DIGITAL_NUMBER, Level.TOP_OF_ATMOSPHERE, Level.UNKNOWN])
def test_another_level_is_refused_of_bands_and_of_indices_made_of_them(
    tmp_path: Path, band: str, level: Level
) -> None:
    with pytest.raises(ModelError, match=band):
        fit_scene(bundle(band, Level.SURFACE_REFLECTANCE), source(tmp_path, level))


@pytest.mark.parametrize("level", [Level.DIGITAL_NUMBER, Level.UNKNOWN])
def test_values_without_a_scale_fit_only_the_sensor_they_were_learnt_from(tmp_path: Path, level: Level) -> None:
    model = bundle("green", level, Sensor.LANDSAT7)
    fit_scene(model, source(tmp_path, level, sensor="landsat7"))
    with pytest.raises(ModelError, match="landsat8"):
        fit_scene(model, source(tmp_path, level, sensor="landsat8"))


@pytest.mark.parametrize(("band", "pixel", "error"), [("red", 30, BandError), ("green", 10, GridError)])
def test_a_missing_band_and_another_resolution_are_refused(
    tmp_path: Path, band: str, pixel: float, error: type[FirnlineError]
) -> None:
    with pytest.raises(error, match="m"):
        fit_scene(bundle(band, Level.SURFACE_REFLECTANCE), source(tmp_path, Level.SURFACE_REFLECTANCE, pixel=pixel))


def test_beyond_the_image_nothing_is_known_to_a_model_of_indices_and_terrain() -> None:
    """Terrain is known there too, and would be mapped as if the index were at its mean."""
    reading = Reading(level=Level.SURFACE_REFLECTANCE, unit="1", mean=0, deviation=1)
    height = Reading(level=Level.NOT_RADIOMETRIC, unit="degree", mean=20, deviation=10)
    bands = (BandInput(name="ndsi", readings=(reading,)), BandInput(name="slope", readings=(height,)))
    raw = np.array([[[np.nan, 0.5]], [[20, 20]]], np.float32)
    _, known = inputs_of(bands, {"ndsi": reading, "slope": height}, "after").apply(raw)
    assert known.tolist() == [[False, True]]


def optional(name: str, *readings: tuple[Level, float], required: bool = False) -> BandInput:
    made = tuple(Reading(level=level, unit="1", mean=mean, deviation=2) for level, mean in readings)
    return BandInput(name=name, required=required, readings=made)


def test_an_optional_band_that_the_scene_lacks_or_has_otherwise_is_left_out_and_said(tmp_path: Path) -> None:
    model = bundle_of(
        optional("green", (Level.SURFACE_REFLECTANCE, 0), required=True),
        optional("swir16", (Level.TOP_OF_ATMOSPHERE, 0)),
        optional("lwir11", (Level.SURFACE_TEMPERATURE, 0)),
    )
    fit = fit_scene(model, source(tmp_path, Level.SURFACE_REFLECTANCE))
    assert fit.inputs.present == ("green",)
    assert set(fit.absent) == {"swir16", "lwir11"}
    assert "surface reflectance, and was top-of-atmosphere reflectance" in fit.absent["swir16"]


@pytest.mark.parametrize(("level", "expected"), [(Level.SURFACE_REFLECTANCE, 0.0), (Level.TOP_OF_ATMOSPHERE, -1.5)])
def test_each_level_has_its_own_normalisation(tmp_path: Path, level: Level, expected: float) -> None:
    readings = (Level.SURFACE_REFLECTANCE, 1), (Level.TOP_OF_ATMOSPHERE, 4)
    fit = fit_scene(bundle_of(optional("green", *readings, required=True)), source(tmp_path, level))
    values, _ = fit.inputs.apply(np.ones((1, 2, 2), np.float32))
    assert values.ravel().tolist() == [expected] * 4


def test_a_band_of_an_unusable_level_counts_as_absent_even_where_it_is_read(tmp_path: Path) -> None:
    model = bundle_of(
        optional("green", (Level.SURFACE_REFLECTANCE, 0), required=True),
        optional("swir16", (Level.TOP_OF_ATMOSPHERE, 0)),
    )
    inputs = fit_scene(model, source(tmp_path, Level.SURFACE_REFLECTANCE)).inputs
    channels, known = inputs.apply(np.full((2, 1, 1), 3, np.float32))
    assert inputs.layout == Layout(("green", "swir16"), ("swir16",))
    assert channels.ravel().tolist() == [1.5, 0.0, 0.0], "value, value, and the plane that tells it is not there"
    assert known.all()


def test_a_model_of_two_resolutions_takes_both_and_nothing_between_them(tmp_path: Path) -> None:
    model = bundle("green", Level.SURFACE_REFLECTANCE)
    said = model.description.model_copy(update={"resolutions_m": (10.0, 40.0)})
    both = Bundle(model.folder, said, model.network)
    for pixel in (10, 30):
        fit_scene(both, source(tmp_path, Level.SURFACE_REFLECTANCE, pixel=pixel))
    with pytest.raises(GridError, match="10 m and 40 m"):
        fit_scene(both, source(tmp_path, Level.SURFACE_REFLECTANCE, pixel=20))
