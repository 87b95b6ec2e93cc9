"""Pixels, or segments, drawn from the chips of scenes: a bounded number, spread over classes, scenes and chips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firnline.classes import UNKNOWN, Classes
from firnline.grid import Window
from firnline.models.inputs import Inputs
from firnline.models.normaliser import Floats
from firnline.models.pixels.settings import PixelSettings, SegmentsSettings
from firnline.models.pixels.units import Units, context_of, units_of
from firnline.training.data import tiles
from firnline.training.pixel_settings import Drawing
from firnline.training.table_data import AnyScene, TableScene

Counts = NDArray[np.int64]

_LEAST_KNOWN = 0.5
"""The least share of a segment's pixels that must be known for it to be learnt from."""


@dataclass(frozen=True, eq=False)
class Samples:
    """What was drawn.

    Parameters
    ----------
    features
        float32 (sample, feature).
    labels
        uint8 (sample): class values.
    weights
        float32 (sample): how much each counts; their mean is 1.
    scene
        intp (sample): which of the scenes it is from.
    """

    features: Floats
    labels: Classes
    weights: Floats
    scene: NDArray[np.intp]

    def by_class(self, classes: int) -> tuple[int, ...]:
        """How many there are of each class."""
        return tuple(np.bincount(self.labels, minlength=classes).tolist())


@dataclass(frozen=True)
class _Chip:
    """A window of one of the scenes, and its number, which its random draw hangs on."""

    scene: int
    window: Window
    number: int


def draw_training(
    scenes: Sequence[AnyScene],
    inputs: Sequence[Inputs],
    settings: PixelSettings,
    drawing: Drawing,
    *,
    classes: int,
    size: int,
    seed: int = 0,
) -> Samples:
    """Draw as many of each class, as far as there are so many, spread evenly over scenes and over their chips.

    Parameters
    ----------
    scenes, inputs
        Where from, and how the bands of each are normalised.
    settings
        What is trained: pixels or segments, and what is asked of their surroundings.
    drawing
        How many are drawn, and how much the classes count.
    classes
        How many classes the truth has.
    size
        Side of the chips that scenes are cut into; a table's scenes have chips of their own.
    seed
        The same seed draws the same.
    """
    chips, counts = _counted(scenes, inputs, classes, size)
    available = np.minimum(_in_units(counts, settings), drawing.per_chip)
    wanted = np.stack(
        [_spread(available[:, value], chips, drawing.per_class, [seed, value]) for value in range(classes)], axis=1
    )
    samples = _drawn(scenes, inputs, settings, chips, wanted, seed)
    if drawing.count == "alike" or len(samples.labels) == 0:
        return samples
    share = counts.sum(axis=0) / np.maximum(np.bincount(samples.labels, minlength=classes), 1)
    weights = share[samples.labels]
    return Samples(samples.features, samples.labels, np.asarray(weights / weights.mean(), np.float32), samples.scene)


def draw_held_out(
    scenes: Sequence[AnyScene],
    inputs: Sequence[Inputs],
    settings: PixelSettings,
    *,
    classes: int,
    size: int,
    count: int,
    seed: int = 0,
) -> Samples:
    """Draw pixels, or segments, as they occur: each class in each chip by its share, about `count` in all.

    Parameters are those of `draw_training`.
    """
    chips, counts = _counted(scenes, inputs, classes, size)
    available = _in_units(counts, settings)
    share = min(1.0, count / max(int(available.sum()), 1))
    wanted = np.rint(available * share).astype(np.int64)
    return _drawn(scenes, inputs, settings, chips, wanted, seed)


def _counted(
    scenes: Sequence[AnyScene], inputs: Sequence[Inputs], classes: int, size: int
) -> tuple[list[_Chip], Counts]:
    """The chips of all scenes, and how many pixels of each class the truth of each has: (chip, class)."""
    chips: list[_Chip] = []
    counts = []
    for index, scene in enumerate(scenes):
        with scene.reader(inputs[index].layout) as reader:
            for window in _windows(scene, size):
                chips.append(_Chip(index, window, len(chips)))
                counts.append(np.bincount(reader.truth(window).ravel(), minlength=UNKNOWN + 1)[:classes])
    return chips, np.array(counts, np.int64).reshape(len(chips), classes)


