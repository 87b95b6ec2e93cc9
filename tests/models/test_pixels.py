"""Pixel classifiers decide as the libraries that trained them, also from a file, and believe no file unseen."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier

from firnline.errors import ConfigError, ModelError
from firnline.models.normaliser import Floats
from firnline.models.pixels.classifier import RasterClassifier, load_weights, save_weights
from firnline.models.pixels.context import context_features, feature_names
from firnline.models.pixels.fit import fit_classifier
from firnline.models.pixels.settings import (
    BoostingSettings,
    Context,
    ForestSettings,
    PerceptronSettings,
    PixelSettings,
    SegmentsSettings,
)
from firnline.models.pixels.units import feature_count, segmented, units_of

AROUND = Context(features=("mean", "deviation", "gradient"), radii=(1, 3))
FOREST = ForestSettings(trees=8)
BOOSTING = BoostingSettings(rounds=10, leaf=5)
PERCEPTRON = PerceptronSettings(layers=(16, 8), rounds=40, rate=0.01)
ALL: dict[str, PixelSettings] = {
    "forest": FOREST,
    "forest with context": ForestSettings(trees=4, context=AROUND),
    "boosting": BOOSTING,
    "perceptron": PERCEPTRON,
    "segments": SegmentsSettings(side=4, classifier=FOREST),
    "boosted segments": SegmentsSettings(side=4, classifier=BOOSTING),
}


def window(seed: int = 0, bands: int = 2, side: int = 40) -> Floats:
    """Normalised bands with a disc in them."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    disc = np.hypot(rows - side / 2, columns - side / 2) < side / 3
    return (random.normal(0, 0.7, (bands, side, side)) + 1.5 * disc).astype(np.float32)


def samples(features: int, classes: int, count: int = 600) -> tuple[Floats, NDArray[np.uint8]]:
    random = np.random.default_rng(1)
    values = random.normal(size=(count, features)).astype(np.float32)
    score = values[:, 0] + 0.5 * values[:, 1] ** 2 + random.normal(0, 0.3, count)
    return values, np.digitize(score, np.quantile(score, np.linspace(0, 1, classes + 1)[1:-1])).astype(np.uint8)


def trained(settings: PixelSettings, bands: int = 2, classes: int = 3) -> RasterClassifier:
    return fit_classifier(settings, *samples(feature_count(bands, settings), classes), classes, seed=3)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", ["forest", "boosting", "perceptron"])
def test_it_decides_as_the_library_that_trained_it(kind: str, classes: int) -> None:
    values, labels = samples(4, classes)
    unseen = np.random.default_rng(5).normal(size=(400, 4)).astype(np.float32)
    if kind == "forest":
        settings: PixelSettings = ForestSettings(trees=20, leaf=7, depth=6)
        library = RandomForestClassifier(20, min_samples_leaf=7, max_depth=6, random_state=3).fit(values, labels)
        expected = library.predict_proba(unseen)
    elif kind == "boosting":
        settings = BoostingSettings(rounds=30, leaves=15, rate=0.2)
        objective = {"objective": "binary"} if classes == 2 else {"objective": "multiclass", "num_class": 3}
        parameters = {**objective, "num_leaves": 15, "learning_rate": 0.2, "seed": 3, "verbose": -1, "num_threads": 1}
        booster = lightgbm.train(parameters, lightgbm.Dataset(values, labels), 30)
        said = np.asarray(booster.predict(unseen))
        expected = np.stack([1 - said, said], axis=1) if classes == 2 else said
    else:
        settings = PerceptronSettings(layers=(16, 8), rounds=300)
        library = MLPClassifier((16, 8), max_iter=300, early_stopping=True, random_state=3).fit(values, labels)
        expected = library.predict_proba(unseen)
    classifier = fit_classifier(settings, values, labels, classes, seed=3)
    assert classifier.decider.probabilities(unseen) == pytest.approx(expected, abs=2e-6)


