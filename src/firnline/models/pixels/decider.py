"""What decides on samples of features: trees or a perceptron, with the classes that it has seen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from firnline.models.normaliser import Floats
from firnline.models.pixels.dense import Dense
from firnline.models.pixels.trees import LEAF, Trees

Link = Literal["mean", "softmax"]
_PART: Final = 1 << 16
"""Samples that are decided on at a time, which bounds the memory; also what threads share out among them."""


@dataclass(frozen=True, eq=False)
class Decider:
    """From samples of features to class probabilities.

    Parameters
    ----------
    model
        Adds up a number for each class that it has seen.
    link
        How sums become probabilities: ``mean`` over trees that give probabilities (a forest), or ``softmax``.
    seen
        The class values that occurred in training, rising; the others have probability 0.
    class_count
        How many classes there are.
    importance
        float64 (feature): the share of each feature in what was learnt from the training samples, by the loss or
        impurity that its splits took away; None for a perceptron, which has no splits.

    Raises
    ------
    ValueError
        When the parts do not go together.

    Examples
    --------
    >>> layers = Dense((np.array([[0.0, np.log(3)]], np.float32),), (np.zeros(2, np.float32),))
    >>> decider = Decider(layers, "softmax", seen=(0, 2), class_count=3)
    >>> decider.probabilities(np.ones((1, 1), np.float32)).round(4).tolist()
    [[0.25, 0.0, 0.75]]
    """

    model: Trees | Dense
    link: Link
    seen: tuple[int, ...]
    class_count: int
    importance: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        outputs = self.model.value.shape[1] if isinstance(self.model, Trees) else self.model.biases[-1].shape[0]
        if list(self.seen) != sorted(set(self.seen)) or not set(self.seen) <= set(range(self.class_count)):
            raise ValueError(f"the classes {self.seen} are not among {self.class_count}")
        if outputs != len(self.seen):
            raise ValueError(f"has {outputs} outputs for {len(self.seen)} classes")
        if self.link == "mean":
            _require_probabilities(self.model)
        if self.importance is not None and self.importance.shape != (self.model.feature_count,):
            raise ValueError("has an importance for another number of features")

    def probabilities(self, samples: Floats) -> Floats:
        """(sample, feature), float32 without NaN, to probabilities (sample, class), float32.

        The same to the last bit for whatever number of threads: each part is computed by one of them.
        """
        result = np.zeros((len(samples), self.class_count), np.float32)

        def decide(part: slice) -> None:
            result[part, list(self.seen)] = self._of(samples[part])

        with ThreadPoolExecutor(_threads()) as pool:
            list(pool.map(decide, _parts(len(samples))))
        return result

    def _of(self, samples: Floats) -> NDArray[np.float64]:
        total = self.model.total(samples)
        if self.link == "mean":
            return np.asarray(total / total.sum(axis=1, keepdims=True))
        powers = np.exp(total - total.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _require_probabilities(model: Trees | Dense) -> None:
    """A mean over trees is one of probabilities only where each leaf gives some."""
    if not isinstance(model, Trees):
        raise ValueError("only trees have a mean")
    leaves = model.value[model.left == LEAF]
    if (leaves < 0).any() or np.abs(leaves.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError("a leaf's values are not probabilities")


def _parts(count: int) -> Iterator[slice]:
    return (slice(first, first + _PART) for first in range(0, count, _PART))


def _threads() -> int:
    """As many as other libraries would take: the variable that they all go by, or the processors."""
    wished = os.environ.get("OMP_NUM_THREADS", "")
    return int(wished) if wished.isdecimal() and int(wished) > 0 else os.cpu_count() or 1
