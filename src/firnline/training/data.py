"""Training scenes: bands and truth of each, and the chips drawn from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import geopandas
import numpy as np
import shapely
from rasterio.features import geometry_mask

from firnline.chips.entries import SceneEntry, open_source, require_bands, scene_paths, used_part
from firnline.chips.statistics import BandStatistics
from firnline.chips.truth import read_truth
from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.errors import ConfigError
from firnline.features import FeatureReader, FeatureSource
from firnline.grid import Window
from firnline.models.band_inputs import BandInput
from firnline.models.inputs import Layout, spread
from firnline.models.normaliser import Floats
from firnline.training.config import TrainingConfig
from firnline.training.readings import BandGatherer, available_bands


class SceneInUse:
    """What a scene with truth is called, and where it lies, whatever else is known of it."""

    source: FeatureSource
    area: Window

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.source.scene.path.stem

    @property
    def footprint(self) -> shapely.Polygon:
        """The outer edge of the used part, in map units."""
        return self.source.scene.grid.of_window(self.area).footprint()


class WindowReader(Protocol):
    """Reads windows of a scene with truth."""

    def read(self, window: Window) -> tuple[Floats, Classes]:
        """Bands (band, row, column), float32, NaN unknown, and truth (row, column), 255 unknown."""


@dataclass(frozen=True)
class TrainingScene(SceneInUse):
    """A scene with its truth: uint8 (row, column) on the scene's grid, in a label scheme, 255 unknown."""

    source: FeatureSource
    truth: Classes
    scheme: LabelScheme
    role: str
    area: Window
    """The part that is used."""
    notes: tuple[str, ...] = ()
    """What was done to the truth on the way."""
    cached: Floats | None = field(default=None, repr=False)
    cached_bands: tuple[str, ...] = ()
    """What is in `cached`; a model takes fewer where no training scene has some optional band."""

    @contextmanager
    def reader(self, layout: Layout) -> Iterator[ChipReader]:
        """Open for many reads of the bands of a layout."""
        if self.cached is not None:
            yield ChipReader(self, layout, None)
        else:
            with self.source.reader() as reader:
                yield ChipReader(self, layout, reader)


@dataclass(frozen=True)
class ChipReader:
    """An open training scene."""

    scene: TrainingScene
    layout: Layout
    features: FeatureReader | None

    def read(self, window: Window) -> tuple[Floats, Classes]:
        """Bands (band, row, column), float32, NaN unknown, and truth (row, column) of a window.

        Beyond the used part everything is unknown, and bands that the scene lacks are unknown everywhere.
        """
        raw = np.full((len(self.layout.bands), *window.shape), np.nan, np.float32)
        inside = window.intersection(self.scene.area)
        if inside is not None:
            raw[(slice(None), *inside.relative_to(window).slices)] = self._bands(inside)
        return raw, self.truth(window)

    def truth(self, window: Window) -> Classes:
        """Truth (row, column) of a window, 255 unknown."""
        truth = np.full(window.shape, UNKNOWN, np.uint8)
        inside = window.intersection(self.scene.area)
        if inside is not None:
            truth[inside.relative_to(window).slices] = self.scene.truth[inside.slices]
        return truth

    def _bands(self, window: Window) -> Floats:
        if self.features is not None:
            names = available_bands(self.scene.source, self.layout)
            return spread(self.features.read(names, window), names, self.layout)
        assert self.scene.cached is not None  # a scene without a cache is opened with a reader
        values = self.scene.cached[(slice(None), *window.relative_to(self.scene.area).slices)]
        if self.layout.bands == self.scene.cached_bands:
            return values
        return values[[self.scene.cached_bands.index(name) for name in self.layout.bands]]


def load_scenes(config: TrainingConfig, folder: Path) -> list[TrainingScene]:
    """Open every scene of a configuration with its truth; relative paths count from `folder`.

    Raises
    ------
    ConfigError
        When a pattern matches no file, no scene is left to train on, or a file has two roles.
    BandError, LabelError, GridError
        When a scene lacks a band, or a truth does not fit.
    """
    scenes = [scene for entry in config.scenes for scene in _scenes_of(entry, config, folder)]
    if not any(scene.role == "train" for scene in scenes):
        raise ConfigError("has no scene with role: train", where="scenes")
    _require_one_role(scenes)
    scenes = _keep_apart(scenes, config.buffer_m)
    budget = config.cache_mb * 1e6
    for i, scene in enumerate(scenes):
        size = len(config.layout.bands) * scene.area.height * scene.area.width * 4
        if size <= budget:
            budget -= size
            scenes[i] = replace(scene, cached=_read_whole(scene, config.layout), cached_bands=config.layout.bands)
    return scenes


