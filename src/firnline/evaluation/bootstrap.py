"""Intervals of a score of a whole set: units are drawn again, and the score is of the sum of their counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from firnline.errors import ConfigError
from firnline.evaluation.blocks import UnitCounts

LEAST_SCENES: Final = 8
"""With fewer scenes, blocks are drawn: of so few scenes nothing can be said about others."""

LEAST_UNITS: Final = 8
"""With fewer units there is no interval."""

REPLICATES: Final = 2000

_AT_ONCE: Final = 4_000_000
"""How many weights (replicates x units) are held at once."""


class Statistic(StrEnum):
    """A score that is a ratio of sums of counts, by the name that it has in `Scores`.

    Examples
    --------
    >>> Statistic.IOU.of(np.array([[6, 2, 2]]))
    array([0.6])
    """

    IOU = "iou"
    PRECISION = "precision"
    RECALL = "recall"
    F1 = "f1"
    AREA_ERROR = "area_error"

    @property
    def words(self) -> str:
        """As people write it.

        Examples
        --------
        >>> Statistic.IOU.words, Statistic.AREA_ERROR.words
        ('IoU', 'area error')
        """
        return {Statistic.IOU: "IoU", Statistic.F1: "F1"}.get(self, self.value.replace("_", " "))

    def of(self, counts: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64]:
        """The score of counts (..., 3): true positives, false positives, false negatives; NaN is no value."""
        above, below = (np.asarray(counts @ np.array(w, np.float64), np.float64) for w in _RATIOS[self])
        result: NDArray[np.float64] = np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0)
        return result


_RATIOS: Final = {
    Statistic.IOU: ((1, 0, 0), (1, 1, 1)),
    Statistic.PRECISION: ((1, 0, 0), (1, 1, 0)),
    Statistic.RECALL: ((1, 0, 0), (1, 0, 1)),
    Statistic.F1: ((2, 0, 0), (2, 1, 1)),
    Statistic.AREA_ERROR: ((0, 1, -1), (1, 0, 1)),
}
"""What true positives, false positives and false negatives weigh above and below the line."""

_OF_TRUTH: Final = (Statistic.IOU, Statistic.F1)
"""Scores that are 0, whatever the map, where the truth holds none of the class."""


class Level(StrEnum):
    """What is drawn: scenes and then blocks within them, or blocks alone."""

    SCENES = "scenes"
    BLOCKS = "blocks"


@dataclass(frozen=True)
class Interval:
    """A score of a whole set, with its interval; `low` and `high` are None where too few units hold the class.

    `units` says how many units the interval rests on (scenes or blocks, by `level`): those in which the class is in
    the truth or in the map. With `Level.BLOCKS` the interval is about these scenes, not about others.

    `seeds` is given where chance in training is part of the interval: so many trainings it rests on. `is_absent`
    says that the truth holds none of the class: an IoU of 0 then tells only that something was mapped as it.
    """

    statistic: Statistic
    value: float | None
    low: float | None
    high: float | None
    level: Level
    units: int
    confidence: float
    seeds: int | None = None
    is_absent: bool = False

    @property
    def text(self) -> str:
        """For a table: the value with its interval, or why there is none.

        Examples
        --------
        >>> Interval(Statistic.IOU, 0.6123, 0.55, 0.67, Level.BLOCKS, 21, 0.95).text
        '0.612 [0.550, 0.670]'
        >>> Interval(Statistic.IOU, 0.02, None, None, Level.BLOCKS, 21, 0.95, seeds=2).text
        '0.020 [too few: 2 seeds]'
        """
        if self.value is None:
            return "-"
        if self.is_absent:
            return f"{self.value:.3f} [not in the truth]"
        if self.low is None or self.high is None:
            return f"{self.value:.3f} [too few: {self._too_few}]"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    @property
    def _too_few(self) -> str:
        if self.units < LEAST_UNITS or self.seeds is None:
            return plural(self.units, self.level.value.removesuffix("s"))
        return plural(self.seeds, "seed")


def plural(count: int, what: str) -> str:
    """A count with its noun.

    Examples
    --------
    >>> plural(1, "seed"), plural(3, "block")
    ('1 seed', '3 blocks')
    """
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def interval(
    units: Sequence[UnitCounts],
    value: int | None,
    *,
    statistic: Statistic = Statistic.IOU,
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Interval:
    """A score of the sum of units, with its bootstrap interval.

    With at least `LEAST_SCENES` scenes that hold the class, scenes are drawn with replacement and then blocks
    within each (a two-stage cluster bootstrap, Davison & Hinkley 1997, section 3.8), so that the interval is about
    other scenes of the kind; else blocks are drawn. The interval is the percentile one (Efron 1979) with its
    levels moved outwards as the t distribution asks for so many units (the expanded percentile interval,
    Hesterberg 2015): on few, skewed clusters the plain one and BCa (Efron 1987) are too narrow. Units that
    do not hold the class add nothing to these scores and are left out.

    Parameters
    ----------
    units
        Counts by unit, of one map.
    value
        The class; None takes every class but the first as one.
    confidence
        The share of such intervals that should hold the true score.

    Raises
    ------
    ConfigError
        When confidence or replicates make no sense.

    Examples
    --------
    >>> from firnline.evaluation.blocks import unit_counts
    >>> rng = np.random.default_rng(0)
    >>> truth = (rng.random((64, 64)) < 0.5).astype(np.uint8)
    >>> prediction = np.where(rng.random(truth.shape) < 0.9, truth, 1 - truth).astype(np.uint8)
    >>> found = interval(unit_counts("a", truth, prediction, 2, side=16), 1)
    >>> found.level.value, found.units, found.low < found.value < found.high
    ('blocks', 16, True)
    >>> interval(unit_counts("a", truth, prediction, 2, side=32), 1).low is None
    True
    """
    if not 0 < confidence < 1 or replicates < 100:
        raise ConfigError(f"an interval of {confidence:g} from {replicates} draws makes no sense")
    counts = class_counts(units, value)
    is_used = counts.sum(axis=1) > 0
    counts, scenes = counts[is_used], scene_indices([each for each, used in zip(units, is_used, strict=True) if used])
    level, number = level_of(scenes)
    score = _number(statistic.of(counts.sum(axis=0)))
    is_absent = statistic in _OF_TRUTH and score is not None and not counts[:, [0, 2]].any()
    if score is None or number < LEAST_UNITS or is_absent:
        return Interval(statistic, score, None, None, level, number, confidence, is_absent=is_absent)
    rng = np.random.default_rng(seed)
    portions = _two_stages(scenes, replicates, rng) if level == Level.SCENES else draws_of(number, replicates, rng)
    drawn = np.concatenate([statistic.of(weights @ counts) for weights in portions])
    tail = outward_tail(number, confidence)
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    return Interval(statistic, score, float(low), float(high), level, number, confidence)


def outward_tail(number: int, confidence: float) -> float:
    """The level of the lower end of an expanded percentile interval from so many units (Hesterberg 2015).

    Examples
    --------
    >>> round(outward_tail(10, 0.95), 4), round(outward_tail(10_000, 0.95), 4)
    (0.0086, 0.025)
    """
    return float(ndtr(-sqrt(number / (number - 1)) * stdtrit(number - 1, (1 + confidence) / 2)))


def _number(value: NDArray[np.float64]) -> float | None:
    return None if np.isnan(value) else float(value)


def class_counts(units: Sequence[UnitCounts], value: int | None) -> NDArray[np.float64]:
    """True positives, false positives and false negatives of a class by unit: float64 (unit, 3).

    `value` None takes every class but the first as one.
    """
    rows = [
        each.confusion.merged().of_class(1) if value is None else each.confusion.of_class(value) for each in units
    ]
    return np.array(rows, np.float64).reshape(-1, 4)[:, :3]


def scene_indices(units: Sequence[UnitCounts]) -> NDArray[np.intp]:
    """The number of each unit's scene, int (unit,): 0 is the first scene, and so on."""
    numbers = {scene: number for number, scene in enumerate(dict.fromkeys(each.unit.scene for each in units))}
    return np.array([numbers[each.unit.scene] for each in units], np.intp)


