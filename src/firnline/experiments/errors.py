"""Section 4: where errors come from, by what the ground is like there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Final

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from pydantic import Field

from firnline.classes import UNKNOWN, Classes
from firnline.evaluation.blocks import UnitCounts, unit_counts
from firnline.evaluation.bootstrap import Interval, Statistic, interval
from firnline.experiments.config import section
from firnline.experiments.figures import COLOURS, INK, canvas, png_of
from firnline.experiments.mapped_scenes import MappedScene, mapped_scenes
from firnline.experiments.measure import Question, answers
from firnline.experiments.outcome import Cell, Figure, Outcome, Table
from firnline.experiments.paper_numbers import ANOTHER
from firnline.experiments.results import Trials, added
from firnline.experiments.scoring import iou_table
from firnline.experiments.strata import DEBRIS, EDGE, REST, SNOW, STRATA, Ground, Mask, StrataSettings, rules
from firnline.experiments.study import Study

NAME: Final = "errors"
ALL: Final = "all pixels"

SECTION_4: Final = Table(
    "paper-section-4",
    "What the paper says of errors (another data set)",
    ("where", "the paper says"),
    (
        ("section 4", "clean ice glaciers are often confused with snow, resulting in false positives"),
        ("section 4", "debris-covered glaciers are more similar to the background, often leading to false negatives"),
        (
            "section 1, of methods before",
            "affected by cloud cover, highly variable snow conditions, and the spectral similarity of supra-glacial "
            "debris with moraines and bedrock",
        ),
    ),
    f"{ANOTHER} The paper gives no numbers for these.",
)


class ErrorsSettings(StrataSettings):
    """Which models, and the thresholds of the strata."""

    models: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Without it the configuration's `model`."""


def run(study: Study) -> Outcome:
    """Train and test the models, and put every pixel into strata.

    Raises
    ------
    ConfigError
        When a model is not known.
    """
    own = section(study.config, NAME, ErrorsSettings)
    models = own.models or (study.config.model,)
    for model in models:
        study.require_model(model, "settings.errors.models")
    trials = study.trials([study.arm(model) for model in models])
    counted, told = count(trials, own, study.config.block)
    sentences = [sentence for each in counted for sentence in _sentences(each)]
    never = [name for name in STRATA if not told.scenes_with(name)]
    if never:
        reasons = "; ".join(f"{name} ({told.reasons(name)})" for name in never)
        sentences.append(
            f"What these scenes do not tell: {reasons}. Such pixels are in other strata, or in the rest."
        )
    return Outcome(
        "Errors: where they come from",
        "What is the ground like where the map is wrong?",
        (
            _attribution_table(counted),
            _strata_table(counted),
            _rules_table(told, own),
            iou_table(study, trials),
            SECTION_4,
        ),
        (_figure(counted, trials),),
        tuple(sentences),
        own.model_dump() | {"models": list(trials.arms)},
        trials,
    )


@dataclass(eq=False)
class Counted:
    """The pixels of one arm and question, all folds and seeds as one set.

    `counts` are by stratum, which overlap, and of `ALL`: true positives, false positives, false negatives, true
    negatives.
    `alone` are the same with every pixel in the first of the strata in which it lies, or in `REST`.
    """

    arm: str
    question: Question
    counts: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    alone: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    units: dict[str, list[UnitCounts]] = field(default_factory=dict)
    """By stratum and block: wrong pixels as true positives, right ones as false positives, so that the precision is
    the share of wrong ones."""

    def add(self, name: str, truth: Classes, said: Classes, strata: dict[str, Mask], side: int) -> None:
        """Count a map of a test scene: truth and map as 1, 0 or 255."""
        scored = (truth != UNKNOWN) & (said != UNKNOWN)
        kind = np.where(truth == 1, np.where(said == 1, 0, 2), np.where(said == 1, 1, 3))
        wrong = ((kind == 1) | (kind == 2)).astype(np.uint8)
        left = scored.copy()
        for stratum, mask in {ALL: scored, **strata}.items():
            inside = scored & mask
            _count(self.counts, stratum, kind[inside])
            ones = np.ones(truth.shape, np.uint8)
            held = np.where(inside, wrong, np.uint8(UNKNOWN))
            self.units.setdefault(stratum, []).extend(unit_counts(name, held, ones, 2, side))
            if stratum != ALL:
                _count(self.alone, stratum, kind[left & mask])
                left &= ~mask
        _count(self.alone, REST, kind[left])

    def rate(self, stratum: str) -> Interval:
        """The share of wrong pixels in a stratum, with its interval."""
        return interval(added(self.units[stratum]), 1, statistic=Statistic.PRECISION)

    def share(self, stratum: str, kind: int, *, alone: bool = False) -> float | None:
        """The share of all false positives (1) or false negatives (2) that lie in a stratum."""
        whole = int(self.counts[ALL][kind])
        part = (self.alone if alone else self.counts).get(stratum)
        return None if whole == 0 or part is None else int(part[kind]) / whole


