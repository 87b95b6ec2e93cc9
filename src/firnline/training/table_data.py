"""Training from a table of chips: its windows are the places, and its split says what validates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firnline.chips.cuts import grouped, require_files
from firnline.chips.entries import require_bands
from firnline.chips.reader import Cut, OpenScenes
from firnline.chips.splitting.audit import leaks_of
from firnline.chips.table import TRAIN, VALIDATION, Chip, ChipTable, read_table, require_same_truth
from firnline.chips.table_statistics import around, covered, statistics_of
from firnline.classes import UNKNOWN, Classes, LabelScheme, convert
from firnline.errors import ConfigError, LabelError
from firnline.features import FeatureSource
from firnline.flags import find_flags
from firnline.grid import Window
from firnline.models.architectures import NetworkSettings
from firnline.models.band_inputs import BandInput
from firnline.models.inputs import Layout, spread
from firnline.models.normaliser import Floats
from firnline.training.config import TrainingConfig
from firnline.training.data import SceneInUse, TrainingScene
from firnline.training.readings import BandGatherer, available_bands
from firnline.training.sampling import Place


@dataclass(frozen=True)
class Split:
    """How a table was split, in words, and what leaks across it."""

    table: str
    words: str
    leaks: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class TableScene(SceneInUse):
    """The chips of one scene on one side of a table's split. Truth is unknown outside of them."""

    cut: Cut
    source: FeatureSource
    role: str
    windows: tuple[Window, ...]
    area: Window
    """The smallest window that holds them, inside the scene."""
    open_scenes: OpenScenes
    scheme: LabelScheme
    """The truth's label scheme, into which it is converted where the table has another."""
    notes: tuple[str, ...] = ()

    @contextmanager
    def reader(self, layout: Layout) -> Iterator[TableSceneReader]:
        """For many reads of a layout's bands; files are opened when they are read, and stay open among a few."""
        yield TableSceneReader(self, layout)

    def identity(self) -> bytes:
        """A hash of which windows there are, and of the truth in them."""
        digest = hashlib.sha256(repr((self.role, self.windows)).encode())
        flags = find_flags(self.cut.scene)
        for path in (self.cut.truth, *([] if flags is None else [flags])):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.digest()


@dataclass(frozen=True)
class TableSceneReader:
    """Reads windows of a `TableScene`."""

    scene: TableScene
    layout: Layout

    def read(self, window: Window) -> tuple[Floats, Classes]:
        """Bands (band, row, column), float32, NaN unknown, and truth (row, column), 255 outside the chips."""
        names = available_bands(self.scene.source, self.layout)
        raw = self.scene.open_scenes.opened(self.scene.cut).bands(names, window)
        return spread(raw, names, self.layout), self.truth(window)

    def truth(self, window: Window) -> Classes:
        """Truth (row, column) of a window, 255 unknown."""
        inside = covered(self.scene.windows, window)
        if not inside.any():
            return np.full(window.shape, UNKNOWN, np.uint8)
        truth = self.scene.open_scenes.opened(self.scene.cut).truth(window)
        truth[~inside] = UNKNOWN
        return convert(truth, self.scene.cut.scheme, self.scene.scheme)


AnyScene = TrainingScene | TableScene


@dataclass(frozen=True, eq=False)
class TableData:
    """What a table gives to train on."""

    scenes: list[TableScene]
    places: list[Place]
    training: list[Chip]
    split: Split


def load_table(config: TrainingConfig, path: Path) -> tuple[TrainingConfig, TableData]:
    """Open the scenes of a table's chips, on each side of its split (or of one fold against the others).

    Returns
    -------
    The settings with the table's size of chips, and the data.

    Raises
    ------
    ConfigError
        When it is no table of chips, has no side to train on, no such fold, or chips that do not fit the settings.
    SceneError, BandError, LabelError, GridError
        When its scenes have moved, lack a band, or do not go with their truth.
    """
    table = read_table(path)
    assert config.fold != "all"  # that is several runs
    sides = _sides(table, config.fold)
    used = [chip for chips in sides.values() for chip in chips]
    require_files(used, path)
    require_same_truth(table)
    config = _fitted(config, used, path)
    opened = OpenScenes()
    scenes = [
        _table_scene(cut, chips, role, config, opened)
        for role, of_role in sides.items()
        for cut, chips in grouped(of_role)
    ]
    is_network = isinstance(config.architecture, NetworkSettings)
    places = _places(table, scenes, {chip.id for chip in sides[TRAIN]}, config) if is_network else []
    words = table.about.split + ("" if config.fold is None else f"; fold {config.fold} validates")
    return config, TableData(scenes, places, sides[TRAIN], Split(path.name, words, leaks_of(table)))


def folds_of(path: Path) -> list[int]:
    """The folds of a table.

    Raises
    ------
    ConfigError
        When it has none.
    """
    folds = sorted({chip.fold for chip in read_table(path).chips() if chip.fold is not None})
    if not folds:
        raise ConfigError("has no folds", where=path, do="split it into folds (firnline chips split)")
    return folds


