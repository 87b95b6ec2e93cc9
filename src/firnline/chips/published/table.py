"""The published archive as a table of chips: footprints, CRSs, dates, truth and split put right."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import geopandas
import numpy as np
import pandas

from firnline import __version__
from firnline.bands import Sensor
from firnline.chips.published.footprints import Footprint, Footprints, moved_m, read_footprints
from firnline.chips.published.images import ImageForm
from firnline.chips.published.layout import Archive, find_archive
from firnline.chips.published.patches import SIZE, Patch, patch_count, window_of
from firnline.chips.published.pixels import scan
from firnline.chips.published.placing import FROM_FOOTPRINTS, FROM_SCENE, Placement, place
from firnline.chips.published.report import Report
from firnline.chips.published.scenes import SCENES, scene_named
from firnline.chips.published.survey import compare_means, survey_images, survey_masks
from firnline.chips.published.truth import Masks, SceneTruth, truth_of_scene
from firnline.chips.scene_chips import GlacierFinder, footprints, shares
from firnline.chips.splitting.audit import audit
from firnline.chips.table import COLUMNS, SPLITS, About, ChipTable, write_table
from firnline.chips.truth import SceneTruth as ChipTruth
from firnline.chips.truth_folder import move_into_place, staged, truth_folder
from firnline.classes import UNKNOWN, LabelScheme
from firnline.classraster import write_classes
from firnline.errors import ConfigError, FirnlineError

Progress = Callable[[int, int], None]
"""Called with (scenes done, scenes in all)."""

EXTRA: Final = {
    "patch": "str: the published name, slice_S_NNN",
    "image": "str or null: the published image, relative to the table's folder; slices before splits",
    "image_form": "str or null: what its numbers are",
    "mask": "str or null: the published mask, likewise",
    "scene_is_here": "bool: whether the file named in `scene` was there",
    "truth_from": "str: what the truth is made of",
    "footprint_from": "str: what tells where the patch lies",
    "moved_m": "float64 or null: metres from the published footprint's centre to the true one",
}
"""Columns of the table beside those of every table of chips."""

_LICENCE: Final = "CDLA-Permissive-1.0 (HKH Glacier Mapping, LILA BC; Baraka et al. 2020)"
_SPLIT: Final = "as published: folders train, dev and test, patches drawn at random"


@dataclass(frozen=True)
class Adopted:
    """The table, and what was found and repaired."""

    table: ChipTable
    report: Report
    report_path: Path


def adopt(
    root: Path, table_path: Path, *, only: frozenset[int] | None = None, progress: Progress | None = None
) -> Adopted:
    """Take the published archive as it is and write a table of chips of it, class rasters and a report beside.

    Class rasters go to ``<stem>-truth/``, the report to ``<stem>.report.json``. Any part of the archive will do;
    what is missing, contradicts itself or was left out stands in the report. Nothing in the archive is changed.
    A byte a pixel of one scene is held for its truth; bands are read in strips, each scene once.

    Parameters
    ----------
    root
        The folder that holds the archive, or ``glacier_data`` itself.
    table_path
        The GeoParquet file to write.
    only
        Numbers of the scenes to take; all without it.
    progress
        Told after every scene.

    Raises
    ------
    ConfigError
        When there is nothing of the archive, or no patch of it can be placed.
    OutputError
        When something could not be written.
    """
    archive = find_archive(root)
    report = Report(root=str(archive.root))
    with staged(table_path) as staging:
        taking = _Taking(archive, table_path, staging, report, only)
        numbers = taking.numbers()
        rows: list[dict[str, Any]] = []
        for done, number in enumerate(numbers):
            if progress is not None:
                progress(done, len(numbers))
            rows += taking.rows_of(number)
        if not rows:
            reasons = [*report.left_out.values(), *report.problems]
            why = f": {reasons[0]}" if reasons else ""
            raise ConfigError(
                f"no patch of it can be placed{why}", where=root, do="add the scenes, or slices.geojson"
            )
        table = _table(rows, table_path, report)
        report.patches = len(table)
        taking.what_is_missing()
        move_into_place(staging, table_path)
        table = write_table(table)
    report_path = table_path.with_name(f"{table_path.stem}.report.json")
    report.write(report_path)
    return Adopted(table, report, report_path)


class _Taking:
    """The archive on its way into the table."""

    def __init__(
        self, archive: Archive, table_path: Path, staging: Path, report: Report, only: frozenset[int] | None
    ) -> None:
        self.archive, self.staging, self.report, self.only = archive, staging, report, only
        self.table = ChipTable(table_path, geopandas.GeoDataFrame())
        self.footprints = self._footprints()
        self.masks: Masks = survey_masks(archive, self._wanted, report)
        self.forms = survey_images(archive, self._wanted, report)
        self.strangers: set[Patch] = set()
        if self.footprints is not None:
            self.strangers = compare_means(archive, self.footprints, self.masks, report)
            self.masks = replace(self.masks, files=self._without_strangers())

    def _wanted(self, number: int) -> bool:
        return self.only is None or number in self.only

    def _footprints(self) -> Footprints | None:
        if self.archive.footprints is None:
            return None
        try:
            found = read_footprints(self.archive.footprints)
        except FirnlineError as error:
            self.report.problem(f"{error}; footprints were not compared")
            return None
        if found.nameless:
            self.report.notes.append(f"{found.nameless} rows of {found.path.name} name no patch, or have no polygon")
        self.report.crs_declared = "none" if found.crs is None else found.crs.to_string()
        return found

    def _without_strangers(self) -> dict[Path, Any]:
        pairs = self.archive.patches["slices"]
        odd = {pairs[patch].mask for patch in self.strangers}
        return {path: file for path, file in self.masks.files.items() if path not in odd}

    def numbers(self) -> list[int]:
        """The scenes of which there is anything."""
        held = {*self.archive.scenes, *self.archive.masks, *(patch.scene for patch in self.archive.named_patches)}
        return sorted(number for number in held if self._wanted(number))

    def rows_of(self, number: int) -> list[dict[str, Any]]:
        """The rows of a scene's patches; those that cannot be placed are left out, which the report says."""
        named = self._named(number)
        placement = place(number, self.archive, self.footprints, self.report)
        if placement is None:
            self._leave_out(named, f"{SCENES[number].name}: neither the scene nor its footprints tell where they lie")
            return []
        count = patch_count(placement.grid.shape)
        beyond = {patch for patch in named if patch.index >= count}
        self._leave_out(beyond, f"{SCENES[number].name} has {count} patches, and their number is higher")
        if placement.raster is not None:
            named |= {Patch(number, index) for index in range(count)}
        patches = sorted(named - beyond - self._of_another_scene(number, named))
        if not patches:
            return []
        truth = self._truth(placement)
        return [] if truth is None else self._rows(placement, truth, patches)

    def _named(self, number: int) -> set[Patch]:
        """A scene's patches of which there is a file; where its whole mask is there, those of the index too."""
        named = {patch for patch in self.archive.named_patches if patch.scene == number}
        if number in self.archive.masks and self.footprints is not None:
            named |= {row.patch for row in self.footprints.of_scene(number)}
        return named

    def _leave_out(self, patches: set[Patch], reason: str) -> None:
        self.report.left_out |= {patch.name: reason for patch in sorted(patches)}

    def _of_another_scene(self, number: int, named: set[Patch]) -> set[Patch]:
        """Patches that ``slices.geojson`` says are of another scene than their number."""
        rows = [] if self.footprints is None else self.footprints.of_scene(number)
        others = {row.patch: row.source for row in rows if scene_named(row.source) != SCENES[number]}
        for patch, source in sorted(others.items()):
            reason = f"slices.geojson says {source}, their number says {SCENES[number].name}"
            if patch in named:
                self.report.problem(f"{patch.name}: slices.geojson says {source}, its number {SCENES[number].name}")
                self._leave_out({patch}, reason)
        return set(others)

    def _truth(self, placement: Placement) -> SceneTruth | None:
        """The scene's truth, unknown also where its bands are; written beside the table."""
        found = None
        if placement.raster is not None:
            try:
                found = scan(placement.raster)
            except FirnlineError as error:
                self._without_scene(placement, str(error))
                return None
            if not found.ndsi_is_right:
                self._without_scene(
                    placement,
                    f"{placement.raster.path}: its ndsi is not (B5 - B2) / (B5 + B2) as published "
                    f"({found.ndsi_wrong} of {found.ndsi_pixels} pixels); say what it is in a sidecar",
                )
                return None
            self.report.ndsi_scenes += 1
            self.report.ndsi_pixels += found.ndsi_pixels
        truth = truth_of_scene(placement, self.archive, self.masks, self.report)
        if found is not None:
            truth.classes[~found.known] = UNKNOWN
        self.report.truth_from[truth.source] += 1
        tags = {
            **{"DATA_SET": "HKH Glacier Mapping (Baraka et al. 2020)", "TRUTH_FROM": truth.source},
            **{"SOURCE_ID": placement.scene.name, "DATE": placement.scene.date.isoformat()},
            **{"FIRNLINE_VERSION": __version__, "FIRNLINE_CREATED": _now()},
        }
        write_classes(
            self.staging / self._truth_path(placement).name, truth.classes, placement.grid, LabelScheme.CLASS, tags
        )
        return truth

    def _without_scene(self, placement: Placement, why: str) -> None:
        self.report.problem(f"{why}; the scene was left out")
        number = placement.scene.number
        patches = {Patch(number, index) for index in range(patch_count(placement.grid.shape))}
        self._leave_out(patches, f"{placement.scene.name}: the scene cannot be used (see the problems)")

    def _truth_path(self, placement: Placement) -> Path:
        return truth_folder(self.table.path) / f"{placement.scene.name}.tif"

    def _rows(self, placement: Placement, truth: SceneTruth, patches: list[Patch]) -> list[dict[str, Any]]:
        scene, grid, here = placement.scene, placement.grid, placement.raster is not None
        scene_path = self.archive.scenes[scene.number] if here else self._expected(placement)
        finder = GlacierFinder.of(scene.name, grid, ChipTruth(truth.classes, LabelScheme.CLASS, ()), truth.outlines)
        windows = [
            window for window in (window_of(patch.index, grid.shape) for patch in patches) if window is not None
        ]
        said = {row.patch: row for row in ([] if self.footprints is None else self.footprints.of_scene(scene.number))}
        self.report.scenes += 1
        how = FROM_SCENE if here else FROM_FOOTPRINTS
        self.report.footprints_from[how] += len(patches)
        self.report.crs[grid.crs.to_string()] += len(patches)
        self.report.dates += len(patches)
        rows = []
        for patch, window, place_ in zip(patches, windows, footprints(grid, windows), strict=True):
            rows.append(
                {
                    **{"id": f"{scene.name}_r{window.row:05}_c{window.column:05}", "source_id": scene.name},
                    **{"scene": self.table.relative(scene_path), "dem": None, "sidecar": None},
                    **{"truth": self.table.relative(self._truth_path(placement)), "sensor": str(Sensor.LANDSAT7)},
                    **{"date": scene.date, "row": window.row, "column": window.column, "height": SIZE, "width": SIZE},
                    **{"scheme": str(LabelScheme.CLASS), **shares(truth.classes, LabelScheme.CLASS, window)},
                    **{"glaciers": finder.within(window), "split": self._side(patch), "fold": None},
                    **{"crs": grid.crs.to_string(), **place_, **self._files(patch)},
                    **{"scene_is_here": here, "truth_from": truth.source},
                    "footprint_from": placement.footprint_from,
                    "moved_m": self._moved(said.get(patch), placement, place_),
                }
            )
        return rows

    def _expected(self, placement: Placement) -> Path:
        """Where the scene would lie if it were there."""
        return self.archive.root / "raster_data" / f"{placement.scene.name}.tif"

    def _side(self, patch: Patch) -> str | None:
        sides = self.archive.split_of(patch)
        if len(sides) > 1:
            self.report.problem(f"{patch.name}: published in {' and '.join(sides)}; it is on no side here")
        return sides[0] if len(sides) == 1 else None

    def _files(self, patch: Patch) -> dict[str, Any]:
        pair = self.archive.pair(patch)
        form = None if pair.image is None else self.forms.get(pair.image, ImageForm.UNRECOGNISED)
        return {
            "patch": patch.name,
            "image": None if pair.image is None else self.table.relative(pair.image),
            "image_form": None if form is None else str(form),
            "mask": None if pair.mask is None else self.table.relative(pair.mask),
        }

    def _moved(self, said: Footprint | None, placement: Placement, place_: dict[str, Any]) -> float | None:
        if said is None or self.footprints is None:
            self.report.without_published_footprint += 1
            return None
        true = (place_["left"], place_["bottom"], place_["right"], place_["top"])
        declared = self.footprints.crs
        if declared is not None and declared != placement.grid.crs:
            self.report.crs_corrected += 1
        moved = moved_m(said.bounds, declared, true, placement.grid.crs)
        if moved is None:
            self.report.nowhere += 1
        else:
            self.report.moved_m.append(moved)
        return moved

    def what_is_missing(self) -> None:
        """Say what of the archive is not here, and what follows from that."""
        archive, report = self.archive, self.report
        if len(archive.scenes) < len(SCENES):
            report.missing.append(f"{len(SCENES) - len(archive.scenes)} of 35 scenes: chips of those cannot be read")
        if not archive.has_outlines:
            report.missing.append(
                "clean.shp and debris.shp: masks are used as published, whose rasteriser dropped the polygons' holes"
            )
        if archive.border is None:
            report.missing.append("hkh.shp: land outside the mapped region cannot be told from background")
        if archive.footprints is None:
            report.missing.append("slices.geojson: there is nothing to compare footprints with")
        if archive.strangers:
            report.notes.append(f"files of no scene and no patch: {' '.join(archive.strangers[:5])}")
        only_masks = any("patches" in source for source in report.truth_from) and not archive.has_outlines
        if only_masks:
            report.notes.append("where a patch has neither scene nor image, a gap in its mask looks like background")


