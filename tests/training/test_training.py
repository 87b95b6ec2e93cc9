"""Training learns, resumes to the same weights, keeps held-out pixels apart, and writes what prediction needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from rasterio.vrt import WarpedVRT

from firnline.classes import UNKNOWN, LabelScheme
from firnline.errors import ConfigError, LabelError, ModelError, OutputError
from firnline.models.architectures import UNetSettings
from firnline.models.bundle import load_bundle
from firnline.training.config import TrainingConfig
from firnline.training.data import gather_scenes, load_scenes
from firnline.training.loop import EpochReport
from firnline.training.sampling import draw_places, find_places
from firnline.training.train import train

MakePair = Callable[..., Path]


def config(**changes: object) -> TrainingConfig:
    content: dict[str, object] = {
        "name": "tiny",
        "scheme": "glacier",
        "bands": ["green", "swir16"],
        "scenes": [{"images": "a_image.tif", "truth": "{name}_truth.tif"}],
        "architecture": {"width": 4, "depth": 2, "norm": "batch", "dropout": 0.1},
        "chips": {"size": 32, "per_epoch": 16},
        "batch": 4,
        "epochs": 3,
        "learning_rate": 0.01,
        "threads": 1,
    }
    return TrainingConfig.model_validate(content | changes)


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    network = load_bundle(folder).network
    assert network is not None
    return network.state_dict()


def test_learns_what_a_small_network_can_learn(make_pair: MakePair) -> None:
    make_pair("a")
    folder = make_pair("b", seed=7, column=500)
    scenes = [
        {"images": "a_image.tif", "truth": "{name}_truth.tif"},
        {"images": "b_image.tif", "truth": "{name}_truth.tif", "role": "validation"},
    ]
    reports: list[EpochReport] = []
    train(config(scenes=scenes, epochs=8), folder, folder / "out", report=reports.append)
    best = max(report.scores["glacier"]["glacier"] for report in reports)
    assert best > 0.8
    said = load_bundle(folder / "out" / "model").description
    assert said.metrics["validation IoU"]["glacier"]["glacier"] == best, "the bundle is the best epoch's"
    assert [scene["role"] for scene in said.training["scenes"]] == ["train", "validation"]
    assert list((folder / "out" / "tensorboard").glob("events*"))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(make_pair: MakePair) -> None:
    folder = make_pair("a")
    a, b, c = (
        weights_of(train(config(seed=seed), folder, folder / name)) for name, seed in (("x", 1), ("y", 1), ("z", 2))
    )
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not all(torch.equal(a[name], c[name]) for name in a)


def test_an_interrupted_run_comes_to_the_same_weights(make_pair: MakePair) -> None:
    folder = make_pair("a")
    straight = weights_of(train(config(), folder, folder / "straight"))

    class StoppedError(Exception):
        pass

    def stop(report: EpochReport) -> None:
        if report.epoch == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(config(), folder, folder / "resumed", report=stop)
    epochs: list[int] = []
    resumed = train(config(), folder, folder / "resumed", report=lambda report: epochs.append(report.epoch))
    assert epochs == [3]
    assert all(torch.equal(straight[name], weight) for name, weight in weights_of(resumed).items())


def test_a_run_with_other_settings_is_not_gone_on_with(make_pair: MakePair) -> None:
    folder = make_pair("a")
    train(config(epochs=1), folder, folder / "out")
    with pytest.raises(ModelError, match="--restart"):
        train(config(epochs=1, learning_rate=0.5), folder, folder / "out")
    train(config(epochs=1, learning_rate=0.5), folder, folder / "out", restart=True)


def test_chips_read_one_by_one_train_as_those_kept_in_memory(make_pair: MakePair) -> None:
    folder = make_pair("a")
    kept = weights_of(train(config(epochs=1), folder, folder / "kept"))
    read = weights_of(train(config(epochs=1, cache_mb=0), folder, folder / "read"))
    assert all(torch.equal(kept[name], read[name]) for name in kept)


def test_normalisation_is_learnt_from_training_scenes_alone(make_pair: MakePair) -> None:
    make_pair("a")
    folder = make_pair("b", seed=7, column=500)
    one = config()
    both = config(
        scenes=[
            {"images": "a_image.tif", "truth": "{name}_truth.tif"},
            {"images": "b_image.tif", "truth": "{name}_truth.tif", "role": "validation"},
        ]
    )
    alone, beside = (gather_scenes(load_scenes(each, folder), each.layout) for each in (one, both))
    assert [band.name for band in alone] == ["green", "swir16"]
    assert alone == beside


def test_truth_near_a_validation_scene_is_unknown(make_pair: MakePair) -> None:
    make_pair("a")
    folder = make_pair("b", column=96)  # touches a's right edge
    scenes = [
        {"images": "a_image.tif", "truth": "{name}_truth.tif"},
        {"images": "b_image.tif", "truth": "{name}_truth.tif", "role": "validation"},
    ]
    near, far = load_scenes(config(scenes=scenes, buffer_m=600), folder)
    assert (near.truth[:, -20:] == UNKNOWN).all()
    assert (near.truth[4:, :-21] != UNKNOWN).all()
    assert (far.truth[4:] != UNKNOWN).all()
    assert "600 m" in near.notes[0]


def test_overlapping_roles_are_refused(make_pair: MakePair) -> None:
    make_pair("a")
    folder = make_pair("b", column=90)
    scenes = [
        {"images": "a_image.tif", "truth": "{name}_truth.tif"},
        {"images": "b_image.tif", "truth": "{name}_truth.tif", "role": "validation"},
    ]
    with pytest.raises(ConfigError, match="overlaps"):
        load_scenes(config(scenes=scenes), folder)


def test_a_crop_is_all_that_is_used(make_pair: MakePair) -> None:
    folder = make_pair("a")
    crop = (478005 + 300, 3108145 - 1800, 478005 + 2100, 3108145 - 300)
    scenes = [{"images": "a_image.tif", "truth": "{name}_truth.tif", "crop": crop}]
    (scene,) = load_scenes(config(scenes=scenes), folder)
    assert scene.footprint.bounds == crop
    for place in find_places([scene], config(scenes=scenes)):
        assert place.window.intersection(scene.area) == place.window


def test_rare_classes_are_seen_often(make_pair: MakePair) -> None:
    folder = make_pair("a", size=160, scheme=LabelScheme.CLASS)
    settings = config(scheme="class", chips={"size": 32, "per_epoch": 400, "focus": 1.0})
    places = find_places(load_scenes(settings, folder), settings)
    schemes = [LabelScheme.CLASS]
    drawn = draw_places(places, schemes, settings, epoch=1)
    share = np.mean([place.shares[2] > 0.01 for place in drawn])
    by_chance = np.mean([place.shares[2] > 0.01 for place in places])
    assert share > 0.5 > by_chance
    assert drawn == draw_places(places, schemes, settings, epoch=1)
    assert drawn != draw_places(places, schemes, settings, epoch=2)


def test_a_class_model_learns_from_glacier_truth(make_pair: MakePair) -> None:
    make_pair("a")
    folder = make_pair("b", seed=3, column=500, scheme=LabelScheme.CLASS)
    scenes = [{"images": "[ab]_image.tif", "truth": "{name}_truth.tif"}]
    bundle = load_bundle(train(config(scheme="class", scenes=scenes, epochs=1), folder, folder / "out"))
    schemes = {scene["name"]: scene["scheme"] for scene in bundle.description.training["scenes"]}
    assert schemes == {"a_image": "glacier", "b_image": "class"}


def test_the_preset_does_what_the_paper_did() -> None:
    paper = TrainingConfig.model_validate(
        {"name": "p", "preset": "paper", "scheme": "class", "bands": ["red"], "scenes": [], "loss": {"l1": 0}}
    )
    network = paper.architecture
    assert isinstance(network, UNetSettings)
    assert (network.width, network.depth, network.dropout, network.norm) == (16, 5, 0.3, "none")
    assert (paper.impute, paper.optimiser, paper.learning_rate, paper.batch, paper.epochs) == (
        "before", "adam", 1e-4, 16, 200,
    )  # fmt: skip
    assert (paper.loss.dice_form, paper.loss.cross_entropy) == ("paper", 0)
    assert paper.augmentation.turns is False
    assert paper.loss.l1 == 0, "a key beside the preset goes before it"
    assert TrainingConfig.model_validate(
        {"name": "p", "preset": "paper", "scheme": "class", "bands": ["red"], "scenes": []}
    ).loss.l1 == pytest.approx(5e-4)


@pytest.mark.parametrize("cache_mb", [2000, 0])
def test_an_optional_band_that_no_training_scene_has_is_left_out_and_said(make_pair: MakePair, cache_mb: int) -> None:
    folder = make_pair("a")
    warnings: list[str] = []
    settings = config(bands=["green"], optional=["lwir11", "swir16"], epochs=1, cache_mb=cache_mb)
    bundle = load_bundle(train(settings, folder, folder / "out", warn=warnings.append))
    assert [band.name for band in bundle.description.bands] == ["green", "swir16"]
    assert warnings[0] == "no training scene has the optional band 'lwir11': the model does without it"


def test_scenes_with_and_without_a_band_train_one_model(make_pair: MakePair) -> None:
    """What one scene lacks is unknown in its chips, and its statistics are those of the scenes that have it."""
    make_pair("a")
    folder = make_pair("b", seed=3, column=500)
    with rasterio.open(folder / "b_image.tif", "r+") as file:
        file.descriptions = ("green", "red")
    scenes = [{"images": "[ab]_image.tif", "truth": "{name}_truth.tif"}]
    settings = config(bands=["green"], optional=["swir16"], scenes=scenes, epochs=1)
    bundle = load_bundle(train(settings, folder, folder / "out"))
    with rasterio.open(folder / "a_image.tif") as file:
        assert bundle.description.bands[1].readings[0].mean == pytest.approx(file.read(2).mean(), rel=1e-5)
    assert bundle.description.bands[1].required is False


def test_history_is_kept(make_pair: MakePair) -> None:
    folder = make_pair("a")
    train(config(epochs=2), folder, folder / "out")
    assert [epoch["epoch"] for epoch in json.loads((folder / "out" / "history.json").read_text())] == [1, 2]


@pytest.mark.parametrize(("batch", "per_epoch"), [(1, 4), (4, 5)])
def test_a_batch_with_nothing_to_normalise_over_is_told(make_pair: MakePair, batch: int, per_epoch: int) -> None:
    """Chips of 32 pixels, halved five times, are one pixel."""
    folder = make_pair("a")
    deep = {"width": 1, "depth": 5, "norm": "batch"}
    settings = config(architecture=deep, batch=batch, chips={"size": 32, "per_epoch": per_epoch})
    with pytest.raises(ConfigError, match="one value to go by"):
        train(settings, folder, folder / "out")


def test_a_run_that_runs_away_is_stopped_and_leaves_no_bundle(make_pair: MakePair) -> None:
    folder = make_pair("a")
    with pytest.raises(ModelError, match="learning_rate"):
        train(config(learning_rate=1e30), folder, folder / "out")
    assert not (folder / "out" / "model").exists()


@pytest.mark.parametrize("impute", ["after", "before"])
def test_pixels_without_data_take_no_part_in_the_loss(make_pair: MakePair, impute: str) -> None:
    """Truth under no data may say anything: the weights stay the same to the bit."""
    folder = make_pair("a")
    with rasterio.open(folder / "a_image.tif", "r+") as file:
        values = file.read()
        values[:, 40:60] = np.nan
        file.write(values)
    bundles = []
    for name in ("x", "y"):
        bundles.append(weights_of(train(config(epochs=1, impute=impute), folder, folder / name)))
        with rasterio.open(folder / "a_truth.tif", "r+") as file:
            truth = file.read(1)
            truth[40:60] = 1 - truth[40:60]
            file.write(truth, 1)
    assert all(torch.equal(bundles[0][name], bundles[1][name]) for name in bundles[0])


def test_the_same_ground_in_another_zone_is_no_validation(make_pair: MakePair) -> None:
    folder = make_pair("a")
    for kind in ("image", "truth"):
        with rasterio.open(folder / f"a_{kind}.tif") as file, WarpedVRT(file, crs="EPSG:32644") as warped:
            values, profile = warped.read(), {**warped.profile, "driver": "GTiff", "nodata": file.nodata}
            described, tags = file.descriptions, file.tags()
        with rasterio.open(folder / f"b_{kind}.tif", "w", **profile) as copy:
            copy.descriptions = described
            copy.update_tags(**tags)
            copy.write(values)
    scenes = [
        {"images": "a_image.tif", "truth": "{name}_truth.tif"},
        {"images": "b_image.tif", "truth": "{name}_truth.tif", "role": "validation"},
    ]
    with pytest.raises(ConfigError, match="overlaps"):
        load_scenes(config(scenes=scenes), folder)


def test_truth_that_cannot_be_learnt_from_is_told_before_the_first_epoch(make_pair: MakePair) -> None:
    make_pair("a")
    folder = make_pair("b", column=500, scheme=LabelScheme.CLASS)
    scenes = [
        {"images": "a_image.tif", "truth": "{name}_truth.tif"},
        {"images": "b_image.tif", "truth": "{name}_truth.tif", "role": "validation"},
    ]
    with pytest.raises(LabelError, match=r"b_image.*truth_as"):
        train(config(scenes=scenes), folder, folder / "out")
    assert not (folder / "out").exists()


def test_a_folder_in_the_way_is_told_before_the_first_epoch(make_pair: MakePair) -> None:
    folder = make_pair("a")
    (folder / "out" / "model").mkdir(parents=True)
    with pytest.raises(OutputError, match="not a model bundle"):
        train(config(), folder, folder / "out", report=lambda _: pytest.fail("an epoch was trained"))
