"""Confusion counts: how often each class of the truth was mapped as each class; everything else follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from firnline.classes import UNKNOWN, Classes
from firnline.errors import GridError, LabelError

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Confusion:
    """Pixels by true class (row) and mapped class (column), over pixels that are known in both.

    Counts of several rasters are added, so that scores are of the whole set: a mean of scores by raster is
    another number, and has no value where a class is absent.

    Parameters
    ----------
    counts
        int64 (true class, mapped class).
    unmapped
        int64 (true class): pixels whose truth is known and whose prediction is unknown.
    truth_unknown
        Pixels whose truth is unknown.

    Examples
    --------
    >>> truth, prediction = np.array([[0, 1, 1, 255]], np.uint8), np.array([[0, 1, 255, 1]], np.uint8)
    >>> one = confusion(truth, prediction, 2)
    >>> one.counts.tolist(), one.unmapped.tolist(), one.truth_unknown
    ([[1, 0], [0, 1]], [0, 1], 1)
    >>> (one + one).counts.tolist()
    [[2, 0], [0, 2]]
    """

    counts: Counts
    unmapped: Counts
    truth_unknown: int

    @property
    def class_count(self) -> int:
        """How many classes there are."""
        return len(self.counts)

    @property
    def scored(self) -> int:
        """Pixels known in both, of which scores are."""
        return int(self.counts.sum())

    @property
    def unmapped_share(self) -> float:
        """The share of the pixels with known truth whose prediction is unknown; 0 where no truth is known."""
        missed = int(self.unmapped.sum())
        return missed / (missed + self.scored) if missed else 0.0

    def __add__(self, other: Self) -> Confusion:
        if self.class_count != other.class_count:
            raise LabelError(f"counts of {self.class_count} and of {other.class_count} classes cannot be added")
        return Confusion(
            self.counts + other.counts, self.unmapped + other.unmapped, self.truth_unknown + other.truth_unknown
        )

    def merged(self) -> Confusion:
        """The same counts with every class but the first taken as one: ice of any kind against the rest."""
        is_ice = (np.arange(self.class_count) > 0).astype(np.intp)
        counts, unmapped = np.zeros((2, 2), np.int64), np.zeros(2, np.int64)
        np.add.at(counts, (is_ice[:, None], is_ice[None, :]), self.counts)
        np.add.at(unmapped, is_ice, self.unmapped)
        return Confusion(counts, unmapped, self.truth_unknown)

    def of_class(self, value: int) -> tuple[int, int, int, int]:
        """(true positives, false positives, false negatives, true negatives) of one class against the rest."""
        hit = int(self.counts[value, value])
        mapped, true = int(self.counts[:, value].sum()), int(self.counts[value].sum())
        return hit, mapped - hit, true - hit, self.scored - mapped - true + hit


def confusion(truth: Classes, prediction: Classes, class_count: int) -> Confusion:
    """Count a class raster against the truth.

    Parameters
    ----------
    truth, prediction
        Class values, uint8, same shape; 255 is unknown.
    class_count
        Known values are 0 to `class_count` - 1.

    Raises
    ------
    GridError
        When the shapes differ.
    LabelError
        When there are other values.
    """
    if truth.shape != prediction.shape:
        raise GridError(f"the truth has the shape {truth.shape}, the prediction {prediction.shape}")
    stray = sorted({*np.unique(truth).tolist(), *np.unique(prediction).tolist()} - {*range(class_count), UNKNOWN})
    if stray:
        raise LabelError(f"the values {stray} are not among {class_count} classes", do="name the right label scheme")
    truth_known, mapped = truth != UNKNOWN, prediction != UNKNOWN
    both = truth_known & mapped
    joint = truth[both].astype(np.intp) * class_count + prediction[both]
    return Confusion(
        np.bincount(joint, minlength=class_count**2).reshape(class_count, class_count).astype(np.int64),
        np.bincount(truth[truth_known & ~mapped], minlength=class_count).astype(np.int64),
        int((~truth_known).sum()),
    )
