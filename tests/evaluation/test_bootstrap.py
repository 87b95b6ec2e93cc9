"""Intervals of whole-set scores: as wide as the truth asks for, and none where too little is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.evaluation.units import unit

from firnline.errors import ConfigError
from firnline.evaluation import Confusion, scores
from firnline.evaluation.blocks import Unit, UnitCounts, summed
from firnline.evaluation.bootstrap import LEAST_SCENES, LEAST_UNITS, Level, Statistic, interval

Floats = NDArray[np.float64]


def one_map(rng: np.random.Generator, scenes: int, blocks: int, common: float) -> Floats:
    """Counts (scene, block, 3) of unequal ice and skill, partly common to the blocks of a scene; very skewed."""

    def draw(deviation: float) -> Floats:
        return rng.normal(0, common * deviation, (scenes, 1)) + rng.normal(0, deviation, (scenes, blocks))

    ice, skill = 800 * np.exp(draw(0.8)), 1.5 + draw(0.8)
    hit = ice / (1 + np.exp(-skill))
    return np.stack([hit, ice * np.exp(-skill), ice - hit], axis=-1)


def as_units(counts: Floats) -> list[UnitCounts]:
    return [unit(f"{i}", j, *counts[i, j]) for i, j in np.ndindex(counts.shape[:2])]


@pytest.mark.parametrize("statistic", Statistic)
def test_the_score_is_that_of_the_whole_set(statistic: Statistic) -> None:
    rng = np.random.default_rng(0)
    units = [
        UnitCounts(Unit("a", 0, n), Confusion(rng.integers(0, 99, (3, 3)), np.zeros(3, np.int64), 0))
        for n in range(20)
    ]
    for value, total in ((1, summed(units)), (2, summed(units)), (None, summed(units).merged())):
        found = interval(units, value, statistic=statistic, replicates=200)
        assert found.value == pytest.approx(getattr(scores(total, value or 1), statistic))
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("scenes", "blocks", "common", "level"), [(12, 8, 1.0, Level.SCENES), (2, 12, 0.0, Level.BLOCKS)]
)
def test_the_interval_covers_the_truth_about_as_often_as_it_says(
    scenes: int, blocks: int, common: float, level: Level
) -> None:
    hit, false, missed = one_map(np.random.default_rng(99), 20_000, 8, common).sum(axis=(0, 1))
    truth = hit / (hit + false + missed)
    rng = np.random.default_rng(0)
    covered = []
    for seed in range(150):
        found = interval(as_units(one_map(rng, scenes, blocks, common)), 1, replicates=300, seed=seed)
        assert found.level == level
        assert found.low is not None
        assert found.high is not None
        covered.append(found.low <= truth <= found.high)
    assert 0.88 <= np.mean(covered) <= 0.99


def test_blocks_of_one_scene_tell_less_than_as_many_scenes() -> None:
    """Every block of a scene is the same: drawn as if they were free they would seem to know it all."""
    rng = np.random.default_rng(0)
    skill = rng.uniform(0.3, 0.9, LEAST_SCENES)
    alike = [unit(str(s), b, 100 * skill[s], 10, 100 * (1 - skill[s])) for s in range(len(skill)) for b in range(20)]
    free = [UnitCounts(Unit("a", 0, n), each.confusion) for n, each in enumerate(alike)]
    wide, narrow = interval(alike, 1), interval(free, 1)
    assert (wide.level, wide.units) == (Level.SCENES, LEAST_SCENES)
    assert (narrow.level, narrow.units) == (Level.BLOCKS, 20 * LEAST_SCENES)
    widths = [(each.high or 0.0) - (each.low or 1.0) for each in (wide, narrow)]
    assert widths[0] > 3 * widths[1] > 0


def test_units_without_the_class_do_not_make_an_interval() -> None:
    with_class = [unit("a", n, 50, 10, 10 + n) for n in range(LEAST_UNITS - 1)]
    without = [unit("a", n, 0, 0, 0) for n in range(100, 200)]
    found = interval([*with_class, *without], 1)
    assert (found.units, found.low, found.high) == (LEAST_UNITS - 1, None, None)
    assert found.value is not None
    assert found.text.endswith("[too few: 7 blocks]")
    enough = interval([*with_class, unit("a", 99, 40, 0, 20), *without], 1)
    assert enough.units == LEAST_UNITS
    assert enough.low is not None
    absent = interval([unit("a", n, 0, 10 + n, 0) for n in range(20)], 1)  # mapped, and not in the truth
    assert (absent.value, absent.low, absent.text) == (0.0, None, "0.000 [not in the truth]")
    nothing = interval(without, 1)
    assert (nothing.value, nothing.units, nothing.text) == (None, 0, "-")


def test_the_same_seed_gives_the_same_interval_however_many_units_fit_into_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    units = as_units(one_map(np.random.default_rng(0), 3, 8, 1.0))
    first = interval(units, 1, seed=1)
    assert first == interval(units, 1, seed=1)
    assert first != interval(units, 1, seed=2)
    monkeypatch.setattr("firnline.evaluation.bootstrap._AT_ONCE", 1000)
    assert first == interval(units, 1, seed=1)


def test_senseless_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="makes no sense"):
        interval([unit("a", 0, 1, 1, 1)], 1, confidence=95)
