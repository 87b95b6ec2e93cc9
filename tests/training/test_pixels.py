"""Pixel classifiers learn from pixels drawn evenly, from training scenes alone, and become bundles like any other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from pydantic import ValidationError

from firnline.chips.make import make_table
from firnline.chips.make_settings import MakeSettings
from firnline.chips.table import write_table
from firnline.classes import LabelScheme
from firnline.errors import ConfigError
from firnline.models.bundle import load_bundle
from firnline.models.pixels.fit import fit_classifier
from firnline.models.pixels.settings import Context, ForestSettings, PerceptronSettings, SegmentsSettings
from firnline.training.config import TrainingConfig
from firnline.training.loop import EpochReport
from firnline.training.pixel_drawing import Samples, draw_held_out, draw_training
from firnline.training.pixel_importance import importances
from firnline.training.pixel_settings import Drawing
from firnline.training.pixels import importance_in
from firnline.training.processes import Processes
from firnline.training.run import Run, prepare
from firnline.training.train import train

MakePair = Callable[..., Path]
FOREST = {"name": "forest", "trees": 10}
TWO_SCENES = [
    {"images": "a_image.tif", "truth": "{name}_truth.tif"},
    {"images": "b_image.tif", "truth": "{name}_truth.tif", "role": "validation"},
]


def config(**changes: Any) -> TrainingConfig:
    content: dict[str, Any] = {
        "name": "tiny", "scheme": "glacier", "bands": ["green", "swir16"], "scenes": TWO_SCENES,
        "architecture": FOREST, "chips": {"size": 32}, "pixels": {"per_class": 500}, "threads": 1,
    }  # fmt: skip
    return TrainingConfig.model_validate(content | changes)


def prepared(folder: Path, **changes: Any) -> Run:
    return prepare(config(**changes), folder, Processes())


def drawn(run: Run, settings: Any = None, **drawing: Any) -> Samples:
    return draw_training(
        run.scenes, run.inputs, settings or ForestSettings(), Drawing(**drawing), classes=2, size=32, seed=1
    )


@pytest.fixture
def folder(make_pair: MakePair) -> Path:
    make_pair("a")
    return make_pair("b", seed=7, column=500)


def pixels_of(folder: Path, name: str, run: Run) -> dict[bytes, int]:
    """Each pixel's normalised bands, read and worked out by other means, with its truth."""
    with rasterio.open(folder / f"{name}_image.tif") as image, rasterio.open(folder / f"{name}_truth.tif") as truth:
        raw, labels = image.read().reshape(2, -1), truth.read(1).ravel()
    mean, deviation = (np.array(each, np.float32) for each in _statistics(run))
    values = (raw.T - mean) / deviation
    return {value.tobytes(): int(label) for value, label in zip(values, labels, strict=True)}


def _statistics(run: Run) -> tuple[list[float], list[float]]:
    readings = [band.readings[0] for band in run.bands]
    return [reading.mean for reading in readings], [reading.deviation for reading in readings]


def test_what_is_drawn_is_pixels_with_their_truth(folder: Path) -> None:
    run = prepared(folder)
    samples = drawn(run, per_class=400)
    truth = [pixels_of(folder, name, run) for name in ("a", "b")]
    assert samples.by_class(2) == (400, 400)
    assert np.bincount(samples.scene).tolist() == [400, 400], "spread over the scenes"
    for features, label, scene in zip(samples.features, samples.labels, samples.scene, strict=True):
        assert truth[scene][features.tobytes()] == label
    assert len(np.unique(samples.features, axis=0)) == 800, "no pixel twice"


def test_no_chip_gives_more_than_its_share(folder: Path) -> None:
    run = prepared(folder)
    samples = drawn(run, per_class=10_000, per_chip=7)
    assert samples.by_class(2)[0] <= 2 * 9 * 7, "two scenes of nine chips"
    assert samples.by_class(2)[0] > 100


