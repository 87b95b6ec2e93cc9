"""The tables that most experiments end in: scores with intervals beside the trivial ones, and paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from statistics import stdev
from typing import Final

from firnline.evaluation.blocks import Unit, UnitCounts, summed
from firnline.evaluation.bootstrap import LEAST_SCENES, Interval, interval, plural
from firnline.evaluation.debris_share import by_debris
from firnline.evaluation.glacier_size import NEAR
from firnline.evaluation.paired import LEAST_SEEDS, Difference, Verdict, difference
from firnline.evaluation.rules import RULES
from firnline.evaluation.scores import scores
from firnline.experiments.measure import RULE_OF, Question
from firnline.experiments.outcome import Cell, Table
from firnline.experiments.results import Trials
from firnline.experiments.study import Study
from firnline.experiments.trivial import EVERYTHING, trivial_trials

INTERVALS: Final = (
    f"In brackets: the 95 % bootstrap interval over scenes, or over blocks where fewer than {LEAST_SCENES} scenes "
    "hold the class (it is then about these scenes, not about others); chance in training is not in it."
)
"""Of scores of single arms."""

SPREAD: Final = "Spread: the standard deviation over seeds."


def iou_table(
    study: Study, trials: Trials, *, name: str = "iou", title: str = "IoU over the whole set", first: str = "model"
) -> Table:
    """IoU of every arm for every question, with its interval and spread over seeds, and the trivial scores below."""
    trivial = trivial_trials(study, trials.folds)
    questions = trials.questions
    columns = [first]
    for question in questions:
        columns += [question, f"{question}: spread"]
    rows = [_iou_row(each, arm, questions) for each in (trials, trivial) for arm in each.arms]
    note = f"{INTERVALS} {SPREAD} The untrained rules: {rules_in_words(questions)}; a dash where bands lack for them."
    return Table(name, title, (*columns, "parameters", "CPU minutes a training"), tuple(rows), note)


def rules_in_words(questions: Sequence[Question]) -> str:
    """The untrained rule of each class, and what takes its place where a scene lacks its features.

    Examples
    --------
    >>> rules_in_words(["clean ice", "glacier"])  # doctest: +NORMALIZE_WHITESPACE
    'clean ice: ndsi > 0.4; glacier: ndsi > 0.4, or slope < 15 and ndsi < 0.3 and ndvi < 0.1 (where a test scene lacks
    slope, ndsi or ndvi: ndsi > 0.4)'
    """

    def words(question: Question) -> str:
        first, *others = RULES[RULE_OF[question]]
        *needs, last = first.needs
        instead = "".join(f" (where a test scene lacks {', '.join(needs)} or {last}: {r.words})" for r in others)
        return f"{question}: {first.words}{instead}"

    return "; ".join(words(question) for question in questions)


def _iou_row(trials: Trials, arm: str, questions: tuple[Question, ...]) -> tuple[Cell, ...]:
    cells: list[Cell] = [arm]
    for question in questions:
        cells += [iou(trials.units(arm, question)), spread(trials.only(arm=arm), question)]
    own = list(trials.only(arm=arm))
    minutes = sum(trial.cpu_minutes for trial in own) / len(own)
    return (*cells, own[0].parameters or None, round(minutes, 3) or None)


def iou(units: tuple[UnitCounts, ...]) -> Interval | None:
    """IoU of the whole set with its interval; None where the question was not answered."""
    return interval(units, 1) if units else None


def spread(trials: Trials, question: Question) -> float | None:
    """The standard deviation over seeds (n - 1) of an arm's IoU of all folds together; None of fewer than two."""
    found = []
    for seed in trials.seeds:
        [arm] = trials.arms
        units = trials.only(seed=seed).units(arm, question) if seed is not None else ()
        value = scores(summed(units), 1).iou if units else None
        if value is not None:
            found.append(value)
    return stdev(found) if len(found) > 1 else None


@dataclass(frozen=True)
class Compared:
    """An arm against another, on one question."""

    arm: str
    against: str
    question: Question
    difference: Difference

    @property
    def sentence(self) -> str:
        """What was found."""
        return f"{self.question.capitalize()}, {self.arm} against {self.against}: {self.difference.sentence}."


@lru_cache(maxsize=8)
def differences(trials: Trials, against: str) -> tuple[Compared, ...]:
    """Every arm against one of them, on every question that both answer: paired by block over folds and seeds."""
    return tuple(
        Compared(arm, against, question, difference(trials.runs(arm, question), other, 1))
        for question in trials.questions
        if (other := trials.runs(against, question))
        for arm in trials.arms
        if arm != against and trials.answers(arm, question)
    )


def differences_table(
    trials: Trials, *, against: str, name: str = "differences", title: str = "Paired differences of IoU"
) -> Table:
    """`differences` as a table with their intervals and verdicts."""
    rows = tuple(
        (each.arm, each.question, as_interval(found), str(found.verdict), _basis(found))
        for each in differences(trials, against)
        for found in (each.difference,)
    )
    note = (
        f"IoU less that of {against}, on the same blocks in the same folds. A gain or a loss is claimed only where "
        f"the interval excludes zero, from {LEAST_SEEDS} seeds on; blocks (or scenes) and seeds are both drawn again "
        "for it. Every interval is of its own comparison: of many, some exclude zero by chance."
    )
    return Table(name, title, ("model", "class", f"IoU less that of {against}", "verdict", "rests on"), rows, note)


