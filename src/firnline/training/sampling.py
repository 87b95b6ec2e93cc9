"""Where chips are cut: places in the training scenes, drawn so that rare classes are seen often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firnline.chips.statistics import known_pixels
from firnline.classes import UNKNOWN, Classes
from firnline.errors import ConfigError
from firnline.grid import Window
from firnline.models.normaliser import Floats
from firnline.training.config import TrainingConfig
from firnline.training.data import TrainingScene, tiles


@dataclass(frozen=True)
class Place:
    """Where a chip may be cut, what share of it is known, and the shares of the truth's values among the known."""

    scene: int
    window: Window
    known: float
    shares: tuple[float, ...]


def find_places(scenes: Sequence[TrainingScene], config: TrainingConfig) -> list[Place]:
    """Every place a quarter chip apart whose known share is large enough (known in truth and in every band)."""
    size = config.chips.size
    places = []
    for index, scene in enumerate(scenes):
        if scene.role != "train":
            continue
        truth = _truth_where_bands_known(scene, config)
        for window in _positions(scene.area, size):
            inside = window.intersection(scene.area)
            assert inside is not None
            values = truth[inside.relative_to(scene.area).slices]
            counts = np.bincount(values.ravel(), minlength=256)[: scene.scheme.class_count]
            known = float(counts.sum())
            if known and known / size**2 >= config.chips.known:
                places.append(Place(index, window, known / size**2, tuple((counts / known).tolist())))
    if not places:
        raise ConfigError(
            f"no chip of {size} pixels has a known share of {config.chips.known:g}",
            where="chips",
            do="lower chips.known",
        )
    return places


def _truth_where_bands_known(scene: TrainingScene, config: TrainingConfig) -> NDArray[np.uint8]:
    """The truth of the used part, unknown also where a measured band is unknown."""
    truth = scene.truth[scene.area.slices].copy()
    with scene.reader(config.bands) as reader:
        for window in tiles(scene.area, 1024):
            raw, _ = reader.read(window)
            part = truth[window.relative_to(scene.area).slices]
            part[~known_pixels(raw, config.bands)] = UNKNOWN
    return truth


def _positions(area: Window, size: int) -> Iterator[Window]:
    step = max(1, size // 4)
    rows = [*range(0, max(area.height - size, 0), step), max(area.height - size, 0)]
    columns = [*range(0, max(area.width - size, 0), step), max(area.width - size, 0)]
    for row in rows:
        for column in columns:
            yield Window(area.row + row, area.column + column, size, size)


def draw_places(places: Sequence[Place], config: TrainingConfig, epoch: int) -> list[Place]:
    """The chips of an epoch: the same for the same seed and epoch, however often it is asked.

    A share `chips.focus` is drawn from places that hold each foreground value in turn, the rest by known share.
    """
    random = np.random.default_rng([config.seed, epoch, 1])
    by_known = np.array([place.known for place in places])
    pools = [by_known / by_known.sum()]
    foreground = max(len(place.shares) for place in places)
    for value in range(1, foreground):
        holds = np.array([len(p.shares) > value and p.shares[value] >= config.chips.focus_share for p in places])
        if holds.any():
            pools.append(holds / holds.sum())
    drawn = []
    for _ in range(config.chips.per_epoch):
        focused = len(pools) > 1 and random.random() < config.chips.focus
        pool = pools[int(random.integers(1, len(pools)))] if focused else pools[0]
        drawn.append(places[int(random.choice(len(places), p=pool))])
    return drawn


def turned(raw: Floats, truth: Classes, random: np.random.Generator) -> tuple[Floats, Classes]:
    """One of the eight flips and quarter turns, the same for bands (band, row, column) and truth (row, column)."""
    turns, flip = int(random.integers(4)), bool(random.integers(2))
    raw, truth = np.rot90(raw, turns, (1, 2)), np.rot90(truth, turns)
    return (raw[:, :, ::-1], truth[:, ::-1]) if flip else (raw, truth)
