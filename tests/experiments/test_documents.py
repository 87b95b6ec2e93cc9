"""What the documents and examples say of experiments is what the code takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from firnline.experiments.config import ExperimentConfig, read_experiment
from firnline.experiments.names import EXPERIMENTS

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples" / "experiments").glob("*.yaml") if "classes" not in path.stem)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_configuration(path: Path) -> None:
    assert read_experiment(path).config.name == path.stem


def test_the_page_lists_every_key_and_every_experiment() -> None:
    text = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
    listed = {line.split("|")[1].strip(" `") for line in text.splitlines() if line.startswith("| `")}
    assert {*ExperimentConfig.model_fields, *EXPERIMENTS} <= listed
