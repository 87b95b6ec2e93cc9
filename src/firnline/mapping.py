"""The main job on one page: a scene and a model in; rasters, outlines, a report and a record out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd

from firnline.classes import UNKNOWN, Classes
from firnline.errors import OutputError, SceneError
from firnline.features import FeatureSource
from firnline.files import only_one, replaced
from firnline.flags import IN_FOLDER, find_flags, read_flags
from firnline.grid import Lattice, Window
from firnline.inference.assemble import (
    write_class_map,
    write_decision_map,
    write_probability_map,
    write_uncertainty_map,
)
from firnline.inference.journal import Journal, clear, open_journal
from firnline.inference.open_model import OpenedModel, open_model
from firnline.inference.predict import PredictionSettings, predict, whole_classes
from firnline.inference.runtime import Precision, RuntimeName
from firnline.inference.wrapped_model import NO_PRIOR, PriorSettings
from firnline.inventory.export import VectorFormat, write_outlines
from firnline.inventory.polygonise import RGI_MINIMUM_AREA_KM2, polygonise
from firnline.inventory.probability import mean_probability
from firnline.map_record import guard, provenance, raster_tags, what_it_depends_on
from firnline.map_report import write_map_report
from firnline.models.ratio_rules import RatioSettings
from firnline.preflight.check import check_scene
from firnline.preflight.finding import Preflight
from firnline.preflight.require import require_sound
from firnline.preflight.training_range import Trained
from firnline.scene import Scene

CLASSES, PROBABILITIES, OUTLINES = "classes.tif", "probabilities.tif", "glaciers"
UNCERTAINTY = "uncertainty.tif"
REPORT, PROVENANCE = "report.html", "provenance.json"
WORK = ".work"
"""Unfinished work lies here, in the output folder, until all is done."""

OVERLAP = 64
"""How far neighbouring windows of a network overlap unless told otherwise, pixels."""


@dataclass(frozen=True)
class MapSettings:
    """How to map a scene."""

    minimum_area_km2: float = RGI_MINIMUM_AREA_KM2
    """Glaciers smaller than this are left out of the outlines (0.01 in RGI, 0.02 at ICIMOD)."""
    formats: tuple[VectorFormat, ...] = (VectorFormat.GEOPACKAGE,)
    window: int | None = None
    """Side of the windows, pixels; the model's own without it."""
    overlap: int | None = None
    """How far neighbouring windows of a network overlap, pixels; without it `OVERLAP`, or half of a small window."""
    runtime: RuntimeName = "auto"
    precision: Precision = "f32"
    """Of a network; whatever is not f32 must have passed the gate of `firnline models quantise`."""
    prior: PriorSettings = NO_PRIOR
    """Where no glacier is, by the user's word; nothing by default."""
    tta: bool = False
    """Whether the mean over all flips and quarter turns is taken."""
    uncertainty: bool = False
    """Whether ``uncertainty.tif`` is written too."""
    rules: RatioSettings | None = None
    """Settings of the rules; with the model ``ratio`` alone."""
    restart: bool = False
    """Forget unfinished work in the output folder."""
    force: bool = False
    """Go on where the check of the scene finds what would mislead a model; the results say so."""


@dataclass(frozen=True)
class MapResult:
    """What a mapping left."""

    out_dir: Path
    classes: Path
    probabilities: Path
    outlines: tuple[Path, ...]
    report: Path
    provenance: Path
    areas_km2: dict[str, float]
    """Area by class name, from the outlines."""
    unknown_share: float
    """The share of the scene's pixels that could not be mapped."""
    marks: tuple[str, ...] = ()
    """What the results carry: why they are not inventory-grade."""


