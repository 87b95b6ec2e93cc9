"""Less and less to train on: nested parts of what each fold trains on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np

from firnline.chips.table import TRAIN, ChipTable, read_table, write_table
from firnline.experiments.folds import REFERENCES, Fold
from firnline.experiments.study import Study
from firnline.files import sha256_of


@dataclass(frozen=True)
class Amount:
    """A part of the training data, in each fold. Test data is all there."""

    share: float
    """What was asked for."""
    folds: tuple[Fold, ...]
    kept: tuple[int, ...]
    whole: tuple[int, ...]
    what: str
    """``scenes`` or ``chips``."""

    @property
    def words(self) -> str:
        """How much it is.

        Examples
        --------
        >>> Amount(0.5, (), (3, 4), (6, 7), "scenes").words
        '3 to 4 of 6 to 7 scenes'
        """
        if self.kept == self.whole:
            return f"all {_span(self.whole)} {self.what}"
        return f"{_span(self.kept)} of {_span(self.whole)} {self.what}"

    @property
    def true_share(self) -> float:
        """The share that it is, over all folds."""
        return sum(self.kept) / sum(self.whole)


def _span(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def amounts(study: Study, shares: Sequence[float], draw: int) -> tuple[Amount, ...]:
    """Parts of the training scenes, or of a table's training chips, the larger holding the smaller ones.

    Parts are of whole scenes, at least one, because the pixels of one scene say much the same. Shares that come to
    the same number of scenes are one amount: that of the largest.

    Parameters
    ----------
    study
        Its folds are what is cut down; tables of fewer chips are left in its folder.
    shares
        Of the scenes or chips, above 0 and at most 1.
    draw
        The chance by which they are drawn.
    """
    found: dict[tuple[int, ...], Amount] = {}
    for share in sorted(shares):
        parts = [_part(study, fold, share, [draw, number]) for number, fold in enumerate(study.folds)]
        kept, whole = tuple(part[1] for part in parts), tuple(part[2] for part in parts)
        what = "scenes" if study.training.table is None else "chips"
        found[kept] = Amount(share, tuple(part[0] for part in parts), kept, whole, what)
    return tuple(found.values())


def chosen(count: int, share: float, seed: Sequence[int]) -> list[int]:
    """Which of so many are in a part: at least one, and of a larger share all of a smaller one's.

    Examples
    --------
    >>> few, many = chosen(20, 0.1, [0]), chosen(20, 0.5, [0])
    >>> len(few), len(many), set(few) <= set(many)
    (2, 10, True)
    """
    order = np.random.default_rng(seed).permutation(count)
    return sorted(order[: max(1, ceil(round(share * count, 6)))].tolist())


def _part(study: Study, fold: Fold, share: float, seed: Sequence[int]) -> tuple[Fold, int, int]:
    """A fold with a part of its training data, how much that is, and of how much."""
    name = f"{fold.name}-share-{100 * share:g}"
    if fold.table is None:
        kept = chosen(len(fold.train), share, seed)
        part = replace(fold, name=name, train=tuple(fold.train[i] for i in kept))
        return (fold if len(kept) == len(fold.train) else part), len(kept), len(fold.train)
    table = read_table(fold.table)
    rows = _training_rows(table, fold)
    kept = chosen(len(rows), share, seed)
    if len(kept) == len(rows):
        return fold, len(kept), len(rows)
    path = study.out / "tables" / f"{name}-{'-'.join(map(str, seed))}-{sha256_of(fold.table)[:12]}.parquet"
    _write_without(table, {rows[i] for i in set(range(len(rows))) - set(kept)}, path)
    return replace(fold, name=name, table=path.absolute()), len(kept), len(rows)


def _training_rows(table: ChipTable, fold: Fold) -> list[int]:
    """The rows of the chips that a fold trains on."""
    return [
        row
        for row, chip in enumerate(table.chips())
        if (chip.split == TRAIN if fold.number is None else chip.fold not in (None, fold.number))
    ]


def _write_without(table: ChipTable, rows: set[int], path: Path) -> None:
    """Write a table without some of its rows, with paths that count from where it then lies.

    One that is there is of the same chips (its name says of which table, and by which chance), and is left as it is:
    trials that rest on it stay good.
    """
    if path.exists():
        return
    frame = table.frame.iloc[[row for row in range(len(table)) if row not in rows]].reset_index(drop=True)
    moved = replace(table, path=path.absolute())
    for column in REFERENCES:
        frame[column] = [moved.relative(table.resolve(n)) if isinstance(n, str) else None for n in frame[column]]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(moved.with_frame(frame))
