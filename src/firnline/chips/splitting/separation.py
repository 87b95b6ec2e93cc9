"""Sides kept apart: chips that share pixels or a glacier with another side, or lie too near it, are dropped."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from firnline.chips.splitting.places import Indices, Places


@dataclass(frozen=True)
class Dropped:
    """How many chips went to no side: those too near another side (sharing pixels included), and those with a
    glacier that is also on another side."""

    near: int = 0
    glacier: int = 0

    def words(self) -> str:
        """In words; empty where none was dropped."""
        parts = []
        if self.near:
            parts.append(f"{self.near} too near another side")
        if self.glacier:
            parts.append(f"{self.glacier} with a glacier of another side")
        return ", ".join(parts)


def kept_apart(
    sides: Indices, places: Places, glaciers: tuple[Indices, Indices], *, buffer_m: float, folds: bool
) -> tuple[Indices, Dropped]:
    """Drop chips until no two sides share pixels or a glacier, or lie nearer than a buffer to each other.

    Of two sides it is training that gives way to validation and to test, and validation to test; of two folds,
    the one or the other in turn.

    Parameters
    ----------
    sides
        (chips,) 0, 1, ... by side; train, validation, test in this order; -1 is no side.
    glaciers
        Links: chip, code of a glacier in it.
    buffer_m
        Least distance, m. With 0, chips may touch.
    """
    sides = sides.copy()
    near = shared = 0
    for one, other in combinations(range(int(sides.max(initial=-1)) + 1), 2):
        loser, winner = (other, one) if folds and (one + other) % 2 else (one, other)
        there = np.flatnonzero(np.bincount(places.of_chip[sides == winner]))
        here = np.flatnonzero(np.bincount(places.of_chip[sides == loser]))
        is_near = np.zeros(len(places), dtype=bool)
        is_near[places.near(here, there, buffer_m)] = True
        drop = is_near[places.of_chip] & (sides == loser)
        near += int(drop.sum())
        sides[drop] = -1
        chips, codes = glaciers
        also = codes[sides[chips] == winner]
        drop = np.zeros(len(sides), dtype=bool)
        drop[chips[(sides[chips] == loser) & np.isin(codes, also)]] = True
        shared += int(drop.sum())
        sides[drop] = -1
    return sides, Dropped(near, shared)