def map_scene(
    source: FeatureSource,
    model: str | Path,
    out_dir: Path,
    settings: MapSettings = MapSettings(),
    step: Callable[[int, int], None] = lambda _done, _all: None,
) -> MapResult:
    """Map the glaciers of a scene.

    Interrupted work goes on where it stopped when the same command runs again. Results appear in `out_dir` once
    all of them are whole.

    Parameters
    ----------
    source
        The scene, with a DEM or without.
    model
        ``ratio`` for the rules, or a model bundle's folder.
    out_dir
        For the results.
    settings
        How.
    step
        Called with (row bands done, all of them).

    Raises
    ------
    ModelError, BandError, GridError
        When the model is none, or does not fit the scene.
    SceneError
        When the scene is damaged, no pixel of it is known, or its check finds what would mislead the model.
    OutputError
        When results cannot be written, or unfinished work with other settings is in the way.
    """
    _ = source.scene.resolution  # areas are in metres: a CRS in degrees is told before any work
    _require_free(out_dir)
    _require_fitting_flags(source.scene)
    unchanged = guard(source)
    opened = open_model(
        model,
        source,
        window=settings.window,
        runtime=settings.runtime,
        precision=settings.precision,
        rules=settings.rules,
        prior=settings.prior,
        tta=settings.tta,
        uncertainty=settings.uncertainty,
    )
    cut = _cut(source.scene, opened, settings)
    found = check_scene(source, _trained(opened))
    require_sound(found, force=settings.force)
    with only_one(out_dir / WORK):
        journal = _open_work(out_dir, source, opened, cut, settings.restart)
        lattice = predict(source, opened.mapper, cut, journal, step, unchanged)
        classes = opened.mapper.finish(whole_classes(journal, lattice))
        if (classes == UNKNOWN).all():
            shutil.rmtree(journal.folder)
            raise SceneError(
                f"no pixel is known in all of the bands {' '.join(opened.mapper.bands)}",
                where=source.scene.path,
                do="check which value it calls nodata, and its sidecar",
            )
        said = {**cut.as_json(), "minimum_area_km2": settings.minimum_area_km2}
        record = provenance(source, model, opened, said, found)
        measures = cut.uncertainties(opened.mapper)
        result = _write_all(out_dir, journal, lattice, classes, source, opened, settings, record, found, measures)
        shutil.rmtree(journal.folder)
    return result


def _require_free(out_dir: Path) -> None:
    """A folder where a result shall be would come to light only after all the work."""
    if out_dir.exists() and not out_dir.is_dir():
        raise OutputError("is a file", where=out_dir, do="name a folder with -o")
    vectors = (f"{OUTLINES}.{suffix}" for suffix in _SUFFIX.values())
    names = (CLASSES, PROBABILITIES, UNCERTAINTY, REPORT, PROVENANCE, IN_FOLDER, *vectors)
    for path in (out_dir / name for name in names):
        if path.is_dir():
            raise OutputError(
                "is a folder, and a result of that name is to be written", where=path, do="move it away"
            )


def _trained(opened: OpenedModel) -> tuple[Trained, ...]:
    """What the model saw in training of the bands as they are in this scene; rules saw nothing."""
    seen = [fit.inputs.normaliser.of_band(name) for fit in opened.fits for name in fit.inputs.present]
    return tuple(Trained(*each) for each in seen)


def _require_fitting_flags(scene: Scene) -> None:
    """Flags on another grid would come to light only when the map is scored."""
    flags = find_flags(scene.path)
    if flags is not None:
        read_flags(flags, scene.grid, Window(0, 0, 1, 1))


