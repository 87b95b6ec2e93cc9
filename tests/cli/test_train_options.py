"""What the command line of `train` says goes before the configuration, and is held to the same rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from firnline.models.bundle import load_bundle
from firnline.training.config import config_of, read_config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(labelled: tuple[Path, Path], tmp_path: Path) -> Path:
    scene, truth = labelled
    said = {
        **{"name": "tiny", "scheme": "class", "bands": ["red", "nir08"], "epochs": 1, "batch": 2, "seed": 9},
        **{"architecture": {"width": 4, "depth": 1}, "chips": {"size": 32, "per_epoch": 4}},
        "scenes": [{"images": str(scene), "truth": str(truth)}],
    }
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(said))
    return path


def test_several_seeds_make_an_ensemble(config: Path, firnline: Callable[..., object], tmp_path: Path) -> None:
    code, out, err = firnline("train", config, "-o", tmp_path / "out", "--seed", 1, "--seed", 2)
    assert (code, out.strip()) == (0, f"model {tmp_path / 'out' / 'model'}"), err
    lines = [line for line in err.splitlines() if "epoch" in line]
    assert [line.split()[0] for line in lines] == ["seed-1", "seed-2"]
    assert load_bundle(tmp_path / "out" / "model").description.members == ("seed-1", "seed-2")


def test_one_seed_goes_before_that_of_the_file(config: Path, firnline: Callable[..., object], tmp_path: Path) -> None:
    assert firnline("train", config, "-o", tmp_path / "out", "--seed", 1, "--epochs", 2)[0] == 0
    said = load_bundle(tmp_path / "out" / "model").description.training["config"]
    assert (said["seed"], said["epochs"]) == (1, 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--fold", "all"), "tiny.yaml: fold: only a table of chips has folds"),
        (("--fold", "each"), "tiny.yaml: fold"),
        (("--seed", 1, "--seed", 1), "tiny.yaml: seeds: two or more, each only once"),
    ],
)
def test_options_that_make_no_sense(mistake, config: Path, tmp_path: Path, words, message: str) -> None:
    assert message in mistake("train", config, "-o", tmp_path / "out", *words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_file_read_and_told_again_is_the_same(path: Path) -> None:
    settings = read_config(path)
    assert config_of(settings.model_dump(exclude_unset=True), path) == settings
