"""The main job on one page: a scene and a model in; rasters, outlines, a report and a record out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
from shapely.geometry.base import BaseGeometry

from firnline.classes import UNKNOWN, Classes
from firnline.clip import outside
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
from firnline.inference.predict import PredictionSettings, predict, usual_overlap, whole_classes
from firnline.inference.runtime import Precision, Runtime, RuntimeName, open_runtime
from firnline.inference.wrapped_model import NO_PRIOR, PriorSettings
from firnline.inventory.export import VectorFormat, write_outlines
from firnline.inventory.map_folder import CLASSES, PROBABILITIES, PROVENANCE, UNCERTAINTY
from firnline.inventory.polygonise import RGI_MINIMUM_AREA_KM2, polygonise
from firnline.inventory.probability import mean_probability
from firnline.map_record import guard, provenance, raster_tags, what_it_depends_on
from firnline.models.ratio_rules import RatioSettings
from firnline.preflight.check import check_scene
from firnline.preflight.finding import Preflight
from firnline.preflight.require import require_sound
from firnline.preflight.training_range import Trained
from firnline.scene import Scene

OUTLINES, REPORT = "glaciers", "report.html"
WORK = ".work"
"""Unfinished work lies here, in the output folder, until all is done."""


@dataclass(frozen=True)
class MapSettings:
    """How to map a scene."""

    minimum_area_km2: float = RGI_MINIMUM_AREA_KM2
    """Glaciers smaller than this are left out of the outlines (0.01 in RGI, 0.02 at ICIMOD)."""
    formats: tuple[VectorFormat, ...] = (VectorFormat.GEOPACKAGE,)
    window: int | None = None
    """Side of the windows, pixels; the model's own without it."""
    overlap: int | None = None
    """How far neighbouring windows of a network overlap, pixels; without it `usual_overlap`."""
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
    area: BaseGeometry | None = None
    """In the scene's CRS: what lies outside is unknown in the results."""
    report: bool = True
    """Whether ``report.html`` is written."""
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
    return map_prepared(prepare(source, model, out_dir, settings), step)


@dataclass(frozen=True)
class Prepared:
    """A scene and a model that go together, before any work is done."""

    source: FeatureSource
    model: str | Path
    out_dir: Path
    settings: MapSettings
    opened: OpenedModel
    cut: PredictionSettings
    found: Preflight
    """What the check of the scene found."""
    unchanged: Callable[[], None]
    """Raises where the files are not those any more that were prepared."""

    @property
    def lattice(self) -> Lattice:
        """How the scene is cut."""
        return Lattice(self.source.scene.grid.shape, self.cut.window, self.cut.overlap)

    @property
    def depends_on(self) -> dict[str, Any]:
        """All that the row bands depend on, as JSON holds it: the identity of the work."""
        return {"model": self.opened.record, **what_it_depends_on(self.source), **self.cut.as_json()}


