"""How far distributions lie apart: against scipy, and with intervals that know how much there is to go by."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from firnline.evaluation.distributions import distances_to, earth_movers

RNG = np.random.default_rng(4)


def test_the_distance_is_that_of_wasserstein() -> None:
    centres = 5.0 + 10.0 * np.arange(40)
    for _ in range(5):
        first, second = RNG.integers(0, 9, (2, 40)).astype(np.float64)
        expected = wasserstein_distance(centres, centres, first, second)
        assert earth_movers(first, second, 10.0) == pytest.approx(expected)


def test_two_ways_are_told_apart_only_where_blocks_agree() -> None:
    truth = np.zeros((30, 20))
    truth[:, 10] = 5.0
    near, far = np.zeros((2, 30, 3, 20))
    near[:, :, 11], far[:, :, 14] = 5.0, 5.0
    first, second, gap = distances_to(truth, (near, far), 50.0)
    assert (first.value, second.value, gap.value) == (50.0, 200.0, -150.0)
    assert gap.high is not None
    assert gap.high < 0
    # Moved by 4 classes one way in half of the blocks and the other way in the rest: no way to be claimed the better.
    mixed = np.zeros((30, 3, 20))
    mixed[::2, :, 11], mixed[1::2, :, 15] = 5.0, 5.0
    other = mixed[RNG.permutation(30)]
    _, _, gap = distances_to(truth, (mixed, other), 50.0)
    assert gap.low is not None
    assert gap.high is not None
    assert gap.low < 0 < gap.high


def test_chance_between_seeds_widens_the_interval() -> None:
    truth = np.zeros((30, 20))
    truth[:, 10] = 5.0
    steady, shaken = np.zeros((2, 30, 3, 20))
    steady[:, :, 13] = 5.0
    for seed, place in enumerate((11, 13, 15)):
        shaken[:, seed, place] = 5.0
    first, second, _ = distances_to(truth, (steady, shaken), 50.0)
    assert (first.low, first.high) == (150.0, 150.0)
    assert second.low is not None
    assert second.high is not None
    assert second.low < 120.0
    assert second.high > 180.0


def test_too_few_blocks_have_no_interval_and_nothing_no_distance() -> None:
    truth = np.ones((4, 5))
    first, _, gap = distances_to(truth, (np.ones((4, 1, 5)), np.zeros((4, 1, 5))), 10.0)
    assert (first.value, first.low) == (0.0, None)
    assert gap.value is None
