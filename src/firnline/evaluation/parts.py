"""The validation set in two parts: one to fit a calibration on, one to report it on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.errors import ConfigError
from firnline.evaluation.blocks import Unit, UnitCounts

WHOLE_SCENES: Final = 6
"""From this many scenes on, whole scenes are dealt out; fewer are halved."""


@dataclass(frozen=True)
class Parts:
    """Units to fit on, units to report on, and those between that are in neither."""

    fit: tuple[Unit, ...]
    report: tuple[Unit, ...]
    rim: tuple[Unit, ...]


@dataclass(frozen=True, eq=False)
class _Piece:
    """Units that are dealt out together, and how large they are: their number, and the true pixels of each class."""

    units: tuple[Unit, ...]
    sizes: NDArray[np.float64]


def two_parts(units: Sequence[UnitCounts], seed: int) -> Parts:
    """Divide units so that neighbouring pixels are never on both sides, and each side has half of each class.

    From `WHOLE_SCENES` scenes on whole scenes are dealt out. Fewer are cut in two across their longer side, and the
    row or column of blocks in the middle belongs to neither part: the rim is one block wide. A scene of fewer than
    three rows and columns of blocks stays whole. The pieces are dealt from the largest on, each to the part that
    it makes more like the other in all classes; the seed says which part is which, and settles ties.

    Parameters
    ----------
    units
        Counts by block; only the truth in them matters.
    seed
        Of what is left to chance.

    Raises
    ------
    ConfigError
        When there are fewer than two pieces to deal out.

    Examples
    --------
    >>> from firnline.evaluation.blocks import unit_counts
    >>> truth = np.ones((30, 50), np.uint8)
    >>> parts = two_parts(unit_counts("a", truth, truth, 2, side=10), seed=0)
    >>> sorted({unit.column for unit in parts.rim}), len(parts.fit), len(parts.report)
    ([2], 6, 6)
    """
    by_scene: dict[str, list[UnitCounts]] = {}
    for each in units:
        by_scene.setdefault(each.unit.scene, []).append(each)
    pieces: list[_Piece] = []
    rim: list[Unit] = []
    for scene in by_scene.values():
        halves, between = ([scene], []) if len(by_scene) >= WHOLE_SCENES else _halves(scene)
        pieces += [_piece(half) for half in halves]
        rim += [each.unit for each in between]
    if len(pieces) < 2:
        raise ConfigError(
            f"{len(units)} blocks cannot be parted with a rim between", do="choose smaller blocks, or more scenes"
        )
    fit, report = _dealt(pieces, np.random.default_rng(seed))
    return Parts(fit, report, tuple(sorted(rim)))


def _halves(scene: Sequence[UnitCounts]) -> tuple[list[list[UnitCounts]], list[UnitCounts]]:
    """Both sides of the middle line of blocks, and that line; a scene without a middle as a whole."""
    places = np.array([(each.unit.row, each.unit.column) for each in scene])
    spans = np.ptp(places, axis=0) + 1
    axis = int(spans[1] >= spans[0])
    if spans[axis] < 3:
        return [list(scene)], []
    lines = places[:, axis]
    middle = int(lines.min() + spans[axis] // 2)
    sides = [[each for each, line in zip(scene, lines, strict=True) if np.sign(line - middle) == s] for s in (-1, 1)]
    return sides, [each for each, line in zip(scene, lines, strict=True) if line == middle]


def _piece(scene: Sequence[UnitCounts]) -> _Piece:
    sizes = [(1.0, *each.true_pixels) for each in scene]
    return _Piece(tuple(sorted(each.unit for each in scene)), np.sum(sizes, axis=0))


def _dealt(pieces: Sequence[_Piece], rng: np.random.Generator) -> tuple[tuple[Unit, ...], tuple[Unit, ...]]:
    total = np.maximum(np.sum([piece.sizes for piece in pieces], axis=0), 1.0)
    shares = [piece.sizes / total for piece in pieces]
    shuffled = rng.permutation(len(pieces)).tolist()
    gap = np.zeros(len(total))
    dealt: tuple[list[Unit], list[Unit]] = ([], [])
    for number in sorted(shuffled, key=lambda number: -float(shares[number].sum())):
        is_second = int(np.abs(gap + shares[number]).sum() > np.abs(gap - shares[number]).sum())
        gap += -shares[number] if is_second else shares[number]
        dealt[is_second].extend(pieces[number].units)
    swap = int(rng.integers(2))
    return tuple(sorted(dealt[swap])), tuple(sorted(dealt[1 - swap]))