def _count(there: dict[str, NDArray[np.int64]], stratum: str, kinds: NDArray[np.int64]) -> None:
    there[stratum] = there.get(stratum, np.zeros(4, np.int64)) + np.bincount(kinds, minlength=4)


@dataclass(eq=False)
class Told:
    """Which test scenes tell a stratum, and why others do not."""

    scenes: dict[str, dict[str, str]] = field(default_factory=dict)
    """By scene: the strata that it does not tell, and why."""

    def scenes_with(self, stratum: str) -> int:
        """How many scenes tell a stratum."""
        return sum(stratum not in why for why in self.scenes.values())

    def reasons(self, stratum: str) -> str:
        """Why the others do not, each reason once."""
        return "; ".join(dict.fromkeys(why[stratum] for why in self.scenes.values() if stratum in why))


def count(trials: Trials, own: StrataSettings, side: int) -> tuple[tuple[Counted, ...], Told]:
    """Put the pixels of all test scenes into strata, for every arm and question."""
    counted: dict[tuple[str, Question], Counted] = {}
    told = Told()
    for each in mapped_scenes(trials):
        ground = Ground(each.scene, each.origin, own)
        strata, why = ground.strata()
        told.scenes[each.scene.name] = why
        for arm, question, truth, said in _maps(each, trials):
            inside = {EDGE: ground.edge(truth), **strata}
            ordered = {name: inside[name] for name in STRATA if name in inside}
            own_counts = counted.setdefault((arm, question), Counted(arm, question))
            own_counts.add(each.scene.name, truth, said, ordered, side)
    order = [(arm, question) for arm in trials.arms for question in trials.questions]
    return tuple(counted[key] for key in order if key in counted), told


def _maps(each: MappedScene, trials: Trials) -> Iterator[tuple[str, Question, Classes, Classes]]:
    for question in answers(each.scene.scheme):
        if question in trials.questions:
            for (arm, _), (truth, said) in each.sides(question).items():
                yield arm, question, truth, said


