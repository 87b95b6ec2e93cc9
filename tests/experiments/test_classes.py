"""Table 2 runs on synthetic data and adds up; data that does not tell the classes is refused in one line."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]
MakeConfig = Callable[..., Path]


def test_binary_multiclass_and_two_binary(make_config: MakeConfig, firnline: Run, together: Path) -> None:
    code, out, _ = firnline("experiment", "classes", "--data", make_config(), "-o", together)
    assert (code, out.split()[0]) == (0, "page")
    rows = {row["model"]: row for row in csv.DictReader((together / "classes" / "iou.csv").read_text().splitlines())}
    assert list(rows)[:3] == ["binary", "multiclass", "two-binary"]
    assert rows["binary"]["glacier"] != "" == rows["binary"]["debris"]
    assert all(rows["two-binary"][name] != "" for name in ("glacier", "clean ice", "debris"))
    assert int(rows["two-binary"]["parameters"]) > int(rows["multiclass"]["parameters"])


@pytest.mark.parametrize(
    ("name", "changes", "line"),
    [
        ("class", {}, "there is no experiment 'class'; did you mean classes?"),
        ("classes", {"seed": [0]}, "seed: is not a known key; see docs/experiments.md"),
        ("classes", {"block": 2}, "block: Input should be greater than or equal to 8; see docs/experiments.md"),
        ("classes", {"model": "unett"}, "model: 'unett' is not a model"),
        ("classes", {"arms": {"base": {"epochs": 0}}}, "arms.base: epochs: Input should be greater than 0"),
        ("classes", {"training": {"epochs": 0}}, "training.epochs: Input should be greater than 0"),
        (
            "classes",
            {"training": {"scheme": "glacier", "truth_as": "glacier"}},
            "does not tell clean ice from debris",
        ),
        ("classes", {"regions": {"north": "north*"}}, "regions.north: no scene is like north*"),
        ("baselines", {"settings": {"baselines": {"models": ["oak"]}}}, "settings.baselines.models: 'oak' is not a"),
        ("baselines", {"settings": {"baselines": {"modles": []}}}, "settings.baselines.modles: is not a known key"),
    ],
)
def test_a_mistake_is_one_line(
    make_config: MakeConfig, firnline: Run, tmp_path: Path, name: str, changes: dict[str, object], line: str
) -> None:
    out = tmp_path / "out"
    code, _, error = firnline("experiment", name, "--data", make_config(**changes), "-o", out)
    assert code == 2
    assert line in error
    assert error.count("\n") == 1
    assert not out.exists()
