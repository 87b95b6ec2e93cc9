"""Table 3 runs on synthetic data; its blocks and trivial scores are those that the truth itself gives."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio

Run = Callable[..., tuple[int, str, str]]
MakeConfig = Callable[..., Path]

BLOCK = 32


def test_blocks_and_shares_are_those_of_the_truth(
    make_config: MakeConfig, firnline: Run, synthetic: Path, together: Path
) -> None:
    config = make_config(settings={"debris-share": {"thresholds": [0, 5, 99]}})
    code, _, error = firnline("experiment", "debris-share", "--data", config, "-o", together)
    assert code == 0, error
    rows = list(csv.DictReader((together / "debris-share" / "debris-share.csv").read_text().splitlines()))
    with rasterio.open(synthetic / "east-2" / "classes.tif") as file:
        truth = file.read(1)
    blocks = truth.reshape(-1, BLOCK, truth.shape[1] // BLOCK, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK * BLOCK)
    both = [known for each in blocks if {1, 2} <= set((known := each[each != 255]).tolist())]
    for row, threshold in zip(rows, (0, 5, 99), strict=True):
        kept = [known for known in both if 100 * (known == 2).mean() > threshold]
        assert int(row["blocks"]) == len(kept)
        assert float(row["share of blocks"]) == pytest.approx(len(kept) / len(both))
        if kept:
            assert float(row["everything is the class"]) == pytest.approx((np.concatenate(kept) > 0).mean())
            gap = float(row["multiclass"]) - float(row["binary"])
            assert float(row["multiclass less binary"]) == pytest.approx(gap)
            assert row["verdict"] == "too few"  # one seed claims nothing
    assert int(rows[0]["blocks"]) > 0
    assert (rows[2]["blocks"], rows[2]["binary"], rows[2]["verdict"]) == ("0", "", "no blocks")
    page = (together / "debris-share" / "index.html").read_text()
    assert "another data set" in page
    assert "more than 99 % debris (0 % of the blocks): there are none" in page


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"training": {"scheme": "glacier", "truth_as": "glacier"}}, "does not tell clean ice from debris"),
        ({"settings": {"debris-share": {"thresholds": [5, 1]}}}, "debris-share.thresholds: write them rising"),
        ({"settings": {"debris-share": {"holding": "ice"}}}, "settings.debris-share.holding: Input should be"),
    ],
)
def test_a_mistake_is_one_line(
    make_config: MakeConfig, firnline: Run, tmp_path: Path, changes: dict[str, object], line: str
) -> None:
    out = tmp_path / "out"
    code, _, error = firnline("experiment", "debris-share", "--data", make_config(**changes), "-o", out)
    assert (code, error.count("\n")) == (2, 1)
    assert line in error
    assert not out.exists()


def test_truth_without_debris_is_refused_before_anything_is_trained(
    make_config: MakeConfig, firnline: Run, synthetic: Path, tmp_path: Path
) -> None:
    with rasterio.open(synthetic / "east-2" / "classes.tif") as file:
        truth, profile, tags = file.read(1), file.profile, file.tags()
    with rasterio.open(tmp_path / "clean.tif", "w", **profile) as file:
        file.write(np.where(truth == 2, 0, truth), 1)
        file.update_tags(**tags)
    scenes = [
        {"images": "west-1/scene.tif", "truth": "west-1/classes.tif"},
        {"images": "east-2/scene.tif", "truth": str(tmp_path / "clean.tif"), "role": "validation"},
    ]
    config = make_config(training={"scenes": scenes})
    code, _, error = firnline("experiment", "debris-share", "--data", config, "-o", tmp_path / "out")
    assert (code, error.count("\n")) == (2, 1)
    assert "the experiment debris-share cannot be made: no block of 32 pixels" in error
    assert not list((tmp_path / "out").rglob("model.json"))