def found(trials: Trials, *, against: str) -> tuple[str, ...]:
    """A sentence for each of `differences`, and how many of so many comparisons chance alone would decide."""
    gaps = differences(trials, against)
    return (*(each.sentence for each in gaps), *by_chance([each.difference for each in gaps]))


def by_chance(gaps: Sequence[Difference]) -> tuple[str, ...]:
    """A sentence on what chance alone makes of so many comparisons; none where nothing is claimed, or one is made."""
    compared = [each for each in gaps if each.verdict != Verdict.TOO_FEW]
    claimed = sum(each.verdict != Verdict.NO_DIFFERENCE_FOUND for each in compared)
    if claimed == 0 or len(compared) < 2:
        return ()
    share = 1 - compared[0].confidence
    return (
        f"These are {len(compared)} comparisons at {100 * (1 - share):g} %, not independent of each other: where "
        f"nothing differs, {share * len(compared):.1g} of them would seem to differ on average; here {claimed} "
        f"{'does' if claimed == 1 else 'do'}.",
    )


def as_interval(each: Difference) -> Interval:
    """A difference as a table's cell."""
    basis = (each.level, each.units, each.confidence, each.seeds or None)
    return Interval(each.statistic, each.value, each.low, each.high, *basis)


def _basis(each: Difference) -> str:
    units = plural(each.units, each.level.value.removesuffix("s"))
    return f"{units}, {plural(each.folds, 'fold')}, {plural(each.seeds, 'seed')}"


def boundary_table(trials: Trials, *, name: str = "boundary", title: str = "Boundaries and areas") -> Table:
    """How far boundaries lie from true ones, and how much too large the mapped area is."""
    rows: list[tuple[Cell, ...]] = []
    for question in trials.questions:
        for arm in trials.arms:
            far, units = trials.boundary(arm, question), trials.units(arm, question)
            if far is None or not units:
                continue
            both = far.symmetric
            cells = (_metres(both.quantile(0.5), both.reach), _metres(both.quantile(0.95), both.reach))
            rows.append((arm, question, *cells, scores(summed(units), 1).area_error, _unmapped(units)))
    note = (
        "Distances between mapped and true boundaries in both directions, over all folds and seeds; the area bias is "
        "0.1 for 10 % too much. Not mapped: the share of the pixels of known truth that the map leaves unknown; no "
        "score counts them."
    )
    columns = ("model", "class", "median, m", "95 %, m", "area bias", "share not mapped")
    return Table(name, title, columns, tuple(rows), note)


def _metres(found: float | None, reach: float) -> Cell:
    if found is None:
        return None
    return f"> {reach:.0f}" if found == inf else round(found)


def _unmapped(units: tuple[UnitCounts, ...]) -> float:
    return summed(units).unmapped_share


def sizes_table(trials: Trials, *, name: str = "sizes", title: str = "By glacier size") -> Table | None:
    """Recall and IoU by the size of the true glaciers; None where no truth has whole glaciers."""
    rows: list[tuple[Cell, ...]] = []
    for arm in trials.arms:
        whole, once = trials.sizes(arm), trials.only(seed=trials.seeds[0]).sizes(arm)
        if whole is None or once is None:
            continue
        for each, counted in zip(whole.classes, once.classes, strict=True):
            if counted.glaciers:
                size = f"from {each.at_least:g}" if each.below == inf else f"{each.at_least:g} to {each.below:g}"
                rows.append((arm, size, counted.glaciers, counted.cut, each.recall, each.iou))
    if not rows:
        return None
    note = (
        "A glacier is here a piece of true ice that touches no other, however many glaciers flow together in it; "
        "those cut by an edge or by unknown truth may be larger. IoU counts what is wrongly mapped within "
        f"{NEAR:g} m of one."
    )
    columns = ("model", "size, km²", "glaciers", "of these cut", "recall", "IoU near")
    return Table(name, title, columns, tuple(rows), note)


def debris_table(
    study: Study, trials: Trials, *, name: str = "debris", title: str = "Glacier IoU by the share of debris"
) -> Table | None:
    """IoU of glacier over blocks with more than t % debris; None where the truth does not tell debris from ice."""
    percent = debris_shares(study, trials)
    arms = {arm: trials.units(arm, "glacier") for arm in trials.arms if trials.answers(arm, "glacier")}
    if not percent or not arms:
        return None
    arms[EVERYTHING] = trivial_trials(study, trials.folds).units(EVERYTHING, "glacier")
    rows: list[tuple[Cell, ...]] = [
        (f"> {row.percent:g} %", row.chips, row.share, *(row.scores[arm] for arm in arms))
        for row in by_debris(arms, percent)
    ]
    columns = ("blocks with debris", "blocks", "share of blocks", *arms)
    return Table(name, title, columns, tuple(rows), f"{_BLOCKS.format(study.config.block)} {INTERVALS}")


_BLOCKS: Final = (
    "Blocks of {} pixels. Where there is more debris there is more glacier as well: see what a map scores that shows "
    "nothing else."
)


def debris_shares(study: Study, trials: Trials) -> dict[Unit, float]:
    """The debris of each block in % of its known pixels, of scenes whose truth tells debris and glaciers."""
    truth = trivial_trials(study, trials.folds)
    whole = {unit.unit for unit in truth.units(EVERYTHING, "glacier")}
    pixels = {unit.unit: unit.true_pixels for unit in truth.units(EVERYTHING, "debris") if unit.unit in whole}
    return {unit: 100 * each[1] / sum(each) for unit, each in pixels.items() if sum(each)}
