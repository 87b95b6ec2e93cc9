"""`firnline train` on a full disk: one line, and the model of an earlier run is whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from firnline.models.bundle import load_bundle


@pytest.fixture
def config(labelled: tuple[Path, Path], tmp_path: Path) -> Path:
    scene, truth = labelled
    said = {
        **{"name": "tiny", "scheme": "class", "bands": ["red", "nir08"], "epochs": 1, "batch": 2},
        **{"architecture": {"width": 4, "depth": 1}, "chips": {"size": 32, "per_epoch": 4}},
        "scenes": [{"images": str(scene), "truth": str(truth)}],
    }
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(said))
    return path


def test_a_full_disk_is_one_line_and_the_model_of_before_stays_whole(config: Path, start, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert start("train", config, "-o", out).ended().code == 0
    weights = (out / "model" / "weights.safetensors").read_bytes()
    # A limit on the size of files fails in the events and weights, in the weights, in the checkpoint.
    for limit in (100, 3_000, 12_000):
        ended = start("train", config, "-o", out, "--seed", "5", "--restart", file_limit=limit).ended()
        assert ended.code == 2, ended.err
        assert "could not be written" in ended.err.splitlines()[-1]
        assert "Traceback" not in ended.err
        load_bundle(out / "model")  # whole: the one of before, or, where only the checkpoint failed, the new one
        assert (limit < 10_000) == ((out / "model" / "weights.safetensors").read_bytes() == weights)
        assert [path for path in out.iterdir() if path.name.startswith(".")] == []
