"""What the documents and examples say of a training configuration is what the code takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from firnline.chips.entries import OutlineTruth, SceneEntry
from firnline.models.architectures import EncoderSettings, FirnSettings, UNetSettings
from firnline.models.pixels.settings import (
    BoostingSettings,
    Context,
    ForestSettings,
    PerceptronSettings,
    SegmentsSettings,
)
from firnline.training.augmentation import Augmentation
from firnline.training.config import Chips, Loss, TrainingConfig, TwoBinaryTraining, read_config
from firnline.training.pixel_settings import Drawing

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_configuration(path: Path) -> None:
    """Those on real data hold something out; the demo's made-up range has a second one for that."""
    config = read_config(path)
    roles = {entry.role for entry in config.scenes}
    assert config.name == path.stem
    assert roles == ({"train"} if path.stem == "demo" else {"train", "validation"})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_sidecar_named_in_an_example_is_there(path: Path) -> None:
    sidecars = {entry.sidecar for entry in read_config(path).scenes if entry.sidecar is not None}
    assert all((path.parent / sidecar).is_file() for sidecar in sidecars)


MODELS = (
    TrainingConfig, SceneEntry, OutlineTruth, Chips, Augmentation, Loss, UNetSettings, FirnSettings,
    EncoderSettings, TwoBinaryTraining,
    Drawing, Context, ForestSettings, BoostingSettings, PerceptronSettings, SegmentsSettings,
)  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_the_reference_lists_every_key(model: type[BaseModel]) -> None:
    """A key has a row of its own, or shares one (`optimiser`, ...)."""
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    listed = {word.strip() for row in rows for word in row.replace("`", "").split(",")}
    assert set(model.model_fields) <= listed


def test_the_reference_tells_the_defaults() -> None:
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    cells = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    rows = {row[1].strip(" `"): row[2].strip(" `") for row in cells}
    for model in (Chips, Augmentation, Loss):
        for key, field in model.model_fields.items():
            told = rows[key]
            assert told == str(field.default).lower() or float(told) == field.default, key