def _table(rows: list[dict[str, Any]], path: Path, report: Report) -> ChipTable:
    frame = geopandas.GeoDataFrame(pandas.DataFrame(rows)[[*COLUMNS, *EXTRA]], geometry="geometry", crs="EPSG:4326")
    for name in ("row", "column", "height", "width"):
        frame[name] = frame[name].astype(np.int32)
    for name in ("glacier", "clean", "debris"):  # a column of no known share at all would be of objects
        frame[name] = frame[name].astype(np.float64)
    frame["fold"] = pandas.array([pandas.NA] * len(frame), dtype="Int32")
    frame["moved_m"] = frame["moved_m"].astype(np.float64)
    sides = frame["split"].dropna()
    report.splits.update({side: int((sides == side).sum()) for side in SPLITS if (sides == side).any()})
    table = ChipTable(path, frame)
    if len(sides):
        report.leaks += audit(table).leaks
    about = About(
        made_by=f"firnline {__version__} datasets hkh",
        created=_now(),
        size=SIZE,
        config={"data_set": "HKH Glacier Mapping"},
        split=_SPLIT if len(sides) else "",
        leaks=tuple(report.leaks),
        notes=tuple(line for line in report.lines() if not line.startswith(("archive: ", "patches: "))),
        licence=_LICENCE,
    )
    return replace(table, about=about)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
