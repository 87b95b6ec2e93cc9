"""Figure 5: a forest's importances by band run on synthetic data and add up."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firnline.classes import UNKNOWN
from firnline.classraster import read_classes, write_classes

Run = Callable[..., tuple[int, str, str]]
MakeConfig = Callable[..., Path]


def test_shares_add_up_and_a_second_run_says_the_same(make_config: MakeConfig, firnline: Run, tmp_path: Path) -> None:
    config = make_config(seeds=[0, 1], settings={"importance": {"pixels": 500, "repeats": 2}})
    code, _, error = firnline("experiment", "importance", "--data", config, "-o", tmp_path)
    assert code == 0, error
    rows = _rows(tmp_path)
    assert sum(float(row["impurity"]) for row in rows) == pytest.approx(1)
    assert len(rows) == 14  # the paper's 15 without the bit field of quality
    for row in rows:
        assert row["above 5 %"] == ("yes" if float(row["impurity"]) > 0.05 else "no")
        assert float(row["spread"]) >= 0
    assert {row["band"] for row in rows if row["the paper's"] == "chosen"} == {
        *("slope", "elevation", "ndsi", "swir22", "ndmi", "lwir_low_gain", "ndvi")
    }
    assert "another data set" in (tmp_path / "importance" / "index.html").read_text()
    kept = sorted(tmp_path.rglob("importance.json"))
    assert len(kept) == 2
    times = [path.stat().st_mtime_ns for path in kept]
    assert firnline("experiment", "importance", "--data", config, "-o", tmp_path)[0] == 0
    assert _rows(tmp_path) == rows
    assert [path.stat().st_mtime_ns for path in kept] == times


def test_shuffling_the_snow_index_costs_more_than_the_aspect(
    make_config: MakeConfig, firnline: Run, tmp_path: Path
) -> None:
    config = make_config(settings={"importance": {"bands": ["ndsi", "eastness"], "pixels": 2000}})
    code, _, error = firnline("experiment", "importance", "--data", config, "-o", tmp_path)
    assert code == 0, error
    by_band = {row["band"]: row for row in _rows(tmp_path)}
    assert float(by_band["ndsi"]["lost IoU"]) > float(by_band["eastness"]["lost IoU"])
    assert "one training tells nothing of chance" in (tmp_path / "importance" / "index.html").read_text()
    record = json.loads((tmp_path / "importance" / "provenance.json").read_text())
    assert record["settings"]["bands"] == ["ndsi", "eastness"]


def _rows(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((out / "importance" / "importance.csv").read_text().splitlines()))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"settings": {"importance": {"bands": ["slope"]}}}, "there are fewer than two bands"),
        ({"settings": {"importance": {"above": 5}}}, "settings.importance.above: Input should be less than 1"),
        ({"settings": {"importance": {"bands": ["slope", "coherence"]}}}, "not all scenes have coherence"),
    ],
)
def test_a_mistake_is_one_line(
    make_config: MakeConfig, firnline: Run, tmp_path: Path, changes: dict[str, object], line: str
) -> None:
    code, _, error = firnline("experiment", "importance", "--data", make_config(**changes), "-o", tmp_path / "out")
    assert (code, error.count("\n")) == (2, 1)
    assert line in error
    assert not (tmp_path / "out").exists()


def test_test_scenes_without_any_ice_are_one_line(
    make_config: MakeConfig, synthetic: Path, firnline: Run, tmp_path: Path
) -> None:
    """Nothing is lost where there is nothing: a table of zeros would say that no band matters."""
    found = read_classes(synthetic / "east-2" / "classes.tif")
    bare = np.where(found.classes == UNKNOWN, UNKNOWN, 0).astype(np.uint8)
    write_classes(synthetic / "east-2" / "bare.tif", bare, found.grid, found.scheme)
    scenes = [
        {"images": "west-1/scene.tif", "truth": "west-1/classes.tif"},
        {"images": "east-2/scene.tif", "truth": "east-2/bare.tif", "role": "validation"},
    ]
    own = {"bands": ["ndsi", "slope"], "pixels": 500}
    config = make_config(training={"scenes": scenes}, settings={"importance": own})
    code, _, error = firnline("experiment", "importance", "--data", config, "-o", tmp_path)
    assert code == 2
    assert "no known pixel of the validation scenes is of one" in error
    assert not (tmp_path / "importance").exists()
