"""What the experiment with bands found: its tables and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from firnline.evaluation.paired import Difference, Verdict, difference
from firnline.experiments.amounts import Amount
from firnline.experiments.band_sets import FOREST, BandSet, BandSets, LeftOut
from firnline.experiments.measure import Question
from firnline.experiments.outcome import Cell, Table
from firnline.experiments.paper_numbers import ANOTHER
from firnline.experiments.results import Trial, Trials
from firnline.experiments.scoring import (
    INTERVALS,
    Compared,
    as_interval,
    by_chance,
    differences,
    differences_table,
    iou,
    iou_table,
)
from firnline.experiments.study import Study

WORDS: Final = {
    "indices": "indices",
    "terrain": "elevation and slope",
    "relief": "terrain that goes over to other regions",
}
_PAPER_ON: Final = {"terrain": "+0.10 to +0.14", "indices": "helps where their bands are not given"}


@dataclass(frozen=True)
class Tried:
    """The sets that were tried, with their trials (arms are named as sets), and those that were not."""

    trials: Trials
    sets: tuple[BandSet, ...]
    left_out: tuple[LeftOut, ...]
    full: str
    """The set of all bands, which the others are compared with."""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The forest's choice by fold."""
    forests: tuple[Trial, ...] = ()


@dataclass(frozen=True)
class Learning:
    """Trials with a part of the training data."""

    amount: Amount
    trials: Trials


@dataclass(frozen=True)
class Added:
    """What a group of bands adds to a set, on one question."""

    what: str
    to: str
    question: Question
    difference: Difference


def tables(study: Study, tried: Tried, learning: Sequence[Learning]) -> tuple[Table, ...]:
    """Scores by set, against all bands, what groups add, by amount of training data; the sets; the paper's."""
    against = differences_table(tried.trials, against=tried.full)
    found = [
        iou_table(study, tried.trials, title="IoU by set of bands, over the whole set", first="bands"),
        replace(against, columns=("bands", *against.columns[1:])),
        *([_added_table(tried)] if _added(tried) else []),
        *([_curve_table(learning, tried.full)] if learning else []),
        _sets_table(tried),
        _PAPER,
    ]
    return tuple(found)


def _sets_table(tried: Tried) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (each.name, len(each.bands), ", ".join(each.bands), "tried") for each in tried.sets
    ]
    for bands in dict.fromkeys(tried.choices.values()):
        folds = [fold for fold, own in tried.choices.items() if own == bands]
        where = "tried" if len(folds) == len(tried.choices) else f"tried in fold {', '.join(folds)}"
        rows.append((FOREST, len(bands), ", ".join(bands), where))
    rows += [(each.name, None, None, f"left out: {each.why}") for each in tried.left_out]
    note = (
        "Bands by name. spectral: every optical and thermal band that all scenes have, without the bit field of "
        "quality, which the paper counts among its ten. indices: those of ndvi, ndsi and ndmi that the scenes allow. "
        f"{FOREST}: the bands above the least importance in a forest of the training pixels of the same fold."
    )
    return Table("sets", "The sets of bands", ("set", "bands", "which", "tried?"), tuple(rows), note)


def _added(tried: Tried) -> list[Added]:
    pairs = BandSets(tried.sets, (), tried.full).pairs()
    return [
        Added(what, without.name, question, difference(runs, other, 1))
        for what, each, without in pairs
        for question in tried.trials.questions
        if (runs := tried.trials.runs(each.name, question)) and (other := tried.trials.runs(without.name, question))
    ]


def _added_table(tried: Tried) -> Table:
    rows = tuple(
        (WORDS[each.what], each.to, each.question, as_interval(gap), str(gap.verdict), _PAPER_ON.get(each.what))
        for each in _added(tried)
        for gap in (each.difference,)
    )
    note = "IoU with less IoU without, on the same blocks in the same folds; the paper's are of another data set."
    columns = ("added", "to", "class", "IoU with less without", "verdict", "the paper's")
    return Table("added", "What indices and terrain add", columns, rows, note)


