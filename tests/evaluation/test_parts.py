"""The validation set in two parts: nothing is on both sides, nor beside the other side, and each has its classes."""

from __future__ import annotations

import numpy as np
import pytest

from firnline.errors import ConfigError
from firnline.evaluation.blocks import UnitCounts, unit_counts
from firnline.evaluation.parts import WHOLE_SCENES, Parts, two_parts


def scenes(count: int, shape: tuple[int, int] = (60, 80)) -> list[UnitCounts]:
    rng = np.random.default_rng(count)
    units: list[UnitCounts] = []
    for number in range(count):
        truth = rng.choice(3, shape, p=[0.7, 0.25, 0.05] if number % 3 else [0.4, 0.2, 0.4]).astype(np.uint8)
        units += unit_counts(f"s{number}", truth, truth, 3, side=10)
    return units


def pixels(parts: Parts, units: list[UnitCounts]) -> np.ndarray:
    """True pixels by part and class."""
    sizes = {each.unit: each.true_pixels for each in units}
    return np.array([np.sum([sizes[unit] for unit in part], axis=0) for part in (parts.fit, parts.report)])


@pytest.mark.parametrize("count", [1, 2, 3, 5, WHOLE_SCENES, 11])
@pytest.mark.parametrize("seed", range(3))
def test_no_unit_of_one_part_touches_one_of_the_other(count: int, seed: int) -> None:
    units = scenes(count)
    parts = two_parts(units, seed)
    assert sorted([*parts.fit, *parts.report, *parts.rim]) == sorted(each.unit for each in units)
    for a in parts.fit:
        for b in parts.report:
            assert a.scene != b.scene or max(abs(a.row - b.row), abs(a.column - b.column)) > 1
    if count >= WHOLE_SCENES:
        assert not parts.rim
        assert not {unit.scene for unit in parts.fit} & {unit.scene for unit in parts.report}
    held = pixels(parts, units)
    assert (held / held.sum(axis=0)).min() > 0.25


def test_the_seed_decides_and_repeats() -> None:
    units = scenes(3)
    assert two_parts(units, 0) == two_parts(units, 0)
    assert len({two_parts(units, seed).fit for seed in range(8)}) > 1


def test_one_scene_of_few_blocks_cannot_be_parted() -> None:
    with pytest.raises(ConfigError, match="smaller blocks, or more scenes"):
        two_parts(scenes(1, (20, 20)), 0)
    parts = two_parts(scenes(2, (20, 20)), 0)
    assert {len(parts.fit), len(parts.report), len(parts.rim)} == {4, 0}
