"""The converted model beside the weights: made without the network, never trusted when damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio


def _probabilities(out: Path) -> np.ndarray:
    with rasterio.open(out / "probabilities.tif") as file:
        return file.read()


@pytest.fixture
def command(make_scene, make_bundle: Callable[..., Path]) -> tuple[Path, tuple[object, ...]]:
    fresh = make_bundle()
    return fresh, ("map", make_scene(), "-m", fresh, "--runtime", "openvino")


def _kept(bundle: Path) -> list[str]:
    return sorted(path.name for path in (bundle / "derived").rglob("*") if path.is_file())


def test_mapping_reaches_for_no_network(command, start, tmp_path: Path) -> None:
    bundle, words = command
    ended = start(*words, "-o", tmp_path / "out", offline=True).ended()
    assert (ended.code, ended.err) == (0, "")
    assert _kept(bundle) == ["f32.bin", "f32.json", "f32.xml"]


def test_a_damaged_conversion_is_made_again(command, start, tmp_path: Path) -> None:
    bundle, words = command
    assert start(*words, "-o", tmp_path / "first").ended().code == 0
    weights = next((bundle / "derived").rglob("f32.bin"))
    good = weights.read_bytes()
    for number, (name, content) in enumerate(
        [("f32.bin", good[: len(good) // 2]), ("f32.xml", b""), ("f32.json", b"[")]
    ):
        weights.with_name(name).write_bytes(content)
        ended = start(*words, "-o", tmp_path / str(number)).ended()
        assert ended.code == 0, ended.err
        assert "f32.xml is damaged, or of another version" in ended.err
        assert "Traceback" not in ended.err
        assert np.array_equal(_probabilities(tmp_path / str(number)), _probabilities(tmp_path / "first"))
        assert weights.read_bytes() == good


@pytest.mark.parametrize("limit", [500, 5_000])
def test_a_conversion_that_does_not_fit_on_the_disk_is_not_kept(command, start, tmp_path: Path, limit: int) -> None:
    bundle, words = command
    ended = start(*words, "-o", tmp_path / "out", file_limit=limit).ended()
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert _kept(bundle) == []
    assert start(*words, "-o", tmp_path / "out").ended().code == 0
    assert _kept(bundle) == ["f32.bin", "f32.json", "f32.xml"]
