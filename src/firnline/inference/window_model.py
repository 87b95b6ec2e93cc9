"""What maps a window: a trained model, several of them, or the rules; all behind one interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.errors import ModelError
from firnline.inference.runtime import Runtime
from firnline.models.inputs import Inputs, spread
from firnline.models.merging import Merge, calibrated
from firnline.models.normaliser import Floats
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
class TrainedModel:
    """A trained model in its runtime, fitted to a scene.

    Parameters
    ----------
    inputs
        How the scene's bands become the model's channels.
    temperatures
        Corrects the probabilities; None leaves them as they are.
    """

    inputs: Inputs
    scheme: LabelScheme
    runtime: Runtime
    temperatures: tuple[float, ...] | None = None

    @property
    def bands(self) -> tuple[str, ...]:
        """What is read of the scene."""
        return self.inputs.present

    def map_window(self, raw: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Normalise, and predict."""
        values, known = self.inputs.apply(spread(raw, self.bands, self.inputs.layout))
        probabilities = self.runtime.probabilities(values)
        if not np.isfinite(probabilities).all():
            raise ModelError(
                "the network gives no numbers (NaN) for this scene",
                do="check its bands for values far out of their range, or train it again",
            )
        return calibrated(probabilities, self.temperatures), known

    def finish(self, classes: Classes) -> Classes:
        """Nothing is left to decide."""
        return classes


@dataclass(frozen=True)
class MergedModel:
    """A model that is made of others.

    A pixel is known where every member knows it.
    """

    members: tuple[WindowModel, ...]
    scheme: LabelScheme
    merge: Merge
    temperatures: tuple[float, ...] | None = None

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands that any member wants."""
        return tuple(dict.fromkeys(name for member in self.members for name in member.bands))

    def map_window(self, raw: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Ask every member, and merge what they say."""
        names = self.bands
        said = [member.map_window(raw[[names.index(name) for name in member.bands]]) for member in self.members]
        known = np.logical_and.reduce([is_known for _, is_known in said])
        return calibrated(self.merge([probabilities for probabilities, _ in said]), self.temperatures), known

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
