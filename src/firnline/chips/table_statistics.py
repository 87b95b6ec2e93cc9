"""Statistics of bands over the pixels of a table of chips, streamed: each pixel once, unknown left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firnline.chips.cuts import grouped, require_files
from firnline.chips.reader import Cut, OpenScenes
from firnline.chips.statistics import BandStatistics
from firnline.chips.table import TRAIN, Chip, ChipTable, require_same_truth
from firnline.chips.windows import reading_windows, single_reading
from firnline.classes import UNKNOWN
from firnline.errors import ConfigError
from firnline.grid import Window


def table_statistics(table: ChipTable, bands: Sequence[str], split: str | None = TRAIN) -> BandStatistics:
    """Statistics of bands over all pixels of the chips of one side; of all chips where `split` is None.

    A pixel counts once, however many chips hold it, and not at all where the truth is unknown (or filled from another
    date); of each band, those pixels count that are known in it. Scenes are read window by window.

    Raises
    ------
    ConfigError
        When no chip is on that side.
    SceneError, BandError, LabelError
        When a scene is not where the table says, lacks a band, or its truth cannot be read.
    """
    chips = list(table.chips(split))
    if not chips:
        where = "" if split is None else f" in the split '{split}'"
        raise ConfigError(f"has no chips{where}", where=table.path, do="split it, or name another side")
    require_files(chips, table.path)
    require_same_truth(table)
    return statistics_of(chips, bands)


def statistics_of(chips: Sequence[Chip], bands: Sequence[str]) -> BandStatistics:
    """Statistics of bands over all pixels of these chips; see `table_statistics`."""
    statistics = BandStatistics(bands)
    # A scene may come with several truths (parts of it, each with its own outlines): its pixels count once.
    of_scene: dict[Any, list[tuple[Cut, list[Chip]]]] = {}
    for cut, cut_chips in grouped(chips):
        of_scene.setdefault((cut.scene, cut.dem, cut.sidecar), []).append((cut, cut_chips))
    with single_reading():
        for cuts in of_scene.values():
            with OpenScenes(len(cuts)) as scenes:
                _add_scene(statistics, scenes, cuts)
    return statistics


def _add_scene(statistics: BandStatistics, scenes: OpenScenes, cuts: Sequence[tuple[Cut, list[Chip]]]) -> None:
    """Take in the pixels of one scene that are in any chip and known in its truth."""
    for cut, chips in cuts:
        scenes.opened(cut).require_in_place(chips)
    parts = [(scenes.opened(cut), [chip.window for chip in chips]) for cut, chips in cuts]
    scene = parts[0][0]
    area = around([window for _, windows in parts for window in windows]).intersection(scene.grid.window)
    assert area is not None  # chips in their place lie in the scene
    for at in reading_windows(scene.source.scene, area, len(statistics.bands)):
        counted = np.zeros(at.shape, np.bool_)
        for part, windows in parts:
            inside = covered(windows, at)
            if inside.any():
                counted |= inside & (part.truth(at) != UNKNOWN)
        if counted.any():
            raw = scene.bands(statistics.bands, at)
            raw[:, ~counted] = np.nan
            statistics.add(raw)


def around(windows: Sequence[Window]) -> Window:
    """The smallest window that holds all of them."""
    row, column = min(w.row for w in windows), min(w.column for w in windows)
    return Window(row, column, max(w.stop_row for w in windows) - row, max(w.stop_column for w in windows) - column)


def covered(windows: Iterable[Window], at: Window) -> NDArray[np.bool_]:
    """Which pixels (row, column) of `at` lie in any of the windows."""
    mask = np.zeros(at.shape, np.bool_)
    for window in windows:
        inside = window.intersection(at)
        if inside is not None:
            mask[inside.relative_to(at).slices] = True
    return mask