def test_the_seed_draws(folder: Path) -> None:
    run = prepared(folder)
    one, again = (drawn(run, per_class=50) for _ in range(2))
    assert one.features.tobytes() == again.features.tobytes()
    other = draw_training(run.scenes, run.inputs, ForestSettings(), Drawing(per_class=50), classes=2, size=32, seed=2)
    assert one.features.tobytes() != other.features.tobytes()


def test_unknown_pixels_are_never_drawn(folder: Path) -> None:
    """Neither where the truth is unknown (its first four rows) nor where a band is."""
    with rasterio.open(folder / "a_image.tif", "r+") as file:
        values = file.read()
        values[0, :4] = 0.05
        values[1, 50:60] = np.nan
        file.write(values)
    run = prepared(folder)
    samples = draw_training(
        run.scenes[:1], run.inputs[:1], ForestSettings(), Drawing(per_class=9000, per_chip=9000), classes=2, size=32
    )
    known = np.isfinite(values).all(axis=0)
    known[:4] = False
    assert len(samples.labels) == known.sum()
    normalised, _ = run.inputs[0].apply(values)
    assert not (samples.features[:, 0] == normalised[0, 0, 0]).any()


def test_classes_may_count_as_they_occur(folder: Path) -> None:
    run = prepared(folder)
    samples = drawn(run, per_class=300, count="as they occur")
    with rasterio.open(folder / "a_truth.tif") as a, rasterio.open(folder / "b_truth.tif") as b:
        truth = np.concatenate([a.read(1).ravel(), b.read(1).ravel()])
    share = (truth == 1).sum() / (truth != 255).sum()
    assert samples.by_class(2) == (300, 300)
    assert samples.weights[samples.labels == 1].sum() / samples.weights.sum() == pytest.approx(share, abs=1e-5)
    held_out = draw_held_out(run.scenes, run.inputs, ForestSettings(), classes=2, size=32, count=2000, seed=0)
    assert len(held_out.labels) == pytest.approx(2000, abs=20)
    assert held_out.labels.mean() == pytest.approx(share, abs=0.01)


def test_a_pixel_near_the_rim_of_a_chip_is_not_drawn_where_its_surroundings_count(folder: Path) -> None:
    run = prepared(folder)
    settings = ForestSettings(context=Context(features=("mean",), radii=(4,)))
    samples = drawn(run, settings, per_class=100_000, per_chip=100_000)
    assert len(samples.labels) <= 2 * 9 * 24 * 24
    assert samples.features.shape[1] == 4


def test_a_segment_is_of_the_class_of_most_of_its_pixels(folder: Path) -> None:
    run = prepared(folder)
    samples = drawn(run, SegmentsSettings(side=4), per_class=200)
    assert samples.features.shape == (len(samples.labels), 4)
    assert samples.by_class(2)[1] > 50
    green = [samples.features[samples.labels == value, 0] for value in (0, 1)]
    assert np.quantile(green[0], 0.9) < np.quantile(green[1], 0.1), "the mean of a segment tells it apart"


def test_importance_is_of_the_band_that_tells() -> None:
    """Shuffling the one band that tells two equal classes apart leaves IoU 1/3: half hit, half missed, half wrong."""
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 4000).astype(np.uint8)
    features = np.stack([random.normal(size=8000), labels + random.uniform(-0.4, 0.4, 8000)], 1).astype(np.float32)
    samples = Samples(features, labels, np.ones(8000, np.float32), np.zeros(8000, np.intp))
    for settings in (ForestSettings(trees=10), PerceptronSettings(layers=(8,), rate=0.01)):
        classifier = fit_classifier(settings, features, labels, 2)
        found = importances(classifier, ("noise", "tells"), samples)
        assert found.iou == pytest.approx(1, abs=0.001)
        assert [band.band for band in found.bands] == ["tells", "noise"]
        assert found.bands[0].drop == pytest.approx(2 / 3, abs=0.02)
        assert found.bands[1].drop == pytest.approx(0, abs=0.005)
        assert found.above(0.05) == ("tells",)
        shares = [feature.impurity for feature in found.features]
        assert shares == ([None, None] if settings.name == "perceptron" else pytest.approx([0, 1], abs=0.05))


