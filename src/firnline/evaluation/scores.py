"""Scores of a class, made of confusion counts, and the trivial scores that say what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from firnline.evaluation.confusion import Confusion

ANY_ICE = "glacier"
"""The name of all classes of ice taken together, which the glacier scheme knows as its only one."""


@dataclass(frozen=True)
class Scores:
    """How well one class is mapped against the rest; None is a score that has no value, never NaN.

    With true positives a, false positives b, false negatives c and true negatives d:

    - IoU = a / (a + b + c), the Jaccard index; F1 = 2a / (2a + b + c); precision = a / (a + b); recall =
      a / (a + c). A quotient with nothing below the line has no value.
    - MCC = (ad - bc) / sqrt((a+b)(a+c)(d+b)(d+c)), Matthews 1975: 1 is perfect, 0 no better than chance. Where
      the prediction is constant it is 0, the limit (Chicco & Jurman 2020); where the truth is, it has no value.
    - prevalence = (a + c) / all: the class's share of the truth.
    - area error = (b - c) / (a + c): 0.1 is 10 % too much.
    """

    true_pixels: int
    mapped_pixels: int
    iou: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    mcc: float | None
    prevalence: float | None
    area_error: float | None

    @property
    def is_absent(self) -> bool:
        """Whether the class is neither in the truth nor in the prediction: there is nothing to score."""
        return self.true_pixels == 0 and self.mapped_pixels == 0


def scores(confusion: Confusion, value: int) -> Scores:
    """Score one class.

    Examples
    --------
    >>> import numpy as np
    >>> counts = Confusion(np.array([[5, 1], [1, 3]]), np.zeros(2, np.int64), 0)
    >>> one = scores(counts, 1)
    >>> one.iou, one.precision, one.area_error, round(one.mcc, 4)
    (0.6, 0.75, 0.0, 0.5833)
    >>> none = scores(Confusion(np.array([[9, 0], [0, 0]]), np.zeros(2, np.int64), 0), 1)
    >>> none.is_absent, none.iou, none.prevalence
    (True, None, 0.0)
    """
    return _scores(*confusion.of_class(value))


def everything_is(confusion: Confusion, value: int) -> Scores:
    """The scores of a map that shows nothing but this class: its IoU and precision are the class's prevalence."""
    a, b, c, d = confusion.of_class(value)
    return _scores(a + c, b + d, 0, 0)


def _scores(a: int, b: int, c: int, d: int) -> Scores:
    return Scores(
        true_pixels=a + c,
        mapped_pixels=a + b,
        iou=_quotient(a, a + b + c),
        precision=_quotient(a, a + b),
        recall=_quotient(a, a + c),
        f1=_quotient(2 * a, 2 * a + b + c),
        mcc=_matthews(a, b, c, d),
        prevalence=_quotient(a + c, a + b + c + d),
        area_error=_quotient(b - c, a + c),
    )


def _quotient(above: int, below: int) -> float | None:
    return above / below if below else None


def _matthews(a: int, b: int, c: int, d: int) -> float | None:
    if a + c == 0 or b + d == 0:
        return None
    if a + b == 0 or c + d == 0:
        return 0.0
    # Python's whole numbers: the product of four counts leaves 64 bits behind from one Landsat scene on.
    return (a * d - b * c) / sqrt((a + b) * (a + c) * (d + b) * (d + c))


@dataclass(frozen=True)
class RuleScores:
    """What an untrained rule scores, or why it could not be tried."""

    rule: str
    scores: Scores | None
    why_not: str = ""
    unknown: int = 0
    """Scored pixels at which the rule knows nothing; they are left out of its scores."""


@dataclass(frozen=True)
class ClassScores:
    """One class: its scores beside the trivial ones."""

    name: str
    value: int | None
    """Its value in the class raster; None for the classes of ice taken together."""
    scores: Scores
    everything: Scores
    """Of a map that shows nothing but this class."""
    rule: RuleScores | None = None


def by_class(confusion: Confusion, names: Sequence[str], rules: dict[str, RuleScores]) -> tuple[ClassScores, ...]:
    """Score every class but the background, and ice of any kind where there are several classes of it.

    Parameters
    ----------
    confusion
        The counts.
    names
        The names of the values 0, 1, ...
    rules
        What untrained rules score, by the name of the class; `ANY_ICE` for ice of any kind.
    """
    rows = [
        ClassScores(name, value, scores(confusion, value), everything_is(confusion, value), rules.get(name))
        for value, name in enumerate(names)
        if value > 0
    ]
    if confusion.class_count > 2:
        ice = confusion.merged()
        rows.append(ClassScores(ANY_ICE, None, scores(ice, 1), everything_is(ice, 1), rules.get(ANY_ICE)))
    return tuple(rows)
