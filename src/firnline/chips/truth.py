"""The truth of a scene: a class raster as it is, or one made from outlines; filled pixels are unknown in it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from firnline.chips.entries import OutlineTruth, SceneEntry
from firnline.classes import UNKNOWN, Classes, LabelScheme, convert
from firnline.classraster import read_classes
from firnline.errors import ConfigError
from firnline.flags import Flag, find_flags, read_flags
from firnline.grid import require_same
from firnline.labels import Outlines, Role, firm_within, joined, rasterise, read_border, read_outlines, truth_of
from firnline.labels.truth import DebrisOnly, Glaciers, GlaciersWithDebris, Parts, Truth
from firnline.scene import Scene

_ROWS_AT_ONCE = 1024


class SceneTruth(NamedTuple):
    """Class values (uint8, row and column) on the scene's grid, their scheme, and what was done to them."""

    classes: Classes
    scheme: LabelScheme
    notes: tuple[str, ...]
    path: Path | None = None
    """The class raster that holds these values as they are (but for filled pixels); None where they were made."""
    glaciers: Outlines | None = None
    """The outlines that the glaciers in it come from."""


def truth_path(pattern: str, scene: Path) -> str:
    """The class raster of a scene, as a configuration names it.

    Examples
    --------
    >>> truth_path("truth/{name}_class.tif", Path("08_12_image.tif"))
    'truth/08_12_class.tif'
    """
    stem = scene.stem
    return pattern.replace("{stem}", stem).replace("{name}", stem.rpartition("_")[0] or stem)


def read_truth(entry: SceneEntry, scene: Scene, folder: Path) -> SceneTruth:
    """Read or make the truth that a configuration names for a scene; relative paths count from `folder`.

    Pixels that the scene's flags call filled have values of another date, and are unknown.

    Raises
    ------
    LabelError, GridError
        When it is not truth, or lies on another grid.
    ConfigError
        When outlines are named in a way that does not make sense.
    """
    if isinstance(entry.truth, str):
        path = folder / truth_path(entry.truth, scene.path)
        raster = read_classes(path, entry.scheme)
        require_same(scene.grid, raster.grid, scene.path, path)
        truth = SceneTruth(raster.classes, raster.scheme, (), path)
    else:
        truth = _from_outlines(entry.truth, scene, folder)
    if entry.truth_as is not None and entry.truth_as != truth.scheme:
        note = f"truth converted from scheme {truth.scheme} to {entry.truth_as}"
        converted = convert(truth.classes, truth.scheme, entry.truth_as)
        truth = SceneTruth(converted, entry.truth_as, (*truth.notes, note), None, truth.glaciers)
    return _without_filled(truth, scene)


def _without_filled(truth: SceneTruth, scene: Scene) -> SceneTruth:
    """Make filled pixels unknown, a strip of rows at a time."""
    flags = find_flags(scene.path)
    if flags is None:
        return truth
    lost = 0
    for strip in scene.grid.strips(_ROWS_AT_ONCE):
        values = truth.classes[strip.slices]
        filled = (read_flags(flags, scene.grid, strip) & Flag.FILLED != 0) & (values != UNKNOWN)
        values[filled] = UNKNOWN
        lost += int(np.count_nonzero(filled))
    return truth._replace(notes=(*truth.notes, f"{lost} filled pixels unknown")) if lost else truth


def _from_outlines(settings: OutlineTruth, scene: Scene, folder: Path) -> SceneTruth:
    border = None if settings.border is None else read_border(folder / settings.border, grid=scene.grid)
    firm = settings.firm
    if settings.firm_within is not None:
        if firm is not None:
            raise ConfigError("say the same in two ways", where="truth: firm and firm_within", do="give one of them")
        firm = firm_within(settings.firm_within, scene.date, scene.path)
    truth = _named_truth(settings, scene, folder)
    result = rasterise(
        scene.grid,
        truth,
        border=border,
        all_touched=settings.all_touched,
        firm_dates=firm,
        unknown_rim=settings.unknown_rim,
        scene_date=scene.date,
    )
    return SceneTruth(result.classes, result.scheme, tuple(result.report.lines()), None, _of_glaciers(truth))


def _of_glaciers(truth: Truth) -> Outlines:
    """The outlines that tell which glacier a pixel belongs to."""
    match truth:
        case Glaciers() | GlaciersWithDebris():
            return truth.glaciers
        case Parts():
            return joined([truth.clean, truth.debris])
        case DebrisOnly():
            return truth.debris


def _named_truth(settings: OutlineTruth, scene: Scene, folder: Path) -> Truth:
    roles = {"outlines": None, "glaciers": Role.GLACIER, "clean": Role.CLEAN, "debris": Role.DEBRIS}
    found = {}
    for key, role in roles.items():
        # Debris beside whole glaciers comes from another source, so the column named need not be in it.
        dates = None if key == "debris" and settings.glaciers else settings.date_column
        several = [
            read_outlines(folder / path, grid=scene.grid, role=role, date_column=dates)
            for path in getattr(settings, key)
        ]
        if several:
            found[key] = joined(several)
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
