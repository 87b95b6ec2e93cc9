"""The report of a mapping: facts gathered from scene, model and result, handed to the page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd

from firnline.bands import BANDS, Kind, Level
from firnline.classes import UNKNOWN, Classes
from firnline.features import FeatureSource
from firnline.inference.open_model import OpenedModel
from firnline.models.bundle import Bundle
from firnline.models.ratio import RatioModel
from firnline.preflight.finding import Preflight
from firnline.report.areas import class_areas
from firnline.report.content import ModelFacts, ReportContent, ResultFacts, scene_facts
from firnline.report.limits import confidence_and_limits
from firnline.report.page import write_report
from firnline.report.pictures import draw_pictures
from firnline.report.snow import measure_snow


def write_map_report(
    path: Path,
    source: FeatureSource,
    classes: Classes,
    outlines: gpd.GeoDataFrame,
    opened: OpenedModel,
    record: Mapping[str, Any],
    found: Preflight,
) -> None:
    """Write the page that says what was mapped, how far it can be trusted, and where it comes from."""
    scheme = opened.mapper.scheme
    scene = scene_facts(source.scene)
    model = _rule_facts(opened.origin) if isinstance(opened.origin, RatioModel) else _bundle_facts(opened.origin)
    result = ResultFacts(
        unknown_share=float((classes == UNKNOWN).mean()),
        areas=class_areas(outlines, classes, source.scene.grid, scheme),
        minimum_area_km2=record["settings"]["minimum_area_km2"],
        snow=measure_snow(source.scene, classes),
        marks=tuple(finding.what for finding in found.findings if finding.mark),
        forced=tuple(finding.what for finding in found.refusals),
        missing_bands=tuple(f"{name} ({reason})" for name, reason in opened.absent.items()),
    )
    content = ReportContent(
        title=f"Glaciers in {scene.name}",
        limits=confidence_and_limits(scene, model, result),
        pictures=draw_pictures(source.scene, classes, scheme, outlines),
        result=result,
        model=model,
        scene=scene,
        settings=record["settings"],
        provenance=record,
    )
    write_report(path, content)


def _rule_facts(rules: RatioModel) -> ModelFacts:
    names = rules.scheme.class_names[1:]
    return ModelFacts(
        name="ratio (band ratios and thresholds)",
        kind="rule",
        classes=names if rules.maps_debris else names[:1],
        bands=rules.bands,
        not_for=("seasonal snow: it is taken for ice", "delivery without a person's correction"),
    )


def _bundle_facts(bundle: Bundle) -> ModelFacts:
    said = bundle.description
    scenes = said.training.get("scenes", [])
    trained = [scene for scene in scenes if scene["role"] == "train"]
    held_out = [scene["name"] for scene in scenes if scene["role"] == "validation"]
    readings = [
        (band.name, reading) for part in bundle.leaves for band in part.description.bands for reading in band.readings
    ]
    optical = {reading.level for name, reading in readings if _is_optical(name)}
    return ModelFacts(
        name=said.name,
        kind=f"{said.architecture.name}, trained",
        classes=said.scheme.class_names[1:],
        bands=bundle.band_names,
        trained_on=_trained_on(trained),
        sensors=tuple(sorted({str(scene["sensor"]) for scene in trained if scene["sensor"]})),
        level=optical.pop() if len(optical) == 1 and Level.UNKNOWN not in optical else None,
        bounds=_bounds([scene["degrees"] for scene in trained]),
        synthetic=any(scene["is_synthetic"] for scene in trained),
        scores=_scores(said.metrics),
        calibration=_calibration(bundle),
        leaks=tuple(said.training.get("split", {}).get("leaks", ())),
        scores_on=f"{', '.join(held_out)}, by which the best epoch was chosen" if held_out else "",
    )


def _calibration(bundle: Bundle) -> str:
    """Whether the probabilities in the map are calibrated, and how that was found."""
    said = bundle.description.calibration
    if said is None and bundle.members:
        parts = {_is_calibrated(leaf) for leaf in bundle.leaves}
        members = "not" if parts == {False} else "each" if parts == {True} else "in part"
        return f"Probabilities are a mean over models that are {members} calibrated; together they were not checked"
    if said is None:
        return "Probabilities are not calibrated: 0.7 need not be right seven times in ten"
    measured = said.measures
    if not measured.get("calibrated"):
        errors = [f"{each['ECE']:.3f} ({scheme})" for scheme, each in measured.get("before", {}).items()]
        found = f"; the expected calibration error is {' and '.join(errors)}" if errors else ""
        why = measured.get("why", "the bundle does not say why")
        return f"Probabilities are as the model gives them: calibration was left out, as {why}{found}"
    errors = [
        f"{measured['before'][scheme]['ECE']:.3f} before and {after['ECE']:.3f} after ({scheme})"
        for scheme, after in measured["after"].items()
    ]
    return (
        f"Probabilities are calibrated; on {measured['reported on']}, which that was not fitted on, the expected "
        f"calibration error was {' and '.join(errors)}"
    )


def _is_calibrated(bundle: Bundle) -> bool:
    said = bundle.description.calibration
    return said is not None and bool(said.measures.get("calibrated"))


def _is_optical(name: str) -> bool:
    return name in BANDS and BANDS[name].kind == Kind.OPTICAL


def _trained_on(scenes: list[dict[str, Any]]) -> str:
    if not scenes:
        return ""
    dates = sorted(scene["date"] for scene in scenes if scene["date"])
    sensors = sorted({str(scene["sensor"]) for scene in scenes if scene["sensor"]})
    when = f"from {dates[0]} to {dates[-1]}" if dates else "of unstated dates"
    return f"{len(scenes)} scenes of {' and '.join(sensors) or 'an unstated sensor'}, {when}"


def _bounds(boxes: list[list[float]]) -> tuple[float, float, float, float] | None:
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def _scores(metrics: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """One row a label scheme of the validation scenes: IoU by class, where the class occurs."""
    rows = {}
    measured: Mapping[str, Any] = next(
        (value for name, value in metrics.items() if name.startswith("validation IoU")), {}
    )
    for scheme, by_class in measured.items():
        found = {f"IoU {name}": float(iou) for name, iou in by_class.items() if iou is not None}
        if found:
            rows[f"this model ({scheme})"] = found
    return rows
