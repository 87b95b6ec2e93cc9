"""Priors rule pixels out whatever the windows, turns turn directions too, and uncertainty is what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firnline.classes import LabelScheme
from firnline.errors import BandError, ConfigError
from firnline.features import FeatureSource
from firnline.inference.journal import open_journal
from firnline.inference.open_model import open_model
from firnline.inference.predict import PredictionSettings, predict, row_band
from firnline.inference.window_model import MergedModel, Prepared, WindowModel
from firnline.inference.wrapped_model import PriorModel, PriorSettings, TurnedModel
from firnline.models.architectures import EnsembleSettings
from firnline.models.bundle import load_bundle, save_composite

NAMES = ("green", "swir16", "elevation")


class Counted(WindowModel):
    """A model that looks at one band, and counts the windows that it is asked about."""

    scheme = LabelScheme.GLACIER

    def __init__(self, *bands: str) -> None:
        self._bands, self.windows = bands, 0

    @property
    def bands(self) -> tuple[str, ...]:
        return self._bands

    def prepare(self, raw: np.ndarray) -> Prepared:
        return Prepared(raw, np.isfinite(raw).all(axis=0))

    def compute(self, window: Prepared) -> tuple[np.ndarray, np.ndarray]:
        self.windows += 1
        ice = np.nan_to_num(window.values[0]).clip(0, 1)
        return np.stack([1 - ice, ice]).astype(np.float32), window.known


def whole(source: FeatureSource, model: WindowModel, window: int, overlap: int, work: Path) -> np.ndarray:
    journal = open_journal(work, {})
    lattice = predict(source, model, PredictionSettings(window, overlap), journal)
    return np.concatenate([journal.read(band) for band in range(lattice.band_count)], axis=1)


@pytest.fixture
def hill(write_scene, tmp_path: Path) -> tuple[FeatureSource, np.ndarray]:
    """Bright everywhere; the height falls from west to east, and is not known in a corner."""
    values = np.full((3, 160, 200), 0.9)
    values[2] = np.linspace(5000, 3000, 200)[None]
    values[2, :40, 150:] = np.nan
    values[0, 100:110, :] = np.nan
    return write_scene(tmp_path / "hill.tif", values, NAMES), values


@pytest.mark.parametrize(("window", "overlap"), [(32, 8), (64, 16), (64, 0), (256, 64)])
def test_a_prior_rules_out_pixels_and_not_windows(hill, tmp_path: Path, window: int, overlap: int) -> None:
    source, values = hill
    model = PriorModel(Counted("green"), PriorSettings(only_above=4000.0))
    found = whole(source, model, window, overlap, tmp_path / "work")[0]
    expected = np.ones(values.shape[1:], np.uint8)
    expected[values[2] < 4000] = 0  # NaN is not below
    expected[~np.isfinite(values[0])] = 255
    assert np.array_equal(found, expected)


def test_windows_that_are_ruled_out_are_not_computed(hill, tmp_path: Path) -> None:
    source, values = hill
    inner = Counted("green")
    whole(source, PriorModel(inner, PriorSettings(only_above=4000.0)), 40, 0, tmp_path / "work")
    # 4 x 5 windows, column by column: the last two columns lie lower, but for one whose height is not known.
    low = [(row, column) for row in range(4) for column in range(5)
           if (values[2, 40 * row : 40 * row + 40, 40 * column : 40 * column + 40] < 4000).all()]  # fmt: skip
    assert len(low) == 6
    assert inner.windows == 20 - len(low)


def test_steep_ground_is_ruled_out_by_the_slope_of_the_heights(write_scene, tmp_path: Path) -> None:
    """A ramp of 45 degrees beside flat ground."""
    values = np.full((3, 64, 96), 0.9)
    values[2] = 4000 + 30 * np.clip(np.arange(96) - 48, 0, None)[None]
    source = write_scene(tmp_path / "ramp.tif", values, NAMES)
    found = whole(source, PriorModel(Counted("green"), PriorSettings(only_slope_below=40.0)), 32, 8, tmp_path / "w")
    assert (found[0, :, :47] == 1).all()
    assert (found[0, :, 50:] == 0).all()


def test_a_prior_that_the_scene_cannot_answer_is_told(bundle: Path, write_scene, tmp_path: Path) -> None:
    source = write_scene(tmp_path / "flat.tif", np.random.default_rng(0).random((2, 64, 64)))
    with pytest.raises(BandError, match="the prior looks at elevation"):
        open_model(bundle, source, prior=PriorSettings(only_above=4000.0))
    with pytest.raises(ConfigError, match="--only-slope-below: is no slope"):
        PriorSettings(only_slope_below=120.0)


class Sums(Counted):
    """Its ice is where ground falls to the east, as its two directions tell it, in proportion."""

    def compute(self, window: Prepared) -> tuple[np.ndarray, np.ndarray]:
        self.windows += 1
        east, north = window.values
        down = np.gradient(east, axis=1)  # not the same under turns: it looks to one side
        ice = (0.5 + 0.2 * east + 0.1 * north + 0.1 * down).clip(0, 1)
        return np.stack([1 - ice, ice]).astype(np.float32), window.known


def test_turning_the_mountain_turns_the_map() -> None:
    """Of a mountain turned by a quarter, with its directions, the map is the turned map: what turns are for."""
    random = np.random.default_rng(3)
    east, north = random.uniform(-1, 1, (2, 16, 16)).astype(np.float32)
    model = TurnedModel(Sums("eastness", "northness"))
    straight = model.map_window(np.stack([east, north]))[0]
    # A quarter turn against the clock: what fell to the east falls to the north, and what fell north falls west.
    turned = model.map_window(np.stack([-np.rot90(north), np.rot90(east)]))[0]
    assert turned == pytest.approx(np.rot90(straight, 1, (1, 2)), abs=1e-6)
    mirrored = model.map_window(np.stack([-east[:, ::-1], north[:, ::-1]]))[0]
    assert mirrored == pytest.approx(straight[:, :, ::-1], abs=1e-6)
    alone = Sums("eastness", "northness").map_window(np.stack([east, north]))[0]
    assert np.abs(alone - straight).max() > 0.05


def test_aspect_turns_as_the_directions_made_of_it() -> None:
    class Aspect(Sums):
        def compute(self, window: Prepared) -> tuple[np.ndarray, np.ndarray]:
            angle = np.radians(window.values[0])
            return super().compute(Prepared(np.stack([np.sin(angle), np.cos(angle)]), window.known))

    angle = np.random.default_rng(0).uniform(0, 360, (16, 16)).astype(np.float32)
    by_parts = np.stack([np.sin(np.radians(angle)), np.cos(np.radians(angle))])
    expected = TurnedModel(Sums("eastness", "northness")).map_window(by_parts)[0]
    assert TurnedModel(Aspect("aspect")).map_window(angle[None])[0] == pytest.approx(expected, abs=1e-4)


def test_uncertainty_is_the_entropy_and_the_disagreement_of_the_members(
    write_bundle, write_scene, tmp_path: Path
) -> None:
    members = [write_bundle(seed=seed, gain=60) for seed in (1, 2)]
    said = load_bundle(members[0]).description
    both = said.model_copy(update={"architecture": EnsembleSettings(), "bands": (), "members": ("a", "b")})
    save_composite(tmp_path / "both", both, members)
    source = write_scene(tmp_path / "scene.tif", np.random.default_rng(0).random((2, 64, 64)))
    mapper = open_model(tmp_path / "both", source, runtime="torch", uncertainty=True).mapper
    assert isinstance(mapper, MergedModel)
    band = row_band(source, mapper, PredictionSettings(64, 16, uncertainty=True), 0)
    assert band.shape == (1 + 3 + 2, 64, 64)
    raw = source.scene.read(["green", "swir16"])
    one, other = (open_model(each, source, runtime="torch").mapper.map_window(raw)[0] for each in members)

    def bits(p: np.ndarray) -> np.ndarray:
        return -(p * np.log(p)).sum(axis=0) / np.log(3)

    mean = (one + other) / 2
    assert band[4] / 250 == pytest.approx(bits(mean), abs=0.003)
    assert band[5] / 250 == pytest.approx(bits(mean) - (bits(one) + bits(other)) / 2, abs=0.003)
    assert band[5].max() > 10
    plain = open_model(tmp_path / "both", source, runtime="torch").mapper
    assert np.array_equal(row_band(source, plain, PredictionSettings(64, 16), 0), band[:4])
