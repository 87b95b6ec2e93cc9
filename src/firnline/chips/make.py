"""A table of chips from scenes and their truth: windows over all of them, what each holds, filtered and split."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rasterio

from firnline import __version__
from firnline.chips.entries import SceneEntry, open_source, require_bands, scene_paths, used_part
from firnline.chips.make_settings import MakeSettings
from firnline.chips.scene_chips import GlacierFinder, footprints, measured_bands, shares, valid_truth
from firnline.chips.splitting.audit import audit
from firnline.chips.splitting.splits import split_table
from firnline.chips.table import About, ChipTable, frame_of, write_table
from firnline.chips.truth import SceneTruth, read_truth
from firnline.chips.truth_folder import move_into_place, staged, truth_folder
from firnline.chips.windows import chip_windows
from firnline.classes import UNKNOWN
from firnline.classraster import write_classes
from firnline.errors import ConfigError, LabelError
from firnline.features import FeatureSource
from firnline.grid import Window
from firnline.labels import Outlines, joined, read_outlines

_SOURCE_TAGS = ("SOURCE_ID", "LANDSAT_PRODUCT_ID", "PRODUCT_ID", "PRODUCT_URI", "SCENE_ID")


@dataclass(frozen=True)
class Job:
    """One scene of a configuration."""

    entry: SceneEntry
    path: Path
    name: str
    """What its chips are called by: its file's name, with its folder's where two files have the same."""


@dataclass
class _Tally:
    """What was found and dropped on the way."""

    windows: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """How many chips each filter took."""
        taken = [f"{name}: {count} of {self.windows} chips dropped" for name, count in self.dropped.items()]
        return [f"filter {line}" for line in taken]


def make_table(
    settings: MakeSettings,
    folder: Path,
    path: Path,
    *,
    step: Callable[[int, int], None] = lambda _done, _all: None,
) -> ChipTable:
    """Make a table of chips and write it to `path`; truth made from outlines goes to ``<stem>-truth/`` beside it.

    No pixels are copied. Each scene is read once, in windows; memory is bounded by them and a few bytes for each of
    its pixels.

    Parameters
    ----------
    settings, folder
        The settings, and the folder that their relative paths count from.
    path
        Where the table shall be.
    step
        Called after each scene with (done, all).

    Returns
    -------
    The table, as written. `about.notes` says what was done to scenes and truth, and what the filters took.

    Raises
    ------
    ConfigError
        When a pattern matches no file, or the filters leave no chip.
    SceneError, BandError, LabelError, GridError
        When a scene or its truth cannot be used.
    OutputError
        When it cannot be written; nothing is left then.
    """
    jobs = _jobs(settings, folder)
    tally, rows = _Tally(), []
    with staged(path) as staging:
        table = ChipTable(path, frame_of([]), About())
        for done, job in enumerate(jobs, 1):
            rows += _scene_rows(job, settings, folder, table, staging, tally)
            step(done, len(jobs))
        if not rows:
            told = "; ".join(tally.lines())
            raise ConfigError(f"no chip is left ({told})", where="filters", do="ask for less, or add scenes")
        _require_distinct(rows)
        about = About(
            made_by=f"firnline {__version__}",
            created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            size=settings.size,
            config=settings.model_dump(mode="json"),
            notes=(*tally.notes, *tally.lines()),
            licence=settings.licence,
        )
        table = _split(ChipTable(path, frame_of(rows), about), settings, folder)
        move_into_place(staging, path)
        table = write_table(table)
    return table


def _require_distinct(rows: list[dict[str, Any]]) -> None:
    (name, count), *_ = Counter(row["id"] for row in rows).most_common(1)
    if count > 1:
        raise ConfigError(
            f"{count} of them give the chip {name}", where="scenes", do="name each part of a scene once"
        )


def _split(table: ChipTable, settings: MakeSettings, folder: Path) -> ChipTable:
    if settings.split is not None:
        return split_table(table, settings.split, folder)
    if not settings.has_roles:
        return table
    named = table.with_frame(table.frame, split="by the roles of the scenes")
    return named.with_frame(named.frame, leaks=tuple(audit(named).leaks))


def _jobs(settings: MakeSettings, folder: Path) -> list[Job]:
    found = [(entry, path) for entry in settings.scenes for path in scene_paths(entry, folder)]
    folders: dict[str, set[Path]] = {}
    for _, path in found:
        folders.setdefault(path.stem, set()).add(path.absolute())
    alone = {stem for stem, paths in folders.items() if len(paths) == 1}
    return [
        Job(entry, path, path.stem if path.stem in alone else f"{path.absolute().parent.name}-{path.stem}")
        for entry, path in found
    ]


def _scene_rows(
    job: Job, settings: MakeSettings, folder: Path, table: ChipTable, staging: Path, tally: _Tally
) -> list[dict[str, Any]]:
    """The rows of one scene's chips that the filters leave."""
    source = open_source(job.entry, job.path, folder)
    area = used_part(job.entry, source)
    windows = list(chip_windows(area, settings.size, settings.step, settings.remainders))
    tally.windows += len(windows)
    scene = source.scene
    taken = settings.filters.dropped_scene_by(scene.date, scene.sensor)
    if taken is not None:
        tally.dropped[taken] += len(windows)
        return []
    bands = settings.bands or measured_bands(source)
    require_bands(source, bands)
    truth = read_truth(job.entry, scene, folder)
    seen = valid_truth(source, truth.classes, area, bands)
    tally.notes += [f"{job.name}: {note}" for note in (*_size_notes(area, settings.size), *truth.notes)]
    if (seen == UNKNOWN).all():
        tally.notes.append(f"{job.name}: no pixel is known in its truth and in {' '.join(bands)}")
    truth = _on_disk(truth, source, area, job, settings, table, staging, tally)
    glaciers = GlacierFinder.of(job.name, scene.grid, truth, _ids(settings, source, folder))
    common = _common(job, source, truth, table, folder, settings)
    kept = []
    for window in windows:
        told = shares(seen, truth.scheme, window)
        taken = settings.filters.dropped_by(told)
        if taken is not None:
            tally.dropped[taken] += 1
            continue
        where = {"row": window.row, "column": window.column, "height": window.height, "width": window.width}
        name = f"{job.name}_r{window.row}_c{window.column}"
        kept.append({"id": name, **common, **where, **told, "glaciers": glaciers.within(window)})
    edges = footprints(scene.grid, [Window(r["row"], r["column"], r["height"], r["width"]) for r in kept])
    return [row | edge for row, edge in zip(kept, edges, strict=True)]


