"""Models that are made of several: trained in turn, gone on with, scored as one, and mapped with as one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from firnline.chips.make import make_table
from firnline.chips.make_settings import MakeSettings
from firnline.chips.table import ChipTable, write_table
from firnline.classes import LabelScheme
from firnline.classraster import read_classes
from firnline.errors import ConfigError, LabelError
from firnline.evaluation.confusion import confusion
from firnline.features import FeatureSource
from firnline.mapping import MapSettings, map_scene
from firnline.models.bundle import load_bundle
from firnline.models.merging import calibrated, two_binary
from firnline.scene import open_scene
from firnline.training.config import TrainingConfig
from firnline.training.loop import EpochReport
from firnline.training.train import train
from firnline.training.validation import of_records

MakePair = Callable[..., Path]
HELD_OUT = [
    {"images": "a_image.tif", "truth": "{name}_truth.tif"},
    {"images": "b_image.tif", "truth": "{name}_truth.tif", "role": "validation"},
]


TORCH = MapSettings(runtime="torch")


def config(**changes: object) -> TrainingConfig:
    content: dict[str, object] = {
        "name": "tiny",
        "scheme": "class",
        "bands": ["green", "swir16"],
        "architecture": {"width": 4, "depth": 2, "norm": "batch", "dropout": 0},
        "chips": {"per_epoch": 8},
        "batch": 4,
        "epochs": 1,
        "learning_rate": 0.01,
        "threads": 1,
        "calibrate": False,
    }
    return TrainingConfig.model_validate(content | changes)


def of_scenes(**changes: object) -> TrainingConfig:
    return config(scenes=HELD_OUT, chips={"size": 32, "per_epoch": 8}, **changes)


@pytest.fixture
def folded(make_pair: MakePair) -> ChipTable:
    """A table of nine chips in three folds, by rows."""
    folder = make_pair("a", scheme=LabelScheme.CLASS)
    content: dict[str, Any] = {
        "name": "t",
        "size": 32,
        "scenes": [{"images": "a_image.tif", "truth": "{name}_truth.tif"}],
    }
    table = make_table(MakeSettings.model_validate(content), folder, folder / "t.parquet")
    frame = table.frame.assign(fold=table.frame["row"] // 32, glaciers=[[] for _ in range(len(table))])
    table = table.with_frame(frame, split="3 folds")
    write_table(table)
    return table


@pytest.fixture
def pair(make_pair: MakePair) -> Path:
    make_pair("a", scheme=LabelScheme.CLASS)
    return make_pair("b", seed=7, column=500, scheme=LabelScheme.CLASS)


def test_an_ensemble_over_folds_scores_each_pixel_by_the_member_that_did_not_see_it(folded: ChipTable) -> None:
    folder = folded.path.parent
    reports: list[EpochReport] = []
    whole = load_bundle(train(config(table="t.parquet", fold="all"), folder, folder / "out", report=reports.append))
    assert [report.member for report in reports] == ["fold-0", "fold-1", "fold-2"]
    assert whole.description.members == ("fold-0", "fold-1", "fold-2")
    said = [load_bundle(folder / "out" / name / "model").description for name in whole.description.members]
    counts = of_records(each.metrics["validation counts"] for each in said)[LabelScheme.CLASS]
    with rasterio.open(folder / "a_truth.tif") as file:
        known = file.read(1) != 255
    assert counts.scored == known.sum(), "each known pixel once"
    iou = whole.description.metrics["validation IoU (out of fold)"]["class"]["clean ice"]
    hit, wrong, missed, _ = counts.of_class(1)
    assert iou == pytest.approx(hit / (hit + wrong + missed))
    assert whole.description.training["split"]["words"] == "; ".join(
        f"3 folds; fold {fold} validates" for fold in range(3)
    )


def test_an_ensemble_goes_on_where_it_was_stopped(folded: ChipTable) -> None:
    folder, settings = folded.path.parent, config(table="t.parquet", fold="all")

    class StoppedError(Exception):
        pass

    def stop(report: EpochReport) -> None:
        if report.member == "fold-1":
            raise StoppedError

    with pytest.raises(StoppedError):
        train(settings, folder, folder / "out", report=stop)
    assert not (folder / "out" / "model").exists()
    reports: list[EpochReport] = []
    bundle = train(settings, folder, folder / "out", report=reports.append)
    assert [report.member for report in reports] == ["fold-2"], "fold-1 had finished its only epoch"
    straight = train(settings, folder, folder / "straight")
    for name in ("fold-0", "fold-1", "fold-2"):
        weights = Path("members") / name / "weights.safetensors"
        assert (bundle / weights).read_bytes() == (straight / weights).read_bytes()
    before = (bundle / "model.json").stat().st_mtime_ns
    train(settings, folder, folder / "out", report=lambda _: pytest.fail("an epoch was trained"))
    assert (bundle / "model.json").stat().st_mtime_ns == before, "a finished one is left as it is"
    shutil.rmtree(bundle / "members" / "fold-1")
    train(settings, folder, folder / "out", report=lambda _: pytest.fail("an epoch was trained"))
    assert len(load_bundle(bundle).members) == 3, "a damaged one is put together again"


def test_all_folds_of_a_table_that_has_none_is_told(folded: ChipTable) -> None:
    write_table(folded.with_frame(folded.frame.assign(fold=None)))
    with pytest.raises(ConfigError, match="has no folds"):
        train(config(table="t.parquet", fold="all"), folded.path.parent, folded.path.parent / "out")


def test_an_ensemble_over_seeds_is_scored_as_the_mean_of_its_members(pair: Path) -> None:
    bundle = train(of_scenes(seeds=[3, 4], calibrate=True), pair, pair / "out")
    whole = load_bundle(bundle)
    assert whole.description.members == ("seed-3", "seed-4")
    assert [leaf.description.training["config"]["seed"] for leaf in whole.leaves] == [3, 4]
    assert _mapped_confusion(bundle, pair) == pytest.approx(
        np.array(whole.description.metrics["validation counts"]["class"]), abs=60
    ), "windows overlap in another way in a map"
    assert whole.description.calibration is not None
    assert whole.description.calibration.measures["reported on"]
    assert (pair / "out" / "reliability.png").is_file()
    assert "What the probabilities are worth" in (pair / "map" / "report.html").read_text()


def test_two_binary_models_make_one_of_three_classes(pair: Path) -> None:
    settings = of_scenes(architecture={"name": "two-binary", "member": {"width": 4, "depth": 2}}, epochs=2)
    reports: list[EpochReport] = []
    bundle = train(settings, pair, pair / "out", report=reports.append)
    assert [report.member for report in reports] == ["clean", "clean", "debris", "debris"]
    assert [set(report.scores) for report in reports[::2]] == [{"clean"}, {"debris"}]
    whole = load_bundle(bundle)
    assert whole.description.scheme == LabelScheme.CLASS
    assert [leaf.description.scheme for leaf in whole.leaves] == [LabelScheme.CLEAN, LabelScheme.DEBRIS]
    notes = whole.leaves[0].description.training["scenes"][0]["notes"]
    assert "truth converted from scheme class to clean" in notes
    counts = np.array(whole.description.metrics["validation counts"]["class"])
    assert counts.shape == (3, 3)
    assert _mapped_confusion(bundle, pair) == pytest.approx(counts, abs=60)


def test_the_map_of_two_binary_models_is_what_its_members_say(pair: Path) -> None:
    settings = of_scenes(architecture={"name": "two-binary", "member": {"width": 4, "depth": 2}})
    bundle = train(settings, pair, pair / "out")
    source = FeatureSource(open_scene(pair / "b_image.tif"))
    for model, name in ((bundle, "whole"), *((bundle / "members" / each, each) for each in ("clean", "debris"))):
        map_scene(source, model, pair / "maps" / name, TORCH)
    said = {name: _probabilities(pair / "maps" / name) for name in ("whole", "clean", "debris")}
    assert said["whole"] == pytest.approx(two_binary([said["clean"], said["debris"]]), abs=0.02)


def test_no_part_of_two_binary_models_is_fitted_to_what_the_whole_is_reported_on(pair: Path) -> None:
    """By truth of clean ice, or of debris, the scenes might be parted in another way than by that of both."""
    member = {"width": 4, "depth": 2}
    settings = of_scenes(architecture={"name": "two-binary", "member": member}, calibrate=True)
    whole = load_bundle(train(settings, pair, pair / "out"))
    assert whole.description.calibration is not None
    assert [leaf.description.calibration for leaf in whole.leaves] == [None, None]


def test_two_binary_forests_need_no_place_for_a_chip(pair: Path) -> None:
    """They are drawn from by pixels, whatever share of a chip of a network would be known."""
    forests = {"name": "two-binary", "member": {"name": "forest", "trees": 3}}
    settings = {"name": "t", "scheme": "class", "bands": ["green"], "architecture": forests, "scenes": HELD_OUT}
    bundle = train(TrainingConfig.model_validate({**settings, "chips": {"size": 512}}), pair, pair / "out")
    assert load_bundle(bundle).description.members == ("clean", "debris")


def test_two_binary_models_need_truth_that_tells_both(make_pair: MakePair) -> None:
    make_pair("a")
    folder = make_pair("b", seed=7, column=500)
    with pytest.raises(LabelError, match="cannot be turned into 'clean'"):
        train(of_scenes(architecture={"name": "two-binary"}), folder, folder / "out")


def test_an_ensemble_of_two_binary_models(folded: ChipTable) -> None:
    folder = folded.path.parent
    two = {"name": "two-binary", "member": {"width": 4, "depth": 2}}
    bundle = train(config(table="t.parquet", fold="all", architecture=two), folder, folder / "out")
    whole = load_bundle(bundle)
    assert [len(member.members) for member in whole.members] == [2, 2, 2]
    assert set(whole.description.metrics["validation IoU (out of fold)"]) == {"class"}
    result = map_scene(FeatureSource(open_scene(folder / "a_image.tif")), bundle, folder / "map", TORCH)
    page = (folder / "map" / "report.html").read_text()
    assert "a mean over models that are not calibrated" in page
    assert "split leaks" not in page
    assert result.unknown_share == 0


def _mapped_confusion(bundle: Path, folder: Path) -> np.ndarray:
    map_scene(FeatureSource(open_scene(folder / "b_image.tif")), bundle, folder / "map", TORCH)
    mapped, truth = read_classes(folder / "map" / "classes.tif"), read_classes(folder / "b_truth.tif")
    return confusion(truth.classes, mapped.classes, 3).counts


def _probabilities(out: Path) -> np.ndarray:
    with rasterio.open(out / "probabilities.tif") as file:
        values = file.read() / np.float32(250)
    return calibrated(values, (1.0,) * len(values))


def test_a_class_model_learns_from_clean_truth(make_pair: MakePair) -> None:
    make_pair("a", scheme=LabelScheme.CLASS)
    folder = make_pair("b", seed=7, column=500, scheme=LabelScheme.CLASS)
    scenes = [{**HELD_OUT[0], "truth_as": "clean"}, HELD_OUT[1]]
    settings = of_scenes().model_copy(update={"scenes": config(scenes=scenes).scenes})
    bundle = load_bundle(train(settings, folder, folder / "out"))
    assert [scene["scheme"] for scene in bundle.description.training["scenes"]] == ["clean", "class"]
