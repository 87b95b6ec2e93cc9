"""Figures 8 and 9: does a model do as well in a region that it has not seen, and is glacier density the reason?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev, variance
from typing import Final

from scipy import stats

from firnline.chips.table import SPLITS, TEST, TRAIN, VALIDATION
from firnline.evaluation.blocks import summed
from firnline.evaluation.scores import everything_is, scores
from firnline.experiments.config import section
from firnline.experiments.measure import Question
from firnline.experiments.outcome import Cell, Outcome, Table
from firnline.experiments.paper_numbers import ANOTHER
from firnline.experiments.region_figures import density_figure, distributions, split_maps
from firnline.experiments.region_splits import AT_RANDOM, BY_REGION, KINDS, Kind, RegionsSettings, Split, draw_splits
from firnline.experiments.results import Trials
from firnline.experiments.study import Study

LEAST_REPETITIONS: Final = 3
"""Fewer differences have no interval worth the name."""

PAPER: Final = Table(
    "paper-figures-8-9",
    "What the paper found (another data set)",
    ("figure", "finding"),
    (
        ("8", "three geographically disjoint splits; validation is chosen at random from the training region"),
        ("8", "the test region is less densely covered by glaciers than the training region"),
        ("9", "performance slightly increases in the test set: glacier appearance is relatively homogeneous"),
        ("9", "the paper explains the increase by the lower glacier density of each test region"),
    ),
    ANOTHER,
)


@dataclass(frozen=True)
class Score:
    """One side of one split, on one question: IoU (the mean of the seeds) and the density of the class, which is also
    the IoU of a map that shows nothing but the class."""

    split: Split
    side: str
    question: Question
    iou: float
    density: float

    @property
    def skill(self) -> float:
        """How far the IoU is on the way from that trivial score to 1."""
        return (self.iou - self.density) / (1 - self.density)


def run(study: Study) -> Outcome:
    """Train on each split, and compare validation from the training region with test in another.

    Raises
    ------
    ConfigError
        When the data leaves a side of a split empty.
    """
    own = section(study.config, "regions", RegionsSettings)
    splits = draw_splits(study, own)
    trials = study.trials([study.arm(study.config.model)], [split.fold for split in splits])
    found = scores_of(trials, splits)
    compared = tuple(each for question in trials.questions for each in compare(found, question))
    return Outcome(
        "Regions: another region against the same",
        "Does a model map a region that it has not seen as well as the one that it was trained in?",
        (_differences(compared), _summary(found, trials.questions), _splits(found, splits, trials.questions), PAPER),
        (split_maps(splits), *distributions(found), *density_figure(found)),
        _sentences(found, compared, splits, own),
        {"model": study.config.model, **own.model_dump()},
        trials,
    )


def scores_of(trials: Trials, splits: Sequence[Split]) -> tuple[Score, ...]:
    """The score of every split, side and question that has one."""
    found = []
    for split in splits:
        of_split = list(trials.only(fold=split.fold.name))
        for question in trials.questions:
            for side in (VALIDATION, TEST):
                units = [summed(each) for trial in of_split if (each := trial.units(question, split.scenes(side)))]
                ious = [iou for counts in units if (iou := scores(counts, 1).iou) is not None]
                trivial = everything_is(units[0], 1).iou if units else None
                if ious and trivial and trivial < 1:  # a side of one kind alone has nothing to tell
                    found.append(Score(split, side, question, mean(ious), trivial))
    return tuple(found)


@dataclass(frozen=True)
class Compared:
    """A mean difference over repetitions with its 95 % interval; None where there are too few."""

    question: Question
    measure: str
    what: str
    repetitions: int
    value: float
    low: float | None
    high: float | None

    @property
    def verdict(self) -> str:
        """What may be claimed."""
        if self.low is None or self.high is None:
            return "too few"
        more, less = ("denser", "less dense") if self.measure == "density" else ("better", "worse")
        return more if self.low > 0 else less if self.high < 0 else "no difference found"

    @property
    def words(self) -> str:
        """The difference with its interval."""
        if self.low is None or self.high is None:
            return f"{self.value:+.3f}, {self.repetitions} repetitions"
        return f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


_WHAT: Final[dict[Kind, str]] = {
    BY_REGION: "test (another region) less validation (same region)",
    AT_RANDOM: "test less validation, split at random",
}
_BOTH: Final = "the first less the second: what another region alone costs"


def compare(found: Iterable[Score], question: Question) -> tuple[Compared, ...]:
    """Test less validation by kind of split, and the one kind against the other: of IoU, of density, and of skill.

    The interval is Student's over repetitions, with the variance enlarged by the ratio of tested to trained data,
    since repetitions share their data (Nadeau & Bengio 2003, corrected resampled t test).
    """
    own = [score for score in found if score.question == question]
    result = []
    for measure in ("iou", "density", "skill"):
        gaps = {kind: _gaps(own, kind, measure) for kind in KINDS}
        ratio = _ratio({score.split.name: score.split for score in own}.values())
        numbers = sorted(set(gaps[BY_REGION]) & set(gaps[AT_RANDOM]))
        both = [gaps[BY_REGION][n] - gaps[AT_RANDOM][n] for n in numbers]
        for what, values in (*((_WHAT[k], list(gaps[k].values())) for k in KINDS), (_BOTH, both)):
            if values:
                result.append(Compared(question, measure, what, len(values), *resampled(values, ratio)))
    return tuple(result)


def _gaps(own: Sequence[Score], kind: Kind, measure: str) -> dict[int, float]:
    by_side = {
        side: {s.split.number: float(getattr(s, measure)) for s in own if s.split.kind == kind and s.side == side}
        for side in (VALIDATION, TEST)
    }
    return {n: by_side[TEST][n] - by_side[VALIDATION][n] for n in by_side[TEST] if n in by_side[VALIDATION]}


def _ratio(splits: Iterable[Split]) -> float:
    sizes = [split.sizes for split in splits]
    return mean(each[TEST] / each[TRAIN] for each in sizes) if sizes else 0.0


def resampled(values: Sequence[float], ratio: float) -> tuple[float, float | None, float | None]:
    """The mean of differences over repeated splits, and the ends of its 95 % interval.

    Parameters
    ----------
    values
        One difference a repetition.
    ratio
        Tested over trained data, by which repetitions hang together (Nadeau & Bengio 2003).

    Examples
    --------
    >>> value, low, high = resampled([0.1, 0.2, 0.3], ratio=1 / 3)
    >>> round(value, 3), round(low, 3), round(high, 3)  # 0.2 -+ 4.303 x sqrt(0.01 x (1 / 3 + 1 / 3))
    (0.2, -0.151, 0.551)
    """
    middle = mean(values)
    if len(values) < LEAST_REPETITIONS:
        return middle, None, None
    half = float(stats.t.ppf(0.975, len(values) - 1)) * sqrt(variance(values) * (1 / len(values) + ratio))
    return middle, middle - half, middle + half


def _differences(compared: Sequence[Compared]) -> Table:
    rows = tuple((c.question, c.measure, c.what, c.repetitions, c.value, c.low, c.high, c.verdict) for c in compared)
    note = (
        "Means over repetitions with 95 % intervals (Student's, corrected for repetitions sharing data: Nadeau & "
        "Bengio 2003). Density: the share of the class in the scored pixels, the IoU of a map that shows nothing "
        "else; skill: (IoU - density) / (1 - density), what is left when that is taken out. Every interval is of its "
        "own comparison: of many, some exclude zero by chance."
    )
    columns = ("class", "measure", "what", "repetitions", "mean difference", "from", "to", "verdict")
    return Table("regions", "Another region against the same: paired differences", columns, rows, note)


def _summary(found: Sequence[Score], questions: Sequence[Question]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for question in questions:
        for kind in KINDS:
            for side in (VALIDATION, TEST):
                own = [s for s in found if (s.question, s.split.kind, s.side) == (question, kind, side)]
                if own:
                    ious = [each.iou for each in own]
                    spread = stdev(ious) if len(ious) > 1 else None
                    means = mean(ious), spread, mean(s.density for s in own), mean(s.skill for s in own)
                    rows.append((question, kind, side, len(own), *means))
    columns = ("class", "split", "side", "repetitions", "IoU", "IoU: spread", "everything is the class", "skill")
    note = "Each repetition counts once, with the mean of its seeds. Spread: the standard deviation over repetitions."
    return Table("sides", "Scores by kind of split and side", columns, tuple(rows), note)


def _splits(found: Sequence[Score], splits: Sequence[Split], questions: Sequence[Question]) -> Table:
    of = {(score.split.name, score.question, score.side): score for score in found}
    rows: list[tuple[Cell, ...]] = []
    for split in splits:
        for question in questions:
            sides = [of.get((split.name, question, side)) for side in (VALIDATION, TEST)]
            rows.append(
                (
                    *(split.name, question, " / ".join(str(split.sizes[side]) for side in SPLITS), split.left_out),
                    *(split.density[side][question] for side in SPLITS),
                    *(None if side is None else side.iou for side in sides),
                )
            )
    columns = ("split", "class", "train / validation / test", "left out", *(f"density {side}" for side in SPLITS))
    note = (
        "Sizes in scenes, or in chips of a table. Left out: on no side, as it shares ground (chips: also a glacier, "
        "or lies within the buffer) with another; splits of chips at random keep all, as in the paper. Densities "
        "are of all known pixels. A dash: the truth of that side holds none of the class, or nothing else."
    )
    return Table("splits", "Every split", (*columns, "IoU validation", "IoU test"), tuple(rows), note)


def _sentences(
    found: Sequence[Score], compared: Sequence[Compared], splits: Sequence[Split], own: RegionsSettings
) -> tuple[str, ...]:
    said = []
    for question in dict.fromkeys(each.question for each in compared):
        of = {(c.measure, c.what): c for c in compared if c.question == question}
        iou = of.get(("iou", _WHAT[BY_REGION]))
        if iou is not None:
            density, skill = of["density", _WHAT[BY_REGION]], of["skill", _WHAT[BY_REGION]]
            said.append(
                f"{question}: {_claim(iou)} in another region than in the same: IoU {iou.words}; the density of the "
                f"class differs by {density.words}, and the skill above that by {skill.words} ({skill.verdict})."
            )
        both = of.get(("iou", _BOTH))
        if both is not None:
            said.append(
                f"{question}: beyond a split at random, another region changes IoU by {both.words}: {both.verdict}."
            )
        linked = _correlation([score for score in found if score.question == question])
        if linked:
            said.append(f"{question}: {linked}")
    for kind in KINDS:
        count = sum(split.kind == kind for split in splits)
        if count < own.repetitions:
            said.append(f"Only {count} different splits {kind} can be drawn from these data, not {own.repetitions}.")
    return tuple(said)


def _claim(iou: Compared) -> str:
    return {
        "better": "the model does better",
        "worse": "the model does worse",
        "too few": "too few repetitions to tell whether the model does better or worse",
    }.get(iou.verdict, "no difference found")


def _correlation(own: Sequence[Score]) -> str | None:
    densities, ious = [each.density for each in own], [each.iou for each in own]
    if len(own) < LEAST_REPETITIONS or len(set(densities)) < 2 or len(set(ious)) < 2:
        return None
    rank = float(stats.spearmanr(densities, ious).statistic)
    return (
        f"over all {len(own)} sides IoU and density go together by a rank correlation of {rank:+.2f} (Spearman; the "
        "sides share data, so this describes them and proves nothing)."
    )