def _size_notes(area: Window, size: int) -> list[str]:
    if area.height >= size and area.width >= size:
        return []
    return [f"chips of {size} pixels reach beyond its {area.height} x {area.width}: unknown there"]


def _on_disk(
    truth: SceneTruth,
    source: FeatureSource,
    area: Window,
    job: Job,
    settings: MakeSettings,
    table: ChipTable,
    staging: Path,
    tally: _Tally,
) -> SceneTruth:
    """The truth with the file that readers of the table take it from; written where there is none yet."""
    reaches_out = area != source.scene.grid.window and (area.height < settings.size or area.width < settings.size)
    if truth.path is not None and not reaches_out:
        return truth
    if reaches_out:  # chips larger than the used part would show what lies around it
        used = truth.classes
        outside = used.copy()
        outside[area.slices] = UNKNOWN
        used[outside != UNKNOWN] = UNKNOWN
        tally.notes.append(f"{job.name}: truth outside its crop is unknown")
    name, number = job.name, 1
    while (staging / f"{name}.tif").exists():
        number += 1
        name = f"{job.name}-{number}"
    tags = {"FIRNLINE_VERSION": __version__, "GRID_OF": str(job.path), "TRUTH": "; ".join(truth.notes)}
    write_classes(staging / f"{name}.tif", truth.classes, source.scene.grid, truth.scheme, tags)
    return truth._replace(path=truth_folder(table.path) / f"{name}.tif")


def _ids(settings: MakeSettings, source: FeatureSource, folder: Path) -> Outlines | None:
    if not settings.glacier_ids:
        return None
    files = [read_outlines(folder / path, grid=source.scene.grid) for path in settings.glacier_ids]
    for outlines in files:
        if outlines.id_column is None:
            raise LabelError(
                "has no column of glacier ids", where=outlines.where, do="name it rgi_id, glims_id or glacier_id"
            )
    return joined(files)


def _common(
    job: Job, source: FeatureSource, truth: SceneTruth, table: ChipTable, folder: Path, settings: MakeSettings
) -> dict[str, Any]:
    """The columns that are the same for all chips of a scene."""
    scene, entry = source.scene, job.entry
    assert truth.path is not None  # it was written where it had no file
    return {
        "scene": table.relative(job.path),
        "truth": table.relative(truth.path),
        "dem": None if source.dem is None else table.relative(source.dem),
        "sidecar": None if entry.sidecar is None else table.relative(folder / entry.sidecar),
        "sensor": None if scene.sensor is None else str(scene.sensor),
        "date": scene.date,
        "source_id": _source_id(source),
        "scheme": str(truth.scheme),
        "split": entry.role if settings.has_roles else None,
        "fold": None,
        "crs": scene.grid.crs.to_string(),
    }


def _source_id(source: FeatureSource) -> str:
    """The product's id as its maker gives it in a tag, else the file's name."""
    with rasterio.open(source.scene.gdal_name or source.scene.path) as file:
        tags = file.tags()
    return next((tags[key] for key in _SOURCE_TAGS if tags.get(key)), source.scene.path.name)
