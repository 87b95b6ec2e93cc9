"""Several processes train one model together, as one would, and a failure of one ends them all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from firnline.models.bundle import load_bundle

MakePair = Callable[..., Path]
CONFIG: dict[str, Any] = {
    "name": "tiny",
    "scheme": "glacier",
    "bands": ["green", "swir16"],
    "scenes": [
        {"images": "a_image.tif", "truth": "{name}_truth.tif"},
        {"images": "b_image.tif", "truth": "{name}_truth.tif", "role": "validation"},
    ],
    "architecture": {"width": 4, "depth": 2, "norm": "batch", "dropout": 0.0},
    "chips": {"size": 32, "per_epoch": 12},
    "loss": {"learn_weights": True, "boundary": 0.2, "l1": 1e-3},
    "augmentation": {"gain": 0.2},
    "ema": 0.5,
    "clip": 5.0,
    "batch": 4,
    "epochs": 2,
    "learning_rate": 0.01,
    "threads": 1,
    "precision": "f32",
}


def run(folder: Path, *words: object, processes: int = 1, **changes: Any) -> subprocess.CompletedProcess[str]:
    """Train, by torchrun where there are several processes."""
    (folder / "tiny.yaml").write_text(yaml.safe_dump(CONFIG | changes))
    command = [sys.executable, "-m", "firnline", "train", str(folder / "tiny.yaml"), *map(str, words)]
    if processes > 1:
        torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        command[1:1] = torchrun
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def probabilities(bundle: Path) -> np.ndarray:
    network = load_bundle(bundle).network
    assert network is not None
    torch.manual_seed(0)
    with torch.inference_mode():
        return torch.softmax(network(torch.randn(4, 2, 64, 64)), 1).numpy()


@pytest.fixture
def folder(make_pair: MakePair) -> Path:
    make_pair("a")
    return make_pair("b", seed=7, column=500)


@pytest.mark.slow
def test_two_processes_come_to_what_one_comes_to(folder: Path) -> None:
    """Losses, scores and the model are those of one process with the same batch, but for rounding."""
    one, two = (run(folder, "-o", folder / str(count), processes=count) for count in (1, 2))
    assert (one.returncode, two.returncode) == (0, 0), two.stderr
    assert two.stdout.count("model ") == 1, "the first process alone speaks"
    assert two.stderr.count("epoch 2/2") == 1
    alone, together = (json.loads((folder / count / "history.json").read_text()) for count in ("1", "2"))
    for a, b in zip(alone, together, strict=True):
        assert b["loss"] == pytest.approx(a["loss"], rel=1e-4)
        assert b["loss weights"] == pytest.approx(a["loss weights"], rel=1e-4)
        assert b["iou"]["glacier"] == pytest.approx(a["iou"]["glacier"], abs=2e-3)
    assert probabilities(folder / "2" / "model") == pytest.approx(probabilities(folder / "1" / "model"), abs=2e-3)
    said = load_bundle(folder / "2" / "model").description
    assert said.training["processes"] == 2
    assert said.calibration is not None
    counts = [load_bundle(folder / each / "model").description.metrics["validation counts"] for each in ("1", "2")]
    seen = [np.sum(each["glacier"]) for each in counts]
    assert seen[0] == seen[1] > 0, "each pixel is counted once, whichever process looks at it"


@pytest.mark.slow
def test_a_mistake_ends_all_processes_and_is_one_line_of_each(folder: Path) -> None:
    ended = run(folder, "-o", folder / "out", processes=2, batch=3)
    assert ended.returncode != 0
    told = [line for line in ended.stderr.splitlines() if line.startswith("firnline: ")]
    assert told
    assert "2 processes cannot share out batches of 3" in told[0]
    assert not (folder / "out").exists()
