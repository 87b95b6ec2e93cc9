"""A run that goes on comes to the same bytes, whatever it keeps; it stops when nothing is gained any more."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from firnline.errors import ConfigError, ModelError
from firnline.models.bundle import load_bundle
from firnline.training.config import TrainingConfig
from firnline.training.learner import Learner
from firnline.training.loop import EpochReport
from firnline.training.processes import Processes
from firnline.training.train import train

MakePair = Callable[..., Path]
HELD_OUT = [
    {"images": "a_image.tif", "truth": "{name}_truth.tif"},
    {"images": "b_image.tif", "truth": "{name}_truth.tif", "role": "validation"},
]
EVERYTHING = {
    "ema": 0.9,
    "clip": 1.0,
    "patience": 9,
    "loss": {"learn_weights": True, "boundary": 0.5, "l1": 1e-6},
    "augmentation": {"gain": 0.2, "haze": 0.5, "stripes": 0.5},
}


def config(**changes: object) -> TrainingConfig:
    content: dict[str, object] = {
        "name": "tiny",
        "scheme": "glacier",
        "bands": ["green", "swir16"],
        "scenes": HELD_OUT,
        "architecture": {"width": 4, "depth": 2, "norm": "batch", "dropout": 0.1},
        "chips": {"size": 32, "per_epoch": 8},
        "batch": 4,
        "epochs": 3,
        "learning_rate": 0.01,
        "threads": 1,
    }
    return TrainingConfig.model_validate(content | changes)


@pytest.fixture
def folder(make_pair: MakePair) -> Path:
    make_pair("a")
    return make_pair("b", seed=7, column=500)


class StoppedError(Exception):
    """As if it had been killed."""


def stop_after(epoch: int) -> Callable[[EpochReport], None]:
    def stop(report: EpochReport) -> None:
        if report.epoch == epoch:
            raise StoppedError

    return stop


@pytest.mark.parametrize("architecture", ["unet", "firn"])
def test_a_run_that_was_stopped_comes_to_the_same_bytes(folder: Path, architecture: str) -> None:
    networks = {
        "unet": {"width": 4, "depth": 2, "norm": "batch", "dropout": 0.1},
        "firn": {"name": "firn", "widths": [4, 8]},
    }
    settings = config(architecture=networks[architecture], **EVERYTHING)
    straight = train(settings, folder, folder / "straight")
    for epoch in (1, 2):
        with pytest.raises(StoppedError):
            train(settings, folder, folder / "resumed", report=stop_after(epoch))
    resumed = train(settings, folder, folder / "resumed")
    for name in ("model/weights.safetensors", "history.json", "reliability.png"):
        assert (straight.parent / name).read_bytes() == (resumed.parent / name).read_bytes(), name
    said, other = (load_bundle(each).description for each in (straight, resumed))
    assert (said.metrics, said.calibration) == (other.metrics, other.calibration)


def test_a_finished_run_is_left_as_it_is(folder: Path) -> None:
    bundle = train(config(epochs=1), folder, folder / "out")
    before = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*") if path.is_file()}
    train(config(epochs=1), folder, folder / "out", report=lambda _: pytest.fail("an epoch was trained"))
    assert {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*") if path.is_file()} == before
    assert load_bundle(bundle).description.calibration is not None


def test_a_run_that_was_stopped_before_it_was_calibrated_still_is(folder: Path) -> None:
    with pytest.raises(StoppedError):
        train(config(epochs=1), folder, folder / "out", report=stop_after(1))
    assert load_bundle(folder / "out" / "model").description.calibration is None
    assert load_bundle(train(config(epochs=1), folder, folder / "out")).description.calibration is not None


def test_a_finished_run_whose_bundle_was_removed_is_told(folder: Path) -> None:
    settings = config(epochs=1, calibrate=False)
    shutil.rmtree(train(settings, folder, folder / "out"))
    with pytest.raises(ModelError, match="is gone"):
        train(settings, folder, folder / "out")


def test_it_stops_when_nothing_is_gained_and_is_finished_then(folder: Path) -> None:
    """Weights that hardly move gain nothing after the first validation."""
    settings = config(epochs=9, patience=2, learning_rate=1e-30, schedule="constant")
    reports: list[EpochReport] = []
    train(settings, folder, folder / "out", report=reports.append)
    assert [report.is_last for report in reports] == [False, False, True]
    assert [report.best for report in reports] == [True, False, False]
    train(settings, folder, folder / "out", report=lambda _: pytest.fail("an epoch was trained"))


def test_validations_count_for_patience_and_not_epochs(folder: Path) -> None:
    settings = config(epochs=9, patience=1, validate_every=2, learning_rate=1e-30, schedule="constant")
    reports: list[EpochReport] = []
    train(settings, folder, folder / "out", report=reports.append)
    assert len(reports) == 4, "validated after the second and the fourth"


def test_patience_without_validation_scenes_is_told(folder: Path) -> None:
    with pytest.raises(ConfigError, match="patience"):
        train(config(scenes=HELD_OUT[:1], patience=2), folder, folder / "out")


def test_the_mean_of_the_weights_by_hand() -> None:
    """Weights of 0, then 1 for ever; the share that is kept is (1 + n) / (10 + n) up to the decay."""
    learner = Learner.of(config(ema=0.5), config().layout, Processes())
    assert learner.average is not None
    weight, mean = learner.network.seg_layer.weight, learner.average.seg_layer.weight
    with torch.no_grad():
        mean.zero_()
        weight.fill_(1.0)
    by_hand = 0.0
    for done, kept in enumerate([1 / 10, 2 / 11, 3 / 12, 4 / 13, 5 / 14, 6 / 15, 7 / 16, 8 / 17, 0.5, 0.5]):
        learner.follow(0.5, done)
        by_hand = kept * by_hand + (1 - kept)
        assert mean.flatten()[0].item() == pytest.approx(by_hand)


def test_what_is_validated_and_saved_is_the_mean_of_the_weights(folder: Path) -> None:
    """Of a decay that forgets at once the mean is the weights; of a long one it is not."""
    saved = {}
    for ema in (0.0, 1e-12, 0.99):
        bundle = load_bundle(train(config(ema=ema, epochs=2), folder, folder / str(ema)))
        assert bundle.network is not None
        saved[ema] = bundle.network.state_dict()["seg_layer.weight"]
    assert torch.allclose(saved[0.0], saved[1e-12], atol=1e-6)
    assert not torch.allclose(saved[0.0], saved[0.99], atol=1e-4)


def test_learnt_loss_weights_are_kept_in_the_history(folder: Path) -> None:
    train(config(loss={"learn_weights": True}, epochs=2), folder, folder / "out")
    first, second = (epoch["loss weights"] for epoch in json.loads((folder / "out" / "history.json").read_text()))
    assert set(first) == {"dice", "cross_entropy"}
    assert first != second
    assert min(first.values()) > 0


def test_a_gradient_is_clipped_to_its_length(folder: Path) -> None:
    settings = config(clip=0.25)
    learner = Learner.of(settings, settings.layout, Processes())
    loss = 100 * learner.network(torch.randn(2, 2, 8, 8)).square().mean()
    learner.step(loss, settings, 0.01, Processes())
    length = torch.stack([each.grad.norm() for each in learner.network.parameters() if each.grad is not None]).norm()
    assert length.item() == pytest.approx(0.25, rel=1e-4)
