"""Prediction of a whole scene: row bands on the lattice, kept in a journal, then assembled into rasters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from firnline.classes import UNKNOWN, Classes
from firnline.features import FeatureReader, FeatureSource
from firnline.grid import Lattice, Window
from firnline.inference.blend import Known, RowBlender
from firnline.inference.journal import Journal
from firnline.inference.window_model import WindowModel
from firnline.models.normaliser import Floats

PROBABILITY_SCALE = 1 / 250
"""Probabilities are stored in bytes, in steps of 0.004; 255 is unknown."""


@dataclass(frozen=True)
class PredictionSettings:
    """How a scene is cut."""

    window: int = 512
    overlap: int = 64

    def as_json(self) -> dict[str, Any]:
        """For records and the journal."""
        return {"window": self.window, "overlap": self.overlap}


class BandStore(Protocol):
    """What takes finished row bands: a journal, or a part of one."""

    def done(self) -> set[int]:
        """The bands that need not be computed."""

    def write(self, band: int, values: NDArray[np.uint8]) -> None:
        """Keep a band."""


def predict(
    source: FeatureSource,
    model: WindowModel,
    settings: PredictionSettings,
    journal: BandStore,
    step: Callable[[int, int], None] = lambda _done, _all: None,
) -> Lattice:
    """Compute every row band that the journal does not have yet.

    A band in the journal is uint8 (1 + classes, row, column): the most probable class, then each class's
    probability in steps of `PROBABILITY_SCALE`; 255 where unknown.

    Returns
    -------
    The lattice, whose bands the journal now holds.
    """
    lattice = Lattice(source.scene.grid.shape, settings.window, settings.overlap)
    done = journal.done()
    with source.reader() as reader:

        def map_window(window: Window) -> tuple[Floats, Known]:
            return map_padded(reader, model, window, settings.window)

        blender = RowBlender(lattice, model.scheme.class_count, map_window)
        for band in range(lattice.band_count):
            if band not in done:
                journal.write(band, as_bytes(*blender.band(band)))
            step(band + 1, lattice.band_count)
    return lattice


def map_padded(reader: FeatureReader, model: WindowModel, window: Window, side: int) -> tuple[Floats, Known]:
    """Map a window that may be smaller than `side` (at the edges): mirrored outwards, then cut back."""
    raw = reader.read(model.bands, window)
    if not np.isfinite(raw).any():
        return np.zeros((model.scheme.class_count, *window.shape), np.float32), np.zeros(window.shape, np.bool_)
    missing = ((0, 0), (0, side - window.height), (0, side - window.width))
    probabilities, known = model.map_window(np.pad(raw, missing, mode="symmetric"))
    return probabilities[:, : window.height, : window.width], known[: window.height, : window.width]


def as_bytes(probabilities: Floats, known: Known) -> NDArray[np.uint8]:
    """A band as the journal keeps it, uint8 (1 + classes, row, column): the class, then probabilities in steps."""
    values = np.empty((1 + probabilities.shape[0], *known.shape), np.uint8)
    values[0] = probabilities.argmax(axis=0)
    values[1:] = np.rint(probabilities / np.float32(PROBABILITY_SCALE)).clip(0, 250)
    values[:, ~known] = UNKNOWN
    return values


def whole_classes(journal: Journal, lattice: Lattice) -> Classes:
    """The class raster (row, column) from all bands."""
    classes = np.empty(lattice.shape, np.uint8)
    for band in range(lattice.band_count):
        first, last = lattice.rows_of(band)
        classes[first:last] = journal.read(band)[0]
    return classes
