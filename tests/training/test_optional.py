"""Optional bands: what the model learns of them in training is what it meets in a map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio

from firnline.chips.entries import SceneEntry
from firnline.errors import ConfigError, ModelError
from firnline.features import FeatureSource
from firnline.mapping import MapSettings, map_scene
from firnline.models.bundle import load_bundle
from firnline.models.fit import fit_scene
from firnline.models.inputs import spread
from firnline.scene import open_scene
from firnline.training.augment import augmented
from firnline.training.augment_bands import ChipBand
from firnline.training.augmentation import Augmentation
from firnline.training.config import TrainingConfig
from firnline.training.train import train

MakePair = Callable[..., Path]


def config(**changes: object) -> TrainingConfig:
    content: dict[str, object] = {
        "name": "tiny",
        "scheme": "glacier",
        "bands": ["green"],
        "optional": ["swir16", "lwir11"],
        "scenes": [{"images": "a_image.tif", "truth": "{name}_truth.tif"}],
        "architecture": {"name": "firn", "widths": [4, 8]},
        "augmentation": {"drop_input": 0.5},
        "chips": {"size": 32, "per_epoch": 8},
        "batch": 4,
        "epochs": 2,
        "learning_rate": 0.01,
        "threads": 1,
    }
    return TrainingConfig.model_validate(content | changes)


def with_temperature(image: Path, made: Path, kelvin: np.ndarray | float) -> Path:
    """The scene with a thermal band beside its others."""
    with rasterio.open(image) as file:
        profile, values = file.profile | {"count": 3}, file.read()
        names, tags = file.descriptions, file.tags()
    with rasterio.open(made, "w", **profile) as file:
        file.descriptions = (*names, "lwir11")
        file.update_tags(LEVEL=tags["LEVEL"])
        file.update_tags(3, LEVEL="brightness temperature")
        file.write(np.concatenate([values, np.broadcast_to(kelvin, (1, *values.shape[1:]))]).astype(np.float32))
    return made


def warm(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(270, 8, (96, 96))


@pytest.fixture
def folder(make_pair: MakePair) -> Path:
    """A scene with a thermal band, and its truth."""
    folder = make_pair("a")
    made = with_temperature(folder / "a_image.tif", folder / "made.tif", warm())
    made.replace(folder / "a_image.tif")
    return folder


def mapped(scene: Path, bundle: Path, out: Path) -> np.ndarray:
    map_scene(FeatureSource(open_scene(scene)), bundle, out, MapSettings(runtime="torch", force=True))
    with rasterio.open(out / "probabilities.tif") as file:
        return file.read()


def test_a_band_without_a_value_is_mapped_as_one_that_is_not_there(make_pair: MakePair, folder: Path) -> None:
    bundle = train(config(), folder, folder / "out")
    make_pair("b", seed=5)
    whole = with_temperature(folder / "b_image.tif", folder / "c_image.tif", warm(1))
    empty = with_temperature(folder / "b_image.tif", folder / "d_image.tif", np.nan)
    without = mapped(folder / "b_image.tif", bundle, folder / "without")
    assert np.array_equal(mapped(empty, bundle, folder / "empty"), without)
    assert not np.array_equal(mapped(whole, bundle, folder / "whole"), without), "the band does count"


def test_an_input_dropped_in_training_gives_the_channels_of_a_scene_without_it(
    make_pair: MakePair, folder: Path
) -> None:
    bundle = load_bundle(train(config(epochs=1), folder, folder / "out"))
    make_pair("b")  # the same pixels as a, without the thermal band
    a, b = (FeatureSource(open_scene(folder / f"{name}_image.tif")) for name in "ab")
    of_a, of_b = fit_scene(bundle, a).inputs, fit_scene(bundle, b).inputs
    assert (of_a.absent, of_b.absent) == ((), ("lwir11",))
    raw = a.scene.read(of_a.present)
    bands = [ChipBand(name, a.level_of(name), 1.0) for name in of_a.present]
    always = Augmentation(turns=False, drop_input=1.0)
    truth = np.zeros(raw.shape[1:], np.uint8)
    dropped, _ = augmented(raw, truth, bands, always, np.random.default_rng(0), [("lwir11",)])
    in_map, _ = of_b.apply(spread(b.scene.read(of_b.present), of_b.present, of_b.layout))
    assert np.array_equal(of_a.apply(dropped)[0], in_map)


@pytest.mark.parametrize(
    ("drop_input", "optional", "told"),
    [
        (0.2, ["lwir11"], []),
        (0.0, ["lwir11"], ["lwir11"]),
        (0.0, ["lwir11", "ndsi"], ["lwir11", "ndsi"]),  # swir16 is not among the bands, so a scene may lack it
        (0.2, ["swir16", "lwir11"], []),  # optional bands go by themselves, though green of their kind stays
    ],
)
def test_a_band_that_the_model_never_did_without_is_told(
    folder: Path, drop_input: float, optional: list[str], told: list[str]
) -> None:
    warnings: list[str] = []
    settings = config(augmentation={"drop_input": drop_input}, optional=optional, epochs=1)
    train(settings, folder, folder / "out", warn=warnings.append)
    assert [line.split("'")[1] for line in warnings if "has learnt nothing" in line] == told


def test_an_optional_band_of_which_no_pixel_is_known_is_left_out(make_pair: MakePair) -> None:
    """Else it would be normalised by nothing, and 270 K come to 270 deviations in a map."""
    folder = make_pair("a")
    with_temperature(folder / "a_image.tif", folder / "made.tif", np.nan).replace(folder / "a_image.tif")
    bundle = load_bundle(train(config(epochs=1), folder, folder / "out"))
    assert bundle.band_names == ("green", "swir16")


def test_validation_scenes_without_a_known_pixel_are_told(make_pair: MakePair, folder: Path) -> None:
    make_pair("b", column=500)
    with rasterio.open(folder / "b_truth.tif", "r+") as file:
        file.write(np.full((1, 96, 96), 255, np.uint8))
    scenes = [*config().scenes, SceneEntry(images="b_image.tif", truth="{name}_truth.tif", role="validation")]
    with pytest.raises(ConfigError, match="no pixel of the validation scenes is known"):
        train(config(scenes=scenes), folder, folder / "out")


def test_a_run_is_not_gone_on_with_when_a_validation_scene_has_lost_a_band(make_pair: MakePair, folder: Path) -> None:
    make_pair("b", column=500)
    plain, whole = folder / "b_image.tif", folder / "c_image.tif"
    with_temperature(plain, whole, warm())
    scenes = [*config().scenes, {"images": "c_image.tif", "truth": "b_truth.tif", "role": "validation"}]
    train(config(scenes=scenes, epochs=1), folder, folder / "out")
    plain.replace(whole)
    with pytest.raises(ModelError, match="other settings"):
        train(config(scenes=scenes, epochs=1), folder, folder / "out")