def test_importance_of_a_band_is_of_all_its_features(folder: Path) -> None:
    run = prepared(folder)
    settings = ForestSettings(trees=10, context=Context(features=("mean", "gradient"), radii=(2,)))
    samples = drawn(run, settings, per_class=500)
    classifier = fit_classifier(settings, samples.features, samples.labels, 2)
    found = importance_in(run, classifier, count=3000, repeats=2)
    assert [feature.name for feature in found.features][2:4] == ["mean 2 of green", "mean 2 of swir16"]
    for band in found.bands:
        of_band = [feature.impurity for feature in found.features if feature.band == band.band]
        assert band.impurity == pytest.approx(sum(share for share in of_band if share is not None))
    assert sum(band.impurity or 0 for band in found.bands) == pytest.approx(1)
    assert found.bands[0].drop > found.bands[1].drop > -0.05


@pytest.mark.parametrize(
    "architecture",
    [
        {"name": "forest", "trees": 20, "context": {"features": ["mean"], "radii": [2]}},
        {"name": "boosting", "rounds": 20},
        {"name": "perceptron", "layers": [16], "rate": 0.01},
        {"name": "segments", "side": 4, "classifier": {"name": "forest", "trees": 20}},
    ],
    ids=lambda said: said["name"],
)
def test_from_a_configuration_to_a_map(folder: Path, architecture: dict[str, Any], firnline: Any) -> None:
    reports: list[EpochReport] = []
    bundle = train(config(architecture=architecture), folder, folder / "out", report=reports.append)
    said = load_bundle(bundle).description
    (report,) = reports
    assert report.scores["glacier"]["glacier"] > 0.8
    assert said.metrics["validation IoU"] == report.scores
    assert sum(said.training["drawn"].values()) == report.drawn > 300
    assert said.training["fitted by"].split()[0] in ("scikit-learn", "lightgbm")
    assert said.calibration is not None
    code, _, err = firnline("map", folder / "b_image.tif", "--model", bundle, "-o", folder / "map")
    assert (code, "Traceback" in err) == (0, False), err
    with rasterio.open(folder / "map" / "classes.tif") as mapped, rasterio.open(folder / "b_truth.tif") as file:
        ours, truth = mapped.read(1), file.read(1)
    known = truth != 255
    both, either = ((ours == 1) & (truth == 1) & known).sum(), (((ours == 1) | (truth == 1)) & known).sum()
    assert both / either == pytest.approx(report.scores["glacier"]["glacier"], abs=0.03)


def test_the_same_seed_gives_the_same_bundle(folder: Path) -> None:
    weights = []
    for name, seed in (("x", 0), ("y", 0), ("z", 1)):
        bundle = load_bundle(train(config(seed=seed), folder, folder / name))
        weights.append(bundle.description.weights_sha256)
    assert weights[0] == weights[1] != weights[2]


@pytest.mark.parametrize(
    ("damage", "told"), [("weights", "weights"), ("kind", "architecture"), ("bands", "architecture")]
)
def test_a_damaged_bundle_is_told_in_one_line(folder: Path, firnline: Any, damage: str, told: str) -> None:
    bundle = train(config(), folder, folder / "out")
    description, weights = bundle / "model.json", bundle / "weights.safetensors"
    said = json.loads(description.read_text())
    match damage:
        case "weights":
            weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
        case "kind":
            said["architecture"] = {"name": "perceptron"}
        case "bands":
            said["bands"] = said["bands"][:1]
    description.write_text(json.dumps(said))
    code, _, err = firnline("map", folder / "b_image.tif", "--model", bundle, "-o", folder / "map")
    assert (code, "Traceback" in err) == (2, False)
    assert "weights.safetensors" in err
    assert told in err
    assert not (folder / "map").exists()


def test_members_of_an_ensemble_may_be_classifiers(folder: Path, firnline: Any) -> None:
    settings = config(seeds=[0, 1])
    reports: list[EpochReport] = []
    bundle = train(settings, folder, folder / "out", report=reports.append)
    assert len(load_bundle(bundle).members) == 2
    code, _, err = firnline("map", folder / "b_image.tif", "--model", bundle, "-o", folder / "map")
    assert code == 0, err


