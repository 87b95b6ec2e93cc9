"""Flips and quarter turns of a chip, in which directions turn with the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from firnline.classes import Classes
from firnline.models.normaliser import Floats

EAST: Final = "eastness"
NORTH: Final = "northness"
ASPECT: Final = "aspect"
"""In degrees clockwise from north. No model is trained on it, but a bundle of other makers may take it."""


def turned(
    raw: Floats,
    truth: Classes,
    names: Sequence[str],
    turns: bool | Literal["mirror"],
    random: np.random.Generator,
) -> tuple[Floats, Classes]:
    """A copy of a square chip in one of the eight flips and quarter turns, each as likely as the others.

    The picture moves as if the whole mountain were turned, the sun with it: ``eastness`` and ``northness`` (sine
    and cosine of the aspect) are the parts of a vector that turns too. Where a chip has only one of both, what
    a quarter turn would make of it is not known: it is flipped and turned by halves.

    Parameters
    ----------
    raw
        (band, row, column), row 0 in the north, before normalisation.
    truth
        (row, column).
    names
        The bands' names.
    turns
        ``mirror``: as it is, or east for west; False: as it is.
    random
        Where chance comes from.

    Examples
    --------
    >>> raw = np.array([[[0.5, 1.0]]], np.float32)  # the slope to the right falls to the east
    >>> truth = np.array([[0, 1]], np.uint8)
    >>> for seed in (0, 1):
    ...     raw_turned, truth_turned = turned(raw, truth, ["eastness"], "mirror", np.random.default_rng(seed))
    ...     raw_turned.tolist(), truth_turned.tolist()
    ([[[-1.0, -0.5]]], [[1, 0]])
    ([[[0.5, 1.0]]], [[0, 1]])
    """
    quarters, flip = _drawn(names, turns, random)
    truth = np.rot90(truth, quarters)
    truth = (truth[:, ::-1] if flip else truth).copy(order="C")
    return turn(raw, names, quarters, flip), truth


def turn(raw: Floats, names: Sequence[str], quarters: int, flip: bool) -> Floats:
    """A square window (band, row, column) turned by quarters against the clock, then flipped east for west; a copy.

    ``eastness``, ``northness`` and ``aspect`` (degrees clockwise from north) turn with the pixels.

    Examples
    --------
    >>> aspect = np.array([[[0.0, 90.0]]], np.float32)  # to the north, and to the east
    >>> turn(aspect, ["aspect"], 0, flip=True).tolist(), turn(aspect, ["aspect"], 2, flip=False).tolist()
    ([[[270.0, 0.0]]], [[[270.0, 180.0]]])
    """
    raw = np.rot90(raw, quarters, (1, 2))
    raw = (raw[:, :, ::-1] if flip else raw).copy(order="C")
    _turn_directions(raw, names, quarters, flip)
    return raw


def turns_of(names: Sequence[str]) -> tuple[tuple[int, bool], ...]:
    """Every (quarters, flip) that is known to make of bands what the turned mountain would show; none first.

    Examples
    --------
    >>> len(turns_of(["red"])), len(turns_of(["eastness"])), len(turns_of(["eastness", "northness"]))
    (8, 4, 8)
    """
    step = 2 if (EAST in names) != (NORTH in names) else 1
    return tuple((quarters, flip) for flip in (False, True) for quarters in range(0, 4, step))


def _drawn(names: Sequence[str], turns: bool | Literal["mirror"], random: np.random.Generator) -> tuple[int, bool]:
    """Quarter turns against the clock, and whether east and west are swapped after them."""
    if not turns:
        return 0, False
    if turns == "mirror":
        quarters = 0
    elif (EAST in names) != (NORTH in names):
        quarters = 2 * int(random.integers(2))
    else:
        quarters = int(random.integers(4))
    return quarters, bool(random.integers(2))


def _turn_directions(raw: Floats, names: Sequence[str], quarters: int, flip: bool) -> None:
    """Turn the vector (east, north) against the clock, then swap east and west, in place."""
    east = raw[names.index(EAST)] if EAST in names else None
    north = raw[names.index(NORTH)] if NORTH in names else None
    if quarters >= 2:
        for part in (east, north):
            if part is not None:
                np.negative(part, out=part)
    if quarters % 2:
        assert east is not None or north is None  # a lone part is not turned by quarters
        if east is not None and north is not None:
            east[:], north[:] = -north, east.copy()
    if flip and east is not None:
        np.negative(east, out=east)
    if ASPECT in names:
        aspect = raw[names.index(ASPECT)]
        aspect -= np.float32(90 * quarters)
        if flip:
            np.negative(aspect, out=aspect)
        np.mod(aspect, np.float32(360), out=aspect)
