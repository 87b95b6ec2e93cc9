"""What is trained on and what is tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import pandas

from firnline.chips.table import TEST, VALIDATION, read_table, write_table
from firnline.classes import LabelScheme
from firnline.errors import ConfigError
from firnline.experiments.config import Loaded
from firnline.experiments.scenes import StudyScene, TestScene, list_scenes, scenes_of_chips
from firnline.training.config import TrainingConfig

WHOLE = "all"
"""The only fold where the configuration, or the table's split, says what is tested."""

REFERENCES: Final = ("scene", "truth", "dem", "sidecar")
"""The columns of a table of chips that name files, relative to the table."""


@dataclass(frozen=True)
class Fold:
    """One way to part the data: scenes to train and to test on; or a table of chips, and which fold of it is tested.

    `test` scenes keep their truth as it is; what a model can learn from is a matter of its arm.
    """

    name: str
    train: tuple[StudyScene, ...] = ()
    test: tuple[StudyScene, ...] = ()
    table: Path | None = None
    number: int | None = None

    def training(self, config: TrainingConfig) -> TrainingConfig:
        """The settings of an arm with this fold's data, and truth of classes converted to the scheme of its model.

        Test scenes are named as validation, so that training keeps its distance from them (`buffer_m`); nothing is
        chosen on them (`trials.keeping_the_last`).
        """
        truth_as = config.truth_as if config.scheme == LabelScheme.CLASS else config.scheme
        if self.table is not None:
            changes: dict[str, Any] = {"table": self.table, "fold": self.number}
        else:
            entries = (*(s.in_role("train") for s in self.train), *(s.in_role("validation") for s in self.test))
            changes = {"scenes": entries, "table": None, "fold": None}
        return config.model_copy(update={**changes, "truth_as": truth_as})

    def tests(self) -> Iterator[TestScene]:
        """The scenes to test on, each opened when it is its turn: a truth may take as much memory as a scene."""
        if self.table is None:
            yield from (scene.opened() for scene in self.test)
            return
        chips = list(read_table(self.table).chips())
        if self.number is not None:
            chips = [chip for chip in chips if chip.fold == self.number]
        else:
            side = TEST if any(chip.split == TEST for chip in chips) else VALIDATION
            chips = [chip for chip in chips if chip.split == side]
        yield from scenes_of_chips(chips, self.table)

    def files(self) -> list[Path]:
        """What it rests on, for telling whether anything has changed."""
        if self.table is not None:
            return list(_table_files(self.table, self.table.stat().st_mtime_ns))
        return list(dict.fromkeys(path for scene in (*self.train, *self.test) for path in scene.files()))

    def as_record(self) -> dict[str, Any]:
        """In plain values."""
        if self.table is not None:
            return {"table": table_sum(self.table), "fold": self.number}
        return {"train": [s.as_record() for s in self.train], "test": [s.as_record() for s in self.test]}

    @property
    def words(self) -> str:
        """What it tests on, for people."""
        if self.table is None:
            return f"trained on {_names(self.train)}; tested on {_names(self.test)}"
        return self.table.name + ("" if self.number is None else f", fold {self.number}")


def table_sum(table: Path) -> str:
    """A hash of which chips a table has, on which sides, and of which truths they are."""
    return _table_sum(table, table.stat().st_mtime_ns)


@cache
def _table_sum(table: Path, _changed: int) -> str:
    found = read_table(table)
    columns = ["id", "row", "column", "height", "width", "split", "fold"]
    text = found.frame[columns].to_csv(index=False) + repr(found.about.truths)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _table_files(table: Path, _changed: int) -> tuple[Path, ...]:
    """The scenes, truths, DEMs and sidecars of a table."""
    found = read_table(table)
    named = (name for column in REFERENCES for name in found.frame[column].unique() if isinstance(name, str))
    return tuple(path for path in map(found.resolve, named) if path.is_file())