def test_a_table_gives_the_pixels_of_its_training_chips_alone(folder: Path) -> None:
    """What lies outside of them may say anything."""
    said = {"name": "t", "size": 32, "scenes": [{"images": "a_image.tif", "truth": "{name}_truth.tif"}]}
    table = make_table(MakeSettings.model_validate(said), folder, folder / "t.parquet")
    sides = ["train" if column < 64 else None for column in table.frame["column"]]
    table = table.with_frame(table.frame.assign(split=sides))
    write_table(table)
    changed: dict[str, Any] = {"scenes": None, "table": "t.parquet", "chips": {}, "bands": ["green"]}
    settings = {
        key: value for key, value in (config().model_dump(exclude_unset=True) | changed).items() if value is not None
    }
    run = prepare(TrainingConfig.model_validate(settings), folder, Processes())
    samples = draw_training(
        run.scenes, run.inputs, ForestSettings(), Drawing(per_class=9999, per_chip=9999), classes=2, size=99
    )
    with rasterio.open(folder / "a_truth.tif") as file:
        truth = file.read(1)[:, :64]
    assert samples.by_class(2) == ((truth == 0).sum(), (truth == 1).sum())


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"epochs": 3}, "epochs"), ({"loss": {"dice": 1}}, "loss"), ({"batch": 2}, "batch"),
        ({"augmentation": {}}, "augmentation"), ({"chips": {"size": 32, "focus": 0.1}}, r"chips\.focus"),
        ({"optional": ["slope"]}, "optional"),
        ({"epochs": 3, "precision": "f32"}, "epochs, precision"),
    ],
)  # fmt: skip
def test_what_a_pixel_classifier_would_not_heed_is_refused(said: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=rf"{named}: .*pixel classifier"):
        config(**said)


def test_how_pixels_are_drawn_means_nothing_to_a_network() -> None:
    with pytest.raises(ValidationError, match=r"pixels: .*network"):
        config(architecture={"name": "unet", "width": 4, "depth": 2})


def test_epochs_asked_for_on_the_command_line_are_refused(folder: Path, firnline: Any) -> None:
    (folder / "c.yaml").write_text(
        "name: c\nscheme: glacier\nbands: [green, swir16]\narchitecture: {name: forest, trees: 3}\n"
        'scenes: [{images: a_image.tif, truth: "{name}_truth.tif"}]\n'
    )
    code, _, err = firnline("train", folder / "c.yaml", "-o", folder / "out", "--epochs", 3)
    assert (code, "Traceback" in err) == (2, False)
    assert "epochs" in err
    assert not (folder / "out").exists()


def test_truth_that_does_not_tell_all_classes_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"a_image\.tif.*truth of scheme 'glacier'.*scheme 'class'"):
        train(config(scheme="class"), folder, folder / "out")
    assert not (folder / "out").exists()


def test_validation_truth_may_tell_less(make_pair: MakePair) -> None:
    make_pair("a", scheme=LabelScheme.CLASS)
    folder = make_pair("b", seed=7, column=500)
    reports: list[EpochReport] = []
    train(config(scheme="class"), folder, folder / "out", report=reports.append)
    assert reports[0].scores["glacier"]["glacier"] > 0.7


def test_two_binary_models_may_be_classifiers(make_pair: MakePair, firnline: Any) -> None:
    make_pair("a", scheme=LabelScheme.CLASS)
    folder = make_pair("b", seed=7, column=500, scheme=LabelScheme.CLASS)
    settings = config(
        scheme="class", architecture={"name": "two-binary", "member": {"name": "boosting", "rounds": 5}}
    )
    bundle = train(settings, folder, folder / "out")
    assert [member.description.architecture.name for member in load_bundle(bundle).members] == ["boosting"] * 2
    code, _, err = firnline("map", folder / "b_image.tif", "--model", bundle, "-o", folder / "map")
    assert code == 0, err
