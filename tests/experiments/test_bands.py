"""Figure 2: which sets the data allows, by name; that they run on synthetic data and add up."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from firnline.chips.make import make_table
from firnline.chips.make_settings import MakeSettings
from firnline.chips.table import read_table
from firnline.experiments.amounts import amounts
from firnline.experiments.band_sets import PAPER_CHOICE, band_sets
from firnline.experiments.config import read_experiment
from firnline.experiments.study import Study

Run = Callable[..., tuple[int, str, str]]
MakeConfig = Callable[..., Path]

PAPER = (
    *("blue", "green", "red", "nir08", "swir16", "lwir_low_gain", "lwir_high_gain", "swir22", "pan", "qa"),
    *("ndvi", "ndsi", "ndmi", "elevation", "slope"),
)
"""The bands of the published scenes, 0 to 14."""


def test_the_sets_are_those_of_the_paper_by_its_indices() -> None:
    sets = {each.name: set(each.bands) for each in band_sets(PAPER).sets}

    def numbered(*numbers: int) -> set[str]:
        return {PAPER[number] for number in numbers}

    spectral = range(9)  # the paper's tenth is the bit field of quality
    for name, base in (("swir16-green-nir08", (4, 1, 3)), ("blue-green-red", (0, 1, 2)), ("spectral", spectral)):
        assert sets[name] == numbered(*base)
        assert sets[f"{name}+indices"] == numbered(*base, 10, 11, 12)
        assert sets[f"{name}+terrain"] == numbered(*base, 13, 14)
        assert sets[f"{name}+indices+terrain"] == numbered(*base, 10, 11, 12, 13, 14)
    assert list(PAPER_CHOICE) == [PAPER[number] for number in (14, 13, 11, 7, 12, 5, 10)]
    assert sets["paper-choice"] == set(PAPER_CHOICE)
    assert band_sets(PAPER).full == "spectral+indices+terrain"


def test_a_set_that_the_data_lacks_a_band_of_is_left_out_and_said() -> None:
    found = band_sets(("blue", "green", "red", "swir16", "lwir11", "ndsi"))  # no near infrared, no heights
    why = {each.name: each.why for each in found.left_out}
    assert "swir16-green-nir08" not in {each.name for each in found.sets}
    assert why["swir16-green-nir08"] == "the data lacks nir08"
    assert why["spectral+terrain"] == "the data lacks elevation, slope"
    assert next(set(each.bands) for each in found.sets if each.name == "blue-green-red+indices") == {
        *("blue", "green", "red", "ndsi")
    }
    same = band_sets(("blue", "green", "red"))
    assert {each.name: each.why for each in same.left_out}["spectral"] == "has the same bands as blue-green-red"


def test_parts_of_the_training_scenes_are_nested_and_tests_are_whole(make_config: MakeConfig, tmp_path: Path) -> None:
    scenes = [
        {"images": f"{name}/scene.tif", "truth": f"{name}/classes.tif"} for name in ("west-1", "east-1", "east-2")
    ]
    study = Study(
        "bands", read_experiment(make_config(training={"scenes": scenes}, folds=["west-1*", "east-2*"])), tmp_path
    )
    one, two = amounts(study, (0.01, 0.5, 1.0), draw=0)
    assert (one.words, two.words) == ("1 of 2 scenes", "all 2 scenes")
    assert two.folds == study.folds
    for small, whole in zip(one.folds, study.folds, strict=True):
        assert set(small.train) < set(whole.train)
        assert small.test == whole.test


def test_parts_of_a_table_keep_its_test_chips_and_are_made_once(
    make_config: MakeConfig, synthetic: Path, tmp_path: Path
) -> None:
    roles = {"west-1": "train", "east-1": "train", "east-2": "validation"}
    entries = [{"images": f"{n}/scene.tif", "truth": f"{n}/classes.tif", "role": role} for n, role in roles.items()]
    settings = MakeSettings.model_validate({"name": "t", "size": 32, "scenes": entries})
    whole = make_table(settings, synthetic, tmp_path / "t.parquet")
    training = {"scenes": None, "table": str(tmp_path / "t.parquet"), "chips": {"per_epoch": 4}}
    study = Study("bands", read_experiment(make_config(training=training)), tmp_path / "out")
    parts = amounts(study, (0.25, 0.5, 1.0), draw=0)
    assert [part.words for part in parts] == ["8 of 32 chips", "16 of 32 chips", "all 32 chips"]
    tables = [read_table(part.folds[0].table or Path()) for part in parts]
    ids = [{chip.id for chip in table.chips("train")} for table in tables]
    assert ids[0] < ids[1] < ids[2]
    for table in tables:
        assert list(table.chips("validation")) == list(whole.chips("validation"))
        assert all(chip.scene.is_file() and chip.truth.is_file() for chip in table.chips())
    made = [table.path.stat().st_mtime_ns for table in tables]
    again = amounts(study, (0.25, 0.5, 1.0), draw=0)
    assert [(part.folds[0].table or Path()).stat().st_mtime_ns for part in again] == made


def test_sets_curve_and_choice_run_and_add_up(make_config: MakeConfig, firnline: Run, tmp_path: Path) -> None:
    own = {
        "only": ["blue-green-red", "blue-green-red+terrain", "forest-choice"],
        "curve": [],
        "shares": [0.1, 0.5, 1.0],
    }
    code, _, error = firnline("experiment", "bands", "--data", make_config(settings={"bands": own}), "-o", tmp_path)
    assert code == 0, error
    full = "spectral+indices+terrain"
    names = ["blue-green-red", "blue-green-red+terrain", full, "forest-choice"]
    tables = {path.stem: _rows(path) for path in (tmp_path / "bands").glob("*.csv")}
    assert [row["bands"] for row in tables["iou"]] == [*names, "everything is the class", "untrained rule"]
    iou = {row["bands"]: float(row["clean ice"]) for row in tables["iou"]}
    added = [row for row in tables["added"] if row["class"] == "clean ice"]
    assert [(row["added"], row["to"]) for row in added] == [("elevation and slope", "blue-green-red")]
    gain = iou["blue-green-red+terrain"] - iou["blue-green-red"]
    assert float(added[0]["IoU with less without"]) == pytest.approx(gain)
    parts = [row["trained on"] for row in tables["amounts"] if row["class"] == "debris" and row["bands"] == full]
    assert parts == ["1 of 2 scenes", "all 2 scenes"]  # a tenth and a half are the same scene
    [model] = (tmp_path / "trials" / "bands-blue-green-red+terrain" / "all").rglob("model.json")
    trained = [band["name"] for band in json.loads(model.read_text())["bands"]]
    assert trained == ["blue", "green", "red", "elevation", "slope"]
    [choice] = [row for row in tables["sets"] if row["set"] == "forest-choice"]
    assert 0 < int(choice["bands"]) < 15
    page = (tmp_path / "bands" / "index.html").read_text()
    assert "another data set" in page
    assert "trained on 1 of 2 scenes, against" not in page  # a curve of all bands alone compares nothing


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"settings": {"bands": {"shares": [0]}}}, "settings.bands.shares"),
        ({"settings": {"bands": {"onyl": ["all"]}}}, "settings.bands.onyl: is not a known key"),
        ({"settings": {"bands": {"only": ["none"]}}}, "there are not two sets of bands to compare"),
    ],
)
def test_a_mistake_is_one_line(
    make_config: MakeConfig, firnline: Run, tmp_path: Path, changes: dict[str, object], line: str
) -> None:
    code, _, error = firnline("experiment", "bands", "--data", make_config(**changes), "-o", tmp_path / "out")
    assert (code, error.count("\n")) == (2, 1)
    assert line in error
    assert not (tmp_path / "out").exists()
