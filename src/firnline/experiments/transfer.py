"""Section 6 of the paper asks how models do elsewhere: train on one region or sensor, test on another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import Field

from firnline.evaluation.blocks import UnitCounts
from firnline.evaluation.bootstrap import Interval, interval
from firnline.evaluation.paired import LEAST_SEEDS, Difference, Run, difference
from firnline.experiments.config import Settings, section
from firnline.experiments.folds import Fold
from firnline.experiments.measure import QUESTIONS, Question
from firnline.experiments.outcome import Cell, Outcome, Table
from firnline.experiments.paper_numbers import ANOTHER
from firnline.experiments.results import Trials
from firnline.experiments.scoring import INTERVALS, as_interval, by_chance, iou, rules_in_words
from firnline.experiments.study import Study
from firnline.experiments.transfer_figure import heat_maps
from firnline.experiments.transfer_pairs import Pair, ends_of, pairs_of, work_of
from firnline.experiments.trivial import EVERYTHING, RULE, trivial_trials

PAPER: Final = Table(
    "paper-section-6",
    "What the paper says (another data set)",
    ("where", "statement"),
    (
        ("section 6", "how well the methods carry over to regions outside of the Hindu Kush Himalaya is left open"),
        ("Figure 9", "within it, performance slightly increases in geographically disjoint test regions"),
    ),
    ANOTHER,
)


class TransferSettings(Settings):
    """What the experiment `transfer` takes."""

    by: Literal["region", "sensor"] | None = None
    """What is trained on and tested on; without it the regions of the configuration, or sensors where it has none."""
    models: Annotated[tuple[str, ...], Field(min_length=1)] = ("unet", "firn")
    """Models, or arms of the configuration."""


@dataclass(frozen=True, eq=False)
class Cells:
    """The results of all pairs."""

    pairs: tuple[Pair, ...]
    trials: Trials
    trivial: Trials

    def runs(self, pair: Pair, question: Question, scenes: Sequence[str]) -> dict[Run, tuple[UnitCounts, ...]]:
        """The counts of a pair by seed, of some of the scenes that it was tested on."""
        assert pair.arm is not None
        assert pair.fold is not None
        own = self.trials.only(arm=pair.arm.name, fold=pair.fold.name)
        runs = own.runs(pair.arm.name, question, scenes)
        return {Run(pair.target.name, run.seed): units for run, units in runs.items()}

    def score(self, pair: Pair, question: Question) -> Interval | None:
        """IoU over all that a pair was tested on; None where there is none."""
        if pair.arm is None or pair.fold is None:
            return None
        own = self.trials.only(arm=pair.arm.name, fold=pair.fold.name)
        return iou(own.units(pair.arm.name, question, _names(pair)))

    def untrained(self, pair: Pair, question: Question, name: str) -> float | None:
        """The IoU of what needs no training on the same scenes."""
        for fold in self.trivial.folds:
            if {scene.name for scene in fold.test} >= set(_names(pair)):
                units = self.trivial.only(fold=fold.name).units(name, question, _names(pair))
                return interval(units, 1).value if units else None
        return None

    def home(self, pair: Pair) -> Pair | None:
        """The same model, trained where a pair is tested."""
        return next(
            (p for p in self.pairs if p.is_home and p.arm and (p.model, p.target) == (pair.model, pair.target)), None
        )

    def against(self, pair: Pair, other: Pair, question: Question) -> Difference | None:
        """A pair against another with the same target, on the scenes that both were tested on."""
        common = [name for name in _names(pair) if name in _names(other)]
        first, second = (self.runs(each, question, common) for each in (pair, other))
        return difference(first, second, 1) if first and second else None

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """What any pair answers."""
        return tuple(q for q in QUESTIONS if any(self.score(pair, q) is not None for pair in self.pairs))

    @cached_property
    def models(self) -> tuple[str, ...]:
        """The models, those with optional bands included."""
        return tuple(dict.fromkeys(pair.model for pair in self.pairs))


def _names(pair: Pair) -> tuple[str, ...]:
    return tuple(each.name for each in pair.tested)


def run(study: Study) -> Outcome:
    """Train every model on every region or sensor, and test it on every other, and at home where a part is held out.

    Raises
    ------
    ConfigError
        When there are fewer than two regions or sensors, or no pair of them goes together.
    """
    own = section(study.config, "transfer", TransferSettings)
    for name in own.models:
        study.require_model(name, "settings.transfer.models")
    ends = ends_of(study, own.by)
    pairs = pairs_of(study, ends, own.models)
    if not any(pair.arm is not None and not pair.is_home for pair in pairs):
        first = next(pair for pair in pairs if not pair.is_home)
        why = f"no pair goes together: {first.source.name} to {first.target.name}: {first.why_not}"
        raise study.refusal(why, "see docs/experiments.md, transfer")
    cells = _tested(study, pairs)
    tables = (_matrix(cells), _differences(cells), _models(cells), PAPER)
    figures = heat_maps(cells, [end.name for end in ends])
    title = "Transfer: trained on one, tested on another"
    question = "Does a model trained on one region or sensor map another?"
    settings = {**own.model_dump(), "ends": {end.name: [each.name for each in end.all] for end in ends}}
    return Outcome(title, question, tables, figures, _sentences(cells), settings, cells.trials)


def _tested(study: Study, pairs: tuple[Pair, ...]) -> Cells:
    done = [study.trials([arm], folds) for arm, folds in work_of(pairs).values()]
    folds = dict.fromkeys(fold for each in done for fold in each.folds)
    trials = Trials(tuple(trial for each in done for trial in each), tuple(folds))
    ends = {pair.target.name: pair.target for pair in pairs}
    untrained = [Fold(f"of-{name}", test=tuple(each.scene for each in end.all)) for name, end in ends.items()]
    return Cells(pairs, trials, trivial_trials(study, untrained))


def _matrix(cells: Cells) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for pair in cells.pairs:
        notes = "; ".join((*((pair.why_not,) if pair.why_not else ()), *pair.notes))
        said = [
            value
            for question in cells.questions
            for value in (
                cells.score(pair, question),
                *(cells.untrained(pair, question, name) for name in (EVERYTHING, RULE)),
            )
        ]
        what = "held-out part" if pair.is_home else "all"
        rows.append((pair.model, pair.source.name, pair.target.name, what, len(pair.tested), *said, notes))
    columns = [
        name for question in cells.questions for name in (question, f"{question}: everything", f"{question}: rule")
    ]
    note = (
        f"IoU over all scenes of the target, at home over those held out. {INTERVALS} Everything: a map that shows "
        f"nothing but the class; rule: the untrained one ({rules_in_words(cells.questions)})."
    )
    head = ("model", "trained on", "tested on", "part", "scenes")
    return Table("transfer", "IoU by pair", (*head, *columns, "remarks"), tuple(rows), note)


def _differences(cells: Cells) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for pair in cells.pairs:
        home = cells.home(pair)
        if pair.arm is None or pair.is_home or home is None:
            continue
        for question in cells.questions:
            found = cells.against(pair, home, question)
            if found is not None:
                ways = (pair.source.name, pair.target.name, question, found.first, found.second)
                rows.append((pair.model, *ways, as_interval(found), str(found.verdict)))
    columns = ("model", "trained on", "tested on", "class", "IoU", "IoU trained there", "difference", "verdict")
    note = (
        "On the scenes held out of the target alone, where both were tested; paired by block and seed. The model "
        "trained there has seen that region, and perhaps more or fewer scenes."
    )
    return Table("home", "Trained elsewhere less trained there", columns, tuple(rows), note)


def _models(cells: Cells) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for pair in cells.pairs:
        first = _first(cells, pair)
        for question in cells.questions if first is not None and pair.arm is not None else ():
            assert first is not None
            found = cells.against(pair, first, question)
            if found is not None:
                ways = (pair.source.name, pair.target.name, question, found.first, found.second)
                rows.append((pair.model, *ways, as_interval(found), str(found.verdict)))
    against = cells.models[0]
    columns = ("model", "trained on", "tested on", "class", "IoU", f"IoU {against}", "difference", "verdict")
    note = (
        f"A gain or a loss is claimed only where the interval excludes zero, from {LEAST_SEEDS} seeds on. Every "
        "interval is of its own comparison: of many, some exclude zero by chance."
    )
    return Table("models", f"Models less {against}, pair by pair", columns, tuple(rows), note)


def _first(cells: Cells, pair: Pair) -> Pair | None:
    """The first model on the same pair."""
    model = cells.models[0]
    same = (p for p in cells.pairs if p.arm and (p.model, p.source, p.target) == (model, pair.source, pair.target))
    return None if pair.model == model else next(same, None)


def _sentences(cells: Cells) -> tuple[str, ...]:
    said = []
    gaps: list[Difference] = []
    for pair in cells.pairs:
        if pair.is_home:
            continue
        ways = f"{pair.model}, {pair.source.name} to {pair.target.name}"
        if pair.arm is None:
            said.append(f"{ways}: cannot be: {pair.why_not}.")
            continue
        home = cells.home(pair)
        for question in cells.questions:
            score = cells.score(pair, question)
            if score is None or score.value is None:
                continue
            trivial = {name: cells.untrained(pair, question, name) for name in (RULE, EVERYTHING)}
            beside = ", ".join(f"{name} {value:.3f}" for name, value in trivial.items() if value is not None)
            found = None if home is None else cells.against(pair, home, question)
            gaps += [] if found is None else [found]
            rest = "" if found is None else f"; against the model trained there: {found.sentence}"
            said.append(f"{ways}, {question}: IoU {score.text} ({beside}){rest}.")
    return (*said, *by_chance(gaps))
