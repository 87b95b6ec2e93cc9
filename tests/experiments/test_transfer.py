"""Transfer runs on synthetic data: every pair is tested on ground not trained on, or says why it cannot be."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firnline.experiments.config import read_experiment
from firnline.experiments.study import Study
from firnline.experiments.transfer_pairs import Pair, ends_of, pairs_of

Run = Callable[..., tuple[int, str, str]]
MakeConfig = Callable[..., Path]

EIGHT = {"images": "landsat8/scene.tif", "truth": "landsat8/classes.tif"}
ALL = [
    {"images": "west-1/scene.tif", "truth": "west-1/classes.tif"},
    {"images": "east-1/scene.tif", "truth": "east-1/classes.tif"},
    {"images": "east-2/scene.tif", "truth": "east-2/classes.tif", "role": "validation"},
    EIGHT,
]
REGIONS = {"west": ["west-*"], "east": ["east-*"], "eight": ["landsat8*"]}


def _pairs(config: Path, out: Path, models: tuple[str, ...] = ("firn",)) -> dict[tuple[str, str, str], Pair]:
    study = Study("transfer", read_experiment(config), out)
    pairs = pairs_of(study, ends_of(study, None), models)
    return {(pair.model, pair.source.name, pair.target.name): pair for pair in pairs}


def test_every_pair_is_tested_or_says_why_not(make_config: MakeConfig, firnline: Run, tmp_path: Path) -> None:
    config = make_config(training={"scenes": ALL, "epochs": 1}, regions=REGIONS)
    code, out, error = firnline("experiment", "transfer", "--data", config, "-o", tmp_path)
    assert (code, out.split()[0]) == (0, "page"), error
    rows = list(csv.DictReader((tmp_path / "transfer" / "transfer.csv").read_text().splitlines()))
    cells = {(row["model"], row["trained on"], row["tested on"]): row for row in rows}
    assert len(cells) == len(rows) == 2 * 3 * 3
    for model in ("unet", "firn"):
        assert cells[model, "east", "west"]["glacier"] != ""
        assert (cells[model, "east", "east"]["glacier"], cells[model, "east", "east"]["part"]) != ("", "all")
        assert cells[model, "west", "west"]["remarks"] == "no part is held out"
        assert "surface reflectance" in cells[model, "west", "eight"]["remarks"]
        assert cells[model, "west", "eight"]["glacier"] == ""
    home = list(csv.DictReader((tmp_path / "transfer" / "home.csv").read_text().splitlines()))
    assert {(row["trained on"], row["tested on"]) for row in home} == {("west", "east")}
    assert (
        len(list((tmp_path / "trials" / "firn").iterdir())) == 2
    )  # a region is trained on once, for all its targets


def test_what_is_tested_is_not_trained_on(make_config: MakeConfig, tmp_path: Path) -> None:
    again = [{**ALL[0], "truth_as": "glacier"}, *ALL[:3]]
    regions = {"west": ["west-1-scene-1*", "*scene-1"], "east": ["east-*"], "again": ["*scene-2"]}
    pairs = _pairs(make_config(training={"scenes": again}, regions=regions), tmp_path)
    assert pairs["firn", "west", "again"].why_not == "all scenes to train on overlap those to test on"
    assert pairs["firn", "west", "east"].why_not == ""


def test_bands_that_one_end_lacks(make_config: MakeConfig, tmp_path: Path) -> None:
    training = {"scenes": ALL, "bands": ["pan", "elevation", "slope"], "mixed": True}
    pairs = _pairs(make_config(training=training, regions=REGIONS), tmp_path, ("unet", "firn"))
    for way in (("west", "eight"), ("eight", "west")):
        pair = pairs["firn", *way]
        assert pair.arm is not None
        assert (pair.arm.config.bands, pair.notes) == (("elevation", "slope"), ("without pan",))
    free = pairs["firn, bands optional", "west", "eight"]
    assert free.arm is not None
    assert (free.arm.config.bands, free.arm.config.optional) == (("elevation", "slope"), ("pan",))
    assert ("firn, bands optional", "eight", "west") not in pairs  # there the band cannot be learnt
    assert ("unet, bands optional", "west", "eight") not in pairs
    assert pairs["firn", "west", "east"].arm is not None
    assert pairs["firn", "west", "east"].arm.name == "firn"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "cannot be made: the only known sensor is landsat7; name two or more in regions"),
        ({"training": {"scenes": ALL}}, "no pair goes together: landsat7 to landsat8: band 'blue' is surface reflec"),
        ({"settings": {"transfer": {"models": ["oak"]}}}, "settings.transfer.models: 'oak' is not a model"),
    ],
)
def test_a_mistake_is_one_line(
    make_config: MakeConfig, firnline: Run, tmp_path: Path, changes: dict[str, Any], line: str
) -> None:
    code, _, error = firnline("experiment", "transfer", "--data", make_config(**changes), "-o", tmp_path / "out")
    assert code == 2
    assert line in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
