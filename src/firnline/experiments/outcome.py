"""What an experiment hands over: tables, figures and sentences."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from firnline.errors import FirnlineError
from firnline.evaluation.bootstrap import Interval
from firnline.experiments.results import Trials

Cell = str | int | float | Interval | None
"""What a table holds; an interval is one cell on paper and three columns in CSV, and None is shown as ``-``."""


@dataclass(frozen=True)
class Table:
    """A table; `name` is that of its files.

    Examples
    --------
    >>> table = Table("iou", "IoU", ("model", "IoU"), (("forest", 0.58071), ("unet", None)))
    >>> print(table.markdown)
    | model | IoU |
    | --- | --- |
    | forest | 0.581 |
    | unet | - |
    >>> table.csv.splitlines()
    ['model,IoU', 'forest,0.58071', 'unet,']
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        assert all(len(row) == len(self.columns) for row in self.rows), f"{self.name}: a row is not as wide"

    @property
    def markdown(self) -> str:
        """As Markdown."""
        lines = [self.columns, ("---",) * len(self.columns), *([shown(cell) for cell in row] for row in self.rows)]
        return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)

    @property
    def csv(self) -> str:
        """As CSV with numbers in full; an interval takes three columns."""
        wide = [any(isinstance(row[i], Interval) for row in self.rows) for i in range(len(self.columns))]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        head = [
            [name, f"{name} low", f"{name} high"] if w else [name] for name, w in zip(self.columns, wide, strict=True)
        ]
        writer.writerow([name for names in head for name in names])
        for row in self.rows:
            writer.writerow([part for cell, w in zip(row, wide, strict=True) for part in _plain(cell, w)])
        return text.getvalue()


def shown(cell: Cell) -> str:
    """A cell as people read it."""
    if isinstance(cell, Interval):
        return cell.text
    if isinstance(cell, float):
        return f"{cell:.3f}"
    return "-" if cell is None else str(cell)


def is_interval(cell: Cell) -> bool:
    """Whether a cell is a score with its interval, which is not broken apart."""
    return isinstance(cell, Interval)


def _plain(cell: Cell, wide: bool) -> Sequence[object]:
    if isinstance(cell, Interval):
        return [cell.value, cell.low, cell.high]
    return [cell, None, None] if wide else [cell]


@dataclass(frozen=True)
class Figure:
    """A picture, PNG; `name` is that of its file."""

    name: str
    title: str
    caption: str
    png: bytes = field(repr=False)


@dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Parameters
    ----------
    title, question
        What it is, and what it answers.
    tables, figures
        The first table is the one that answers.
    sentences
        What was found, one finding a sentence.
    settings
        What it was run with, beyond what every experiment records.
    trials
        What it rests on: the page tells their folds, their data and their CPU time.
    """

    title: str
    question: str
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...] = ()
    sentences: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    trials: Trials = field(default_factory=lambda: Trials(()))

    def __post_init__(self) -> None:
        names = [*(table.name for table in self.tables), *(figure.name for figure in self.figures)]
        if len(set(names)) < len(names):
            raise FirnlineError(f"two files of an experiment have the same name: {', '.join(names)}")
