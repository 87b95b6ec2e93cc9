"""Figures 8 and 9 run on synthetic data: sides share no ground, differences add up, and bad data is one line."""

from __future__ import annotations

import csv
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
import rasterio
import shapely

from firnline.chips.make import make_table
from firnline.chips.make_settings import MakeSettings
from firnline.experiments.config import read_experiment
from firnline.experiments.region_splits import BY_REGION, KINDS, RegionsSettings, Split, draw_splits
from firnline.experiments.regions import resampled
from firnline.experiments.study import Study

Run = Callable[..., tuple[int, str, str]]
MakeConfig = Callable[..., Path]

RANGES = ("west-1", "east-1", "east-2")
SIDES = ("train", "validation", "test")


@pytest.fixture
def quarters(synthetic: Path) -> list[dict[str, Any]]:
    """Every range as four scenes, its quarters, with which there is something to part."""
    found = []
    for name in RANGES:
        with rasterio.open(synthetic / name / "scene.tif") as file:
            left, bottom, right, top = file.bounds
        x, y = (left + right) / 2, (bottom + top) / 2
        for crop in ((left, y, x, top), (x, y, right, top), (left, bottom, x, y), (x, bottom, right, y)):
            found.append({"images": f"{name}/scene.tif", "truth": f"{name}/classes.tif", "crop": crop})
    return found


def _splits(config: Path, out: Path, **settings: Any) -> tuple[Split, ...]:
    return draw_splits(Study("regions", read_experiment(config), out), RegionsSettings(**settings))


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def _shared_km2(split: Split, one: str, other: str) -> float:
    """Ground in two sides, by shapely on the plain degrees; edges may meet."""
    shared = shapely.union_all(split.outlines[one]).intersection(shapely.union_all(split.outlines[other]))
    return float(shared.area * 111.3**2 * 0.88)


def test_it_runs_and_adds_up(
    make_config: MakeConfig, firnline: Run, tmp_path: Path, quarters: list[dict[str, Any]]
) -> None:
    config = make_config(
        training={"scenes": quarters, "epochs": 1}, settings={"regions": {"repetitions": 2, "validation": 0.5}}
    )
    code, out, _ = firnline("experiment", "regions", "--data", config, "-o", tmp_path)
    assert (code, out.split()[0]) == (0, "page")
    splits, differences = (_rows(tmp_path / "regions" / f"{name}.csv") for name in ("splits", "regions"))
    own = [row for row in splits if row["class"] == "glacier" and row["split"].startswith(BY_REGION)]
    assert len(own) == 2
    by_hand = mean(float(row["IoU test"]) - float(row["IoU validation"]) for row in own)
    told = next(row for row in differences if (row["class"], row["measure"]) == ("glacier", "iou"))
    assert told["what"] == "test (another region) less validation (same region)"
    assert float(told["mean difference"]) == pytest.approx(by_hand)
    assert (told["verdict"], told["from"]) == ("too few", "")  # two repetitions have no interval


def test_sides_are_apart_on_the_ground(
    make_config: MakeConfig, tmp_path: Path, quarters: list[dict[str, Any]]
) -> None:
    regions = {name: [f"{name}*"] for name in RANGES}
    config = make_config(training={"scenes": quarters}, regions=regions)
    splits = _splits(config, tmp_path, repetitions=3)
    assert [split.kind for split in splits] == [kind for kind in KINDS for _ in range(3)]
    for split in splits:
        for one, other in combinations(SIDES, 2):
            assert _shared_km2(split, one, other) < 1e-3
        named = {side: [s for s in split.fold.test if s.name in split.scenes(side)] for side in SIDES[1:]}
        of = {side: {scene.region for scene in scenes} for side, scenes in named.items()}
        if split.kind == BY_REGION:
            trained = {scene.region for scene in split.fold.train}
            assert not of["test"] & trained  # another region
            assert of["validation"] <= trained  # the same
    assert len({frozenset(split.scenes("test")) for split in splits if split.kind == BY_REGION}) == 3
    assert [each.fold for each in _splits(config, tmp_path, repetitions=3)] == [each.fold for each in splits]


def test_scenes_on_the_same_ground_are_never_parted(
    make_config: MakeConfig, tmp_path: Path, quarters: list[dict[str, Any]]
) -> None:
    whole = {"images": "east-1/scene.tif", "truth": "east-1/classes.tif"}
    splits = _splits(make_config(training={"scenes": [*quarters, whole]}), tmp_path, repetitions=4)
    for split in splits:
        for side in ("validation", "test"):
            assert _shared_km2(split, "train", side) < 1e-3
    assert any(split.left_out for split in splits)


def test_chips_of_a_table(make_config: MakeConfig, firnline: Run, synthetic: Path, tmp_path: Path) -> None:
    scenes = [{"images": f"{name}/scene.tif", "truth": f"{name}/classes.tif"} for name in RANGES]
    settings = MakeSettings.model_validate({"name": "synthetic", "size": 32, "scenes": scenes})
    make_table(settings, synthetic, tmp_path / "chips.parquet")
    own = {"repetitions": 1, "split": {"kind": "block", "block_km": 5, "buffer_m": 0}}
    training = {"scenes": None, "table": str(tmp_path / "chips.parquet"), "epochs": 1}
    config = make_config(training={**training, "chips": {"per_epoch": 4}}, settings={"regions": own})
    code, _, error = firnline("experiment", "regions", "--data", config, "-o", tmp_path / "out")
    assert code == 0, error
    splits = [s for s in _splits(config, tmp_path / "other", **{**own, "repetitions": 3}) if s.kind == BY_REGION]
    assert len({shapely.union_all(split.outlines["test"]).wkb for split in splits}) == 3
    for split in splits:
        for one, other in combinations(SIDES, 2):
            assert _shared_km2(split, one, other) < 1e-3
    rows = _rows(tmp_path / "out" / "regions" / "splits.csv")
    assert rows[0]["train / validation / test"] == " / ".join(str(splits[0].sizes[side]) for side in SIDES)
    assert all(0 <= float(row["IoU test"]) <= 1 for row in rows if row["class"] == "glacier")


def test_the_interval_of_repeated_splits_is_that_of_nadeau_and_bengio() -> None:
    # Five differences of mean 0.03 and variance 0.00025; t(4) = 2.7764; sqrt(0.00025 x (1/5 + 1/2)) = 0.013229.
    value, low, high = resampled([0.01, 0.02, 0.03, 0.04, 0.05], ratio=0.5)
    assert (value, low, high) == pytest.approx((0.03, 0.03 - 0.036729, 0.03 + 0.036729), abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "no split of 3 scenes by region leaves some to train, validate and test; give more scenes"),
        ({"settings": {"regions": {"test": 1.5}}}, "settings.regions.test: Input should be less than 1"),
        ({"settings": {"regions": {"split": {"kind": "random"}}}}, "split: takes a kind that keeps regions together"),
    ],
)
def test_a_mistake_is_one_line(
    make_config: MakeConfig, firnline: Run, tmp_path: Path, changes: dict[str, Any], line: str
) -> None:
    code, _, error = firnline("experiment", "regions", "--data", make_config(**changes), "-o", tmp_path / "out")
    assert code == 2
    assert line in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
