"""The figures of the experiment with bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from firnline.evaluation.bootstrap import Interval
from firnline.experiments.band_findings import WORDS, Learning, Tried
from firnline.experiments.band_sets import FOREST, PAPER, BandSet, Heights
from firnline.experiments.figures import COLOURS, GREY, INK, canvas, png_of
from firnline.experiments.outcome import Figure
from firnline.experiments.scoring import iou

_OF_HEIGHTS: Final[dict[Heights, str]] = {"none": COLOURS[0], "terrain": COLOURS[1], "relief": COLOURS[2]}
_CHOSEN: Final = INK


def sets_figure(tried: Tried) -> Figure:
    """IoU of every set by class, as the paper's Figure 2: colours for terrain, triangles for indices."""
    questions, sets = tried.trials.questions, _rows(tried)
    figure = canvas(3.2 + 2.6 * len(questions), 1.4 + 0.3 * len(sets))
    panels = figure.subplots(1, len(questions), sharey=True, squeeze=False)[0]
    for axes, question in zip(panels, questions, strict=True):
        full = iou(tried.trials.units(tried.full, question))
        if full is not None and full.value is not None:
            axes.axvline(full.value, color=GREY, linestyle=":", linewidth=1)
        for place, each in enumerate(sets):
            score = iou(tried.trials.units(each.name, question))
            if score is not None:
                _point(axes, score, place, *_look(each))
        axes.set(xlabel="IoU", title=question, xlim=(0, 1))
        axes.grid(axis="y", color="#eeeeee", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(range(len(sets)), [each.name for each in sets])
    panels[0].set_ylim(len(sets) - 0.5, -0.5)
    figure.legend(handles=_legend(sets), loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    caption = "IoU over the whole set with its 95 % interval, by set of bands; the dotted line is that of all bands."
    return Figure("bands-figure", "IoU by set of bands", caption, png_of(figure))


def _rows(tried: Tried) -> list[BandSet]:
    """The sets, those of one base together, and the chosen ones at the end."""
    bases = list(dict.fromkeys(each.base for each in tried.sets))
    rows = sorted(tried.sets, key=lambda each: (each.base == PAPER, bases.index(each.base)))
    return [*rows, *([BandSet(FOREST, (), FOREST)] if tried.choices else [])]


def _look(each: BandSet) -> tuple[str, str]:
    """Colour and marker."""
    if each.base in (FOREST, PAPER):
        return _CHOSEN, "s"
    return _OF_HEIGHTS[each.heights], "^" if each.has_indices else "o"


def _point(axes: Axes, score: Interval, place: float, colour: str, marker: str) -> None:
    if score.value is None:
        return
    axes.plot(score.value, place, marker, color=colour, markersize=6, clip_on=False)
    if score.low is not None and score.high is not None:
        axes.hlines(place, score.low, score.high, color=colour, linewidth=1.3)


def _legend(sets: Sequence[BandSet]) -> list[Line2D]:
    def handle(marker: str, colour: str, label: str) -> Line2D:
        return Line2D([], [], linestyle="", marker=marker, color=colour, label=label)

    there = {each.heights for each in sets if each.base not in (FOREST, PAPER)}
    words = {"none": "without terrain", **{key: f"with {WORDS[key]}" for key in ("terrain", "relief")}}
    handles = [handle("o", colour, words[heights]) for heights, colour in _OF_HEIGHTS.items() if heights in there]
    if any(each.has_indices for each in sets):
        handles.append(handle("^", GREY, "with indices"))
    if any(each.base in (FOREST, PAPER) for each in sets):
        handles.append(handle("s", _CHOSEN, "chosen by a forest"))
    return handles


def curve_figure(tried: Tried, learning: Sequence[Learning]) -> Figure:
    """IoU by the share of the training data, a line for each set."""
    questions, arms = tried.trials.questions, learning[0].trials.arms
    figure = canvas(1.2 + 3.0 * len(questions), 3.8)
    panels = figure.subplots(1, len(questions), sharey=True, squeeze=False)[0]
    for axes, question in zip(panels, questions, strict=True):
        for number, arm in enumerate(arms):
            scores = [iou(part.trials.units(arm, question)) for part in learning]
            beside = 1 + 0.03 * (number - (len(arms) - 1) / 2)  # so that lines that lie together are seen
            places = [beside * part.amount.true_share for part in learning]
            _line(axes, places, scores, COLOURS[number % len(COLOURS)], arm)
        axes.set(xlabel=f"share of the training {learning[0].amount.what}", title=question, ylim=(0, 1), xscale="log")
        shares = [part.amount.true_share for part in learning]
        axes.set_xticks(shares, [f"{100 * share:.0f} %" for share in shares])
        axes.minorticks_off()
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("IoU")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    told = "; ".join(part.amount.words for part in learning)
    caption = f"IoU over the whole set with its 95 % interval, trained on {told}. Larger parts hold the smaller ones."
    return Figure("amounts-figure", "IoU by amount of training data", caption, png_of(figure))


def _line(axes: Axes, shares: Sequence[float], scores: Sequence[Interval | None], colour: str, label: str) -> None:
    there = [(x, each.value) for x, each in zip(shares, scores, strict=True) if each and each.value is not None]
    if there:
        axes.plot(
            *zip(*there, strict=True), "o-", color=colour, markersize=4, linewidth=1.4, label=label, clip_on=False
        )
    for x, each in zip(shares, scores, strict=True):
        if each is not None and each.low is not None and each.high is not None:
            axes.vlines(x, each.low, each.high, color=colour, linewidth=1)
