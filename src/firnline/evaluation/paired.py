"""Two ways compared on the same units over folds and seeds: the difference, its interval, and what may be claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from firnline.errors import ConfigError, LabelError
from firnline.evaluation.blocks import Unit, UnitCounts
from firnline.evaluation.bootstrap import (
    LEAST_UNITS,
    REPLICATES,
    Level,
    Statistic,
    class_counts,
    draws_of,
    level_of,
    plural,
    scene_indices,
)

Floats = NDArray[np.float64]

LEAST_SEEDS: Final = 3
"""Trainings in each fold that a claim needs: one training more or less lucky than another is no gain."""


@dataclass(frozen=True, order=True)
class Run:
    """One training and its test: the fold whose units it is tested on, and the seed it was trained with.

    `seed` is None for what has no randomness (a rule, say): it then stands beside every seed of the other arm.
    """

    fold: str
    seed: int | None


Arm = Mapping[Run, Sequence[UnitCounts]]
"""What one way scores: counts by unit for each of its runs."""


class Verdict(StrEnum):
    """What may be claimed of the first arm against the second."""

    GAIN = "gain"
    LOSS = "loss"
    NO_DIFFERENCE_FOUND = "no difference found"
    TOO_FEW = "too few"


@dataclass(frozen=True)
class Difference:
    """The first arm's score less the second's, both of the whole set; None where there is no value, or the truth
    holds none of the class.

    `units` are those that hold the class (scenes or blocks, by `level`; `scenes` is how many they are of), `seeds`
    the fewest of any fold, 0 where neither arm has any randomness. With `Level.BLOCKS` the interval is about these
    scenes alone.
    """

    statistic: Statistic
    first: float | None
    second: float | None
    value: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    level: Level
    units: int
    scenes: int
    folds: int
    seeds: int
    confidence: float

    @property
    def sentence(self) -> str:
        """One sentence for the table: what was found, and on how much it rests.

        Examples
        --------
        >>> found = Difference(
        ...     Statistic.IOU, 0.64, 0.61, 0.03, 0.01, 0.05, Verdict.GAIN, Level.BLOCKS, 48, 3, 5, 3, 0.95
        ... )
        >>> found.sentence
        'gain: IoU +0.030 [+0.010, +0.050] (95 %; 48 blocks of these 3 scenes alone, 5 folds, at least 3 seeds each)'
        """
        units = f"{self.units} scenes" if self.level == Level.SCENES else self._blocks
        seeds = f"at least {plural(self.seeds, 'seed')} each" if self.seeds else "nothing random"
        rests = f"{units}, {plural(self.folds, 'fold')}, {seeds}"
        if self.value is None:
            return f"{self.verdict} to say: there is nothing to score, as the truth holds none of the class ({rests})"
        what = f"{self.statistic.words} {self.value:+.3f}"
        if self.low is None or self.high is None:
            needs = f"a claim needs {LEAST_UNITS} units with the class and {LEAST_SEEDS} seeds"
            return f"{self.verdict} to say: {what} ({rests}; {needs})"
        bounds = f"[{self.low:+.3f}, {self.high:+.3f}]"
        return f"{self.verdict}: {what} {bounds} ({100 * self.confidence:g} %; {rests})"

    @property
    def _blocks(self) -> str:
        if self.units == 0:
            return "no block holds it"
        these = "this scene" if self.scenes == 1 else f"these {self.scenes} scenes"
        return f"{plural(self.units, 'block')} of {these} alone"


def difference(
    first: Arm,
    second: Arm,
    value: int | None,
    *,
    statistic: Statistic = Statistic.IOU,
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Difference:
    """Compare two arms that were measured on the same units in the same folds.

    The score of an arm is of the counts of all its folds as one set, the seeds of a fold taken as its mean. Chance
    has two sources, crossed with each other: units (whole scenes where there are at least `LEAST_SCENES` that hold
    the class, Davison & Hinkley 1997, section 3.8; else blocks) and, in each fold, seeds. Each is drawn again with
    the other held, for both arms alike, and the variances are added, which counts what is of neither twice and
    errs to the careful side (Owen 2007; drawn at once it would count thrice). Of n seeds n - 1 are drawn, without
    which three would seem to vary by a third less than they do (McCarthy & Snowden 1985). The interval is the
    difference +- t standard errors, with the degrees of freedom of both sources together (Satterthwaite 1946).

    Not in it: how folds differ as training data; with blocks, how other scenes would suit the two arms. A gain
    by blocks is a gain on these scenes, as the sentence says.

    Parameters
    ----------
    first, second
        Counts by unit for each run. Each fold has the same units in all runs of both arms.
    value
        The class; None takes every class but the first as one.

    Raises
    ------
    LabelError
        When the arms differ in folds, seeds or units.
    ConfigError
        When confidence or replicates make no sense.

    Examples
    --------
    >>> from firnline.evaluation.blocks import unit_counts
    >>> truth = np.tile(np.array([0, 1], np.uint8), (32, 32))
    >>> rule, half = truth.copy(), truth.copy()
    >>> half[:, 1::4] = 0
    >>> arms = [{Run("all", None): unit_counts("a", truth, each, 2, side=8)} for each in (rule, half)]
    >>> found = difference(*arms, 1)
    >>> found.verdict.value, found.value, found.units
    ('gain', 0.5, 32)
    """
    if not 0 < confidence < 1 or replicates < 100:
        raise ConfigError(f"an interval of {confidence:g} from {replicates} draws makes no sense")
    measured = _measured(first, second, value)
    number = len(measured.scenes)
    scores = statistic.of(measured.means().sum(axis=0)) if number else np.full(2, np.nan)
    numbers = [None if np.isnan(score) else float(score) for score in scores]
    in_truth = number > 0 and bool(measured.means()[:, :, [0, 2]].any())  # else every map scores 0, however wrong
    gap = float(scores[0] - scores[1]) if None not in numbers and in_truth else None
    low = high = None
    if gap is not None and number >= LEAST_UNITS and (measured.seeds == 0 or measured.seeds >= LEAST_SEEDS):
        half = _half_width(measured, statistic, confidence, replicates, np.random.default_rng(seed))
        low, high = gap - half, gap + half
    return Difference(
        statistic=statistic,
        first=numbers[0],
        second=numbers[1],
        value=gap,
        low=low,
        high=high,
        verdict=_verdict(low, high),
        level=measured.level,
        units=number,
        scenes=len(np.unique(measured.scenes)),
        folds=len(measured.folds),
        seeds=measured.seeds,
        confidence=confidence,
    )


def _verdict(low: float | None, high: float | None) -> Verdict:
    if low is None or high is None:
        return Verdict.TOO_FEW
    if low > 0:
        return Verdict.GAIN
    return Verdict.LOSS if high < 0 else Verdict.NO_DIFFERENCE_FOUND


@dataclass(frozen=True, eq=False)
class _Measured:
    """Both arms over all units that hold the class: whole scenes, or blocks where there are few scenes.

    By fold, float64 (unit, seed, arm, 3), nothing but zeros where a unit is not in it; `scenes` is each unit's.
    """

    level: Level
    scenes: NDArray[np.intp]
    folds: tuple[Floats, ...]
    seeds: int

    def means(self) -> Floats:
        """Counts (unit, arm, 3) over all folds, each with the mean of its seeds."""
        return np.asarray(np.sum([fold.mean(axis=1) for fold in self.folds], axis=0), np.float64)


def _measured(first: Arm, second: Arm, value: int | None) -> _Measured:
    names = {run.fold for run in first}
    if not names or names != {run.fold for run in second}:
        raise LabelError(f"the folds {sorted(names)} and {sorted({run.fold for run in second})} cannot be compared")
    pairs = {fold: _pairs(first, second, fold) for fold in sorted(names)}
    by_unit: dict[Unit, UnitCounts] = {}
    for fold_pairs in pairs.values():
        by_unit |= {each.unit: each for each in fold_pairs[0][0]}
    index = {unit: number for number, unit in enumerate(by_unit)}
    folds = [_fold_counts(fold_pairs, index, value) for fold_pairs in pairs.values()]
    is_used = np.any([fold.any(axis=(1, 2, 3)) for fold in folds], axis=0)
    used = [each for each, keep in zip(by_unit.values(), is_used, strict=True) if keep]
    is_random = any(run.seed is not None for run in (*first, *second))
    fewest = min(len(fold_pairs) for fold_pairs in pairs.values()) if is_random else 0
    scenes = scene_indices(used)
    folds = [fold[is_used] for fold in folds]
    level, count = level_of(scenes)
    if level == Level.SCENES:
        folds = [_by_scene(fold, scenes, count) for fold in folds]
        scenes = np.arange(count)
    return _Measured(level, scenes, tuple(folds), fewest)


def _by_scene(fold: Floats, scenes: NDArray[np.intp], count: int) -> Floats:
    sums = np.zeros((count, *fold.shape[1:]))
    np.add.at(sums, scenes, fold)
    return sums


_Pair = tuple[Sequence[UnitCounts], Sequence[UnitCounts]]


def _pairs(first: Arm, second: Arm, fold: str) -> list[_Pair]:
    """The units of both arms for each seed of a fold."""
    seeds = [{run.seed for run in arm if run.fold == fold} for arm in (first, second)]
    named = sorted({seed for each in seeds for seed in each if seed is not None})
    for each in seeds:
        if each not in ({None}, set(named)):
            raise LabelError(f"fold {fold}: the arms were trained with other seeds than each other")
    seeds_or_none: list[int | None] = [*named] or [None]
    pairs = [(_of(first, fold, seed), _of(second, fold, seed)) for seed in seeds_or_none]
    units = {each.unit for each in pairs[0][0]}
    for side in (side for pair in pairs for side in pair):
        if {each.unit for each in side} != units or len(side) != len(units):
            raise LabelError(f"fold {fold}: the arms were not measured on the same units")
    return pairs


def _of(arm: Arm, fold: str, seed: int | None) -> Sequence[UnitCounts]:
    run = Run(fold, seed)
    return arm[run] if run in arm else arm[Run(fold, None)]


def _fold_counts(pairs: Sequence[_Pair], index: Mapping[Unit, int], value: int | None) -> Floats:
    counts = np.zeros((len(index), len(pairs), 2, 3))
    for column, pair in enumerate(pairs):
        for arm, units in enumerate(pair):
            counts[[index[each.unit] for each in units], column, arm] = class_counts(units, value)
    return counts


def _half_width(
    measured: _Measured,
    statistic: Statistic,
    confidence: float,
    replicates: int,
    rng: np.random.Generator,
) -> float:
    """The t quantile times the standard error of both sources together."""
    number = len(measured.scenes)
    seed_freedom = sum(fold.shape[1] - 1 for fold in measured.folds)
    by_unit = measured.means()
    drawn = [_gaps(np.einsum("ru,uac->rac", w, by_unit), statistic) for w in draws_of(number, replicates, rng)]
    of_units = float(np.nanvar(np.concatenate(drawn))) * number / (number - 1)
    by_seed = [fold.sum(axis=0) for fold in measured.folds]
    sums = [np.einsum("rs,sac->rac", _seed_draws(len(each), replicates, rng), each) for each in by_seed]
    of_seeds = float(np.nanvar(_gaps(np.sum(sums, axis=0), statistic)))
    spread = of_units**2 / (number - 1) + (of_seeds**2 / seed_freedom if seed_freedom else 0.0)
    freedom = (of_units + of_seeds) ** 2 / spread if spread > 0 else number - 1
    return float(stdtrit(freedom, (1 + confidence) / 2)) * sqrt(of_units + of_seeds)


def _gaps(counts: Floats, statistic: Statistic) -> Floats:
    """The first arm's score less the second's, of counts (replicate, arm, 3)."""
    scores = statistic.of(counts)
    return np.asarray(scores[:, 0] - scores[:, 1])


def _seed_draws(count: int, replicates: int, rng: np.random.Generator) -> Floats:
    """Weights (replicate, seed) that sum to one: of n seeds n - 1 are drawn; a single one is what there is."""
    if count == 1:
        return np.ones((replicates, 1))
    return rng.multinomial(count - 1, np.full(count, 1 / count), replicates) / (count - 1)