def dealt_table(table: Path, place: Path, side_of: Callable[[dict[str, Any]], str | None], words: str) -> Path:
    """Write a table's chips dealt out anew, for a `Fold` of it; `side_of` a row is train, validation, test or None.

    Raises
    ------
    ConfigError, OutputError
        When it is no table of chips, or cannot be written.
    """
    old = read_table(table)
    frame = old.frame.copy()
    frame["split"] = [side_of({str(key): value for key, value in row.items()}) for row in frame.to_dict("records")]
    frame["fold"] = pandas.Series([None] * len(frame), dtype="Int32", index=frame.index)
    new = replace(old.with_frame(frame, split=words, leaks=()), path=place)
    for column in REFERENCES:
        frame[column] = [new.relative(old.resolve(name)) if isinstance(name, str) else None for name in frame[column]]
    return write_table(new.with_frame(frame)).path


def _names(scenes: Sequence[StudyScene]) -> str:
    return ", ".join(scene.name for scene in scenes)


def scenes_of(loaded: Loaded) -> tuple[StudyScene, ...]:
    """The scenes of the training configuration, one a file; none where it takes a table."""
    regions = loaded.config.regions
    scenes = list_scenes(loaded.training.scenes, loaded.folder)
    named = []
    for scene in scenes:
        found = [name for name, patterns in regions.items() if scene.matches(patterns)]
        if len(found) > 1:
            raise ConfigError(f"regions: {scene.path.name} is of {' and of '.join(found)}", where=loaded.path)
        named.append(replace(scene, region=found[0] if found else None))
    for name, patterns in regions.items():
        if scenes and not any(scene.matches(patterns) for scene in scenes):
            raise ConfigError(f"regions.{name}: no scene is like {' or '.join(patterns)}", where=loaded.path)
    return tuple(named)


def folds_of(loaded: Loaded, scenes: Sequence[StudyScene]) -> tuple[Fold, ...]:
    """The folds that the configuration asks for.

    Raises
    ------
    ConfigError
        When there is nothing to train on or to test on.
    """
    wanted, table = loaded.config.folds, loaded.training.table
    if table is not None:
        return _of_table(loaded, loaded.folder / table)
    if wanted == "table":
        raise ConfigError("folds: the training configuration takes no table", where=loaded.path)
    if wanted is None:
        train = tuple(scene for scene in scenes if scene.entry.role == "train")
        return (_whole(Fold(WHOLE, train, tuple(scene for scene in scenes if scene not in train)), loaded),)
    folds = []
    for patterns in wanted:
        held_out = tuple(scene for scene in scenes if scene.matches(patterns))
        others = tuple(scene for scene in scenes if scene.entry.role == "train" and scene not in held_out)
        folds.append(_whole(Fold("+".join(_plain(pattern) for pattern in patterns), others, held_out), loaded))
    if len({fold.name for fold in folds}) < len(folds):
        raise ConfigError("folds: two groups are the same", where=loaded.path)
    return tuple(folds)


def _plain(pattern: str) -> str:
    """A pattern as a folder may be called."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "~" for letter in pattern)


def _whole(fold: Fold, loaded: Loaded) -> Fold:
    if not fold.test:
        do = "give scenes the role validation, or name groups in folds"
        raise ConfigError(f"fold {fold.name}: no scene to test on", where=loaded.path, do=do)
    if not fold.train:
        raise ConfigError(f"fold {fold.name}: no scene is left to train on", where=loaded.path)
    return fold


def _of_table(loaded: Loaded, path: Path) -> tuple[Fold, ...]:
    chips = list(read_table(path).chips())
    wanted, number = loaded.config.folds, loaded.training.fold
    if wanted is None and number != "all":
        if number is not None:
            return (Fold(WHOLE, table=path.absolute(), number=number),)
        if not any(chip.split in (TEST, VALIDATION) for chip in chips):
            raise ConfigError("has no chips to test on", where=path, do="split it (firnline chips split)")
        return (Fold(WHOLE, table=path.absolute()),)
    if wanted not in ("table", None):
        raise ConfigError("folds: the chips of a table are parted by the table", where=loaded.path, do="say: table")
    numbers = sorted({chip.fold for chip in chips if chip.fold is not None})
    if len(numbers) < 2:
        raise ConfigError("has no folds", where=path, do="split it into folds (firnline chips split)")
    return tuple(Fold(f"fold-{number}", table=path.absolute(), number=number) for number in numbers)
