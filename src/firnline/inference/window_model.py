"""What maps a window: a network in its runtime, or the rules; both behind one interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.errors import ModelError
from firnline.inference.runtime import Runtime
from firnline.models.normaliser import Floats, Normaliser
from firnline.models.ratio import RatioModel


class WindowModel(Protocol):
    """Maps one window of named bands."""

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands that it wants, in order."""

    @property
    def scheme(self) -> LabelScheme:
        """The scheme of what it gives."""

    def map_window(self, raw: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Bands (band, row, column) to probabilities (class, row, column) and which pixels are known."""

    def finish(self, classes: Classes) -> Classes:
        """What only the whole class raster (row, column) allows to decide."""


@dataclass(frozen=True)
class NetworkModel:
    """A network, with the normaliser it was trained with."""

    normaliser: Normaliser
    scheme: LabelScheme
    runtime: Runtime

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands that the network wants."""
        return self.normaliser.bands

    def map_window(self, raw: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Normalise, and predict."""
        values, known = self.normaliser.apply(raw)
        probabilities = self.runtime.probabilities(values)
        if not np.isfinite(probabilities).all():
            raise ModelError(
                "the network gives no numbers (NaN) for this scene",
                do="check its bands for values far out of their range, or train it again",
            )
        return probabilities, known

    def finish(self, classes: Classes) -> Classes:
        """Nothing is left to decide."""
        return classes


@dataclass(frozen=True)
class RuleModel:
    """The rules; what they decide stands as 0 or 1, which is a decision and not a probability."""

    rules: RatioModel

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands that the usable rules want."""
        return self.rules.bands

    @property
    def scheme(self) -> LabelScheme:
        """The rules' scheme."""
        return self.rules.scheme

    def map_window(self, raw: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Decide each pixel."""
        classes = self.rules.classify(raw)
        values = np.arange(self.scheme.class_count, dtype=np.uint8)[:, None, None]
        return (classes == values).astype(np.float32), np.asarray(classes != UNKNOWN)

    def finish(self, classes: Classes) -> Classes:
        """Debris only where it is joined to ice, and no lone pixels."""
        return self.rules.finish(classes)
