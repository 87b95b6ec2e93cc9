"""What maps a window: a trained model, several of them, or the rules; all behind one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.errors import ModelError
from firnline.inference.blend import Known
from firnline.inference.runtime import Runtime
from firnline.inference.uncertainty import DISAGREEMENT, disagreement
from firnline.models.inputs import Inputs, spread
from firnline.models.merging import Merge, calibrated
from firnline.models.normaliser import Floats
from firnline.models.ratio import RatioModel


@dataclass(frozen=True, eq=False)
class Prepared:
    """A window that is read, and ready to be computed by the model that prepared it."""

    values: Any
    known: Known
    """Pixels (row, column) that may be known; where none is, nothing is computed."""


class WindowModel(ABC):
    """Maps one window of named bands: first all that needs no network (`prepare`), then the rest (`compute`)."""

    @property
    @abstractmethod
    def bands(self) -> tuple[str, ...]:
        """The bands that it wants, in order."""

    if TYPE_CHECKING:  # a property would be taken for a default of the field that some models have

        @property
        @abstractmethod
        def scheme(self) -> LabelScheme:
            """The scheme of what it gives."""

    @property
    def extras(self) -> tuple[str, ...]:
        """What it gives of each pixel after the probabilities, each from 0 to 1."""
        return ()

    @property
    def layers(self) -> int:
        """How many numbers it gives of each pixel: probabilities, then `extras`."""
        return self.scheme.class_count + len(self.extras)

    @abstractmethod
    def prepare(self, raw: Floats) -> Prepared:
        """Make bands (band, row, column), in their units and NaN where unknown, ready."""

    @abstractmethod
    def compute(self, window: Prepared) -> tuple[Floats, Known]:
        """Numbers (layer, row, column) of a prepared window, and which pixels (row, column) are known."""

    def map_window(self, raw: Floats) -> tuple[Floats, Known]:
        """Bands (band, row, column) to probabilities (class, row, column) and which pixels are known."""
        return self.compute(self.prepare(raw))

    def finish(self, classes: Classes) -> Classes:
        """What only the whole class raster (row, column) allows to decide."""
        return classes


@dataclass(frozen=True)
class TrainedModel(WindowModel):
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

    def prepare(self, raw: Floats) -> Prepared:
        """Normalise."""
        return Prepared(*self.inputs.apply(spread(raw, self.bands, self.inputs.layout)))

    def compute(self, window: Prepared) -> tuple[Floats, Known]:
        """Predict, where anything is known."""
        if not window.known.any():
            return nothing(self, window.known)
        probabilities = self.runtime.probabilities(window.values)
        if not np.isfinite(probabilities).all():
            raise ModelError(
                "the network gives no numbers (NaN) for this scene",
                do="check its bands for values far out of their range, or train it again",
            )
        return calibrated(probabilities, self.temperatures), window.known


def nothing(model: WindowModel, known: Known) -> tuple[Floats, Known]:
    """Of a window in which no pixel is known: zeros."""
    return np.zeros((model.layers, *known.shape), np.float32), known


@dataclass(frozen=True)
class MergedModel(WindowModel):
    """A model that is made of others.

    A pixel is known where every member knows it.
    """

    members: tuple[WindowModel, ...]
    scheme: LabelScheme
    merge: Merge
    temperatures: tuple[float, ...] | None = None
    tells_disagreement: bool = False
    """Whether it gives the disagreement between its members after the probabilities."""

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands that any member wants."""
        return tuple(dict.fromkeys(name for member in self.members for name in member.bands))

    @property
    def extras(self) -> tuple[str, ...]:
        """The disagreement where it is asked for."""
        return (DISAGREEMENT,) if self.tells_disagreement else ()

    def prepare(self, raw: Floats) -> Prepared:
        """Have every member prepare."""
        names = self.bands
        parts = [member.prepare(raw[[names.index(name) for name in member.bands]]) for member in self.members]
        return Prepared(parts, np.asarray(np.logical_and.reduce([part.known for part in parts])))

    def compute(self, window: Prepared) -> tuple[Floats, Known]:
        """Ask every member, and merge what they say."""
        if not window.known.any():
            return nothing(self, window.known)
        said = [member.compute(part)[0] for member, part in zip(self.members, window.values, strict=True)]
        merged = calibrated(self.merge(said), self.temperatures)
        if self.tells_disagreement:
            merged = np.concatenate([merged, disagreement(said)[None]])
        return merged, window.known


@dataclass(frozen=True)
class RuleModel(WindowModel):
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

    def prepare(self, raw: Floats) -> Prepared:
        """Nothing is to be done before the rules look."""
        return Prepared(raw, np.asarray(np.isfinite(raw).any(axis=0)))

    def compute(self, window: Prepared) -> tuple[Floats, Known]:
        """Decide each pixel."""
        if not window.known.any():
            return nothing(self, window.known)
        classes = self.rules.classify(window.values)
        values = np.arange(self.scheme.class_count, dtype=np.uint8)[:, None, None]
        return (classes == values).astype(np.float32), np.asarray(classes != UNKNOWN)

    def finish(self, classes: Classes) -> Classes:
        """Debris only where it is joined to ice, and no lone pixels."""
        return self.rules.finish(classes)