def _cut(scene: Scene, opened: OpenedModel, settings: MapSettings) -> PredictionSettings:
    if opened.is_rules:
        return PredictionSettings(opened.window, 0)  # a rule looks at no neighbours
    overlap = min(OVERLAP, opened.window // 2) if settings.overlap is None else settings.overlap
    cut = PredictionSettings(opened.window, overlap, settings.uncertainty)
    Lattice(scene.grid.shape, cut.window, cut.overlap)  # raises before any work when they do not go together
    return cut


def _open_work(
    out_dir: Path, source: FeatureSource, opened: OpenedModel, cut: PredictionSettings, restart: bool
) -> Journal:
    folder = out_dir / WORK
    if restart:
        clear(folder)
    return open_journal(folder, {"model": opened.record, **what_it_depends_on(source), **cut.as_json()})


def _write_all(
    out_dir: Path,
    journal: Journal,
    lattice: Lattice,
    classes: Classes,
    source: FeatureSource,
    opened: OpenedModel,
    settings: MapSettings,
    record: dict[str, Any],
    found: Preflight,
    measures: tuple[str, ...],
) -> MapResult:
    """Write every result beside the unfinished work, then move all of them into place."""
    grid, scheme = source.scene.grid, opened.mapper.scheme
    beside = journal.folder / "results"
    shutil.rmtree(beside, ignore_errors=True)  # of a run that was cut off here, perhaps with other formats
    tags = raster_tags(source.scene, record)
    write_class_map(beside / CLASSES, classes, grid, scheme, tags)
    if opened.is_rules:
        meaning = {"MEANING": "rules decide 0 or 1; these are no probabilities"}
        write_decision_map(beside / PROBABILITIES, classes, grid, scheme, {**tags, **meaning})
    else:
        write_probability_map(beside / PROBABILITIES, journal, lattice, grid, scheme, tags)
    if measures:
        write_uncertainty_map(beside / UNCERTAINTY, journal, lattice, grid, scheme, measures, tags)
    outlines = polygonise(classes, grid, scheme, minimum_area_km2=settings.minimum_area_km2)
    if not opened.is_rules:
        outlines["mean_probability"] = mean_probability(outlines, beside / PROBABILITIES)
    outlines["quality"] = "; ".join(found.marks)  # a shapefile has no other place for it
    areas = _areas(outlines, scheme.class_names[1:])
    unknown = float((classes == UNKNOWN).mean())
    record = {**record, "result": {"area_km2": areas, "outlines": len(outlines), "unknown_share": round(unknown, 6)}}
    for vector_format in settings.formats:
        write_outlines(outlines, beside / f"{OUTLINES}.{_SUFFIX[vector_format]}", vector_format, provenance=record)
    write_map_report(beside / REPORT, source, classes, outlines, opened, record, found)
    with replaced(beside / PROVENANCE) as path:
        path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _copy_flags(source.scene, beside, out_dir)
    if not measures:
        (out_dir / UNCERTAINTY).unlink(missing_ok=True)  # of another map that was made here before
    names = sorted(path.name for path in beside.iterdir())
    for name in names:
        _move(beside / name, out_dir / name)
    vectors = tuple(out_dir / name for name in names if name.startswith(f"{OUTLINES}."))
    return MapResult(
        out_dir,
        out_dir / CLASSES,
        out_dir / PROBABILITIES,
        vectors,
        out_dir / REPORT,
        out_dir / PROVENANCE,
        areas,
        unknown,
        found.marks,
    )


_SUFFIX = {
    VectorFormat.GEOPACKAGE: "gpkg",
    VectorFormat.GEOJSON: "geojson",
    VectorFormat.SHAPEFILE: "shp",
    VectorFormat.GEOPARQUET: "parquet",
}


def _copy_flags(scene: Scene, beside: Path, out_dir: Path) -> None:
    """The scene's flags go with its map: filled pixels never count when it is scored."""
    flags = find_flags(scene.path)
    if flags is None:
        (out_dir / IN_FOLDER).unlink(missing_ok=True)  # of another scene that was mapped here before
        return
    with replaced(beside / IN_FOLDER) as path:
        shutil.copyfile(flags, path)


def _move(path: Path, final: Path) -> None:
    try:
        path.replace(final)
    except OSError as error:
        raise OutputError(f"could not be put in place: {error.strerror}", where=final) from None


def _areas(outlines: gpd.GeoDataFrame, names: Sequence[str]) -> dict[str, float]:
    sums = outlines.groupby("class")["area_km2"].sum()
    return {name: round(float(sums.get(name, 0.0)), 4) for name in names}