def test_local_features_are_what_they_are_called() -> None:
    """Against windows cut out one by one; and the gradient of a plane is its slope."""
    values = window(side=20)
    names = [name for name, _ in feature_names(("a", "b"), AROUND)]
    features = dict(zip(names, context_features(values, AROUND), strict=True))
    for radius in (1, 3):
        padded = np.pad(values[1], radius, mode="edge")
        squares = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1, 2 * radius + 1))
        assert features[f"mean {radius} of b"] == pytest.approx(squares.mean(axis=(2, 3)), abs=1e-5)
        assert features[f"deviation {radius} of b"] == pytest.approx(squares.std(axis=(2, 3)), abs=1e-4)
    rows, columns = np.mgrid[:20, :20]
    plane = context_features((0.3 * rows + 0.4 * columns)[None].astype(np.float32), AROUND)
    slopes = [plane[i, 8:12, 8:12] for i, name in enumerate(feature_names(("a",), AROUND)) if "gradient" in name[0]]
    assert len(slopes) == 2
    assert np.stack(slopes) == pytest.approx(0.5, abs=1e-5)


@pytest.mark.parametrize("settings", [FOREST, ForestSettings(context=AROUND)], ids=["alone", "with context"])
def test_features_depend_on_no_more_than_their_reach(settings: ForestSettings) -> None:
    changed = window()
    changed[:, 20, 20] = 99
    moved = np.nonzero((units_of(window(), settings).features != units_of(changed, settings).features).any(axis=1))[0]
    reach = settings.context.reach
    assert np.abs(np.stack(np.unravel_index(moved, (40, 40))) - 20).max() == reach


@pytest.mark.parametrize("name", ALL)
def test_what_is_loaded_is_what_was_saved_to_the_last_bit(name: str, tmp_path: Path) -> None:
    settings = ALL[name]
    classifier = trained(settings)
    save_weights(tmp_path / "w.safetensors", classifier)
    loaded = load_weights(tmp_path / "w.safetensors", settings, 2, 3)
    before, after = (each.probabilities(window()) for each in (classifier, loaded))
    assert before.tobytes() == after.tobytes()
    assert (before.dtype, before.shape) == (np.float32, (3, 40, 40))
    assert before.sum(axis=0) == pytest.approx(1, abs=1e-5)
    assert (before.min(), before.flags["C_CONTIGUOUS"]) == (pytest.approx(0, abs=0.4), True)
    save_weights(tmp_path / "again.safetensors", loaded)
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "w.safetensors").read_bytes()


@pytest.mark.parametrize("name", ALL)
def test_training_again_gives_the_same(name: str) -> None:
    first, second = (trained(ALL[name]).probabilities(window()) for _ in range(2))
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("absent", [0, 1, 2])
def test_a_class_that_was_not_seen_has_probability_zero(name: str, absent: int) -> None:
    values, labels = samples(feature_count(2, ALL[name]), 2)
    present = [value for value in range(3) if value != absent]
    classifier = fit_classifier(ALL[name], values, np.array(present, np.uint8)[labels], 3)
    probabilities = classifier.probabilities(window())
    assert (probabilities[absent] == 0).all()
    assert set(np.unique(probabilities.argmax(axis=0))) == set(present)


def test_one_class_alone_cannot_be_learnt() -> None:
    values, labels = samples(2, 2)
    with pytest.raises(ConfigError, match="one class"):
        fit_classifier(FOREST, values, np.zeros_like(labels), 2)


def test_weights_count(tmp_path: Path) -> None:
    """A sample of weight 0 is as if it were not there."""
    values, labels = samples(2, 2)
    weights = np.ones(len(labels), np.float32)
    weights[300:] = 0
    turned = np.where(weights > 0, labels, 1 - labels).astype(np.uint8)
    for settings in (ForestSettings(trees=8, leaf=1), BOOSTING):
        decider = fit_classifier(settings, values, turned, 2, weights=weights).decider
        right = (decider.probabilities(values).argmax(axis=1) == labels).mean()
        assert right > 0.8, settings.name


def test_threads_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    large = window(side=300)
    results = []
    for threads in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        results.append(trained(FOREST).probabilities(large).tobytes())
    assert results[0] == results[1]


def test_a_segment_is_one_piece_with_one_answer_and_keeps_to_edges() -> None:
    values = np.zeros((2, 48, 48), np.float32)
    values[:, :, 23:] = 3
    values += np.random.default_rng(0).normal(0, 0.05, values.shape).astype(np.float32)
    settings = SegmentsSettings(side=6, compactness=0.5, classifier=FOREST)
    segments = segmented(values, settings)
    assert not set(segments[:, :23].ravel()) & set(segments[:, 23:].ravel())
    assert 0.5 < segments.max() / (48 / 6) ** 2 < 2
    probabilities = trained(settings).probabilities(values)
    for number in range(segments.max() + 1):
        assert len(np.unique(probabilities[:, segments == number], axis=1).T) == 1
    units = units_of(values, settings)
    of_one = values[0][segments == 5]
    assert units.features[5, [0, 2]].tolist() == pytest.approx([of_one.mean(), of_one.std()], abs=1e-5)


