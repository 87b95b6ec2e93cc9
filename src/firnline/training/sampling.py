"""Where chips are cut: places in the training scenes, drawn so that rare classes are seen often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.chips.statistics import known_pixels
from firnline.classes import UNKNOWN, LabelScheme
from firnline.errors import ConfigError
from firnline.grid import Window
from firnline.training.config import TrainingConfig
from firnline.training.data import TrainingScene, tiles

_FOREGROUND: Final = {
    LabelScheme.CLASS: ("clean ice", "debris"),
    LabelScheme.GLACIER: ("glacier of unknown type",),
    LabelScheme.DEBRIS: ("debris",),
    LabelScheme.CLEAN: ("clean ice",),
}
"""What the values 1, 2 of a truth are: the same thing has the same name, whatever the scheme."""


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
    with scene.reader(config.layout) as reader:
        for window in tiles(scene.area, 1024):
            raw, _ = reader.read(window)
            part = truth[window.relative_to(scene.area).slices]
            part[~known_pixels(raw[: len(config.bands)], config.bands)] = UNKNOWN
    return truth


def _positions(area: Window, size: int) -> Iterator[Window]:
    step = max(1, size // 4)
    rows = [*range(0, max(area.height - size, 0), step), max(area.height - size, 0)]
    columns = [*range(0, max(area.width - size, 0), step), max(area.width - size, 0)]
    for row in rows:
        for column in columns:
            yield Window(area.row + row, area.column + column, size, size)


def draw_places(
    places: Sequence[Place], schemes: Sequence[LabelScheme], config: TrainingConfig, epoch: int
) -> list[Place]:
    """The chips of an epoch: the same for the same seed and epoch, however often it is asked.

    A share `chips.focus` is drawn from places that hold clean ice, debris, or glacier of unknown type, whichever
    of them occur, each as often as the others; the rest by known share.

    Parameters
    ----------
    places
        Where chips may be cut.
    schemes
        The label scheme of each scene, which says what the shares of its places are of. Debris is one pool, be it
        a class of its own or the only thing that was mapped.
    config, epoch
        The settings, and the epoch from 1.

    Examples
    --------
    >>> from firnline.chips.entries import SceneEntry
    >>> config = TrainingConfig(name="demo", scheme="class", bands=["red"], chips={"focus": 1, "per_epoch": 100},
    ...                         scenes=(SceneEntry(images="a.tif", truth="b.tif"),))
    >>> window = Window(0, 0, 256, 256)
    >>> rare, common = Place(0, window, 1.0, (0.5, 0.5)), Place(1, window, 1.0, (0.5, 0.5))
    >>> drawn = draw_places([rare, *[common] * 9], [LabelScheme.DEBRIS, LabelScheme.GLACIER], config, 1)
    >>> 30 < drawn.count(rare) < 70
    True
    """
    random = np.random.default_rng([config.seed, epoch, 1])
    by_known = np.array([place.known for place in places])
    pools = [by_known / by_known.sum(), *_pools(places, schemes, config.chips.focus_share)]
    drawn = []
    for _ in range(config.chips.per_epoch):
        focused = len(pools) > 1 and random.random() < config.chips.focus
        pool = pools[int(random.integers(1, len(pools)))] if focused else pools[0]
        drawn.append(places[int(random.choice(len(places), p=pool))])
    return drawn


def _pools(places: Sequence[Place], schemes: Sequence[LabelScheme], least: float) -> Iterator[NDArray[np.float64]]:
    """For each thing on the ground that occurs, the chance of each place: the same for all that hold it."""
    for thing in dict.fromkeys(thing for scheme in LabelScheme for thing in _FOREGROUND[scheme]):
        holds = np.array([_share_of(thing, place, schemes[place.scene]) >= least for place in places])
        if holds.any():
            yield holds / holds.sum()


def _share_of(thing: str, place: Place, scheme: LabelScheme) -> float:
    """The share of a thing among what is known of a place; -1 where its truth does not tell."""
    things = _FOREGROUND[scheme]
    return place.shares[1 + things.index(thing)] if thing in things else -1.0