def _attribution_table(counted: tuple[Counted, ...]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for each in counted:
        whole = each.counts[ALL]
        wrong = int(whole[1] + whole[2])
        for stratum in [*(name for name in STRATA if name in each.alone), REST]:
            part = each.alone[stratum]
            shares = (each.share(stratum, kind, alone=True) for kind in (1, 2))
            of_all = int(part[1] + part[2]) / wrong if wrong else None
            rows.append((each.arm, each.question, stratum, int(part[1]), int(part[2]), *shares, of_all))
        rows.append((each.arm, each.question, "all errors", int(whole[1]), int(whole[2]), *_whole(whole)))
    columns = (
        *("model", "class", "put down to", "false positives, pixels", "false negatives, pixels"),
        *("share of false positives", "share of false negatives", "share of all errors"),
    )
    note = (
        f"Every error is put down to the first of {', '.join(STRATA)} in which it lies, else to the rest: the rows "
        "add up to all errors. Pixels of all folds and seeds. False negatives of debris that nothing before "
        "explains end in `debris`. It says where errors lie, not that they would go with the cause."
    )
    return Table("attribution", "Every error put down to one stratum", columns, tuple(rows), note)


def _whole(whole: NDArray[np.int64]) -> tuple[Cell, Cell, Cell]:
    return (1.0 if whole[1] else None, 1.0 if whole[2] else None, 1.0 if whole[1] + whole[2] else None)


def _strata_table(counted: tuple[Counted, ...]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for each in counted:
        whole, overall = each.counts[ALL], each.rate(ALL).value
        for stratum in (ALL, *(name for name in STRATA if name in each.counts)):
            part, rate = each.counts[stratum], each.rate(stratum)
            area = int(part.sum()) / int(whole.sum()) if whole.sum() else None
            times = rate.value / overall if rate.value is not None and overall else None
            rows.append(
                (
                    *(each.arm, each.question, stratum, area, each.share(stratum, 1), each.share(stratum, 2)),
                    rate,
                    times,
                )
            )
    columns = (
        *("model", "class", "stratum", "share of the pixels", "share of false positives", "share of false negatives"),
        *("error rate", "times that of all"),
    )
    note = (
        "Strata overlap: the shares do not add up to 1. A stratum that holds a larger share of the errors than of "
        "the pixels is where the map is worse than elsewhere. Of debris as a class, all false negatives lie in "
        "the stratum of that name by definition. In brackets: the 95 % bootstrap interval over scenes, or over "
        "blocks where there are fewer than 8 scenes."
    )
    return Table("strata", "Errors by stratum", columns, tuple(rows), note)


def _rules_table(told: Told, own: StrataSettings) -> Table:
    count = len(told.scenes)
    rows = tuple(
        (name, rule, source, f"{told.scenes_with(name)} of {count}", told.reasons(name) or None)
        for name, (rule, source) in rules(own).items()
    )
    note = (
        "In the order of attribution. A pixel is in no stratum by a band that is unknown there; shadows that "
        "ridges cast are found by darkness or flags alone."
    )
    return Table(
        "rules", "The strata", ("stratum", "rule", "after", "test scenes that tell it", "why not"), rows, note
    )


def _sentences(each: Counted) -> Iterator[str]:
    for kind, name in ((1, "false positives"), (2, "false negatives")):
        shares = {stratum: each.share(stratum, kind, alone=True) for stratum in each.alone}
        first = sorted(((s, n) for n, s in shares.items() if s and s >= 0.005), reverse=True)[:3]
        if not first:
            none = " (the truth holds none of the class)" if kind == 2 and not each.counts[ALL][[0, 2]].any() else ""
            yield f"{each.question}, {each.arm}: no {name}{none}."
            continue
        listed = ", ".join(f"{stratum} {100 * share:.0f} %" for share, stratum in first)
        pixels = f"{int(each.counts[ALL][kind])} pixels of all folds and seeds"
        yield f"{each.question}, {each.arm}: {name} ({pixels}) are first of all put down to: {listed}."
    yield from _beside_the_paper(each)


def _beside_the_paper(each: Counted) -> Iterator[str]:
    """What bears on the two things that the paper says: of snow, and of debris."""
    on_snow, snow = each.share(SNOW, 1), each.counts.get(SNOW)
    if each.question != "debris" and on_snow is not None and snow is not None:
        area = int(snow.sum()) / int(each.counts[ALL].sum())
        yield (
            f"{each.question}, {each.arm}: {100 * on_snow:.0f} % of the false positives lie on snow, which covers "
            f"{100 * area:.0f} % of the pixels (the paper, on another data set: clean ice is often confused with "
            "snow)."
        )
    part, whole = (each.counts.get(name, np.zeros(4, np.int64)) for name in (DEBRIS, ALL))
    true = int(part[0] + part[2])
    if each.question != "clean ice" and true:
        of_rest = (int(whole[2] - part[2]), int(whole[0] + whole[2]) - true)
        others = f", of the other true glacier {100 * of_rest[0] / of_rest[1]:.0f} %" if of_rest[1] else ""
        yield (
            f"{each.question}, {each.arm}: {100 * int(part[2]) / true:.0f} % of the true debris is missed{others} "
            "(the paper, on another data set: debris often leads to false negatives)."
        )


def _figure(counted: tuple[Counted, ...], trials: Trials) -> Figure:
    """A row a model, a column a class: false negatives to the left, false positives to the right."""
    arms, questions = trials.arms, trials.questions
    names = [*STRATA, REST]
    figure = canvas(2.0 + 3.0 * len(questions), 1.0 + 2.6 * len(arms))
    panels = figure.subplots(len(arms), len(questions), sharey=True, squeeze=False)
    for each in counted:
        _panel(panels[arms.index(each.arm), questions.index(each.question)], each, names)
    panels[0, 0].invert_yaxis()
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=2, frameon=False, fontsize=8)
    caption = (
        "Every error put down to the first stratum, from above, in which it lies, as a share of all errors of "
        "that model and class. Strata that no test scene tells are marked."
    )
    return Figure("by-cause", "Errors by what the ground is like", caption, png_of(figure))


def _panel(one: Axes, each: Counted, names: list[str]) -> None:
    whole = max(1, int(each.counts[ALL][1] + each.counts[ALL][2]))
    for kind, sign, label, colour in ((2, -1, "false negatives", COLOURS[5]), (1, 1, "false positives", COLOURS[4])):
        shares = [100 * int(each.alone[name][kind]) / whole if name in each.alone else 0.0 for name in names]
        one.barh(range(len(names)), [sign * share for share in shares], height=0.7, color=colour, label=label)
    for place, name in enumerate(names):
        if name not in each.alone:
            one.text(0, place, " not told", fontsize=7, color=INK, va="center")
    one.axvline(0, color=INK, linewidth=0.8)
    one.set_yticks(range(len(names)), names)
    one.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    one.set(xlabel="% of all errors", title=f"{each.question}, {each.arm}")
    one.spines[["top", "right"]].set_visible(False)
