"""A whole scene: the runtimes agree, edges and unknown come out right, and the rasters say what they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from firnline.classes import UNKNOWN, LabelScheme
from firnline.errors import ModelError, OutputError
from firnline.features import FeatureSource
from firnline.files import only_one
from firnline.inference.assemble import write_class_map, write_probability_map
from firnline.inference.journal import open_journal
from firnline.inference.open_model import OpenedModel, open_model
from firnline.inference.predict import PredictionSettings, predict, whole_classes
from firnline.models.bundle import Bundle

WriteScene = Callable[..., FeatureSource]


@pytest.fixture(scope="module")
def bundle(write_bundle: Callable[..., Path]) -> Path:
    """A model that is sure of itself: no class ties with another after rounding to bytes."""
    return write_bundle(gain=50)


def bands_of(source: FeatureSource, opened: OpenedModel, work: Path, overlap: int = 16) -> np.ndarray:
    journal = open_journal(work, {})
    lattice = predict(source, opened.mapper, PredictionSettings(opened.window, overlap), journal)
    return np.concatenate([journal.read(band) for band in range(lattice.band_count)], axis=1)


def test_runtimes_agree_to_a_ten_thousandth(bundle: Path, tmp_path: Path, write_scene: WriteScene) -> None:
    source = write_scene(tmp_path / "scene.tif", np.random.default_rng(0).random((2, 64, 64)))
    raw = source.scene.read(source.scene.band_names)
    by_torch = open_model(bundle, source, runtime="torch").mapper.map_window(raw)[0]
    by_openvino = open_model(bundle, source, runtime="openvino").mapper.map_window(raw)[0]
    assert np.abs(by_torch - by_openvino).max() < 1e-4
    assert by_torch.sum(axis=0) == pytest.approx(np.ones((64, 64)), abs=1e-5)


def test_the_conversion_is_kept_and_made_again_when_deleted_or_damaged(
    bundle: Path, tmp_path: Path, write_scene: WriteScene
) -> None:
    source = write_scene(tmp_path / "scene.tif", np.random.default_rng(0).random((2, 64, 64)))
    raw = source.scene.read(source.scene.band_names)
    first = open_model(bundle, source, runtime="openvino").mapper.map_window(raw)[0]
    (kept,) = bundle.glob("derived/*/f32.xml")
    kept.write_text("<damaged")
    assert np.array_equal(open_model(bundle, source, runtime="openvino").mapper.map_window(raw)[0], first)
    weights = kept.with_suffix(".bin")
    content = bytearray(weights.read_bytes())
    content[40:44] = b"\x00\x00\x80\x3f"  # another weight: OpenVINO would read it without a word
    weights.write_bytes(content)
    assert np.array_equal(open_model(bundle, source, runtime="openvino").mapper.map_window(raw)[0], first)
    kept.unlink()
    assert np.array_equal(open_model(bundle, source, runtime="openvino").mapper.map_window(raw)[0], first)


@pytest.mark.parametrize("shape", [(5, 9), (64, 64), (70, 150), (200, 40)])
def test_scenes_of_any_shape_are_mapped_whole(
    bundle: Path, tmp_path: Path, shape: tuple[int, int], write_scene: WriteScene
) -> None:
    source = write_scene(tmp_path / "scene.tif", np.random.default_rng(0).random((2, *shape)))
    values = bands_of(source, open_model(bundle, source, runtime="torch"), tmp_path / "work")
    assert values.shape == (4, *shape)
    assert (values[0] <= 2).all()
    assert np.abs(values[1:].astype(int).sum(axis=0) - 250).max() <= 2


def test_unknown_pixels_stay_unknown_and_no_others(bundle: Path, tmp_path: Path, write_scene: WriteScene) -> None:
    image = np.random.default_rng(0).random((2, 90, 80))
    image[:, :, :20] = np.nan
    image[1, 50, 50] = np.nan
    source = write_scene(tmp_path / "scene.tif", image)
    values = bands_of(source, open_model(bundle, source, runtime="torch"), tmp_path / "work")
    unknown = ~np.isfinite(image).all(axis=0)
    assert np.array_equal(values == UNKNOWN, np.broadcast_to(unknown, values.shape))


def test_a_mirrored_scene_gives_a_mirrored_map_far_from_its_edges(
    bundle: Path, tmp_path: Path, write_scene: WriteScene
) -> None:
    """Windows are read where the lattice says: a shifted read would show as a shifted map."""
    image = np.random.default_rng(5).random((2, 64, 64))
    source = write_scene(tmp_path / "scene.tif", image)
    alone = bands_of(source, open_model(bundle, source, runtime="torch"), tmp_path / "a")
    wide = write_scene(tmp_path / "wide.tif", np.concatenate([image, image[:, :, ::-1]], axis=2))
    both = bands_of(wide, open_model(bundle, wide, runtime="torch"), tmp_path / "b")
    assert np.abs(both[1:, :, :40].astype(int) - alone[1:, :, :40]).max() <= 1


def test_maps_are_cogs_that_say_what_they_are(bundle: Path, tmp_path: Path, write_scene: WriteScene) -> None:
    image = np.random.default_rng(0).random((2, 600, 700))
    image[:, :50] = np.nan
    source = write_scene(tmp_path / "scene.tif", image)
    opened = open_model(bundle, source, runtime="torch", window=128)
    journal = open_journal(tmp_path / "work", {})
    lattice = predict(source, opened.mapper, PredictionSettings(128, 32), journal)
    classes, grid = whole_classes(journal, lattice), source.scene.grid
    write_class_map(tmp_path / "classes.tif", classes, grid, LabelScheme.CLASS, {"MODEL": "tiny"})
    write_probability_map(tmp_path / "p.tif", journal, lattice, grid, LabelScheme.CLASS, {})
    with rasterio.open(tmp_path / "classes.tif") as file:
        assert np.array_equal(file.read(1), classes)
        assert file.tags()["FIRNLINE_LABEL_SCHEME"] == "class"
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.overviews(1)
        assert file.nodata == UNKNOWN
        assert file.transform == grid.transform
        colours = file.colormap(1)
        assert [colours[value] for value in (0, 1, 2, UNKNOWN)] == [
            (242, 242, 242, 255), (0, 114, 178, 255), (213, 94, 0, 255), (0, 0, 0, 0),
        ]  # fmt: skip
    with rasterio.open(tmp_path / "p.tif") as file:
        assert file.descriptions == LabelScheme.CLASS.class_names
        assert file.scales == (1 / 250,) * 3
        stored = file.read(masked=True)
        assert stored.mask[:, :50].all()
        assert not stored.mask[:, 50:].any()
        most_probable = stored.data[:, 50:].argmax(axis=0)
        assert (most_probable != classes[50:]).mean() < 0.01, "but for ties after rounding to bytes"


def test_work_begun_with_other_settings_is_refused(tmp_path: Path) -> None:
    open_journal(tmp_path / "work", {"window": 64}).write(0, np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(OutputError, match="--restart"):
        open_journal(tmp_path / "work", {"window": 128})


def test_a_line_or_file_that_was_cut_off_counts_as_not_done(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "work", {})
    for band in range(3):
        journal.write(band, np.full((2, 3, 3), band, np.uint8))
    journal.path_of(1).write_bytes(journal.path_of(1).read_bytes()[:-4])
    lines = (tmp_path / "work" / "journal.jsonl").read_bytes()
    (tmp_path / "work" / "journal.jsonl").write_bytes(lines[:-9])
    assert journal.done() == {0}
    journal.write(2, np.zeros((2, 3, 3), np.uint8))
    assert open_journal(tmp_path / "work", {}).done() == {0, 2}


def test_a_network_that_gives_no_numbers_is_an_error_and_not_background(
    bundle: Path, tmp_path: Path, write_scene: WriteScene
) -> None:
    source = write_scene(tmp_path / "scene.tif", np.random.default_rng(0).random((2, 64, 64)))
    opened = open_model(bundle, source, runtime="torch")
    assert isinstance(opened.origin, Bundle)
    assert opened.origin.network is not None
    with torch.no_grad():
        opened.origin.network.seg_layer.bias.fill_(float("nan"))
    with pytest.raises(ModelError, match="NaN"):
        bands_of(source, opened, tmp_path / "work")


def test_a_second_run_in_the_same_folder_is_kept_out(tmp_path: Path) -> None:
    with only_one(tmp_path / "work"), pytest.raises(OutputError, match="another run"), only_one(tmp_path / "work"):
        pass