def _windows(scene: AnyScene, size: int) -> Iterator[Window]:
    return iter(scene.windows) if isinstance(scene, TableScene) else tiles(scene.area, size)


def _in_units(counts: Counts, settings: PixelSettings) -> Counts:
    """Pixels to units: a segment takes several; of what there is at all, there is one."""
    if not isinstance(settings, SegmentsSettings):
        return counts
    return -(-counts // settings.side**2)


def _spread(available: Counts, chips: Sequence[_Chip], budget: int, seed: Sequence[int]) -> Counts:
    """How many to draw from each chip: the budget is shared out evenly over scenes, then over the chips of each."""
    scene_of = np.array([chip.scene for chip in chips])
    by_scene = np.bincount(scene_of, available).astype(np.int64)
    wanted = np.zeros_like(available)
    for scene, share in enumerate(even_shares(by_scene, budget, [*seed, 4])):
        here = scene_of == scene
        wanted[here] = even_shares(available[here], int(share), [*seed, 5, scene])
    return wanted


def even_shares(available: Counts, budget: int, seed: Sequence[int]) -> Counts:
    """Share a budget out as evenly as what is available allows; the odd ones are dealt by chance.

    Examples
    --------
    >>> even_shares(np.array([2, 100, 100]), 20, [0]).tolist()
    [2, 9, 9]
    >>> even_shares(np.array([2, 1]), 20, [0]).tolist()
    [2, 1]
    """
    low, high = 0, int(available.max(initial=0))
    while low < high:  # the highest level that the budget pays for
        middle = (low + high + 1) // 2
        if np.minimum(available, middle).sum() <= budget:
            low = middle
        else:
            high = middle - 1
    shares = np.minimum(available, low)
    more = np.flatnonzero(available > low)
    left = min(budget - int(shares.sum()), len(more))
    shares[np.random.default_rng(seed).permutation(more)[:left]] += 1
    return shares


def _drawn(
    scenes: Sequence[AnyScene],
    inputs: Sequence[Inputs],
    settings: PixelSettings,
    chips: Sequence[_Chip],
    wanted: Counts,
    seed: int,
) -> Samples:
    features, labels, origin = [], [], []
    for index, scene in enumerate(scenes):
        with scene.reader(inputs[index].layout) as reader:
            for chip in (chip for chip in chips if chip.scene == index and wanted[chip.number].any()):
                raw, truth = reader.read(chip.window)
                values, known = inputs[index].apply(raw)
                units = units_of(values, settings)
                of_unit = _labelled(units, np.where(known, truth, np.uint8(UNKNOWN)), settings, wanted.shape[1])
                random = np.random.default_rng([seed, chip.number, 6])
                for value, count in enumerate(wanted[chip.number]):
                    found = random.permutation(np.flatnonzero(of_unit == value))[:count]
                    features.append(units.features[found])
                    labels.append(np.full(len(found), value, np.uint8))
                    origin.append(np.full(len(found), index, np.intp))
    if not features:
        return Samples(*(np.zeros(shape, kind) for shape, kind in _NOTHING))  # type: ignore[arg-type]
    together = np.concatenate(labels)
    return Samples(np.concatenate(features), together, np.ones(len(together), np.float32), np.concatenate(origin))


_NOTHING = (((0, 0), np.float32), (0, np.uint8), (0, np.float32), (0, np.intp))


def _labelled(units: Units, truth: Classes, settings: PixelSettings, classes: int) -> Classes:
    """The class of each unit, 255 where it is not known: a pixel's own, a segment's most frequent one."""
    if isinstance(settings, SegmentsSettings):
        joint = units.of_pixel.ravel() * (UNKNOWN + 1) + truth.ravel()
        counts = np.bincount(joint, minlength=units.count * (UNKNOWN + 1)).reshape(units.count, -1)
        known, size = counts[:, :classes].sum(axis=1), counts.sum(axis=1)
        most = counts[:, :classes].argmax(axis=1).astype(np.uint8)
        return np.where(known >= _LEAST_KNOWN * size, most, np.uint8(UNKNOWN))
    reach = context_of(settings).reach
    if reach and 4 * reach <= min(truth.shape):  # those whose surroundings lie in the chip, where there are enough
        inner = np.full_like(truth, UNKNOWN)
        inner[reach:-reach, reach:-reach] = truth[reach:-reach, reach:-reach]
        truth = inner
    return truth.ravel()