def gather_table(data: TableData, layout: Layout) -> tuple[BandInput, ...]:
    """What the bands are like over all known pixels of the training chips, each pixel once."""
    gatherer = BandGatherer(layout)
    of_scene: dict[tuple[Path, Path | None, Path | None], tuple[FeatureSource, list[Chip]]] = {}
    for cut, chips in grouped(data.training):
        source = next(scene.source for scene in data.scenes if scene.cut == cut)
        of_scene.setdefault((cut.scene, cut.dem, cut.sidecar), (source, []))[1].extend(chips)
    for source, chips in of_scene.values():
        gatherer.add(source, statistics_of(chips, available_bands(source, layout)))
    return gatherer.bands()


def _sides(table: ChipTable, fold: int | None) -> dict[str, list[Chip]]:
    chips = list(table.chips())
    if fold is None:
        sides = {side: [chip for chip in chips if chip.split == side] for side in (TRAIN, VALIDATION)}
        folds = any(chip.fold is not None for chip in chips)
        do = "name the fold that validates (fold: 0)" if folds else "split it (firnline chips split)"
    else:
        folded = [chip for chip in chips if chip.fold is not None]
        there = sorted({chip.fold for chip in folded if chip.fold is not None})
        if fold not in there:
            what = f"has the folds {there[0]} to {there[-1]}, not {fold}" if there else "has no folds"
            raise ConfigError(what, where=table.path, do="choose one of them, or split it into folds")
        sides = {TRAIN: [c for c in folded if c.fold != fold], VALIDATION: [c for c in folded if c.fold == fold]}
        do = "split it again"
    if not sides[TRAIN]:
        raise ConfigError("has no chips to train on", where=table.path, do=do)
    return sides


def _fitted(config: TrainingConfig, chips: Iterable[Chip], path: Path) -> TrainingConfig:
    """The settings with the size of the table's chips."""
    shapes = sorted({chip.window.shape for chip in chips})
    if len(shapes) > 1 or shapes[0][0] != shapes[0][1]:
        told = ", ".join(f"{height} x {width}" for height, width in shapes)
        raise ConfigError(f"has chips of {told}", where=path, do="train on square chips of one size")
    size = shapes[0][0]
    if "size" in config.chips.model_fields_set and config.chips.size != size:
        raise ConfigError(
            f"has chips of {size} pixels, and chips.size is {config.chips.size}",
            where=path,
            do="leave out chips.size",
        )
    multiple = config.architecture.multiple
    if size % multiple:
        raise ConfigError(
            f"has chips of {size} pixels, which this architecture cannot take",
            where=path,
            do=f"make chips whose size is a multiple of {multiple}, or lower architecture.depth",
        )
    return config.model_copy(update={"chips": config.chips.model_copy(update={"size": size})})


def _table_scene(
    cut: Cut, chips: Sequence[Chip], role: str, config: TrainingConfig, opened: OpenScenes
) -> TableScene:
    source = cut.source()
    require_bands(source, config.bands)
    opened.opened(cut).require_in_place(chips)  # tells now, not in the third epoch, that its truth does not fit
    windows = tuple(chip.window for chip in chips)
    area = around(windows).intersection(source.scene.grid.window)
    assert area is not None  # chips in their place lie in the scene
    scheme = _scheme(cut, config.truth_as)
    notes = () if scheme == cut.scheme else (f"truth converted from scheme {cut.scheme} to {scheme}",)
    return TableScene(cut, source, role, windows, area, opened, scheme, notes)


def _scheme(cut: Cut, truth_as: LabelScheme | None) -> LabelScheme:
    """The scheme of the truth as it is learnt from; told now where it cannot be converted."""
    if truth_as is None:
        return cut.scheme
    try:
        convert(np.zeros((0, 0), np.uint8), cut.scheme, truth_as)
    except LabelError as error:
        raise LabelError(error.what, where=cut.truth) from None
    return truth_as


def _places(table: ChipTable, scenes: Sequence[TableScene], train: set[str], config: TrainingConfig) -> list[Place]:
    """The training chips, with what the table says of each."""
    index = {scene.cut: number for number, scene in enumerate(scenes) if scene.role == TRAIN}
    places = [
        Place(index[Cut.of(chip)], chip.window, float(row["valid"]), _shares(scenes[index[Cut.of(chip)]].scheme, row))
        for chip, row in zip(table.chips(), table.frame.to_dict("records"), strict=True)
        if chip.id in train and row["valid"] > 0 and row["valid"] >= config.chips.known
    ]
    if not places:
        raise ConfigError(
            f"has no training chip with a known share of {config.chips.known:g}",
            where=table.path,
            do="lower chips.known",
        )
    return places


def _shares(scheme: LabelScheme, row: dict[Any, Any]) -> tuple[float, ...]:
    """The shares of the truth's values among the known pixels."""
    match scheme:
        case LabelScheme.CLASS:
            ice = [row["clean"], row["debris"]]
        case LabelScheme.GLACIER:
            ice = [row["glacier"]]
        case LabelScheme.DEBRIS:
            ice = [row["debris"]]
        case LabelScheme.CLEAN:
            ice = [row["clean"]]
    return (1 - sum(ice), *ice)