def test_one_bright_pixel_does_not_change_the_segments_far_from_it() -> None:
    values = window(side=60)
    bright = values.copy()
    bright[:, 2, 2] = 500
    same = [segmented(each, SegmentsSettings())[30:, 30:] for each in (values, bright)]
    edges = [(part[1:] != part[:-1]).ravel() for part in same]
    assert (edges[0] == edges[1]).mean() > 0.95


Arrays = dict[str, NDArray[Any]]


def _loop(arrays: Arrays) -> None:
    arrays["left"][0] = arrays["right"][0] = 0


def _beyond(arrays: Arrays) -> None:
    arrays["right"][0] = 2_000_000_000


def _negative(arrays: Arrays) -> None:
    arrays["left"][0] = -7


def _feature(arrays: Arrays) -> None:
    arrays["feature"][0] = 99


def _nan(arrays: Arrays) -> None:
    arrays["value"][:] = np.nan


def _no_probability(arrays: Arrays) -> None:
    arrays["value"][:] = 0


def _other_tree(arrays: Arrays) -> None:
    arrays["start"][1] = arrays["start"][2]


def _long_start(arrays: Arrays) -> None:
    arrays["start"][-1] += 1


def _class(arrays: Arrays) -> None:
    arrays["seen"][-1] = 7


def _gone(arrays: Arrays) -> None:
    del arrays["threshold"]


def _type(arrays: Arrays) -> None:
    arrays["left"] = arrays["left"].astype(np.float32)


def _flat(arrays: Arrays) -> None:
    arrays["value"] = arrays["value"].ravel()


def _importance(arrays: Arrays) -> None:
    arrays["importance"] = np.zeros(77)


@pytest.mark.parametrize(
    "damage",
    [
        _loop, _beyond, _negative, _feature, _nan, _no_probability, _other_tree, _long_start, _class, _gone, _type,
        _flat, _importance,
    ],
)  # fmt: skip
def test_a_hostile_forest_is_refused_before_it_is_walked(damage: Callable[[Arrays], None], tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, trained(FOREST))
    arrays = safetensors.numpy.load_file(path)
    damage(arrays)
    safetensors.numpy.save_file(arrays, path)
    with pytest.raises(ModelError, match=r"w\.safetensors") as told:
        load_weights(path, FOREST, 2, 3)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "folder", "text", "bfloat16", "bands", "classes", "kind"])
@pytest.mark.parametrize("name", ["forest", "boosting", "perceptron"])
def test_a_damaged_or_other_file_is_told_in_one_line(name: str, damage: str, tmp_path: Path) -> None:
    path, settings, bands, classes = tmp_path / "w.safetensors", ALL[name], 2, 3
    save_weights(path, trained(settings))
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:-9])
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("tree\nversion=v4\n")
        case "bfloat16":
            safetensors.torch.save_file({"start": torch.zeros(2, dtype=torch.bfloat16)}, path)
        case "gone" | "folder":
            path.unlink()
            if damage == "folder":
                path.mkdir()
        case "bands":
            bands = 1
        case "classes":
            classes = 2
        case "kind":
            settings = FOREST if name == "perceptron" else PERCEPTRON
    with pytest.raises(ModelError, match=r"w\.safetensors") as told:
        load_weights(path, settings, bands, classes)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "said",
    [
        {"features": ["median"]}, {"radii": []}, {"radii": [0]}, {"radii": [2, 2]}, {"features": ["mean", "mean"]},
        {"radius": 2},
    ],
)  # fmt: skip
def test_a_wrong_context_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Context.model_validate(said)


def test_nothing_heavy_is_imported_before_a_classifier_is_used() -> None:
    run = (
        "import sys, firnline.models.pixels.classifier, firnline.models.pixels.fit\n"
        "print([name for name in ('sklearn', 'lightgbm', 'skimage', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
