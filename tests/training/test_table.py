"""Training from a table of chips sees its training chips and nothing else, and says so when the split leaks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from pydantic import ValidationError

from firnline.chips.make import make_table
from firnline.chips.make_settings import MakeSettings
from firnline.chips.table import ChipTable, read_table, write_table
from firnline.classes import UNKNOWN, LabelScheme
from firnline.errors import ConfigError, FirnlineError, SceneError
from firnline.map_report import _bundle_facts
from firnline.models.bundle import load_bundle
from firnline.training.config import TrainingConfig
from firnline.training.loop import EpochReport
from firnline.training.table_data import gather_table, load_table
from firnline.training.train import train

MakePair = Callable[..., Path]
SIDE = {0: "train", 32: "train", 64: "validation"}
"""Side of the split by the chip's column: the right third validates."""


def config(**changes: object) -> TrainingConfig:
    content: dict[str, object] = {
        "name": "tiny",
        "scheme": "glacier",
        "bands": ["green", "swir16"],
        "table": "t.parquet",
        "architecture": {"width": 4, "depth": 2, "norm": "batch", "dropout": 0.1},
        "chips": {"per_epoch": 16},
        "batch": 4,
        "epochs": 2,
        "learning_rate": 0.01,
        "threads": 1,
    }
    return TrainingConfig.model_validate(content | changes)


def make(folder: Path, name: str = "a", **changes: Any) -> ChipTable:
    settings = {
        "name": "t", "size": 32, "scenes": [{"images": f"{name}_image.tif", "truth": "{name}_truth.tif"}]
    } | changes  # fmt: skip
    return make_table(MakeSettings.model_validate(settings), folder, folder / "t.parquet")


def with_sides(table: ChipTable, sides: list[str | None], **about: Any) -> ChipTable:
    table = table.with_frame(table.frame.assign(split=sides), **about)
    write_table(table)
    return table


@pytest.fixture
def split_table(make_pair: MakePair) -> ChipTable:
    table = make(make_pair("a"))
    return with_sides(table, [SIDE[column] for column in table.frame["column"]], split="by hand")


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    network = load_bundle(folder).network
    assert network is not None
    return network.state_dict()


def test_places_and_statistics_are_those_of_the_training_chips(split_table: ChipTable) -> None:
    folder = split_table.path.parent
    settings, data = load_table(config(), split_table.path)
    assert settings.chips.size == 32
    assert {(p.window.row, p.window.column) for p in data.places} == {(r, c) for r in (0, 32, 64) for c in (0, 32)}
    with rasterio.open(folder / "a_image.tif") as image, rasterio.open(folder / "a_truth.tif") as truth:
        values, known = image.read()[:, :, :64].astype(np.float64), truth.read(1)[:, :64] != UNKNOWN
    readings = [band.readings[0] for band in gather_table(data, settings.layout)]
    assert [read.mean for read in readings] == pytest.approx([band[known].mean() for band in values], rel=1e-6)
    assert [read.deviation for read in readings] == pytest.approx([band[known].std() for band in values], rel=1e-6)
    train_scene, validation = data.scenes
    with train_scene.reader(settings.layout) as reader:
        seen = reader.truth(train_scene.source.scene.grid.window)
    assert (seen[:, 64:] == UNKNOWN).all()
    assert (seen[4:, :64] != UNKNOWN).all()
    assert validation.area.column == 64


def test_overlapping_chips_count_each_pixel_once(make_pair: MakePair) -> None:
    folder = make_pair("a")
    table = make(folder, stride=8)
    with_sides(table, ["train"] * len(table), split="all")
    settings, data = load_table(config(), table.path)
    with rasterio.open(folder / "a_image.tif") as image, rasterio.open(folder / "a_truth.tif") as truth:
        values, known = image.read().astype(np.float64), truth.read(1) != UNKNOWN
    means = [band.readings[0].mean for band in gather_table(data, settings.layout)]
    assert means == pytest.approx([band[known].mean() for band in values], rel=1e-6)


def test_what_lies_outside_the_training_and_validation_chips_changes_nothing(split_table: ChipTable) -> None:
    """Truth of chips on no side may say anything: weights and scores stay the same to the bit."""
    folder = split_table.path.parent
    frame = split_table.frame
    sides = [None if row == 64 else SIDE[c] for row, c in zip(frame["row"], frame["column"], strict=True)]
    found = []
    for name in ("x", "y"):
        with_sides(split_table, sides, split="by hand", truths=())
        reports: list[EpochReport] = []
        bundle = train(config(), folder, folder / name, report=reports.append)
        found.append((weights_of(bundle), [report.scores for report in reports]))
        with rasterio.open(folder / "a_truth.tif", "r+") as file:
            truth = file.read(1)
            truth[64:] = 1 - truth[64:]
            file.write(truth, 1)
    (one, scores), (other, other_scores) = found
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert scores == other_scores