def prepare(
    source: FeatureSource,
    model: str | Path,
    out_dir: Path,
    settings: MapSettings,
    *,
    found: Preflight | None = None,
    runtimes: Callable[..., Runtime] = open_runtime,
) -> Prepared:
    """Everything that can be refused before any work; see `map_scene` for what it takes and raises.

    Parameters
    ----------
    found
        What the check of the scene found, where it has been made before.
    runtimes
        What makes a network ready (`firnline.inference.open_model.open_model`).
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
        runtimes=runtimes,
    )
    cut = cut_of(source.scene, opened.window, settings, is_rules=opened.is_rules)
    found = check_scene(source, _trained(opened)) if found is None else found
    require_sound(found, force=settings.force)
    return Prepared(source, model, out_dir, settings, opened, cut, found, unchanged)


def map_prepared(
    ready: Prepared,
    step: Callable[[int, int], None] = lambda _done, _all: None,
    note: Callable[[MapResult], None] = lambda _result: None,
) -> MapResult:
    """Do the work that was prepared; `note` is called with the results before the unfinished work is dropped."""
    with only_one(ready.out_dir / WORK):
        journal = _open_work(ready)
        predict(ready.source, ready.opened.mapper, ready.cut, journal, step, ready.unchanged)
        return finish(ready, journal, note)


def finish(ready: Prepared, journal: Journal, note: Callable[[MapResult], None] = lambda _result: None) -> MapResult:
    """Make the results of row bands that are all there, call `note` with them, and drop the bands.

    Raises
    ------
    SceneError
        When no pixel of the scene is known.
    OutputError
        When results cannot be written.
    """
    opened, lattice = ready.opened, ready.lattice
    classes = opened.mapper.finish(whole_classes(journal, lattice))
    if (area := ready.settings.area) is not None:  # not before: debris is kept for ice that may lie outside
        classes[outside(area, ready.source.scene.grid)] = UNKNOWN
    if (classes == UNKNOWN).all():
        shutil.rmtree(journal.folder)
        raise SceneError(
            f"no pixel is known in all of the bands {' '.join(opened.mapper.bands)}",
            where=ready.source.scene.path,
            do="check which value it calls nodata, and its sidecar",
        )
    said = {**ready.cut.as_json(), "minimum_area_km2": ready.settings.minimum_area_km2}
    said |= {} if area is None else {"area": area.wkt}
    record = provenance(ready.source, ready.model, opened, said, ready.found)
    result = _write_all(
        ready.out_dir,
        journal,
        lattice,
        classes,
        ready.source,
        opened,
        ready.settings,
        record,
        ready.found,
        ready.cut.uncertainties(opened.mapper),
    )
    note(result)
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


def cut_of(scene: Scene, window: int, settings: MapSettings, *, is_rules: bool) -> PredictionSettings:
    """How a scene is cut into windows of `window` pixels; the rest as the settings say.

    Raises
    ------
    GridError
        When window and overlap do not go together.
    """
    if is_rules:
        return PredictionSettings(window, 0)  # a rule looks at no neighbours
    overlap = usual_overlap(window) if settings.overlap is None else settings.overlap
    cut = PredictionSettings(window, overlap, settings.uncertainty)
    Lattice(scene.grid.shape, cut.window, cut.overlap)  # raises before any work when they do not go together
    return cut


def _open_work(ready: Prepared) -> Journal:
    folder = ready.out_dir / WORK
    if ready.settings.restart:
        clear(folder)
    return open_journal(folder, ready.depends_on)


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
        write_probability_map(beside / PROBABILITIES, journal, lattice, grid, scheme, tags, settings.area)
    if measures:
        write_uncertainty_map(beside / UNCERTAINTY, journal, lattice, grid, scheme, measures, tags, settings.area)
    outlines = polygonise(classes, grid, scheme, minimum_area_km2=settings.minimum_area_km2)
    if not opened.is_rules:
        outlines["mean_probability"] = mean_probability(outlines, beside / PROBABILITIES)
    outlines["quality"] = "; ".join(found.marks)  # a shapefile has no other place for it
    areas = _areas(outlines, scheme.class_names[1:])
    unknown = float((classes == UNKNOWN).mean())
    record = {**record, "result": {"area_km2": areas, "outlines": len(outlines), "unknown_share": round(unknown, 6)}}
    for vector_format in settings.formats:
        write_outlines(outlines, beside / f"{OUTLINES}.{_SUFFIX[vector_format]}", vector_format, provenance=record)
    if settings.report:
        from firnline.map_report import write_map_report  # with matplotlib, which takes a while

        write_map_report(beside / REPORT, source, classes, outlines, opened, record, found)
    with replaced(beside / PROVENANCE) as path:
        path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _copy_flags(source.scene, beside, out_dir)
    for path, is_written in ((out_dir / UNCERTAINTY, bool(measures)), (out_dir / REPORT, settings.report)):
        if not is_written:
            path.unlink(missing_ok=True)  # of another map that was made here before
    names = sorted(path.name for path in beside.iterdir())
    for name in names:
        _move(beside / name, out_dir / name)
    for suffix in _OUTLINE_SUFFIXES:  # outlines of an earlier map, in another format: they would pass for this one's
        if f"{OUTLINES}.{suffix}" not in names:
            (out_dir / f"{OUTLINES}.{suffix}").unlink(missing_ok=True)
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


_OUTLINE_SUFFIXES = (*_SUFFIX.values(), "shx", "dbf", "prj", "cpg")
"""Of every file that outlines are written to."""


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
