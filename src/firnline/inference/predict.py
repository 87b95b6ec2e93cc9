"""Prediction of a whole scene: row bands on the lattice, kept in a journal, then assembled into rasters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import rasterio
from numpy.typing import NDArray

from firnline.classes import UNKNOWN, Classes
from firnline.features import FeatureReader, FeatureSource
from firnline.grid import Lattice, Window
from firnline.inference.blend import Known, RowBlender
from firnline.inference.journal import Journal
from firnline.inference.stages import run_stages
from firnline.inference.uncertainty import ENTROPY, entropy
from firnline.inference.window_model import Prepared, WindowModel
from firnline.models.normaliser import Floats

PROBABILITY_SCALE = 1 / 250
"""Probabilities are stored in bytes, in steps of 0.004; 255 is unknown."""

OVERLAP = 64
"""How far neighbouring windows of a network overlap unless told otherwise, pixels."""

_CACHE_MB = 256
"""GDAL's block cache: a row of blocks that two rows of windows touch; by default it takes 5 % of all memory."""


def usual_overlap(window: int) -> int:
    """`OVERLAP`, or half of a small window, pixels.

    Examples
    --------
    >>> usual_overlap(512), usual_overlap(64)
    (64, 32)
    """
    return min(OVERLAP, window // 2)


@dataclass(frozen=True)
class PredictionSettings:
    """How a scene is cut, and what is kept of a pixel."""

    window: int = 512
    overlap: int = 64
    uncertainty: bool = False
    """Whether a band holds, after the probabilities, how uncertain they are."""

    def as_json(self) -> dict[str, Any]:
        """For records and the journal."""
        return {"window": self.window, "overlap": self.overlap, "uncertainty": self.uncertainty}

    def lattice(self, source: FeatureSource) -> Lattice:
        """How they cut a scene."""
        return Lattice(source.scene.grid.shape, self.window, self.overlap)

    def uncertainties(self, model: WindowModel) -> tuple[str, ...]:
        """What a band holds after the probabilities."""
        return (ENTROPY, *model.extras) if self.uncertainty else ()


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
    unchanged: Callable[[], None] = lambda: None,
) -> Lattice:
    """Compute every row band that the journal does not have yet.

    A window is read and normalised in one thread, computed in this one, and blended and written in a third; memory
    holds a row of windows and a few windows between. Bands are the same to the bit as `row_band` gives them.

    A band in the journal is uint8 (1 + classes, row, column): the most probable class, then each class's
    probability in steps of `PROBABILITY_SCALE`, then what `settings` asks for; 255 where unknown.

    Parameters
    ----------
    step
        Called, in the writing thread, with (row bands done, all of them).
    unchanged
        Called before a band is kept; raises where the files are not any more those that were begun with.

    Returns
    -------
    The lattice, whose bands the journal now holds.
    """
    lattice = settings.lattice(source)
    done = journal.done()
    todo = [band for band in range(lattice.band_count) if band not in done]

    def read() -> Generator[tuple[Window, Prepared], None, None]:
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_MB), source.reader() as reader:
            for window in _windows_of(lattice, todo):
                yield window, prepare_padded(reader, model, window, settings.window)

    def compute(item: tuple[Window, Prepared]) -> tuple[Window, Floats, Known]:
        window, prepared = item
        return window, *compute_padded(model, prepared, window)

    def write(results: Iterator[tuple[Window, Floats, Known]]) -> None:
        def map_window(window: Window) -> tuple[Floats, Known]:
            at, values, known = next(results)
            assert at == window, "windows are computed in the order in which they are blended"
            return values, known

        blender = RowBlender(lattice, model.layers, map_window)
        for band in range(lattice.band_count):
            if band not in done:
                values = _band_bytes(model, settings, *blender.band(band))
                unchanged()
                journal.write(band, values)
            step(band + 1, lattice.band_count)

    run_stages(read, compute, write)
    return lattice


def row_band(source: FeatureSource, model: WindowModel, settings: PredictionSettings, band: int) -> NDArray[np.uint8]:
    """One row band computed by itself, without threads or journal, in the form in which `predict` keeps it."""
    lattice = settings.lattice(source)
    with source.reader() as reader:

        def map_window(window: Window) -> tuple[Floats, Known]:
            return map_padded(reader, model, window, settings.window)

        return _band_bytes(model, settings, *RowBlender(lattice, model.layers, map_window).band(band))


def _windows_of(lattice: Lattice, todo: Collection[int]) -> Iterator[Window]:
    """The windows of row bands in the order in which `RowBlender` asks for them, cut off at the scene's edges."""
    scene, carried = Window(0, 0, *lattice.shape), -1
    for band in todo:
        above = [band - 1] if band > 0 and carried != band - 1 else []
        for row in (*above, band):
            for window in lattice.windows_in_row(row):
                inside = window.intersection(scene)
                assert inside is not None  # windows start inside the scene
                yield inside
        carried = band


def map_padded(reader: FeatureReader, model: WindowModel, window: Window, side: int) -> tuple[Floats, Known]:
    """Map a window that may be smaller than `side` (at the edges): mirrored outwards, then cut back."""
    return compute_padded(model, prepare_padded(reader, model, window, side), window)


def prepare_padded(reader: FeatureReader, model: WindowModel, window: Window, side: int) -> Prepared:
    """Read a window and make it ready; what it lacks to `side` is mirrored."""
    return model.prepare(read_padded(reader, model.bands, window, side))


def read_padded(reader: FeatureReader, names: Sequence[str], window: Window, side: int) -> Floats:
    """Read features (band, row, column) of a window inside the scene, mirrored outwards to `side` pixels.

    The mirror stands on the edge, not on the last row's middle: so it is defined for a single row too, and the
    pixels at the edge keep their weight.
    """
    raw = reader.read(names, window)
    missing = ((0, 0), (0, side - window.height), (0, side - window.width))
    return np.pad(raw, missing, mode="symmetric") if window.shape != (side, side) else raw


def compute_padded(model: WindowModel, prepared: Prepared, window: Window) -> tuple[Floats, Known]:
    """Map a window that is ready, and cut it back to what lies inside the scene."""
    values, known = model.compute(prepared)
    return values[:, : window.height, : window.width], known[: window.height, : window.width]


def _band_bytes(model: WindowModel, settings: PredictionSettings, values: Floats, known: Known) -> NDArray[np.uint8]:
    """A band as the journal keeps it, from blended layers (layer, row, column)."""
    count = model.scheme.class_count
    band = as_bytes(values[:count], known)
    if not settings.uncertainty:
        return band
    measures = np.concatenate([entropy(values[:count])[None], values[count:]])
    return np.concatenate([band, as_bytes(measures, known)[1:]])


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