def _curve_table(learning: Sequence[Learning], full: str) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for part in learning:
        gaps = {(each.arm, each.question): each.difference for each in differences(part.trials, full)}
        for question in part.trials.questions:
            for arm in part.trials.arms:
                gap = gaps.get((arm, question))
                cells = (None, "-") if gap is None else (as_interval(gap), str(gap.verdict))
                rows.append((part.amount.words, arm, question, iou(part.trials.units(arm, question)), *cells))
    note = (
        f"Each part holds the smaller ones; every network is trained for as long as with all data. {INTERVALS} How "
        "another draw of the same size would do is not in the intervals."
    )
    columns = ("trained on", "bands", "class", "IoU", f"IoU less that of {full}", "verdict")
    return Table("amounts", "IoU by amount of training data", columns, tuple(rows), note)


_PAPER: Final = Table(
    "paper-figure-2",
    "What the paper's Figure 2 shows (another data set)",
    ("finding", "in the paper"),
    (
        ("elevation and slope added", "+0.10 to +0.14 IoU"),
        ("the best set", "all 15 bands"),
        ("the forest's choice", "slope, elevation, ndsi, swir22, ndmi, lwir_low_gain, ndvi: not the best"),
        ("indices added", "help where the bands that they are made of are not given"),
    ),
    f"{ANOTHER} It gives no table of these scores.",
)


def sentences(tried: Tried, learning: Sequence[Learning]) -> tuple[str, ...]:
    """What was found, a sentence each; that nothing was found is told as well."""
    return (*_against_full(tried), *_what_adds(tried), *_with_little(learning, tried.full), *_not_tried(tried))


def _against_full(tried: Tried) -> list[str]:
    """By class, and what chance alone makes of so many comparisons."""
    gaps = differences(tried.trials, tried.full)
    told = [
        f"{question.capitalize()}, each set against {tried.full} (all bands). {_by_verdict(gaps, question)}."
        for question in tried.trials.questions
    ]
    return [*told, *by_chance([each.difference for each in gaps])]


_HEADS: Final = {
    Verdict.GAIN: "Better",
    Verdict.LOSS: "Worse",
    Verdict.NO_DIFFERENCE_FOUND: "No difference found",
    Verdict.TOO_FEW: "Too few blocks or seeds to say",
}


def _by_verdict(gaps: Sequence[Compared], question: Question) -> str:
    own = [each for each in gaps if each.question == question]
    named = {verdict: [each.arm for each in own if each.difference.verdict == verdict] for verdict in Verdict}
    return "; ".join(f"{head}: {', '.join(named[verdict])}" for verdict, head in _HEADS.items() if named[verdict])


def _what_adds(tried: Tried) -> list[str]:
    told = []
    for what, words in WORDS.items():
        for question in tried.trials.questions:
            own = [each.difference for each in _added(tried) if each.what == what and each.question == question]
            values = [each.value for each in own if each.value is not None]
            if values:
                counts = ((sum(each.verdict == verdict for each in own), verdict) for verdict in Verdict)
                verdicts = ", ".join(f"{count} {verdict}" for count, verdict in counts if count)
                paper = f"; in the paper, on another data set: {_PAPER_ON[what]}" if what in _PAPER_ON else ""
                told.append(
                    f"{question.capitalize()}, {words} added to {len(own)} sets: IoU {min(values):+.3f} to "
                    f"{max(values):+.3f} ({verdicts}{paper})."
                )
    return told


def _with_little(learning: Sequence[Learning], full: str) -> list[str]:
    return [
        f"{question.capitalize()}, trained on {least.amount.words}, against {full}. {_by_verdict(gaps, question)}."
        for least in learning[:1]
        for gaps in (differences(least.trials, full),)
        for question in least.trials.questions
        if any(each.question == question for each in gaps)
    ]


def _not_tried(tried: Tried) -> list[str]:
    by_why: dict[str, list[str]] = {}
    for each in tried.left_out:
        by_why.setdefault(each.why, []).append(each.name)
    return [f"Left out, because {_because(why)}: {', '.join(names)}." for why, names in by_why.items()]


def _because(why: str) -> str:
    return f"it {why}" if why.startswith("has") else why
