"""A model tested on a scene: mapped as `firnline map` maps it, and measured against the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
import rasterio
from numpy.typing import NDArray

from firnline.classes import UNKNOWN, Classes, LabelScheme, convert
from firnline.classraster import read_classes, write_classes
from firnline.evaluation.blocks import UnitCounts, unit_counts
from firnline.evaluation.boundary import BoundaryDistances, boundary_distances
from firnline.evaluation.glacier_size import BySize, by_size
from firnline.experiments.scenes import TestScene
from firnline.files import replaced
from firnline.grid import Lattice, Window
from firnline.inference.blend import Known, RowBlender
from firnline.inference.open_model import open_model
from firnline.inference.predict import PROBABILITY_SCALE, as_bytes, map_padded, usual_overlap
from firnline.inference.runtime import RuntimeName
from firnline.models.normaliser import Floats
from firnline.training.validation import mapped

Question = Literal["glacier", "clean ice", "debris"]
QUESTIONS: Final[tuple[Question, ...]] = ("glacier", "clean ice", "debris")
"""What a truth, and a map, may know, each as one class against the rest."""

CLASSES: Final = "classes"
"""The counts of all three classes of the scheme `class`, where both sides know them."""

RULE_OF: Final[dict[Question, str]] = {
    "glacier": "glacier",
    "clean ice": "clean ice",
    "debris": "debris-covered ice",
}
"""The name under which `evaluation.rules` knows each class."""

_OF_SCHEME: Final[dict[LabelScheme, dict[Question, int]]] = {
    LabelScheme.CLASS: {"clean ice": 1, "debris": 2},
    LabelScheme.GLACIER: {"glacier": 1},
    LabelScheme.DEBRIS: {"debris": 1},
    LabelScheme.CLEAN: {"clean ice": 1},
}
"""The value of each question's class in a label scheme; glacier of `class` is both of its classes."""


def answers(scheme: LabelScheme) -> tuple[Question, ...]:
    """The questions that a truth, or a model, of a scheme can answer.

    Examples
    --------
    >>> answers(LabelScheme.CLASS), answers(LabelScheme.DEBRIS)
    (('glacier', 'clean ice', 'debris'), ('debris',))
    """
    return QUESTIONS if scheme == LabelScheme.CLASS else tuple(_OF_SCHEME[scheme])


@dataclass(frozen=True, eq=False)
class SceneMap:
    """What a model says of the part of a scene that counts.

    `classes` is uint8 (row, column), 255 unknown; `probabilities` uint8 (class, row, column) in steps of
    `PROBABILITY_SCALE`, 255 unknown.
    """

    classes: Classes
    probabilities: NDArray[np.uint8]
    scheme: LabelScheme

    def seen_by(self, truth: LabelScheme) -> Classes:
        """The most probable value in a truth's scheme, as validation in training takes it: of a model of classes,
        glacier is where clean ice and debris together are the more probable."""
        if truth == self.scheme:
            return self.classes
        seen = mapped(self.probabilities.astype(np.float32), self.scheme, truth)
        seen[self.classes == UNKNOWN] = UNKNOWN
        return seen


def map_scene(bundle: Path, scene: TestScene, runtime: RuntimeName) -> SceneMap:
    """Map the part of a scene that counts by the serving path; windows without known truth are left unknown."""
    opened = open_model(bundle, scene.source, runtime=runtime)
    count = opened.mapper.scheme.class_count
    side = opened.window
    lattice = Lattice(scene.area.shape, side, usual_overlap(side))
    values = np.empty((1 + count, *scene.area.shape), np.uint8)
    with scene.source.reader() as reader:

        def map_window(window: Window) -> tuple[Floats, Known]:
            if (scene.truth[window.slices] == UNKNOWN).all():
                return np.zeros((count, *window.shape), np.float32), np.zeros(window.shape, np.bool_)
            there = Window(window.row + scene.area.row, window.column + scene.area.column, *window.shape)
            return map_padded(reader, opened.mapper, there, side)

        blender = RowBlender(lattice, count, map_window)
        for band in range(lattice.band_count):
            first, last = lattice.rows_of(band)
            values[:, first:last] = as_bytes(*blender.band(band))
    return SceneMap(values[0], values[1:], opened.mapper.scheme)


