"""What every architecture promises, whichever it is: from its settings alone, through a bundle, in each runtime."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from firnline.bands import Level
from firnline.classes import LabelScheme
from firnline.inference.openvino_runtime import OpenVinoRuntime
from firnline.inference.runtime import open_runtime
from firnline.inference.torch_runtime import TorchRuntime
from firnline.models.architectures import EncoderSettings, FirnSettings, NetworkSettings, UNetSettings
from firnline.models.band_inputs import BandInput, Reading, inputs_of
from firnline.models.bundle import Description, load_bundle, save_bundle
from firnline.models.heads import Heads
from firnline.models.inputs import Layout
from firnline.models.normaliser import Floats
from firnline.models.pixels.classifier import RasterClassifier
from firnline.models.pixels.fit import fit_classifier
from firnline.models.pixels.settings import (
    BoostingSettings,
    Context,
    ForestSettings,
    PerceptronSettings,
    PixelSettings,
    SegmentsSettings,
)
from firnline.models.pixels.units import units_of

NETWORKS: dict[str, NetworkSettings] = {
    "unet": UNetSettings(width=4, depth=2, dropout=0.3),
    "unet, batch norm": UNetSettings(width=4, depth=2, norm="batch"),
    "unet, group norm": UNetSettings(width=4, depth=2, norm="group"),
    "firn": FirnSettings(widths=(4, 8, 12)),
}
if os.environ.get("CI") or importlib.util.find_spec("segmentation_models_pytorch"):  # an extra, required in CI
    NETWORKS["encoder"] = EncoderSettings(encoder="tu-mobilenetv3_small_050")
LAYOUT = Layout(("green", "swir16", "lwir11", "slope"), ("lwir11", "slope"))
CLASSES = 3

CLASSIFIERS: dict[str, PixelSettings] = {
    "forest": ForestSettings(trees=5, leaf=2),
    "boosting": BoostingSettings(rounds=5, leaf=2),
    "perceptron": PerceptronSettings(layers=(8,), rounds=3, context=Context(features=("mean",))),
    "segments": SegmentsSettings(side=3, classifier=ForestSettings(trees=5, leaf=2)),
}

every_network = pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)


every_classifier = pytest.mark.parametrize("settings", CLASSIFIERS.values(), ids=CLASSIFIERS)


def built(settings: NetworkSettings) -> nn.Module:
    torch.manual_seed(0)
    return settings.build(LAYOUT, CLASSES)


def channels(batch: int = 2, rows: int = 64, columns: int = 32) -> Tensor:
    """Normalised bands, and planes that tell which of the optional ones are known."""
    torch.manual_seed(1)
    made = torch.randn(batch, LAYOUT.channels, rows, columns)
    made[:, -2:] = (made[:, -2:] > 0).float()
    made[:, 2:4] *= made[:, -2:]
    return made


def fitted(settings: PixelSettings) -> RasterClassifier:
    """A classifier that has learnt to tell bright green from dark, and deep red from light."""
    units = units_of(values(64, 64), settings)
    labels = np.asarray((units.features[:, 0] > 0).astype(int) + (units.features[:, 1] > 0.5), np.uint8)
    return fit_classifier(settings, units.features, labels, CLASSES)


def values(rows: int, columns: int) -> Floats:
    """Normalised bands: a classifier takes no optional ones."""
    return channels(1, rows, columns)[0, : len(LAYOUT.bands)].numpy()


def bundle_of(settings: NetworkSettings | PixelSettings, folder: Path) -> Path:
    optional = () if isinstance(settings, PixelSettings) else LAYOUT.optional
    read = Reading(level=Level.NOT_RADIOMETRIC, unit="1", mean=0.5, deviation=0.25)
    said = Description(
        name="tiny", architecture=settings, scheme=LabelScheme.CLASS, resolutions_m=(30.0,), window=64,
        bands=tuple(
            BandInput(name=name, required=name not in optional, readings=(read,)) for name in LAYOUT.bands
        ),
    )  # fmt: skip
    save_bundle(folder, said, fitted(settings) if isinstance(settings, PixelSettings) else built(settings))
    return folder


@every_network
def test_gives_a_logit_for_each_class_and_pixel(settings: NetworkSettings) -> None:
    side = settings.multiple
    for rows, columns in ((side, side), (8 * side, 4 * side)):
        assert built(settings).eval()(channels(2, rows, columns)).shape == (2, CLASSES, rows, columns)


@every_network
@pytest.mark.parametrize("training", [False, True])
def test_is_finite_where_nothing_is_there(settings: NetworkSettings, training: bool) -> None:
    """All zero: bands at their mean, or unknown, and every optional input absent."""
    outputs = built(settings).train(training)(torch.zeros(2, LAYOUT.channels, 32, 32))
    heads = outputs if isinstance(outputs, Heads) else Heads(outputs)
    assert all(head is None or head.isfinite().all() for head in heads)


@every_network
def test_a_window_is_mapped_alike_in_any_batch(settings: NetworkSettings) -> None:
    network, batch = built(settings).eval(), channels(5)
    with torch.inference_mode():
        together = network(batch)
        for number in range(5):
            assert torch.allclose(together[number], network(batch[number : number + 1])[0], atol=1e-5)


@every_network
def test_a_gradient_reaches_every_weight(settings: NetworkSettings) -> None:
    network = built(settings).train()
    outputs = network(channels(4))
    heads = [head for head in (outputs if isinstance(outputs, Heads) else (outputs,)) if head is not None]
    torch.manual_seed(2)
    torch.stack([(head * torch.randn_like(head)).sum() for head in heads]).sum().backward()
    without = [
        name for name, each in network.named_parameters() if each.grad is None or not each.grad.abs().sum() > 0
    ]
    assert without == []


@every_network
def test_predicts_the_same_after_it_was_saved_and_loaded(settings: NetworkSettings, tmp_path: Path) -> None:
    loaded = load_bundle(bundle_of(settings, tmp_path / "model"))
    assert loaded.network is not None
    assert loaded.description.architecture == settings
    with torch.inference_mode():
        assert torch.equal(loaded.network(channels()), built(settings).eval()(channels()))


@every_network
def test_runtimes_agree_to_a_ten_thousandth(settings: NetworkSettings, tmp_path: Path) -> None:
    bundle = load_bundle(bundle_of(settings, tmp_path / "model"))
    window = channels(1, 64, 64)[0].numpy()
    by_torch, by_openvino = (
        runtime.probabilities(window) for runtime in (TorchRuntime.of(bundle), OpenVinoRuntime.of(bundle, 64))
    )
    assert np.abs(by_torch - by_openvino).max() < 1e-4
    assert by_torch.sum(axis=0) == pytest.approx(np.ones((64, 64)), abs=1e-5)


@every_classifier
def test_a_classifier_gives_probabilities_of_windows_of_any_shape(settings: PixelSettings) -> None:
    classifier = fitted(settings)
    for rows, columns in ((7, 33), (64, 64)):
        said = classifier.probabilities(values(rows, columns))
        assert (said.shape, said.dtype) == ((CLASSES, rows, columns), np.float32)
        assert said.sum(axis=0) == pytest.approx(np.ones((rows, columns)), abs=1e-5)
    assert np.isfinite(classifier.probabilities(np.zeros((len(LAYOUT.bands), 16, 16), np.float32))).all()


@every_classifier
def test_a_classifier_says_the_same_after_it_was_saved_and_loaded(settings: PixelSettings, tmp_path: Path) -> None:
    bundle = load_bundle(bundle_of(settings, tmp_path / "model"))
    window = values(32, 16)
    assert bundle.description.architecture == settings
    assert np.array_equal(open_runtime(bundle, 50).probabilities(window), fitted(settings).probabilities(window))


@every_network
def test_what_an_absent_band_holds_changes_nothing(settings: NetworkSettings, tmp_path: Path) -> None:
    """An absent optional band is 0 in its channel and in the plane that tells of it, whatever was read."""
    bundle = load_bundle(bundle_of(settings, tmp_path / "model"))
    readings = {band.name: band.readings[0] for band in bundle.description.bands}
    raw = np.random.default_rng(0).random((4, 32, 32)).astype(np.float32)
    whole, known = inputs_of(bundle.description.bands, readings, "after").apply(raw)
    assert known.all()
    without = {name: read for name, read in readings.items() if name != "lwir11"}
    predict = open_runtime(bundle, 32, "torch").probabilities
    maps = []
    for stray in (0.0, 1e6, np.nan):
        raw[2] = stray
        seen, known = inputs_of(bundle.description.bands, without, "after").apply(raw)
        assert known.all(), "a pixel is known by its required bands"
        assert not seen[2].any()
        assert not seen[4].any()
        assert (seen[5] == 1).all(), "the other optional band is there"
        maps.append(predict(seen))
    assert np.array_equal(maps[0], maps[1])
    assert np.array_equal(maps[0], maps[2])
    assert not np.array_equal(maps[0], predict(whole)), "the network looks at the band where it is there"


@pytest.mark.parametrize(("settings", "most"), [(FirnSettings(), 5_000_000), (UNetSettings(), 8_000_000)])
def test_the_default_is_small_enough_for_a_cpu(settings: NetworkSettings, most: int) -> None:
    count: Callable[[nn.Module], int] = lambda network: sum(each.numel() for each in network.parameters())  # noqa: E731
    assert count(settings.build(LAYOUT, CLASSES)) < most


def test_a_network_of_two_classes_has_no_head_that_says_the_same_again() -> None:
    outputs = FirnSettings(widths=(4, 8)).build(LAYOUT, 2).train()(channels())
    assert outputs.glacier is None
    assert outputs.distance is not None


def test_an_absent_kind_of_input_adds_nothing_to_the_features() -> None:
    """The stem of an optional kind has no bias: without its bands the features are those of the others alone."""
    network = FirnSettings(widths=(4, 8)).build(LAYOUT, CLASSES)
    stems = [stem(torch.zeros(1, len(network._channels[i]), 8, 8)) for i, stem in enumerate(network.stems)]
    assert [bool(features.any()) for features in stems] == [True, False, False]
