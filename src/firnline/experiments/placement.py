"""Where glaciers lie by elevation and slope: areas in fine classes, block by block, of the truth and of every map."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.classes import UNKNOWN, Classes
from firnline.evaluation.blocks import Unit, blocks
from firnline.evaluation.distributions import Estimate, distances_to
from firnline.experiments.mapped_scenes import MappedScene, mapped_scenes
from firnline.experiments.measure import Question, answers
from firnline.experiments.results import Trials

Floats = NDArray[np.float64]

NEEDS: Final = ("elevation", "slope")
_LOWEST, _HIGHEST, _STEEPEST = -500, 9500, 90


@dataclass(frozen=True)
class Axis:
    """One of the two quantities: its fine classes, `count` of them, each `width` wide from `start` on."""

    name: str
    unit: str
    start: float
    width: float
    count: int

    def index(self, values: NDArray[np.float32]) -> NDArray[np.int64]:
        """The class of each value; what lies outside goes into the first or last one."""
        places = np.floor((values - self.start) / self.width)
        return np.asarray(np.clip(np.nan_to_num(places), 0, self.count - 1), np.int64)

    @property
    def edges(self) -> Floats:
        """The lower end of every class, and the upper one of the last."""
        return np.asarray(self.start + self.width * np.arange(self.count + 1), np.float64)

    def coarser(self, areas: Floats, width: float) -> tuple[Floats, Floats]:
        """(edges, areas) of classes so wide, a multiple of the fine ones, from a multiple of the width on."""
        times = round(width / self.width)
        ahead = round((self.start % width) / self.width)
        padded = np.pad(areas, (ahead, -(ahead + len(areas)) % times))
        edges = self.start - ahead * self.width + width * np.arange(len(padded) // times + 1)
        return np.asarray(edges, np.float64), np.asarray(padded.reshape(-1, times).sum(axis=1))

    def quantile(self, areas: Floats, share: float) -> float | None:
        """Below which value a share of the area lies, within a fine class evenly spread; None of no area.

        Examples
        --------
        >>> axis = Axis("slope", "degrees", 0.0, 1.0, 3)
        >>> axis.quantile(np.array([1.0, 2.0, 1.0]), 0.5), axis.quantile(np.zeros(3), 0.5)
        (1.5, None)
        """
        total = float(areas.sum())
        return None if total == 0 else float(np.interp(share * total, np.r_[0.0, np.cumsum(areas)], self.edges))

    def share_below(self, areas: Floats, value: float) -> float | None:
        """The share of the area below a value; None of no area."""
        total = float(areas.sum())
        return None if total == 0 else float(np.interp(value, self.edges, np.r_[0.0, np.cumsum(areas)])) / total


ELEVATION: Final = Axis("elevation", "m", _LOWEST, 10.0, (_HIGHEST - _LOWEST) // 10)
SLOPE: Final = Axis("slope", "degrees", 0.0, 1.0, _STEEPEST)
AXES: Final = (ELEVATION, SLOPE)


@dataclass(eq=False)
class Placement:
    """One question: areas, km2, by block and fine class, of the truth (block, class) and by arm of the maps
    (block, seed, class), over the pixels that the truth and every map know, by axis."""

    question: Question
    arms: tuple[str, ...]
    seeds: tuple[int | None, ...]
    of_truth: dict[str, dict[Unit, Floats]] = field(default_factory=dict)
    of_maps: dict[tuple[str, str], dict[Unit, Floats]] = field(default_factory=dict)
    lost_km2: float = 0.0
    """True area where a map or a height is unknown, of all folds: it is in no histogram."""

    def truth(self, axis: Axis) -> Floats:
        """True areas (block, class)."""
        return np.stack(list(self.of_truth[axis.name].values()))

    def maps(self, axis: Axis, arm: str) -> Floats:
        """Mapped areas of an arm (block, seed, class)."""
        return np.stack(list(self.of_maps[axis.name, arm].values()))

    def true_areas(self, axis: Axis) -> Floats:
        """True area by class, of all blocks."""
        return np.asarray(self.truth(axis).sum(axis=0))

    def mapped_areas(self, axis: Axis, arm: str) -> Floats:
        """Mapped area by class, of all blocks, the mean over seeds."""
        return np.asarray(self.maps(axis, arm).sum(axis=0).mean(axis=0))

    def distances(self, axis: Axis, arm: str, against: str) -> tuple[Estimate, Estimate, Estimate]:
        """How far an arm, and another, lie from the truth, and the first less the second; see `distances_to`."""
        return distances_to(self.truth(axis), (self.maps(axis, arm), self.maps(axis, against)), axis.width)

    def add(self, each: MappedScene, heights: NDArray[np.float32], side: int) -> None:
        """Count a test scene: `heights` are elevation and slope of its part that counts, float32 (2, row, column)."""
        found = each.sides(self.question)
        if set(found) != {(arm, seed) for arm in self.arms for seed in self.seeds}:
            return
        truth = next(iter(found.values()))[0]
        known = np.isfinite(heights).all(axis=0) & (truth != UNKNOWN)
        known &= np.all([said != UNKNOWN for _, said in found.values()], axis=0)
        area = each.scene.grid.pixel_area_km2
        self.lost_km2 += area * float(np.count_nonzero((truth == 1) & ~known))
        for axis, values in zip(AXES, heights, strict=True):
            index = np.where(known, axis.index(values), -1)
            for row, column, window in blocks(truth.shape, side):
                unit, part = Unit(each.scene.name, row, column), window.slices
                true = _areas(index[part], truth[part], axis, area)
                _add(self.of_truth.setdefault(axis.name, {}), unit, true)
                for arm in self.arms:
                    maps = [_areas(index[part], found[arm, seed][1][part], axis, area) for seed in self.seeds]
                    _add(self.of_maps.setdefault((axis.name, arm), {}), unit, np.stack(maps))


def _areas(index: NDArray[np.int64], classes: Classes, axis: Axis, pixel: float) -> Floats:
    """Area of 1 among the classes, by fine class; an index below 0 is not counted."""
    return np.asarray(pixel * np.bincount(index[(index >= 0) & (classes == 1)], minlength=axis.count), np.float64)


def _add(there: dict[Unit, Floats], unit: Unit, areas: Floats) -> None:
    there[unit] = there[unit] + areas if unit in there else areas


@dataclass(frozen=True, eq=False)
class Placements:
    """What was counted, by question, and the names of test scenes without heights, which are left out."""

    of: tuple[Placement, ...]
    without_heights: tuple[str, ...]


def placements(trials: Trials, side: int) -> Placements:
    """Count every test scene that has heights, by blocks of `side` pixels."""
    found: dict[Question, Placement] = {}
    missing = []
    for each in mapped_scenes(trials):
        source = each.scene.source
        if source.missing(NEEDS):
            missing.append(each.scene.name)
            continue
        with source.reader() as reader:
            heights = reader.read(NEEDS, each.scene.area)
        for question in answers(each.scene.scheme):
            if question in trials.questions:
                found.setdefault(question, Placement(question, trials.arms, trials.seeds)).add(each, heights, side)
    counted = (found[question] for question in trials.questions if question in found)
    return Placements(tuple(each for each in counted if each.of_truth), tuple(dict.fromkeys(missing)))
