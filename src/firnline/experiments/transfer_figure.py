"""The matrix of transfer: IoU by what was trained on and what was tested on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from firnline.experiments.figures import GREY, INK, canvas, png_of
from firnline.experiments.measure import Question
from firnline.experiments.outcome import Figure
from firnline.experiments.trivial import EVERYTHING, RULE

if TYPE_CHECKING:
    from firnline.experiments.transfer import Cells

_LIGHT = 0.55
"""Numbers on a cell darker than this are white."""


def heat_maps(cells: Cells, ends: Sequence[str]) -> tuple[Figure, ...]:
    """A heat map for each class: a panel for each model, and a row of what needs no training below."""
    return tuple(_heat_map(cells, ends, question) for question in cells.questions)


def _heat_map(cells: Cells, ends: Sequence[str], question: Question) -> Figure:
    count = len(ends)
    longest = max(len(name) for name in ends)
    figure = canvas(0.6 + 0.09 * longest + len(cells.models) * (0.6 + 1.0 * count), 1.9 + 0.62 * (count + 2))
    axes = figure.subplots(1, len(cells.models), squeeze=False, sharey=True)[0]
    for one, model in zip(axes, cells.models, strict=True):
        values = np.full((count + 2, count), np.nan)
        for pair in cells.pairs:
            row, column = ends.index(pair.source.name), ends.index(pair.target.name)
            score = cells.score(pair, question) if pair.model == model else None
            if score is not None and score.value is not None:
                values[row, column] = score.value
            if not pair.is_home:
                for below, name in enumerate((RULE, EVERYTHING)):
                    found = cells.untrained(pair, question, name)
                    values[count + below, column] = np.nan if found is None else found
        _panel(one, values, ends)
        one.set_title(model, fontsize=9)
        one.set_xlabel("tested on", fontsize=9)
    axes[0].set_ylabel("trained on", fontsize=9)
    caption = (
        f"IoU of {question}. On the diagonal a model is tested at home, on what is held out of its region alone; "
        "elsewhere, and in the two lowest rows, on all scenes. Empty: it cannot be, for the reason in the table."
    )
    return Figure(f"matrix-{question.replace(' ', '-')}", f"Transfer: {question}", caption, png_of(figure))


def _panel(axes: Axes, values: NDArray[np.float64], ends: Sequence[str]) -> None:
    count = len(ends)
    axes.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        text, colour = (f"{value:.2f}", "white" if value > _LIGHT else INK) if np.isfinite(value) else ("-", GREY)
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=10)
        if row == column and np.isfinite(value):
            axes.text(column, row + 0.36, "held out", ha="center", va="center", color=colour, fontsize=7)
    axes.axhline(count - 0.5, color=INK, linewidth=1.2)
    axes.set_xticks(range(count), ends, fontsize=8)
    axes.set_yticks(range(count + 2), [*ends, RULE, EVERYTHING], fontsize=8)
    axes.tick_params(length=0)
