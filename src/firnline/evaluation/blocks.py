"""Units of a score: a scene cut into square blocks, each with confusion counts of its own, kept in files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from firnline.classes import Classes
from firnline.errors import ConfigError, GridError, LabelError
from firnline.evaluation.confusion import Confusion, confusion
from firnline.files import replaced
from firnline.grid import Window

FORMAT: Final = "firnline units 1"
"""What a file of units says of itself."""


@dataclass(frozen=True, order=True)
class Unit:
    """A block of a scene, by its place in the scene's rows and columns of blocks; a whole scene or chip is (0, 0).

    Examples
    --------
    >>> Unit("08_03", 1, 2).name
    '08_03/1-2'
    """

    scene: str
    row: int = 0
    column: int = 0

    @property
    def name(self) -> str:
        """The scene's name with the block's row and column."""
        return f"{self.scene}/{self.row}-{self.column}"


@dataclass(frozen=True, eq=False)
class UnitCounts:
    """The confusion counts of one unit.

    Examples
    --------
    >>> counts = confusion(np.array([[0, 1, 1, 255]], np.uint8), np.array([[0, 1, 0, 0]], np.uint8), 2)
    >>> record = UnitCounts(Unit("08_03"), counts).as_record()
    >>> record
    {'scene': '08_03', 'row': 0, 'column': 0, 'counts': [[1, 0], [1, 1]], 'unmapped': [0, 0], 'truth_unknown': 1}
    >>> UnitCounts.from_record(record).confusion.counts.tolist()
    [[1, 0], [1, 1]]
    """

    unit: Unit
    confusion: Confusion

    @property
    def name(self) -> str:
        """The unit's name."""
        return self.unit.name

    @property
    def true_pixels(self) -> tuple[int, ...]:
        """Pixels of known truth by class, mapped or not: the same for every map of this unit."""
        return tuple((self.confusion.counts.sum(axis=1) + self.confusion.unmapped).tolist())

    def as_record(self) -> dict[str, object]:
        """The unit as plain values for JSON."""
        return {
            **vars(self.unit),
            "counts": self.confusion.counts.tolist(),
            "unmapped": self.confusion.unmapped.tolist(),
            "truth_unknown": self.confusion.truth_unknown,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> Self:
        """The unit of such a record.

        Raises
        ------
        LabelError
            When something is missing or is not what `as_record` writes.
        """
        try:
            unit = Unit(str(record["scene"]), int(str(record["row"])), int(str(record["column"])))
            counts, unmapped = (np.array(record[key], np.int64) for key in ("counts", "unmapped"))
            truth_unknown = int(str(record["truth_unknown"]))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise LabelError(f"is not a unit's record ({error!r})") from None
        if unmapped.ndim != 1 or counts.shape != (len(unmapped), len(unmapped)):
            raise LabelError(f"has counts of the shape {counts.shape} and unmapped pixels of {unmapped.shape}")
        return cls(unit, Confusion(counts, unmapped, truth_unknown))


def blocks(shape: tuple[int, int], side: int) -> tuple[tuple[int, int, Window], ...]:
    """Cut a raster into square blocks of `side` pixels, by rows and then columns.

    What remains at the right and lower edge is a block of its own when it is at least half a side, else it belongs
    to the block before: a sliver would count as a unit and tell nothing.

    Returns
    -------
    (row of blocks, column of blocks, window) each; the windows cover every pixel once.

    Raises
    ------
    ConfigError
        When `side` is not at least 1.

    Examples
    --------
    >>> [(window.height, window.width) for _, _, window in blocks((100, 240), 100)]
    [(100, 100), (100, 140)]
    """
    if side < 1:
        raise ConfigError(f"blocks of {side} pixels are none", do="choose a side of at least 1 pixel")
    rows, columns = (_cuts(length, side) for length in shape)
    return tuple(
        (i, j, Window(top, left, bottom - top, right - left))
        for i, (top, bottom) in enumerate(rows)
        for j, (left, right) in enumerate(columns)
    )


def _cuts(length: int, side: int) -> list[tuple[int, int]]:
    count = max(1, (2 * length + side) // (2 * side))  # half a side or more is a block
    return [(step * side, length if step == count - 1 else (step + 1) * side) for step in range(count)]


def unit_counts(
    scene: str, truth: Classes, prediction: Classes, class_count: int, side: int
) -> tuple[UnitCounts, ...]:
    """Count a class raster against the truth by blocks; their sum is the scene's confusion.

    Neighbouring pixels err together, so that pixels are no units: blocks should be wider than the things that are
    right or wrong as wholes (a glacier tongue, a snow field), which is kilometres rather than hundreds of metres.

    Parameters
    ----------
    scene
        The scene's name, by which blocks of one scene belong together.
    truth, prediction
        Class values, uint8 (row, column), same shape; 255 is unknown.
    class_count
        Known values are 0 to `class_count` - 1.
    side
        Side of a block, pixels.

    Raises
    ------
    GridError, LabelError
        As `confusion` does.

    Examples
    --------
    >>> truth, prediction = np.ones((4, 8), np.uint8), np.zeros((4, 8), np.uint8)
    >>> [(each.name, each.confusion.scored) for each in unit_counts("a", truth, prediction, 2, side=4)]
    [('a/0-0', 16), ('a/0-1', 16)]
    """
    if truth.shape != prediction.shape:
        raise GridError(f"the truth has the shape {truth.shape}, the prediction {prediction.shape}", where=scene)
    rows, columns = truth.shape
    return tuple(
        UnitCounts(Unit(scene, i, j), confusion(truth[window.slices], prediction[window.slices], class_count))
        for i, j, window in blocks((rows, columns), side)
    )


def summed(units: Sequence[UnitCounts]) -> Confusion:
    """The counts of all units together: the whole set as one.

    Raises
    ------
    LabelError
        When there are no units, or their class counts differ.
    """
    if not units:
        raise LabelError("there are no units to add")
    total = units[0].confusion
    for each in units[1:]:
        total = total + each.confusion
    return total


def write_units(units: Iterable[UnitCounts], path: str | Path) -> None:
    """Write units as JSON, one a line; the file is there when it is whole.

    Raises
    ------
    OutputError
        When it could not be written.
    """
    lines = ",\n".join(json.dumps(each.as_record()) for each in units)
    with replaced(path) as temporary:
        temporary.write_text(f'{{"format": "{FORMAT}", "units": [\n{lines}\n]}}\n', encoding="utf-8")


def read_units(path: str | Path) -> tuple[UnitCounts, ...]:
    """Read what `write_units` wrote.

    Raises
    ------
    LabelError
        When the file cannot be read or is something else.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "units.json"
    >>> write_units(unit_counts("a", np.ones((4, 8), np.uint8), np.ones((4, 8), np.uint8), 2, side=4), path)
    >>> [each.name for each in read_units(path)]
    ['a/0-0', 'a/0-1']
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise LabelError(f"cannot be read ({error.strerror})", where=path) from None
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get("format") != FORMAT or not isinstance(content.get("units"), list):
        raise LabelError(
            "is not a file of units", where=path, do="delete it: what it is counted from is counted again"
        )
    try:
        return tuple(UnitCounts.from_record(record) for record in content["units"])
    except LabelError as error:
        raise LabelError(error.what, where=path) from None