@dataclass(frozen=True, eq=False)
class SceneResult:
    """One map measured: by question, counts by block and distances of boundaries; and results by glacier size."""

    scene: str
    region: str | None
    scheme: LabelScheme
    """That of the truth."""
    units: Mapping[str, tuple[UnitCounts, ...]]
    """By question; and under `CLASSES` of all classes, where truth and map both know them."""
    boundary: Mapping[str, BoundaryDistances]
    sizes: BySize | None


def measure(scene: TestScene, said: SceneMap, block: int) -> SceneResult:
    """Measure a map for every question that truth and map both answer."""
    both = [question for question in answers(scene.scheme) if question in answers(said.scheme)]
    found = measured(scene, {question: sides(question, scene, said) for question in both}, block)
    if scene.scheme == said.scheme == LabelScheme.CLASS:
        counted = unit_counts(scene.name, scene.truth, said.classes, 3, block)
        return replace(found, units={**found.units, CLASSES: counted})
    return found


def measured(scene: TestScene, asked: Mapping[Question, tuple[Classes, Classes]], block: int) -> SceneResult:
    """Measure truth and map, each 1 where the question's class is, 0 where it is not, and 255 where it is unknown."""
    pixel = scene.grid.resolution
    units: dict[str, tuple[UnitCounts, ...]] = {
        question: unit_counts(scene.name, *both, 2, block) for question, both in asked.items()
    }
    boundary: dict[str, BoundaryDistances] = {
        question: boundary_distances(*both, 1, pixel) for question, both in asked.items()
    }
    sizes = by_size(*asked["glacier"], LabelScheme.GLACIER, pixel) if "glacier" in asked else None
    return SceneResult(scene.name, scene.region, scene.scheme, units, boundary, sizes)


def sides(question: Question, scene: TestScene, said: SceneMap) -> tuple[Classes, Classes]:
    """Truth and map as 1 where the question's class is, 0 where it is not, 255 unknown."""
    truth = true_side(question, scene)
    if question == "glacier":
        return truth, said.seen_by(LabelScheme.GLACIER)
    seen = scene.scheme if said.scheme == LabelScheme.CLASS else said.scheme
    return truth, _is_value(said.seen_by(seen), _OF_SCHEME[seen][question])


def true_side(question: Question, scene: TestScene) -> Classes:
    """The truth as 1 where the question's class is, 0 where it is not, 255 unknown."""
    if question == "glacier":
        return convert(scene.truth, scene.scheme, LabelScheme.GLACIER)
    return _is_value(scene.truth, _OF_SCHEME[scene.scheme][question])


def _is_value(classes: Classes, value: int) -> Classes:
    return np.where(classes == UNKNOWN, np.uint8(UNKNOWN), (classes == value).astype(np.uint8))


def keep_map(folder: Path, scene: TestScene, said: SceneMap) -> None:
    """Leave ``classes.tif`` and ``probabilities.tif`` of the part that counts in a folder."""
    write_classes(folder / "classes.tif", said.classes, scene.grid, said.scheme)
    profile = {
        **{"driver": "GTiff", "dtype": "uint8", "count": said.scheme.class_count, "nodata": UNKNOWN},
        **{"height": scene.grid.shape[0], "width": scene.grid.shape[1], "crs": scene.grid.crs},
        **{"transform": scene.grid.transform, "tiled": True, "blockxsize": 256, "blockysize": 256},
        **{"compress": "deflate", "predictor": 2},
    }
    with replaced(folder / "probabilities.tif") as temporary, rasterio.open(temporary, "w", **profile) as file:
        file.write(said.probabilities)
        file.descriptions = said.scheme.class_names
        file.scales = (PROBABILITY_SCALE,) * said.scheme.class_count


def read_map(folder: Path) -> SceneMap:
    """What `keep_map` left.

    Raises
    ------
    LabelError
        When it is not there, or is cut off.
    """
    found = read_classes(folder / "classes.tif")
    with rasterio.open(folder / "probabilities.tif") as file:
        return SceneMap(found.classes, file.read(), found.scheme)