def test_a_fold_validates_and_the_others_train(make_pair: MakePair) -> None:
    table = make(make_pair("a"))
    folds = np.arange(len(table)) % 3
    folded = table.with_frame(table.frame.assign(fold=folds), split="3 folds")
    write_table(folded)
    _, data = load_table(config(fold=1), table.path)
    assert {chip.fold for chip in data.training} == {0, 2}
    assert {window for scene in data.scenes if scene.role == "validation" for window in scene.windows} == {
        chip.window for chip in read_table(table.path).chips() if chip.fold == 1
    }
    with pytest.raises(ConfigError, match="folds 0 to 2, not 3"):
        load_table(config(fold=3), table.path)
    with pytest.raises(ConfigError, match="fold that validates"):
        load_table(config(), table.path)


def without_glaciers(table: ChipTable) -> ChipTable:
    return table.with_frame(table.frame.assign(glaciers=[[] for _ in range(len(table))]))


def test_a_split_that_leaks_is_named_wherever_its_score_is(split_table: ChipTable) -> None:
    folder = split_table.path.parent
    sides = list(split_table.frame["split"])
    with_sides(without_glaciers(split_table), sides, leaks=("12 chips of train share pixels",))
    warnings: list[str] = []
    said = load_bundle(train(config(epochs=1), folder, folder / "out", warn=warnings.append))
    assert warnings == ["the split leaks: 12 chips of train share pixels"]
    assert "validation IoU" not in said.description.metrics
    assert said.description.metrics["validation IoU (the split leaks)"]["glacier"]
    assert said.description.training["split"] == {
        "table": "t.parquet", "words": "by hand", "leaks": ["12 chips of train share pixels"]
    }  # fmt: skip
    facts = _bundle_facts(said)
    assert facts.leaks == ("12 chips of train share pixels",)
    assert facts.scores, "the score is still shown"


def test_a_leak_is_found_where_sides_were_changed_and_the_table_says_nothing(split_table: ChipTable) -> None:
    assert split_table.about.leaks == ()
    _, data = load_table(config(), split_table.path)
    assert data.split.leaks == ("train and validation share 1 glacier: a_image#1",)


def test_a_clean_split_is_not_said_to_leak(split_table: ChipTable) -> None:
    folder = split_table.path.parent
    write_table(without_glaciers(split_table))
    warnings: list[str] = []
    said = load_bundle(train(config(epochs=1), folder, folder / "out", warn=warnings.append)).description
    assert warnings == []
    assert said.metrics["validation IoU"]["glacier"]
    assert said.training["split"]["leaks"] == []


def test_an_interrupted_run_on_a_table_comes_to_the_same_weights(split_table: ChipTable) -> None:
    folder = split_table.path.parent
    straight = weights_of(train(config(), folder, folder / "straight"))

    class StoppedError(Exception):
        pass

    def stop(_: EpochReport) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        train(config(), folder, folder / "resumed", report=stop)
    resumed = weights_of(train(config(), folder, folder / "resumed"))
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)
    with_sides(split_table, ["train"] * len(split_table))
    with pytest.raises(FirnlineError, match="other settings"):
        train(config(), folder, folder / "resumed")


def test_shares_of_the_table_steer_which_chips_are_drawn(make_pair: MakePair) -> None:
    folder = make_pair("a", scheme=LabelScheme.CLASS)
    table = make(folder)
    with_sides(table, ["train"] * len(table))
    _, data = load_table(config(scheme="class", chips={"known": 0.95}), table.path)
    with rasterio.open(folder / "a_truth.tif") as file:
        truth = file.read(1)
    for place in data.places:
        values = truth[place.window.slices]
        known = values[values != UNKNOWN]
        assert place.known == known.size / values.size >= 0.95
        assert place.shares == pytest.approx([(known == value).mean() for value in range(3)])
    assert len(data.places) == 6, "chips of the first row have four unknown rows of 32"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scenes": [{"images": "a", "truth": "b"}]}, "leave out scenes"),
        ({"table": None}, "needs scenes"),
        ({"buffer_m": 100}, "buffer_m"),
    ],
)
def test_scenes_or_a_table(changes: dict[str, object], said: str) -> None:
    content = {"name": "n", "scheme": "glacier", "bands": ["red"], "table": "t.parquet"} | changes
    with pytest.raises(ValidationError, match=said):
        TrainingConfig.model_validate({key: value for key, value in content.items() if value is not None})


def test_chips_that_do_not_fit_the_settings_are_refused(split_table: ChipTable) -> None:
    with pytest.raises(ConfigError, match=r"chips\.size is 64"):
        load_table(config(chips={"size": 64}), split_table.path)
    with pytest.raises(ConfigError, match="multiple of 64"):
        load_table(config(architecture={"width": 4, "depth": 6}), split_table.path)


def test_scenes_that_have_moved_are_one_clear_line(split_table: ChipTable) -> None:
    folder = split_table.path.parent
    (folder / "a_image.tif").rename(folder / "elsewhere.tif")
    with pytest.raises(SceneError, match=r"a_image.tif: does not exist.*move"):
        load_table(config(), split_table.path)


def test_a_table_without_a_split_is_refused(make_pair: MakePair) -> None:
    table = make(make_pair("a"))
    with pytest.raises(ConfigError, match="firnline chips split"):
        load_table(config(), table.path)
