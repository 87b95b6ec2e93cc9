"""A classifier of pixels or segments, ready to map windows; and how it is kept in a file that can run no code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from firnline.errors import ModelError
from firnline.models.normaliser import Floats
from firnline.models.pixels.decider import Decider, Link
from firnline.models.pixels.dense import Dense
from firnline.models.pixels.settings import (
    BoostingSettings,
    ForestSettings,
    PerceptronSettings,
    PixelSettings,
    SegmentsSettings,
)
from firnline.models.pixels.trees import Trees
from firnline.models.pixels.units import feature_count, units_of


@dataclass(frozen=True, eq=False)
class RasterClassifier:
    """Classifies the pixels of a window, each by its features or by those of the segment it lies in."""

    settings: PixelSettings
    decider: Decider

    def probabilities(self, values: Floats) -> Floats:
        """Normalised bands (band, row, column), without NaN, to class probabilities (class, row, column), float32."""
        units = units_of(values, self.settings)
        by_unit = self.decider.probabilities(units.features)
        return np.ascontiguousarray(np.moveaxis(by_unit[units.of_pixel], -1, 0))


Kind = ForestSettings | BoostingSettings | PerceptronSettings


def kind_of(settings: PixelSettings) -> Kind:
    """The settings of what decides on the features of a pixel or segment."""
    return settings.classifier if isinstance(settings, SegmentsSettings) else settings


def link_of(kind: Kind) -> Link:
    """How its sums become probabilities."""
    return "mean" if isinstance(kind, ForestSettings) else "softmax"


def save_weights(path: Path, classifier: RasterClassifier) -> None:
    """Write all that was learnt, as arrays (safetensors)."""
    decider = classifier.decider
    arrays: dict[str, NDArray[Any]] = {**decider.model.arrays, "seen": np.array(decider.seen, np.int64)}
    if decider.importance is not None:
        arrays["importance"] = decider.importance
    safetensors.numpy.save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)


def load_weights(path: Path, settings: PixelSettings, bands: int, classes: int) -> RasterClassifier:
    """Read what `save_weights` wrote; nothing in the file is believed before it is checked.

    Parameters
    ----------
    path
        The file.
    settings
        What was trained.
    bands, classes
        How many bands it takes, and how many classes there are.

    Raises
    ------
    ModelError
        When it cannot be read, is damaged, or is of another classifier.
    """
    do = "get the bundle again"
    try:
        arrays = safetensors.numpy.load_file(path)
        return RasterClassifier(
            settings, _decider(arrays, kind_of(settings), feature_count(bands, settings), classes)
        )
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror or error}", where=path, do=do) from None
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"does not fit the architecture in model.json: {error}", where=path, do=do) from None


def _decider(arrays: dict[str, NDArray[Any]], kind: Kind, features: int, classes: int) -> Decider:
    seen = arrays.pop("seen", np.zeros(0, np.int64))
    importance = arrays.pop("importance", None)
    if isinstance(kind, PerceptronSettings):
        model: Trees | Dense = Dense.of_arrays(arrays)
        if model.feature_count != features:
            raise ValueError(f"takes {model.feature_count} features, not {features}")
    else:
        model = Trees.of_arrays(arrays, features)
    if seen.ndim != 1 or (importance is not None and not np.isfinite(importance).all()):
        raise ValueError("is damaged")
    return Decider(model, link_of(kind), tuple(map(int, seen)), classes, importance)
