"""Small synthetic ranges, made once, and a training so short that an experiment takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from firnline.synthetic import make_range

SIDE = 128

TRAINING: dict[str, Any] = {
    "name": "synthetic",
    "scheme": "class",
    "bands": ["blue", "green", "nir08", "swir16", "slope"],
    "scenes": [
        {"images": "west-1/scene.tif", "truth": "west-1/classes.tif"},
        {"images": "east-1/scene.tif", "truth": "east-1/classes.tif"},
        {"images": "east-2/scene.tif", "truth": "east-2/classes.tif", "role": "validation"},
    ],
    "architecture": {"width": 2, "depth": 2, "norm": "batch", "dropout": 0.0},
    "chips": {"size": 64, "per_epoch": 4},
    "learning_rate": 0.01,
    "batch": 2,
    "epochs": 2,
    "threads": 1,
}
"""Learns from two ranges, and is tested on a third."""

SMALL: dict[str, dict[str, Any]] = {
    "unet": {"architecture": {"width": 2, "depth": 2}, "batch": 2, "epochs": 2},
    "firn": {"architecture": {"widths": [4, 4, 4]}},
    "forest": {"architecture": {"trees": 3}, "pixels": {"per_class": 300}},
    "boosting": {"architecture": {"rounds": 3}, "pixels": {"per_class": 300}},
    "perceptron": {"architecture": {"layers": [4], "rounds": 3}, "pixels": {"per_class": 300}},
}
"""Every model as small as it goes."""


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four synthetic ranges: three of Landsat 7 (``west-1``, ``east-1``, ``east-2``), one of Landsat 8."""
    folder = tmp_path_factory.mktemp("synthetic")
    for seed, name in enumerate(("west-1", "east-1", "east-2"), start=1):
        make_range(folder / name, width=SIDE, height=SIDE, seed=seed)
    make_range(folder / "landsat8", width=SIDE, height=SIDE, seed=4, sensor="landsat8")
    return folder


@pytest.fixture(scope="session")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for experiments of the same configuration, which share trials there: each is trained once."""
    return tmp_path_factory.mktemp("together")


MakeConfig = Callable[..., Path]


@pytest.fixture
def make_config(synthetic: Path, tmp_path: Path) -> MakeConfig:
    """Write an experiment's configuration beside the ranges; `training` changes its training (None: left out)."""

    def make(*, training: dict[str, Any] | None = None, **changes: Any) -> Path:
        inline = {key: value for key, value in {**TRAINING, **(training or {})}.items() if value is not None}
        content = {"name": "synthetic", "seeds": [0], "block": 32, "arms": SMALL, "training": inline, **changes}
        path = synthetic / f"{tmp_path.name}.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return make
