"""Table 1 runs with every model on synthetic data, and its tables have a row for each."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

MakeConfig = Callable[..., Path]
MODELS = ["forest", "boosting", "perceptron", "unet", "firn"]


def test_every_model_has_its_row(
    make_config: MakeConfig, firnline: Callable[..., tuple[int, str, str]], together: Path
) -> None:
    code, _, error = firnline("experiment", "baselines", "--data", make_config(), "-o", together)
    assert code == 0, error
    folder = together / "baselines"
    rows = list(csv.DictReader((folder / "iou.csv").read_text().splitlines()))
    assert [row["model"] for row in rows] == [*MODELS, "everything is the class", "untrained rule"]
    assert all(0 <= float(row[name]) <= 1 for row in rows for name in ("glacier", "clean ice", "debris"))
    against = list(csv.DictReader((folder / "differences.csv").read_text().splitlines()))
    assert len(against) == 3 * (len(MODELS) - 1)
    assert {row["verdict"] for row in against} == {"too few"}  # one seed claims nothing
    paper = (folder / "paper-table-1.md").read_text()
    assert "another data set" in paper
    assert "0.581" in paper
