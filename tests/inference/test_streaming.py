"""A scene in threads: the bytes of the sequential way, bounded memory, and what goes wrong meanwhile is told."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio

from firnline.errors import OutputError, SceneError
from firnline.features import FeatureSource
from firnline.inference.journal import open_journal
from firnline.inference.open_model import open_model
from firnline.inference.predict import PredictionSettings, predict, row_band
from firnline.map_record import guard
from firnline.mapping import MapSettings, map_scene
from firnline.scene import open_scene

SETTINGS = PredictionSettings(64, 16)


@pytest.fixture
def source(write_scene, tmp_path: Path) -> FeatureSource:
    image = np.random.default_rng(7).random((2, 260, 150))
    image[:, :70, :70] = np.nan
    image[0, 200, 100] = np.inf
    return write_scene(tmp_path / "scene.tif", image)


def test_bands_are_the_sequential_ones_to_the_bit_also_after_a_gap(
    bundle: Path, source: FeatureSource, tmp_path: Path
) -> None:
    mapper = open_model(bundle, source, runtime="torch").mapper
    journal = open_journal(tmp_path / "work", {})
    sequential = [row_band(source, mapper, SETTINGS, band) for band in range(6)]
    journal.write(2, sequential[2])  # as if an interrupted run had left it
    lattice = predict(source, mapper, SETTINGS, journal)
    assert lattice.band_count == 6
    for band in range(6):
        assert np.array_equal(journal.read(band), sequential[band]), f"band {band}"
    whole = np.concatenate(sequential, axis=1)
    assert (whole[:, 200, 100] == 255).all(), "infinity is no value"
    assert len(np.unique(whole[0])) > 2


def test_no_more_windows_are_held_in_a_higher_scene(bundle: Path, write_scene, tmp_path: Path) -> None:
    """What is alive at once: prepared windows, counted while predict runs."""
    most = []
    for rows in (128, 1024):
        scene = write_scene(tmp_path / f"{rows}.tif", np.random.default_rng(0).random((2, rows, 128)))
        mapper = open_model(bundle, scene, runtime="torch").mapper
        held = Held(mapper)
        predict(scene, held, SETTINGS, open_journal(tmp_path / str(rows), {}))
        most.append(held.most)
    assert max(most) <= 2 + 1 + 1


class Held:
    """A model that counts the windows that are prepared and not computed yet."""

    def __init__(self, inner: object) -> None:
        self._inner, self.now, self.most = inner, 0, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def prepare(self, raw: np.ndarray) -> object:
        self.now += 1
        self.most = max(self.most, self.now)
        return self._inner.prepare(raw)

    def compute(self, window: object) -> object:
        result = self._inner.compute(window)
        self.now -= 1
        return result


def test_a_scene_that_changes_while_it_is_read_is_told_and_the_journal_kept(
    bundle: Path, source: FeatureSource, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    settings = MapSettings(window=64, overlap=16, runtime="torch")

    def change(done: int, _all: int) -> None:
        if done == 2:
            with rasterio.open(source.scene.path, "r+") as file:
                file.write(np.full((2, 1, 150), 0.5, np.float32), window=rasterio.windows.Window(0, 259, 150, 1))

    with pytest.raises(SceneError, match=r"scene\.tif: changed while it was being mapped; put it back"):
        map_scene(source, bundle, out, settings, change)
    lines = (out / ".work" / "journal.jsonl").read_text().splitlines()
    assert 1 + 2 <= len(lines) <= 1 + 3
    assert sorted(path.name for path in out.iterdir()) == [".work"]
    again = FeatureSource(open_scene(source.scene.path))
    with pytest.raises(OutputError, match="begun with another scene"):
        map_scene(again, bundle, out, settings)


def test_a_scene_that_goes_away_while_it_is_read_is_told_and_work_goes_on_once_it_is_back(
    bundle: Path, source: FeatureSource, tmp_path: Path
) -> None:
    out, away = tmp_path / "out", tmp_path / "away.tif"
    settings = MapSettings(window=64, overlap=16, runtime="torch")

    def remove(done: int, _all: int) -> None:
        if done == 2:
            source.scene.path.rename(away)

    with pytest.raises(SceneError, match="went away while it was being mapped"):
        map_scene(source, bundle, out, settings, remove)
    os.rename(away, source.scene.path)  # noqa: PTH104 # keeps its time
    map_scene(source, bundle, out, settings)
    map_scene(source, bundle, tmp_path / "whole", settings)
    with rasterio.open(out / "classes.tif") as one, rasterio.open(tmp_path / "whole" / "classes.tif") as other:
        assert np.array_equal(one.read(), other.read())


def test_the_guard_is_quiet_while_nothing_changes(source: FeatureSource) -> None:
    guard(source)()
