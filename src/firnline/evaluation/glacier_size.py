"""Results by glacier size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, inf
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.errors import ConfigError, GridError, LabelError
from firnline.grid import Window

SIZE_LIMITS: Final = (0.0, 0.1, 0.5, 1.0, 5.0, 10.0, inf)
"""Limits of the size classes, km2: the smallest holds what many inventories leave out, the largest the valley
glaciers."""

NEAR: Final = 300.0
"""Pixels mapped as ice within this many metres of a true glacier are counted as its false positives."""

_EIGHT: Final = np.ones((3, 3), np.bool_)
_TILE: Final = 1024


@dataclass(frozen=True)
class SizeClass:
    """The glaciers of one size class, `at_least` to below `below` km2; counts of several scenes are added.

    `cut` of the glaciers are cut by the scene's edge or by unknown truth: their size is a lower bound, and they may
    belong to a higher class. Pixels that the map leaves unknown are in none of the others.
    """

    at_least: float
    below: float
    glaciers: int
    cut: int
    hit: int
    missed: int
    false: int
    """Pixels wrongly mapped as ice nearest to a glacier of this class, and near it."""
    unmapped: int

    @property
    def recall(self) -> float | None:
        """The share of the true pixels that is mapped."""
        return self.hit / (self.hit + self.missed) if self.hit + self.missed else None

    @property
    def iou(self) -> float | None:
        """IoU with the false pixels near the glaciers; those far from every glacier are in no class."""
        if self.hit + self.missed == 0:
            return None
        return self.hit / (self.hit + self.missed + self.false)

    def __add__(self, other: SizeClass) -> SizeClass:
        if (self.at_least, self.below) != (other.at_least, other.below):
            raise LabelError("different size classes cannot be added")
        counts = ("glaciers", "cut", "hit", "missed", "false", "unmapped")
        return SizeClass(
            self.at_least, self.below, **{name: getattr(self, name) + getattr(other, name) for name in counts}
        )


@dataclass(frozen=True)
class BySize:
    """Results by size class, and the false pixels that lie near no true glacier."""

    classes: tuple[SizeClass, ...]
    false_elsewhere: int

    def __add__(self, other: BySize) -> BySize:
        return BySize(
            tuple(a + b for a, b in zip(self.classes, other.classes, strict=True)),
            self.false_elsewhere + other.false_elsewhere,
        )


def by_size(
    truth: Classes,
    prediction: Classes,
    scheme: LabelScheme,
    pixel: float,
    *,
    limits: Sequence[float] = SIZE_LIMITS,
    near: float = NEAR,
) -> BySize:
    """Results by the size of the true glaciers: pieces of true ice of any kind that touch, corners included.

    A glacier complex of several glaciers that touch is one piece. A false positive belongs to the nearest true
    glacier when that is within `near` metres, else to none: it is what the outline of that glacier has too much,
    where the other is a snow field or a lake. The labels of the glaciers are held whole, 4 bytes a pixel.

    Parameters
    ----------
    truth, prediction
        Class values, uint8 (row, column), same shape; 255 is unknown.
    scheme
        Of both; not that of debris, whose pieces are no glaciers.
    pixel
        Side of the square pixels, metres (`Grid.resolution`).
    limits
        Limits of the size classes, km2, rising from 0.

    Raises
    ------
    LabelError
        When the scheme is the one of debris.
    GridError
        When the shapes differ.
    ConfigError
        When limits, pixel or `near` make no sense.

    Examples
    --------
    >>> truth, prediction = np.zeros((30, 30), np.uint8), np.zeros((30, 30), np.uint8)
    >>> truth[5:10, 5:15], prediction[5:10, 5:12] = 1, 1
    >>> found = by_size(truth, prediction, LabelScheme.GLACIER, pixel=100.0).classes
    >>> [(each.at_least, each.glaciers, each.recall) for each in found if each.glaciers]
    [(0.5, 1, 0.7)]
    """
    if scheme == LabelScheme.DEBRIS:
        raise LabelError("the truth is of debris, whose pieces are no glaciers", do="give outlines of whole glaciers")
    if truth.shape != prediction.shape:
        raise GridError(f"the truth has the shape {truth.shape}, the prediction {prediction.shape}")
    is_rising = len(limits) > 1 and limits[0] == 0 and all(a < b for a, b in pairwise(limits))
    if not is_rising or not 0 < pixel < inf or near < 0:
        raise ConfigError(f"limits {tuple(limits)} km2, pixels of {pixel:g} m, {near:g} m around make no sense")
    found, count = ndimage.label((truth > 0) & (truth != UNKNOWN), _EIGHT)
    labels = np.asarray(found, np.int32)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:] * pixel**2 / 1e6
    hit, missed, false, unmapped = _by_glacier(truth, prediction, labels, count, pixel, near)
    stratum = np.searchsorted(limits, sizes, side="right") - 1
    is_cut = _cut(truth, labels, count)
    classes = []
    for number, (at_least, below) in enumerate(pairwise(limits)):
        own = stratum == number
        counts = (own, is_cut[own], hit[1:][own], missed[1:][own], false[1:][own], unmapped[1:][own])
        classes.append(SizeClass(at_least, below, *(int(each.sum()) for each in counts)))
    return BySize(tuple(classes), int(false[0]))


Numbers = NDArray[np.int64]


def _by_glacier(
    truth: Classes, prediction: Classes, labels: NDArray[np.int32], count: int, pixel: float, near: float
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Pixels hit, missed, false and unmapped by glacier (label); label 0 of the false ones lies near none."""
    rows, columns = truth.shape
    rim = ceil(near / pixel)
    totals = np.zeros((4, count + 1), np.int64)
    for top in range(0, rows, _TILE):
        for left in range(0, columns, _TILE):
            tile = Window(top, left, min(_TILE, rows - top), min(_TILE, columns - left))
            around = tile.grown(rim).intersection(Window(0, 0, rows, columns))
            assert around is not None
            nearest = _nearest(labels[around.slices], near / pixel)[tile.relative_to(around).slices]
            true, mapped, own = truth[tile.slices], prediction[tile.slices], labels[tile.slices]
            is_ice, is_mapped = own > 0, (mapped > 0) & (mapped != UNKNOWN)
            chosen = (
                (own, is_ice & is_mapped),
                (own, is_ice & (mapped == 0)),
                (nearest, (true == 0) & is_mapped),
                (own, is_ice & (mapped == UNKNOWN)),
            )
            totals += np.stack([np.bincount(which[where], minlength=count + 1) for which, where in chosen])
    return totals[0], totals[1], totals[2], totals[3]


def _nearest(labels: NDArray[np.int32], reach: float) -> NDArray[np.int32]:
    """The glacier nearest to each pixel (centre to centre), 0 where none is within reach (pixels)."""
    if not labels.any():
        return labels
    distances, (row, column) = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    return np.where(distances <= reach + 1e-9, labels[row, column], np.int32(0))


def _cut(truth: Classes, labels: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    """Whether each glacier touches the edge of the raster or unknown truth, corners included."""
    is_cut = np.zeros(count + 1, np.bool_)
    is_cut[np.unique(labels[ndimage.binary_dilation(truth == UNKNOWN, _EIGHT)])] = True
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        is_cut[np.unique(edge)] = True
    return is_cut[1:]
