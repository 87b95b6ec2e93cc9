"""The scenes of a study, one a file, and what a test reads of them: source, truth and the part that counts."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from firnline.chips.cuts import grouped, require_files
from firnline.chips.entries import SceneEntry, open_source, scene_paths, used_part
from firnline.chips.reader import Cut, OpenScenes
from firnline.chips.table import Chip
from firnline.chips.table_statistics import around, covered
from firnline.chips.truth import read_truth, truth_path
from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.features import FeatureSource
from firnline.flags import find_flags
from firnline.grid import Grid, Window


@dataclass(frozen=True)
class StudyScene:
    """One scene of a training configuration: an entry for this file alone, and a name that no other scene has."""

    name: str
    path: Path
    entry: SceneEntry
    folder: Path
    """What relative paths in the entry count from."""
    region: str | None = None

    def in_role(self, role: str) -> SceneEntry:
        """The entry in a role."""
        return self.entry.model_copy(update={"role": role})

    def files(self) -> list[Path]:
        """What it is read from, where that is a file: the scene, its flags, truth, sidecar and DEM."""
        truth = self.entry.truth
        named: list[Path | None]
        if isinstance(truth, str):
            named = [Path(truth_path(truth, self.path))]
        else:
            named = [*truth.glaciers, *truth.clean, *truth.debris, *truth.outlines, truth.border]
        beside = [self.folder / path for path in (*named, self.entry.sidecar, self.entry.dem) if path is not None]
        flags = find_flags(self.path)
        return [self.path, *(path for path in (*beside, *([flags] if flags else [])) if path.is_file())]

    def as_record(self) -> dict[str, Any]:
        """What is said of it, in plain values."""
        return {"name": self.name, **self.entry.model_dump(mode="json", exclude={"images", "role"})}

    def opened(self) -> TestScene:
        """For a test."""
        source = open_source(self.entry, self.path, self.folder)
        area = used_part(self.entry, source)
        truth = read_truth(self.entry, source.scene, self.folder)
        return TestScene(self.name, source, area, truth.classes[area.slices], truth.scheme, self.region)

    def matches(self, patterns: Sequence[str]) -> bool:
        """Whether its name, or its file name with or without the suffix, is like one of the patterns."""
        names = (self.name, self.path.name, self.path.stem)
        return any(fnmatch(name, pattern) for pattern in patterns for name in names)


@dataclass(frozen=True, eq=False)
class TestScene:
    """A scene to test on. The truth, uint8 (row, column), 255 unknown, is of the part that counts, `area`."""

    __test__ = False  # not a class of tests

    name: str
    source: FeatureSource
    area: Window
    truth: Classes
    scheme: LabelScheme
    region: str | None = None

    @property
    def grid(self) -> Grid:
        """The grid of the part that counts."""
        return self.source.scene.grid.of_window(self.area)


def list_scenes(entries: Sequence[SceneEntry], folder: Path) -> tuple[StudyScene, ...]:
    """Every file that the entries match, in their order, each as an entry of its own with a path that is absolute."""
    found = [(entry, path) for entry in entries for path in scene_paths(entry, folder)]
    names = _unique_names([path for _, path in found])
    return tuple(
        StudyScene(
            name,
            path.absolute(),
            entry.model_copy(update={"images": glob.escape(str(path.absolute()))}),
            folder,
        )
        for name, (entry, path) in zip(names, found, strict=True)
    )


def _unique_names(paths: Sequence[Path]) -> list[str]:
    """File names, with the folder's where two are alike, and a number where that does not tell either.

    Examples
    --------
    >>> _unique_names([Path("a/scene.tif"), Path("b/scene.tif"), Path("b/other.tif"), Path("b/other.tif")])
    ['a-scene', 'b-scene', 'b-other-1', 'b-other-2']
    """
    stems = Counter(path.stem for path in paths)
    names = [path.stem if stems[path.stem] == 1 else f"{path.parent.name}-{path.stem}" for path in paths]
    times, seen = Counter(names), Counter[str]()
    for i, name in enumerate(names):
        seen[name] += 1
        names[i] = name if times[name] == 1 else f"{name}-{seen[name]}"
    return names


def scenes_of_chips(chips: Sequence[Chip], table: Path) -> Iterator[TestScene]:
    """The scenes of a table's chips to test on, one at a time; the truth is unknown outside the chips."""
    require_files(chips, table)
    groups = grouped(chips)
    names = _unique_names([cut.scene for cut, _ in groups])
    with OpenScenes() as opened:
        for name, (cut, own) in zip(names, groups, strict=True):
            yield _of_chips(name, cut, own, opened)


def _of_chips(name: str, cut: Cut, chips: Sequence[Chip], opened: OpenScenes) -> TestScene:
    source, scene = cut.source(), opened.opened(cut)
    scene.require_in_place(chips)
    windows = tuple(chip.window for chip in chips)
    area = around(windows).intersection(source.scene.grid.window)
    assert area is not None  # chips in their place lie in the scene
    truth = scene.truth(area)
    truth[~covered(windows, area)] = UNKNOWN
    return TestScene(name, source, area, np.asarray(truth, np.uint8), cut.scheme)
