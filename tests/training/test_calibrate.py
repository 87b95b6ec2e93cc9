"""Calibration is fitted on one part of the validation scenes and told of another, and is not kept where it harms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from firnline.bands import Level
from firnline.classes import LabelScheme
from firnline.classraster import write_classes
from firnline.features import FeatureSource
from firnline.grid import Grid
from firnline.map_report import _bundle_facts
from firnline.models.architectures import UNetSettings
from firnline.models.band_inputs import BandInput, Reading
from firnline.models.bundle import Bundle, Description
from firnline.models.inputs import Inputs, Layout
from firnline.models.normaliser import Floats, Normaliser
from firnline.scene import open_scene
from firnline.training.calibrate import Judged, drawn, judge
from firnline.training.data import TrainingScene

SIZE = 480
"""14.4 km: seven blocks a side."""


def scene_of(folder: Path, truth: np.ndarray, chance: np.ndarray, scheme: LabelScheme) -> TrainingScene:
    """A scene whose bands are the true chances of its classes (class, row, column)."""
    path = folder / f"{scheme}.tif"
    transform = Affine(30, 0, 478005, 0, -30, 3108145)
    profile = {"driver": "GTiff", "dtype": "float32", "crs": "EPSG:32645", "transform": transform}
    with rasterio.open(path, "w", count=3, height=SIZE, width=SIZE, **profile) as file:
        file.descriptions = ("blue", "green", "red")
        file.update_tags(LEVEL=str(Level.SURFACE_REFLECTANCE))
        file.write(chance.astype(np.float32))
    source = FeatureSource(open_scene(path))
    write_classes(folder / f"{scheme}_truth.tif", truth, Grid(source.scene.grid.crs, transform, (SIZE, SIZE)), scheme)
    return TrainingScene(source, truth, scheme, "validation", source.scene.grid.window)


@pytest.fixture
def chance() -> np.ndarray:
    """Chances of three classes, of every mixture, everywhere alike."""
    return np.moveaxis(np.random.default_rng(0).dirichlet((1, 1, 1), (SIZE, SIZE)), -1, 0)


@pytest.fixture
def truth(chance: np.ndarray) -> np.ndarray:
    drawn_at = np.random.default_rng(1).random((SIZE, SIZE))
    return (drawn_at > chance.cumsum(axis=0)[:2]).sum(axis=0).astype(np.uint8)


def as_it_is(layout: tuple[str, ...] = ("blue", "green", "red")) -> Inputs:
    return Inputs(Layout(layout), Normaliser(layout, (0.0,) * 3, (1.0,) * 3))


def sharper(values: Floats, power: float = 2.0) -> Floats:
    """A model that is too sure of itself."""
    raised = np.maximum(values, 1e-6) ** power
    return np.asarray(raised / raised.sum(axis=0), np.float32)


def judged(scenes: list[TrainingScene], predict=sharper) -> Judged:
    return judge(predict, [(scene, as_it_is()) for scene in scenes], LabelScheme.CLASS, 128)


def test_a_model_that_is_too_sure_is_found_out_and_put_right(tmp_path: Path, chance, truth) -> None:
    truth[:, -3:] = 255
    found = judged([scene_of(tmp_path, truth, chance, LabelScheme.CLASS)])
    assert found.temperatures == pytest.approx((2, 2, 2), abs=0.1)
    measures = found.measures
    before, after = measures["before"]["class"], measures["after"]["class"]
    assert measures["calibrated"] is True
    assert before["ECE"] > 0.08 > 0.02 > after["ECE"]
    assert after["NLL"] < before["NLL"]
    assert after["Brier"] < before["Brier"]
    assert set(after["IoU"]) == set(LabelScheme.CLASS.class_names)
    pixels = sum(after["reliability"]["clean ice"]["pixels"])
    assert 0 < pixels < 0.5 * SIZE**2, "the reporting part is less than half: a rim lies between"
    assert "7 blocks" in measures["left out between them"]


def test_truth_that_does_not_tell_the_kinds_of_ice_serves_too(tmp_path: Path, chance, truth) -> None:
    scenes = [
        scene_of(tmp_path, (truth > 0).astype(np.uint8), chance, LabelScheme.GLACIER),
        scene_of(tmp_path, (truth == 2).astype(np.uint8), chance, LabelScheme.DEBRIS),
    ]
    found = judged(scenes)
    assert found.temperatures == pytest.approx((2, 2, 2), abs=0.15)
    assert set(found.measures["after"]) == {"glacier", "debris"}
    assert all(found.measures["after"][each]["ECE"] < 0.02 for each in ("glacier", "debris"))


def test_one_temperature_serves_all_where_several_would_lose_the_ice(tmp_path: Path) -> None:
    """A model that says ice eight times too often: each class by itself, hardly a pixel would be ice any more."""
    random = np.random.default_rng(0)
    said = np.moveaxis(random.dirichlet((3, 3, 3), (SIZE, SIZE)), -1, 0)
    chance = said * np.array([8, 1, 1])[:, None, None]
    chance /= chance.sum(axis=0)
    truth = (random.random((SIZE, SIZE)) > chance.cumsum(axis=0)[:2]).sum(axis=0).astype(np.uint8)
    found = judged([scene_of(tmp_path, truth, said, LabelScheme.CLASS)], predict=lambda values: values)
    assert len(set(found.measures["fitted"])) == 1
    before, after = (found.measures[each]["class"]["IoU"] for each in ("before", "after"))
    assert before == after, "one temperature moves no decision"
    assert found.measures["after"]["class"]["NLL"] < found.measures["before"]["class"]["NLL"]


def test_what_makes_things_worse_elsewhere_is_not_kept(tmp_path: Path, chance, truth) -> None:
    """Too sure on the left, not sure enough on the right: what is learnt of one part harms the other."""
    chance = chance.copy()
    halves = np.arange(SIZE) < SIZE // 2
    chance[:] = np.where(halves, sharper(chance, 3.0), sharper(chance, 1 / 3))
    found = judged([scene_of(tmp_path, truth, chance, LabelScheme.CLASS)], predict=lambda values: values)
    assert found.temperatures == (1.0, 1.0, 1.0)
    assert found.measures["calibrated"] is False
    assert "less likely on the reporting part" in found.measures["why"]
    assert found.measures["fitted"] != [1.0, 1.0, 1.0]
    assert found.measures["after"]["class"]["NLL"] > found.measures["before"]["class"]["NLL"]


def test_too_little_to_part_is_said_and_leaves_probabilities_as_they_are(tmp_path: Path, chance, truth) -> None:
    only = np.full_like(truth, 255)
    only[:10, :10] = truth[:10, :10]
    found = judged([scene_of(tmp_path, only, chance, LabelScheme.CLASS)])
    assert found.temperatures == (1.0, 1.0, 1.0)
    assert "could not be judged" in found.measures["why"]


def test_the_plot_is_a_picture_beside_the_bundle(tmp_path: Path, chance, truth) -> None:
    found = judged([scene_of(tmp_path, truth, chance, LabelScheme.CLASS)])
    assert drawn(found, tmp_path / "out").temperatures == found.temperatures
    assert (tmp_path / "out" / "reliability.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_of_a_map_says_whether_probabilities_are_calibrated(tmp_path: Path, chance, truth) -> None:
    found = judged([scene_of(tmp_path, truth, chance, LabelScheme.CLASS)])
    read = Reading(level=Level.SURFACE_REFLECTANCE, unit="1", mean=0, deviation=1)
    said = Description(
        name="m", architecture=UNetSettings(width=2, depth=1), bands=(BandInput(name="red", readings=(read,)),),
        scheme=LabelScheme.CLASS, resolutions_m=(30,), window=64, calibration=drawn(found, tmp_path),
    )  # fmt: skip
    told = _bundle_facts(Bundle(tmp_path, said)).calibration
    before, after = (found.measures[each]["class"]["ECE"] for each in ("before", "after"))
    assert told.startswith("Probabilities are calibrated; on ")
    assert told.endswith(f"the expected calibration error was {before:.3f} before and {after:.3f} after (class)")
    without = said.model_copy(update={"calibration": None})
    assert "not calibrated" in _bundle_facts(Bundle(tmp_path, without)).calibration
