"""Whether a trained model may be used on a scene: bands, units, levels and resolution are what it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firnline.bands import Level
from firnline.errors import BandError, GridError, ModelError
from firnline.features import INDICES, FeatureSource
from firnline.models.band_inputs import BandInput, Reading, inputs_of
from firnline.models.bundle import Bundle, Description
from firnline.models.inputs import Inputs
from firnline.models.normaliser import Impute

RESOLUTION_FACTOR = 1.5
"""A scene's pixels may be this many times larger or smaller than those that the model was trained on: enough for
30 m against 25 m, not for Sentinel-2 (10 m) against Landsat (30 m)."""


@dataclass(frozen=True)
class Fit:
    """How a model takes a scene: how bands become channels, and why optional ones are absent."""

    inputs: Inputs
    absent: dict[str, str]


def fit_scene(bundle: Bundle, source: FeatureSource) -> Fit:
    """How a model takes a scene; refuses one on which its map would look right and be wrong.

    Parameters
    ----------
    bundle
        A model with bands of its own; of one that is made of others, each member is fitted by itself.

    Raises
    ------
    BandError
        When the scene lacks a band that the model requires; all of them are named.
    GridError
        When the resolution differs by more than `RESOLUTION_FACTOR` from every one trained on.
    ModelError
        When a required band has another radiometric level than in training, or values without a scale are of
        another sensor.
    """
    said = bundle.description
    missing = source.missing([band.name for band in said.bands if band.required])
    if missing:
        reasons = ", ".join(f"{name} ({source.why_missing(name)})" for name in missing)
        raise BandError(
            f"the model '{said.name}' needs bands that the scene lacks: {reasons}", where=source.scene.path
        )
    _require_resolution(said, source)
    return fit_bands(said.bands, source, said.impute, said.name)


def fit_bands(bands: Sequence[BandInput], source: FeatureSource, impute: Impute, model: str) -> Fit:
    """How the bands of the model named `model` are taken from a scene that has the required ones.

    Raises
    ------
    ModelError
        When a required band has a level, or a sensor, that the model was not trained on.
    """
    readings: dict[str, Reading] = {}
    absent: dict[str, str] = {}
    for band in bands:
        found = _reading_of(band, source)
        if isinstance(found, Reading):
            readings[band.name] = found
        elif band.required:
            raise ModelError(
                f"{found} in the training of the model '{model}'",
                where=source.scene.path,
                do="convert the scene, or say in a sidecar what it is (docs/scenes.md)",
            )
        else:
            absent[band.name] = found
    return Fit(inputs_of(bands, readings, impute), absent)


def _require_resolution(said: Description, source: FeatureSource) -> None:
    found = source.scene.grid.resolution
    if all(max(trained / found, found / trained) > RESOLUTION_FACTOR for trained in said.resolutions_m):
        trained = " and ".join(f"{resolution:g} m" for resolution in said.resolutions_m)
        raise GridError(
            f"has pixels of {found:g} m, and the model '{said.name}' was trained on {trained} "
            f"(a factor of {RESOLUTION_FACTOR:g} is the limit)",
            where=source.scene.path,
            do="warp the scene to that resolution, or use another model",
        )


def _reading_of(band: BandInput, source: FeatureSource) -> Reading | str:
    """How a band of the scene is normalised, or why it cannot be used.

    Numbers without a physical scale mean something for the sensor that they were learnt from, and no other.
    """
    if source.missing([band.name]):
        return source.why_missing(band.name)
    level, sensor = level_behind(source, band.name), source.scene.sensor
    reading = band.at(level)
    if reading is None:
        trained = " or ".join(_said(each.level) for each in band.readings)
        return f"band '{band.name}' is {_said(level)}, and was {trained}"
    if level in (Level.DIGITAL_NUMBER, Level.UNKNOWN) and reading.sensors and sensor not in reading.sensors:
        trained = " or ".join(reading.sensors)
        return (
            f"band '{band.name}' has values without a scale, of {sensor or 'an unknown sensor'}, and they were of "
            f"{trained}"
        )
    return reading


def level_behind(source: FeatureSource, name: str) -> Level:
    """The level of a band; of an index computed from bands, that of the bands (unknown when they differ).

    An index of digital numbers is another number than the index of reflectance.
    """
    if name in INDICES and all(band in source.scene.band_names for band in INDICES[name]):
        levels = {source.level_of(band) for band in INDICES[name]}
        return levels.pop() if len(levels) == 1 else Level.UNKNOWN
    return source.level_of(name)


def _said(level: Level) -> str:
    return "of unknown level" if level == Level.UNKNOWN else str(level)
