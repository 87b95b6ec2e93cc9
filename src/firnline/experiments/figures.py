"""Figures as PNG, and the one that several experiments share."""

from __future__ import annotations

import io
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from firnline.evaluation.bootstrap import Interval, interval
from firnline.experiments.outcome import Figure
from firnline.experiments.results import Trials
from firnline.experiments.study import Study
from firnline.experiments.trivial import EVERYTHING, RULE, trivial_trials

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#000000")
"""Of Okabe & Ito (2008), told apart by readers of every colour vision."""
INK: Final = "#333333"
GREY: Final = "#9a9a9a"


def canvas(width: float, height: float) -> Canvas:
    """An empty figure of so many inches, laid out by itself."""
    figure = Canvas(figsize=(width, height), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png_of(figure: Canvas) -> bytes:
    """A figure as PNG."""
    held = io.BytesIO()
    figure.savefig(held, format="png", metadata={"Software": "firnline"})
    return held.getvalue()


def score_bars(study: Study, trials: Trials) -> Figure:
    """IoU of every arm by question, with its interval, and what an untrained rule scores as a line."""
    trivial = trivial_trials(study, trials.folds)
    questions = trials.questions
    figure = canvas(1.5 + 2.6 * len(questions), 0.9 + 0.42 * len(trials.arms))
    axes = figure.subplots(1, len(questions), sharey=True, squeeze=False)[0]
    for one, question in zip(axes, questions, strict=True):
        for place, arm in enumerate(trials.arms):
            found = trials.units(arm, question)
            if found:
                _bar(one, place, interval(found, 1))
        for name, style in ((RULE, "--"), (EVERYTHING, ":")):
            units = trivial.units(name, question)
            value = interval(units, 1).value if units else None
            if value is not None:
                one.axvline(value, color=GREY, linestyle=style, linewidth=1.2, label=name)
        one.set(xlim=(0, 1), xlabel="IoU", title=question)
        one.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(trials.arms)), trials.arms)
    axes[0].invert_yaxis()
    handles, labels = axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower right", ncols=2, frameon=False, fontsize=8)
    caption = f"IoU over the whole set with its 95 % interval; lines: {RULE} (dashed) and {EVERYTHING} (dotted)."
    return Figure("iou-by-class", "IoU by model and class", caption, png_of(figure))


def _bar(axes: Axes, place: int, score: Interval) -> None:
    if score.value is None:
        return
    axes.barh(place, score.value, height=0.62, color=COLOURS[place % len(COLOURS)])
    if score.low is not None and score.high is not None:
        ends = [[max(0.0, score.value - score.low)], [max(0.0, score.high - score.value)]]
        axes.errorbar(score.value, place, xerr=ends, color=INK, capsize=3, linewidth=1)