def level_of(scenes: NDArray[np.intp]) -> tuple[Level, int]:
    """What can be drawn, and how many there are of it: scenes where there are enough, else blocks."""
    count = len(np.unique(scenes))
    return (Level.SCENES, count) if count >= LEAST_SCENES else (Level.BLOCKS, len(scenes))


def draws_of(number: int, replicates: int, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """How often each of some units is drawn: float64 (some replicates, unit) at a time, `replicates` in all.

    Examples
    --------
    >>> [weights] = draws_of(3, 5, np.random.default_rng(0))
    >>> weights.shape, weights.sum(axis=1).tolist()
    ((5, 3), [3.0, 3.0, 3.0, 3.0, 3.0])
    """
    for count in _portions(replicates, number):
        yield _equal_draws(rng, np.full(count, number), number)


def _two_stages(scenes: NDArray[np.intp], replicates: int, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """The same, of scenes and then of blocks within each."""
    members = [np.flatnonzero(scenes == number) for number in np.unique(scenes)]
    for count in _portions(replicates, len(scenes)):
        times = _equal_draws(rng, np.full(count, len(members)), len(members)).astype(np.int64)
        weights = np.zeros((count, len(scenes)))
        for column, blocks in enumerate(members):
            # A scene drawn k times has its n blocks drawn anew each time: k x n draws among them.
            weights[:, blocks] = _equal_draws(rng, times[:, column] * len(blocks), len(blocks))
        yield weights


def _portions(replicates: int, units: int) -> list[int]:
    at_once = max(1, _AT_ONCE // units)
    return [min(at_once, replicates - start) for start in range(0, replicates, at_once)]


def _equal_draws(rng: np.random.Generator, times: NDArray[np.int64], among: int) -> NDArray[np.float64]:
    return rng.multinomial(times, np.full(among, 1 / among)).astype(np.float64)
