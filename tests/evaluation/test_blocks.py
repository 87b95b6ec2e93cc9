"""Units of a score: they add up to the scene, and come back from files as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firnline.errors import ConfigError, GridError, LabelError
from firnline.evaluation.blocks import blocks, read_units, summed, unit_counts, write_units
from firnline.evaluation.confusion import confusion


@pytest.mark.parametrize("shape", [(100, 130), (7, 300), (64, 64), (95, 31)])
def test_blocks_cover_every_pixel_once_and_none_is_a_sliver(shape: tuple[int, int]) -> None:
    seen = np.zeros(shape, np.int64)
    for _, _, window in blocks(shape, 32):
        seen[window.slices] += 1
        assert all(side >= min(16, length) for side, length in zip(window.shape, shape, strict=True))
    assert (seen == 1).all()


def test_the_units_of_a_scene_add_up_to_its_confusion() -> None:
    rng = np.random.default_rng(0)
    truth, prediction = (rng.choice([0, 1, 2, 255], (90, 75)).astype(np.uint8) for _ in range(2))
    whole, parts = confusion(truth, prediction, 3), summed(unit_counts("a", truth, prediction, 3, side=20))
    np.testing.assert_array_equal(parts.counts, whole.counts)
    np.testing.assert_array_equal(parts.unmapped, whole.unmapped)
    assert parts.truth_unknown == whole.truth_unknown


def test_units_come_back_from_a_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    truth, prediction = (rng.choice([0, 1, 255], (40, 40)).astype(np.uint8) for _ in range(2))
    written = unit_counts("Tal, öst", truth, prediction, 2, side=20)
    write_units(written, tmp_path / "units.json")
    read = read_units(tmp_path / "units.json")
    assert [each.as_record() for each in read] == [each.as_record() for each in written]
    assert [each.name for each in read] == ["Tal, öst/0-0", "Tal, öst/0-1", "Tal, öst/1-0", "Tal, öst/1-1"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": "other", "units": []}',
        '{"format": "firnline units 1", "units": [{"scene": "a"}]}',
        '{"format": "firnline units 1", "units": [{"scene": "a", "row": 0, "column": 0, "counts": [[1, 2]], '
        '"unmapped": [0, 0], "truth_unknown": 0}]}',
    ],
)
def test_a_file_of_something_else_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "units.json"
    path.write_text(text)
    with pytest.raises(LabelError, match=r"units\.json"):
        read_units(path)
    with pytest.raises(LabelError, match="cannot be read"):
        read_units(tmp_path / "none.json")


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(ConfigError, match="blocks of 0 pixels"):
        blocks((4, 4), 0)
    with pytest.raises(GridError, match="the truth has the shape"):
        unit_counts("a", np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8), 2, side=2)
    with pytest.raises(LabelError, match="no units"):
        summed([])