def _read_whole(scene: TrainingScene, layout: Layout) -> Floats:
    """All bands of the used part, read tile by tile: reading in one go takes several times the space."""
    whole = np.empty((len(layout.bands), *scene.area.shape), np.float32)
    with scene.reader(layout) as reader:
        for window in tiles(scene.area, 1024):
            whole[(slice(None), *window.relative_to(scene.area).slices)], _ = reader.read(window)
    return whole


def _scenes_of(entry: SceneEntry, config: TrainingConfig, folder: Path) -> Iterator[TrainingScene]:
    for path in scene_paths(entry, folder):
        source = open_source(entry, path, folder)
        require_bands(source, config.bands)
        wanted = entry.truth_as or config.truth_as
        truth = read_truth(entry.model_copy(update={"truth_as": wanted}), source.scene, folder)
        yield TrainingScene(source, truth.classes, truth.scheme, entry.role, used_part(entry, source), truth.notes)


def _require_one_role(scenes: Sequence[TrainingScene]) -> None:
    train = [scene for scene in scenes if scene.role == "train"]
    for other in (scene for scene in scenes if scene.role == "validation"):
        for scene in train:
            if shapely.area(shapely.intersection(scene.footprint, _footprint_in(scene, other))) > 0:
                raise ConfigError(
                    f"overlaps {scene.name}, which is trained on",
                    where=other.name,
                    do="pixels must not be on both sides",
                )


def _footprint_in(scene: TrainingScene, other: TrainingScene) -> shapely.Geometry:
    """The footprint of `other` in the CRS of `scene`."""
    here, there = scene.source.scene.grid.crs, other.source.scene.grid.crs
    if here == there:
        return other.footprint
    outline = shapely.segmentize(other.footprint, 1000.0)
    projected: shapely.Geometry = geopandas.GeoSeries([outline], crs=there).to_crs(here).iloc[0]
    return projected


def _keep_apart(scenes: Sequence[TrainingScene], buffer_m: float) -> list[TrainingScene]:
    """Make training truth unknown within `buffer_m` of the footprint of any validation scene."""
    if buffer_m == 0:
        return list(scenes)
    held_out = [scene for scene in scenes if scene.role == "validation"]
    return [_without_rim(scene, held_out, buffer_m) if scene.role == "train" else scene for scene in scenes]


def _without_rim(scene: TrainingScene, held_out: Sequence[TrainingScene], buffer_m: float) -> TrainingScene:
    grid = scene.source.scene.grid
    zones: list[shapely.Geometry] = []
    for other in held_out:
        zone = shapely.buffer(_footprint_in(scene, other), buffer_m)
        if zone.intersects(grid.footprint()):
            zones.append(zone)
    if not zones:
        return scene
    near = geometry_mask(zones, grid.shape, grid.transform, invert=True, all_touched=True)
    lost = int((near & (scene.truth != UNKNOWN)).sum())
    truth = np.where(near, np.uint8(UNKNOWN), scene.truth)
    note = f"{lost} known pixels within {buffer_m:g} m of a validation scene made unknown"
    return replace(scene, truth=truth, notes=(*scene.notes, note))


def gather_scenes(scenes: Sequence[TrainingScene], layout: Layout) -> tuple[BandInput, ...]:
    """What the bands are like over all pixels of the training scenes, and of no others."""
    gatherer = BandGatherer(layout)
    for scene in (scene for scene in scenes if scene.role == "train"):
        names = available_bands(scene.source, layout)
        statistics = BandStatistics(names)
        with scene.reader(layout) as reader:
            for window in tiles(scene.area, 1024):
                raw, _ = reader.read(window)
                statistics.add(raw[[layout.bands.index(name) for name in names]])
        gatherer.add(scene.source, statistics)
    return gatherer.bands()


def tiles(area: Window, side: int) -> Iterator[Window]:
    """Cut an area into windows of at most `side` pixels that do not overlap."""
    for row in range(area.row, area.stop_row, side):
        for column in range(area.column, area.stop_column, side):
            yield Window(row, column, min(side, area.stop_row - row), min(side, area.stop_column - column))
