"""A gain is claimed where there is one, and by chance only about as often as it may be."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from tests.evaluation.units import unit

from firnline.errors import LabelError
from firnline.evaluation.blocks import UnitCounts
from firnline.evaluation.bootstrap import LEAST_SCENES, Level, Statistic
from firnline.evaluation.paired import Arm, Difference, Run, Verdict, difference


def two_arms(
    rng: np.random.Generator, *, folds: int, scenes: int, blocks: int, gain: float, luck: float
) -> tuple[Arm, Arm]:
    """Scenes are hard for both arms, suit one more than the other, and each training has luck with all of them."""

    def draw(deviation: float) -> np.ndarray:
        return rng.normal(0, deviation, (scenes, 1)) + rng.normal(0, deviation, (scenes, blocks))

    arms: tuple[dict[Run, list[UnitCounts]], dict[Run, list[UnitCounts]]] = ({}, {})
    for fold in range(folds):
        ice, hard, suits = 800 * np.exp(draw(0.7)), draw(0.5), [draw(0.25), draw(0.25)]
        for seed in range(3):
            for number, arm in enumerate(arms):
                skill = 1.5 + hard + suits[number] + rng.normal(0, luck) + rng.normal(0, 0.2, hard.shape)
                skill = skill + (gain if number == 0 else 0.0)
                hit, false = ice / (1 + np.exp(-skill)), ice * np.exp(-skill)
                arm[Run(str(fold), seed)] = [
                    unit(f"{fold}.{i}", j, hit[i, j], false[i, j], each - hit[i, j])
                    for (i, j), each in np.ndenumerate(ice)
                ]
    return arms


def verdicts(count: int, *, folds: int, scenes: int, gain: float, luck: float) -> Counter[Verdict]:
    rng = np.random.default_rng(0)
    return Counter(
        difference(
            *two_arms(rng, folds=folds, scenes=scenes, blocks=4, gain=gain, luck=luck), 1, replicates=200, seed=seed
        ).verdict
        for seed in range(count)
    )


@pytest.mark.parametrize(("folds", "scenes", "luck"), [(4, 3, 0.15), (1, 12, 0.3)])
def test_a_gain_is_seldom_claimed_where_there_is_none(folds: int, scenes: int, luck: float) -> None:
    found = verdicts(150, folds=folds, scenes=scenes, gain=0.0, luck=luck)
    assert found[Verdict.GAIN] <= 0.06 * 150
    assert found[Verdict.LOSS] <= 0.06 * 150
    assert found.total() == 150


def test_a_real_difference_is_found_and_has_a_sign() -> None:
    found = verdicts(20, folds=4, scenes=3, gain=0.8, luck=0.15)
    assert found[Verdict.GAIN] >= 18
    first, second = two_arms(np.random.default_rng(0), folds=4, scenes=3, blocks=4, gain=0.8, luck=0.15)
    gain, loss = difference(first, second, 1), difference(second, first, 1)
    assert (gain.verdict, loss.verdict) == (Verdict.GAIN, Verdict.LOSS)
    assert gain.value == pytest.approx(-(loss.value or 0.0))
    assert (gain.level, gain.units, gain.folds, gain.seeds) == (Level.SCENES, 12, 4, 3)


def test_luck_with_seeds_is_no_gain_even_on_units_without_end() -> None:
    """One lucky training among three lifts the mean on every unit alike: only the seeds can tell."""

    def arm(hits: tuple[int, ...]) -> Arm:
        return {Run("0", s): [unit(str(u), 0, hit, 0, 100 - hit) for u in range(200)] for s, hit in enumerate(hits)}

    found = difference(arm((70, 70, 85)), arm((70, 70, 70)), 1)
    assert found.value == pytest.approx(0.05)
    assert found.verdict == Verdict.NO_DIFFERENCE_FOUND
    assert difference(arm((75, 74, 76)), arm((70, 71, 69)), 1).verdict == Verdict.GAIN


def test_the_difference_is_of_whole_sets_over_folds() -> None:
    first = {Run("a", s): [unit("x", n, 90, 10, 0) for n in range(8)] for s in range(3)}
    second = {Run("a", s): [unit("x", n, 50, 0, 40) for n in range(8)] for s in range(3)}
    first |= {Run("b", s): [unit("y", n, 1, 0, 9) for n in range(8)] for s in range(3)}
    second |= {Run("b", s): [unit("y", n, 2 + s, 0, 8 - s) for n in range(8)] for s in range(3)}
    found = difference(first, second, 1)
    assert found.first == pytest.approx(91 / 110)
    assert found.second == pytest.approx(53 / 100)  # the mean of three seeds is a hit of 3
    assert found.value == pytest.approx(91 / 110 - 53 / 100)
    assert (found.level, found.units, found.scenes) == (Level.BLOCKS, 16, 2)
    assert "16 blocks of these 2 scenes alone, 2 folds, at least 3 seeds each" in found.sentence


def test_too_few_units_or_seeds_make_no_claim() -> None:
    def arm(hit: int, seeds: int, scenes: int) -> Arm:
        return {Run("0", s): [unit(str(u), 0, hit, 0, 100 - hit) for u in range(scenes)] for s in range(seeds)}

    few_seeds = difference(arm(90, 2, 30), arm(10, 2, 30), 1)
    few_units = difference(arm(90, 3, 7), arm(10, 3, 7), 1)
    for found in (few_seeds, few_units):
        assert (found.verdict, found.low, found.high) == (Verdict.TOO_FEW, None, None)
        assert found.value == pytest.approx(0.8)
        assert found.sentence.startswith("too few to say: IoU +0.800")
    nothing = difference(arm(0, 3, 0), arm(0, 3, 0), 1)
    assert (nothing.verdict, nothing.value) == (Verdict.TOO_FEW, None)
    assert "nothing to score" in nothing.sentence


def test_a_rule_without_seeds_stands_beside_every_seed() -> None:
    rng = np.random.default_rng(0)
    hits = rng.integers(60, 80, (3, LEAST_SCENES))
    model = {Run("0", s): [unit(str(u), 0, h, 0, 100 - h) for u, h in enumerate(hits[s])] for s in range(3)}
    rule = {Run("0", None): [unit(str(u), 0, 40, 0, 60) for u in range(LEAST_SCENES)]}
    found = difference(model, rule, 1, statistic=Statistic.RECALL)
    assert (found.verdict, found.seeds) == (Verdict.GAIN, 3)
    both: Difference = difference(rule, rule, 1)
    assert (both.verdict, both.value, both.seeds) == (Verdict.NO_DIFFERENCE_FOUND, 0.0, 0)


def test_arms_that_were_not_measured_alike_are_refused() -> None:
    arm = {Run("0", s): [unit("a", n, 1, 1, 1) for n in range(9)] for s in range(3)}
    with pytest.raises(LabelError, match="the folds"):
        difference(arm, {Run("1", s): arm[Run("0", s)] for s in range(3)}, 1)
    with pytest.raises(LabelError, match="other seeds"):
        difference(arm, {Run("0", s): arm[Run("0", s)] for s in range(2)}, 1)
    with pytest.raises(LabelError, match="same units"):
        difference(arm, {**arm, Run("0", 2): arm[Run("0", 2)][1:]}, 1)
