"""A bundle holds everything, is never half there, and tells when it is damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from firnline.bands import Level
from firnline.chips.statistics import BandStatistics
from firnline.classes import LabelScheme
from firnline.errors import ModelError, OutputError
from firnline.models.architectures import EnsembleSettings, UNetSettings
from firnline.models.band_inputs import BandInput, Reading, inputs_of
from firnline.models.bundle import Description, load_bundle, save_bundle, save_composite
from firnline.models.inputs import Layout
from firnline.models.normaliser import Normaliser

SETTINGS = UNetSettings(width=2, depth=1, norm="batch")


def description(**changes: object) -> Description:
    read = Reading(level=Level.SURFACE_REFLECTANCE, unit="1", mean=0.2, deviation=0.1)
    band = BandInput(name="red", readings=(read,))
    content = {
        "name": "tiny", "architecture": SETTINGS, "bands": (band,), "impute": "after",
        "scheme": LabelScheme.GLACIER, "resolutions_m": (30.0,), "window": 64,
    }  # fmt: skip
    return Description.model_validate({**content, **changes})


def test_what_is_saved_predicts_the_same_when_loaded(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = SETTINGS.build(Layout(("red",)), 2).eval()
    save_bundle(tmp_path / "model", description(), network)
    image = torch.randn(1, 1, 8, 8)
    assert torch.equal(load_bundle(tmp_path / "model").network(image), network(image))
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["model.json", "weights.safetensors"]


def test_saving_again_replaces_the_old_bundle_whole(tmp_path: Path) -> None:
    save_bundle(tmp_path / "model", description(), SETTINGS.build(Layout(("red",)), 2))
    (tmp_path / "model" / "derived").mkdir()
    save_bundle(tmp_path / "model", description(name="second"), SETTINGS.build(Layout(("red",)), 2))
    assert load_bundle(tmp_path / "model").description.name == "second"
    assert not (tmp_path / "model" / "derived").exists(), "runtime files of other weights must not stay"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_that_is_no_bundle_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="not a model bundle"):
        save_bundle(tmp_path / "model", description(), SETTINGS.build(Layout(("red",)), 2))
    assert (tmp_path / "model" / "thesis.txt").exists()


@pytest.mark.parametrize("damage", ["weights changed", "weights gone", "json cut", "json key", "other network"])
def test_damage_is_told(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "model"
    save_bundle(folder, description(), SETTINGS.build(Layout(("red",)), 2))
    weights, text = folder / "weights.safetensors", (folder / "model.json").read_text()
    match damage:
        case "weights changed":
            weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")
        case "weights gone":
            weights.unlink()
        case "json cut":
            (folder / "model.json").write_text(text[:100])
        case "json key":
            (folder / "model.json").write_text(text.replace('"name"', '"nome"', 1))
        case "other network":
            (folder / "model.json").write_text(text.replace('"width": 2', '"width": 4'))
    with pytest.raises(ModelError) as caught:
        load_bundle(folder)
    assert str(folder) in str(caught.value)


READING = {"level": "surface reflectance", "unit": "1", "mean": 0.2, "deviation": 0.1}
RED = {"name": "red", "readings": [READING]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bands": [RED, RED]}, "bands: each only once"),
        ({"bands": [{**RED, "readings": [READING, {**READING, "mean": 0.9}]}]}, "readings: one for each level"),
        ({"bands": [{**RED, "required": False}], "impute": "before"}, "impute: before goes with required"),
        ({"bands": [], "members": ["a", "a"], "architecture": {"name": "ensemble"}}, "members: each only once"),
    ],
)
def test_a_description_that_contradicts_itself_is_no_bundle(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    folder = tmp_path / "model"
    save_bundle(folder, description(), SETTINGS.build(Layout(("red",)), 2))
    content = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(content | changes))
    with pytest.raises(ModelError, match=said):
        load_bundle(folder)


def composite(folder: Path) -> Path:
    """An ensemble of two."""
    for name in ("a", "b"):
        save_bundle(folder / name, description(name=name), SETTINGS.build(Layout(("red",)), 2))
    whole = description(bands=(), members=("a", "b"), architecture=EnsembleSettings())
    save_composite(folder / "whole", whole, [folder / "a", folder / "b"])
    return folder / "whole"


def test_a_composite_whose_member_is_gone_is_told(tmp_path: Path) -> None:
    whole = composite(tmp_path)
    assert len(load_bundle(whole).members) == 2
    shutil.rmtree(whole / "members" / "b")
    with pytest.raises(ModelError, match="members/b"):
        load_bundle(whole)


@pytest.mark.parametrize("architecture", ["two-binary", "ensemble"])
def test_members_of_other_schemes_make_no_map(tmp_path: Path, architecture: str) -> None:
    """Their probabilities would be taken for those of classes that they do not know."""
    whole = composite(tmp_path)
    content = json.loads((whole / "model.json").read_text())
    changed = content | {"architecture": {"name": architecture}, "scheme": "class"}
    (whole / "model.json").write_text(json.dumps(changed))
    with pytest.raises(ModelError, match="members of scheme glacier and glacier do not make one of class"):
        load_bundle(whole)


def test_the_normaliser_in_the_bundle_is_the_one_of_training(tmp_path: Path) -> None:
    save_bundle(tmp_path / "model", description(), SETTINGS.build(Layout(("red",)), 2))
    bands = load_bundle(tmp_path / "model").description.bands
    inputs = inputs_of(bands, {"red": bands[0].readings[0]}, "after")
    values, known = inputs.apply(np.array([[[0.4, np.nan]]], np.float32))
    assert values[0, 0].tolist() == pytest.approx([2.0, 0.0])
    assert known.tolist() == [[True, False]]


def test_statistics_gathered_by_windows_are_those_of_all_pixels() -> None:
    random = np.random.default_rng(0)
    image = (random.normal(300, 5, (2, 90, 70)) * [[[1]], [[1e-3]]]).astype(np.float32)
    image[0, :30] = np.nan
    statistics = BandStatistics(("lwir11", "red"))
    for row in range(0, 90, 17):
        statistics.add(image[:, row : row + 17])
    found = Normaliser.of(statistics)
    assert found.mean == pytest.approx(np.nanmean(image.astype(float), axis=(1, 2)), rel=1e-6)
    assert found.deviation == pytest.approx(np.nanstd(image.astype(float), axis=(1, 2)), rel=1e-6)


def test_the_paper_imputes_zero_before_it_normalises() -> None:
    raw = np.array([[[4.0, np.nan]]], np.float32)
    statistics = BandStatistics(("red",))
    statistics.add(raw)
    assert Normaliser.of(statistics, "before").mean == (4.0,), "unknown pixels take no part in the statistics"
    values = Normaliser(("red",), (2.0,), (2.0,), "before").apply(raw)
    assert values[0, 0].tolist() == [1.0, -1.0]
