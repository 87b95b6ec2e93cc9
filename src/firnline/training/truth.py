"""The truth of a training scene: a class raster as it is, or one made from outlines."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from firnline.classes import Classes, LabelScheme, convert
from firnline.classraster import read_classes
from firnline.errors import ConfigError
from firnline.grid import require_same
from firnline.labels import Role, read_border, read_outlines, truth_of
from firnline.labels.rasterise import rasterise
from firnline.labels.truth import Parts, Truth
from firnline.scene import Scene
from firnline.training.config import OutlineTruth, SceneEntry


class TrainingTruth(NamedTuple):
    """Class values (uint8, row and column) on the scene's grid, their scheme, and what was done to them."""

    classes: Classes
    scheme: LabelScheme
    notes: tuple[str, ...]


def read_truth(entry: SceneEntry, scene: Scene, folder: Path) -> TrainingTruth:
    """Read or make the truth that a configuration names for a scene; relative paths count from `folder`.

    Raises
    ------
    LabelError, GridError
        When it is not truth, or lies on another grid.
    ConfigError
        When outlines are named in a way that does not make sense.
    """
    if isinstance(entry.truth, str):
        stem = scene.path.stem
        path = folder / entry.truth.replace("{stem}", stem).replace("{name}", stem.rpartition("_")[0] or stem)
        raster = read_classes(path, entry.scheme)
        require_same(scene.grid, raster.grid, scene.path, path)
        truth = TrainingTruth(raster.classes, raster.scheme, ())
    else:
        truth = _from_outlines(entry.truth, scene, folder)
    if entry.truth_as is None or entry.truth_as == truth.scheme:
        return truth
    note = f"truth converted from scheme {truth.scheme} to {entry.truth_as}"
    return TrainingTruth(convert(truth.classes, truth.scheme, entry.truth_as), entry.truth_as, (*truth.notes, note))


def _from_outlines(settings: OutlineTruth, scene: Scene, folder: Path) -> TrainingTruth:
    border = None if settings.border is None else read_border(folder / settings.border, grid=scene.grid)
    result = rasterise(
        scene.grid,
        _named_truth(settings, scene, folder),
        border=border,
        all_touched=settings.all_touched,
        firm_dates=settings.firm,
        unknown_rim=settings.unknown_rim,
    )
    return TrainingTruth(result.classes, result.scheme, tuple(result.report.lines()))


def _named_truth(settings: OutlineTruth, scene: Scene, folder: Path) -> Truth:
    roles = {"outlines": None, "glaciers": Role.GLACIER, "clean": Role.CLEAN, "debris": Role.DEBRIS}
    found = {
        key: read_outlines(
            folder / getattr(settings, key), grid=scene.grid, role=role, date_column=settings.date_column
        )
        for key, role in roles.items()
        if getattr(settings, key) is not None
    }
    match sorted(found):
        case ["clean", "debris"]:
            return Parts(found["clean"], found["debris"])
        case ["debris", "glaciers"]:
            return truth_of(found["glaciers"], found["debris"])
        case ["debris"] | ["glaciers"] | ["outlines"] as names:
            return truth_of(found[names[0]])
        case names:
            raise ConfigError(
                f"truth cannot be made of {' and '.join(names) or 'nothing'}",
                where=scene.path,
                do="name outlines, or glaciers, or glaciers and debris, or clean and debris, or debris",
            )
