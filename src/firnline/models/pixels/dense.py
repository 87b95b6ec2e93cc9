"""A multi-layer perceptron as plain arrays, in numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from firnline.models.normaliser import Floats


@dataclass(frozen=True, eq=False)
class Dense:
    """Layers of a perceptron, with ReLU between them.

    Parameters
    ----------
    weights, biases
        float32 (unit below, unit) and (unit) of each layer, from the features up.

    Raises
    ------
    ValueError
        When the layers do not go together.

    Examples
    --------
    >>> layer = np.array([[1.0], [-1.0]], np.float32)
    >>> Dense((layer,), (np.array([0.5], np.float32),)).total(np.array([[2.0, 1.0]], np.float32)).tolist()
    [[1.5]]
    """

    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]

    def __post_init__(self) -> None:
        fits = bool(self.weights) and len(self.weights) == len(self.biases)
        fits = fits and all(
            weight.ndim == 2 and min(weight.shape) > 0 and bias.shape == weight.shape[1:]
            for weight, bias in zip(self.weights, self.biases, strict=True)
        )
        if not fits or any(a.shape[1] != b.shape[0] for a, b in pairwise(self.weights)):
            raise ValueError("layers do not go together")
        for array in (*self.weights, *self.biases):
            if array.dtype != np.float32 or not np.isfinite(array).all():
                raise ValueError("a weight is not a number of type float32")

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """What `arrays` gave.

        Raises
        ------
        ValueError
            When they are not layers that go together.
        """
        count = sum(name.startswith("weight.") for name in arrays)
        try:
            parts = [[arrays[f"{kind}.{i}"] for i in range(count)] for kind in ("weight", "bias")]
        except KeyError as error:
            raise ValueError(f"has no {error.args[0]}") from None
        return cls(tuple(parts[0]), tuple(parts[1]))

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that it is made of, by name."""
        weights = {f"weight.{i}": weight for i, weight in enumerate(self.weights)}
        return {**weights, **{f"bias.{i}": bias for i, bias in enumerate(self.biases)}}

    @property
    def feature_count(self) -> int:
        """How many features a sample has."""
        return len(self.weights[0])

    def total(self, samples: Floats) -> NDArray[np.float64]:
        """(sample, feature), float32, to the sums of the last layer (sample, output)."""
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            samples = np.maximum(samples @ weight + bias, np.float32(0))
        return np.asarray(samples @ self.weights[-1] + self.biases[-1], np.float64)
