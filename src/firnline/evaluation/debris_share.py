"""Results by the debris share of chips: the paper's Table 3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from firnline.classes import DEBRIS
from firnline.errors import LabelError
from firnline.evaluation.blocks import Unit, UnitCounts
from firnline.evaluation.bootstrap import Interval, Statistic, interval

DEBRIS_PERCENT: Final = (0.0, 1.0, 2.0, 5.0, 10.0)
"""The thresholds of the paper's Table 3, %."""


@dataclass(frozen=True)
class DebrisRow:
    """Chips with more than `percent` % debris: how many, their share of all, and the score of each arm on them."""

    percent: float
    chips: int
    share: float
    scores: dict[str, Interval]


def debris_percent(chips: Sequence[UnitCounts]) -> dict[Unit, float]:
    """The debris of each chip in % of its pixels of known truth, from counts in the scheme `class`.

    Chips without known truth are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from firnline.evaluation.confusion import confusion
    >>> truth = np.array([[0, 0, 1, 2, 255]], np.uint8)
    >>> debris_percent([UnitCounts(Unit("a"), confusion(truth, truth, 3))])
    {Unit(scene='a', row=0, column=0): 25.0}
    """
    if any(chip.confusion.class_count <= DEBRIS for chip in chips):
        raise LabelError("the counts have no class of debris", do="count in the label scheme 'class'")
    pixels = {chip.unit: chip.true_pixels for chip in chips}
    return {unit: 100 * each[DEBRIS] / sum(each) for unit, each in pixels.items() if sum(each)}


def by_debris(
    arms: Mapping[str, Sequence[UnitCounts]],
    percent: Mapping[Unit, float],
    *,
    thresholds: Sequence[float] = DEBRIS_PERCENT,
    seed: int = 0,
) -> tuple[DebrisRow, ...]:
    """The paper's Table 3: IoU of glacier (any ice) over the chips with more than so much debris.

    Binary and multiclass models are compared on the same thing, with all classes of ice taken as one. The paper's
    chips hold both classes; shares are of all the chips given here.

    Parameters
    ----------
    arms
        Counts by chip of each model, in the scheme `class` or `glacier`; all of the same chips.
    percent
        The debris of each chip (`debris_percent`).
    thresholds
        %; a chip must have more.

    Raises
    ------
    LabelError
        When an arm lacks a chip.

    Examples
    --------
    >>> import numpy as np
    >>> from firnline.evaluation.confusion import confusion
    >>> truth = np.array([[0, 0, 1, 2]], np.uint8)
    >>> chips = [UnitCounts(Unit("a", 0, n), confusion(truth, truth, 3)) for n in range(10)]
    >>> rows = by_debris({"multiclass": chips}, debris_percent(chips), thresholds=(0, 50))
    >>> [(row.percent, row.chips, row.share, row.scores["multiclass"].value) for row in rows]
    [(0, 10, 1.0, 1.0), (50, 0, 0.0, None)]
    """
    for name, chips in arms.items():
        lost = set(percent) - {chip.unit for chip in chips}
        if lost:
            raise LabelError(f"{name} has no counts of {len(lost)} chips, {min(lost).name} among them")
    rows = []
    for threshold in thresholds:
        kept = {unit for unit, debris in percent.items() if debris > threshold}
        scores = {
            name: interval([c for c in chips if c.unit in kept], None, statistic=Statistic.IOU, seed=seed)
            for name, chips in arms.items()
        }
        rows.append(DebrisRow(threshold, len(kept), len(kept) / len(percent) if percent else 0.0, scores))
    return tuple(rows)
