"""Whether a trained model may be used on a scene: bands, units, levels and resolution are what it was trained on."""

from __future__ import annotations

from firnline.errors import BandError, GridError, ModelError
from firnline.features import FeatureSource
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
        When a band has another radiometric level than in training.
    """
    where, model = source.scene.path, bundle.description.name
    missing = source.missing([band.name for band in bundle.description.bands if band.required])
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
        level = source.level_of(band.name)
        if level != band.level:
            raise ModelError(
                f"band '{band.name}' is {_said(level)}, and the model '{model}' was trained on {_said(band.level)}",
                where=where,
                do="convert the scene, or say in a sidecar what it is (docs/scenes.md)",
            )


def _said(level: str) -> str:
    return "of unknown level" if level == "unknown" else level
