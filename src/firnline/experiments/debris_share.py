"""Table 3 and Figure 7: glaciers under more and more debris, mapped as one class and as two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from matplotlib.axes import Axes
from pydantic import Field, field_validator

from firnline.evaluation.blocks import Unit, UnitCounts
from firnline.evaluation.bootstrap import Interval
from firnline.evaluation.debris_share import DEBRIS_PERCENT, DebrisRow, by_debris
from firnline.evaluation.paired import Difference, Run, difference
from firnline.experiments.classes import BINARY, MULTICLASS, class_arms
from firnline.experiments.config import Settings, section
from firnline.experiments.figures import COLOURS, GREY, canvas, png_of
from firnline.experiments.outcome import Cell, Figure, Outcome, Table
from firnline.experiments.paper_numbers import TABLE_3
from firnline.experiments.results import Trials
from firnline.experiments.scoring import INTERVALS, as_interval, by_chance, debris_shares
from firnline.experiments.study import Study
from firnline.experiments.trivial import EVERYTHING, trivial_trials

NAME: Final = "debris-share"
_PAPER: Final = "the paper's (another data set)"

_HOLDING: Final = {"both": "holds clean ice and debris", "debris": "holds debris", "anything": "is known"}

Percent = Annotated[float, Field(ge=0, lt=100, allow_inf_nan=False)]


class DebrisShareSettings(Settings):
    """Over which blocks the models are compared."""

    thresholds: Annotated[tuple[Percent, ...], Field(min_length=1)] = DEBRIS_PERCENT
    """A row for the blocks with more debris than each of these, % of the known pixels."""
    holding: Literal["both", "debris", "anything"] = "both"
    """Which blocks are the data of which shares are told: those that hold clean ice and debris, as in the paper;
    those that hold debris; or all."""

    @field_validator("thresholds")
    @classmethod
    def _rising(cls, thresholds: tuple[float, ...]) -> tuple[float, ...]:
        if list(thresholds) != sorted(set(thresholds)):
            raise ValueError("write them rising, each only once")
        return thresholds


def run(study: Study) -> Outcome:
    """Train a model of glacier or not and one of both classes, and compare them where there is more and more debris.

    Raises
    ------
    ConfigError
        When the truth, or that of the scenes to test on, does not tell clean ice from debris.
    """
    study.require_classes()
    own = section(study.config, NAME, DebrisShareSettings)
    percent = _blocks(study, own)
    if not percent:
        raise study.refusal(
            f"no block of {study.config.block} pixels of the scenes to test on has truth that tells debris from "
            f"clean ice and {_HOLDING[own.holding]}",
            "test on scenes with truth of the scheme class that hold debris, or set holding: anything",
        )
    trials = study.trials([arm for arm in class_arms(study) if arm.name in (BINARY, MULTICLASS)])
    everything = trivial_trials(study, trials.folds).units(EVERYTHING, "glacier")
    arms = {EVERYTHING: everything, **{arm: trials.units(arm, "glacier") for arm in (BINARY, MULTICLASS)}}
    rows = by_debris(arms, percent, thresholds=own.thresholds)
    gaps = [_gap(trials, percent, threshold) for threshold in own.thresholds]
    return Outcome(
        "Debris share: one class or two where glaciers lie under debris",
        "Does a model that is taught debris as a class of its own map glaciers better where there is much of it?",
        (_table(study, own, rows, gaps), TABLE_3),
        (_figure(rows, gaps),),
        tuple(_sentences(rows, gaps)),
        {"model": study.config.model, **own.model_dump()},
        trials,
    )


def _blocks(study: Study, own: DebrisShareSettings) -> dict[Unit, float]:
    """The debris, %, of the blocks that are compared."""
    percent = debris_shares(study, Trials((), study.folds))
    truth = trivial_trials(study, study.folds).units(EVERYTHING, "clean ice")
    with_ice = {unit.unit for unit in truth if unit.true_pixels[1] > 0}
    return {
        unit: debris
        for unit, debris in percent.items()
        if own.holding == "anything" or (debris > 0 and (own.holding == "debris" or unit in with_ice))
    }


def _gap(trials: Trials, percent: Mapping[Unit, float], threshold: float) -> Difference | None:
    """The multiclass model less the binary one, paired by block; None where no block is left."""
    kept = {unit for unit, debris in percent.items() if debris > threshold}
    if not kept:
        return None
    first, second = (_only(trials.runs(arm, "glacier"), kept) for arm in (MULTICLASS, BINARY))
    return difference(first, second, 1)


def _only(runs: Mapping[Run, Sequence[UnitCounts]], kept: set[Unit]) -> dict[Run, list[UnitCounts]]:
    return {run: [unit for unit in units if unit.unit in kept] for run, units in runs.items()}


def _table(
    study: Study, own: DebrisShareSettings, rows: Sequence[DebrisRow], gaps: Sequence[Difference | None]
) -> Table:
    columns = ("blocks with debris", "blocks", "share of blocks", EVERYTHING, BINARY, MULTICLASS)
    cells: tuple[tuple[Cell, ...], ...] = tuple(
        (
            f"> {row.percent:g} %",
            row.chips,
            row.share,
            *(row.scores[arm] for arm in columns[3:]),
            None if gap is None else as_interval(gap),
            "no blocks" if gap is None else str(gap.verdict),
        )
        for row, gap in zip(rows, gaps, strict=True)
    )
    note = (
        f"IoU of glacier (clean ice or debris). A block of {study.config.block} pixels counts where it "
        f"{_HOLDING[own.holding]}; the paper's patches are of 512 pixels and hold both. Each row holds the next. "
        f"{INTERVALS}"
    )
    title = "IoU of glacier by the debris share of blocks"
    return Table("debris-share", title, (*columns, f"{MULTICLASS} less {BINARY}", "verdict"), cells, note)


def _sentences(rows: Sequence[DebrisRow], gaps: Sequence[Difference | None]) -> list[str]:
    told = []
    for row, gap in zip(rows, gaps, strict=True):
        where = f"Glacier over blocks with more than {row.percent:g} % debris ({100 * row.share:.0f} % of the blocks)"
        if gap is None:
            told.append(f"{where}: there are none.")
        else:
            told.append(f"{where}, {MULTICLASS} against {BINARY}: {gap.sentence}.")
    return [*told, *by_chance([gap for gap in gaps if gap is not None])]


def _figure(rows: Sequence[DebrisRow], gaps: Sequence[Difference | None]) -> Figure:
    figure = canvas(7.0, 6.2)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    paper = {str(row[0]): row for row in TABLE_3.rows}
    names = [f"> {row.percent:g} %" for row in rows]
    for arm, colour, column, shift in ((BINARY, COLOURS[0], 2, -0.06), (MULTICLASS, COLOURS[1], 3, 0.06)):
        _points(above, [row.scores[arm] for row in rows], colour, arm, shift)
        theirs = [(place, paper[name][column]) for place, name in enumerate(names) if name in paper]
        above.plot(*zip(*theirs, strict=True), ":", color=colour, linewidth=1) if theirs else None
    _points(above, [row.scores[EVERYTHING] for row in rows], GREY, EVERYTHING, 0.0)
    above.plot([], [], ":", color=GREY, linewidth=1, label=_PAPER)
    above.set(ylim=(0, 1), ylabel="IoU of glacier")
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    below.axhline(0, color=GREY, linewidth=1)
    _points(below, [None if gap is None else as_interval(gap) for gap in gaps], COLOURS[2], "", 0.0)
    below.set(ylabel=f"{MULTICLASS} less {BINARY}", xlabel="blocks with more debris than, and their share")
    below.set_xticks(range(len(rows)), [f"{n}\n{100 * r.share:.0f} %" for n, r in zip(names, rows, strict=True)])
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    caption = (
        "Above, IoU of glacier over blocks with more and more debris, with 95 % intervals; dotted, the paper's "
        "values, of another data set. Below, the paired difference: nothing may be claimed where its interval holds "
        "zero, or where there is none."
    )
    return Figure("debris-share-figure", "IoU by debris share", caption, png_of(figure))


def _points(axes: Axes, found: Sequence[Interval | None], colour: str, label: str, shift: float) -> None:
    there = [(place + shift, each.value) for place, each in enumerate(found) if each and each.value is not None]
    if there:
        axes.plot(*zip(*there, strict=True), "o-", color=colour, markersize=5, linewidth=1.4, label=label or None)
    for place, each in enumerate(found):
        if each is not None and each.low is not None and each.high is not None:
            axes.vlines(place + shift, each.low, each.high, color=colour, linewidth=1.2)
