"""Whether a trained model may be used on a scene: bands, units, levels and resolution are what it was trained on."""

from __future__ import annotations

from firnline.bands import Level
from firnline.errors import BandError, GridError, ModelError
from firnline.features import INDICES, FeatureSource
from firnline.models.bundle import Bundle

RESOLUTION_FACTOR = 1.5
"""A scene's pixels may be this many times larger or smaller than those that the model was trained on: enough for
30 m against 25 m, not for Sentinel-2 (10 m) against Landsat (30 m)."""


def require_fit(bundle: Bundle, source: FeatureSource) -> None:
    """Refuse a scene on which the model's map would look right and be wrong.

    Raises
    ------
    BandError
        When the scene lacks a band that the model requires; all of them are named.
    GridError
        When the resolution differs by more than `RESOLUTION_FACTOR`.
    ModelError
        When a band has another radiometric level than in training, or values without a scale are of another sensor.
    """
    where, model = source.scene.path, bundle.description.name
    missing = source.missing([band.name for band in bundle.description.bands])
    if missing:
        reasons = ", ".join(f"{name} ({source.why_missing(name)})" for name in missing)
        raise BandError(f"the model '{model}' needs bands that the scene lacks: {reasons}", where=where)
    trained, found = bundle.description.resolution_m, source.scene.grid.resolution
    if max(trained / found, found / trained) > RESOLUTION_FACTOR:
        raise GridError(
            f"has pixels of {found:g} m, and the model '{model}' was trained on {trained:g} m "
            f"(a factor of {RESOLUTION_FACTOR:g} is the limit)",
            where=where,
            do="warp the scene to that resolution, or use another model",
        )
    for band in bundle.description.bands:
        level = level_behind(source, band.name)
        if level != band.level:
            raise ModelError(
                f"band '{band.name}' is {_said(level)}, and the model '{model}' was trained on {_said(band.level)}",
                where=where,
                do="convert the scene, or say in a sidecar what it is (docs/scenes.md)",
            )
    _require_sensor(bundle, source)


def _require_sensor(bundle: Bundle, source: FeatureSource) -> None:
    """Numbers without a physical scale mean something for the sensor that they were learnt from, and no other."""
    said, sensor = bundle.description, source.scene.sensor
    unscaled = [band.name for band in said.bands if band.level in (Level.DIGITAL_NUMBER, Level.UNKNOWN)]
    if unscaled and said.sensors and sensor not in said.sensors:
        raise ModelError(
            f"is of {sensor or 'an unknown sensor'}, and the model '{said.name}' was trained on "
            f"{' and '.join(said.sensors)}: the values of {' '.join(unscaled)} have no scale common to both",
            where=source.scene.path,
            do="give reflectance to a model of reflectance, or say the sensor with --sensor",
        )


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
