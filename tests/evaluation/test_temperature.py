"""Temperatures: known ones are found again, and the sample they are fitted on is a fair one."""

from __future__ import annotations

import numpy as np
import pytest

from firnline.errors import ConfigError, LabelError
from firnline.evaluation.blocks import Unit
from firnline.evaluation.calibration import calibration, negative_log_likelihood
from firnline.evaluation.pixel_sample import CalibrationSample
from firnline.evaluation.temperature import apply_temperatures, fit_temperatures


def drawn(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A truth that these probabilities are right about."""
    below = probabilities.cumsum(axis=0) < rng.random(probabilities.shape[1])
    return below.sum(axis=0).clip(0, len(probabilities) - 1)


def forecasts(
    rng: np.random.Generator, temperatures: tuple[float, ...], pixels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts that are right once these temperatures are applied, and their truth."""
    shares = np.linspace(2.0, 0.5, len(temperatures))
    p = rng.dirichlet(shares, pixels).T
    return p, drawn(apply_temperatures(p, temperatures), rng)


@pytest.mark.parametrize("temperatures", [(2.0, 2.0, 2.0), (0.7, 1.5, 2.5), (1.0, 1.0), (0.5, 3.0)])
def test_known_temperatures_are_recovered(temperatures: tuple[float, ...]) -> None:
    p, truth = forecasts(np.random.default_rng(0), temperatures, 60_000)
    found = fit_temperatures(p, truth)
    np.testing.assert_allclose(found, temperatures, rtol=0.06)
    assert negative_log_likelihood(apply_temperatures(p, found), truth) <= negative_log_likelihood(p, truth)


def test_forecasts_sharpened_by_a_known_temperature_become_honest_on_other_pixels() -> None:
    rng = np.random.default_rng(1)
    right = rng.dirichlet((2.0, 1.0, 0.5), 60_000).T
    truth = drawn(right, rng)
    sharp = apply_temperatures(right, (1 / 2.5,) * 3)
    found = fit_temperatures(sharp[:, :30_000], truth[:30_000])
    np.testing.assert_allclose(found, (2.5,) * 3, rtol=0.06)
    before = calibration(sharp[:, 30_000:], truth[30_000:])
    after = calibration(apply_temperatures(sharp[:, 30_000:], found), truth[30_000:])
    assert after.error < 0.01 < 0.1 < before.error
    assert after.brier < before.brier


def test_truth_that_knows_less_helps_as_far_as_it_goes() -> None:
    rng = np.random.default_rng(2)
    p, truth = forecasts(rng, (2.0, 2.0, 2.0), 60_000)
    some = np.arange(len(truth)) % 3
    partial = np.select([some == 0, some == 1], [truth, np.where(truth > 0, 3, 0)], np.where(truth == 2, 2, 4))
    groups = ((0,), (1,), (2,), (1, 2), (0, 1))
    np.testing.assert_allclose(fit_temperatures(p, partial, groups=groups), (2.0,) * 3, rtol=0.1)
    glacier = fit_temperatures(p, np.minimum(truth, 1), groups=((0,), (1, 2)))
    merged = apply_temperatures(p, glacier)[1:].sum(axis=0)
    assert calibration(np.stack([1 - merged, merged]), np.minimum(truth, 1)).error < 0.01


def test_a_class_with_few_pixels_keeps_its_temperature() -> None:
    p, truth = forecasts(np.random.default_rng(3), (2.0, 2.0, 2.0), 20_000)
    rare = np.where((truth == 2) & (np.arange(20_000) > 500), 1, truth)
    assert 0 < (rare == 2).sum() < 200
    found = fit_temperatures(p, rare)
    assert found[2] == 1.0
    assert found[0] != 1.0
    assert fit_temperatures(p[:, :50], truth[:50]) == (1.0, 1.0, 1.0)


def test_weights_count_as_so_many_pixels() -> None:
    p, truth = forecasts(np.random.default_rng(4), (1.0, 2.0), 20_000)
    counts = np.random.default_rng(5).integers(1, 4, 20_000)
    repeated = fit_temperatures(np.repeat(p, counts, axis=1), np.repeat(truth, counts))
    np.testing.assert_allclose(fit_temperatures(p, truth, weights=counts.astype(float)), repeated, rtol=5e-3)


def test_rasters_keep_their_shape_and_what_is_unknown() -> None:
    p = np.random.default_rng(0).dirichlet((1, 1, 1), (4, 5)).transpose(2, 0, 1).astype(np.float32)
    p[:, 0, 0] = np.nan
    found = apply_temperatures(p, (1.5, 0.8, 2.0))
    assert (found.shape, found.dtype) == (p.shape, np.float32)
    assert np.isnan(found[:, 0, 0]).all()
    np.testing.assert_allclose(found.reshape(3, -1)[:, 1:].sum(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(apply_temperatures(p, (1.0,) * 3), p, rtol=1e-5)
    power = p ** (1 / np.array([1.5, 0.8, 2.0]))[:, None, None]
    np.testing.assert_allclose(found, power / power.sum(axis=0), rtol=1e-5)
    for bad in ((1.0, 1.0), (1.0, 0.0, 1.0), (1.0, float("nan"), 1.0)):
        with pytest.raises(ConfigError, match="do not fit 3 classes"):
            apply_temperatures(p, bad)


def test_the_sample_is_bounded_even_over_blocks_and_stands_for_all() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet((1, 1), (40, 40, 10)).transpose(3, 0, 1, 2).astype(np.float32)
    truth = rng.choice([0, 1, 255], p.shape[1:], p=[0.6, 0.2, 0.2]).astype(np.uint8)
    p[:, :, :, 3] = np.nan
    sample = CalibrationSample(2, capacity=900, seed=1)
    for block in range(10):
        for half in (slice(20), slice(20, 40)):
            sample.add(Unit("a", 0, block), p[:, half, :, block], truth[half, :, block])
    found = sample.pixels()
    known = (truth != 255) & np.isfinite(p[0])
    assert 450 < len(found.truth) <= 900
    assert found.weights.sum() == pytest.approx(known.sum())
    assert len(sample.units) == 9
    assert len({len(sample.pixels([unit]).truth) for unit in sample.units}) == 1
    assert np.average(found.truth, weights=found.weights) == pytest.approx(truth[known].mean(), abs=0.05)
    pairs = {(float(a), int(t)) for a, t in zip(p[0][known], truth[known], strict=True)}
    assert {(float(a), int(t)) for a, t in zip(found.probabilities[0], found.truth, strict=True)} <= pairs


def test_the_sample_does_not_depend_on_the_order_of_blocks() -> None:
    rng = np.random.default_rng(0)
    blocks = {Unit("a", 0, n): rng.dirichlet((1, 1), 500).T.astype(np.float32) for n in range(6)}

    def sampled(units: list[Unit], seed: int) -> np.ndarray:
        sample = CalibrationSample(2, capacity=700, seed=seed)
        for unit in units:
            sample.add(unit, blocks[unit], np.ones(500, np.uint8))
        return sample.pixels().probabilities

    np.testing.assert_array_equal(sampled([*blocks], 0), sampled([*reversed(blocks)], 0))
    assert not np.array_equal(sampled([*blocks], 0), sampled([*blocks], 1))


def test_a_sample_of_nothing_or_of_what_does_not_fit_is_refused() -> None:
    sample = CalibrationSample(2, capacity=2)
    with pytest.raises(LabelError, match="no pixel"):
        sample.pixels()
    with pytest.raises(LabelError, match="do not belong together"):
        sample.add(Unit("a"), np.zeros((2, 3), np.float32), np.zeros(2, np.uint8))
    pixel = np.full((2, 1), 0.5, np.float32), np.zeros(1, np.uint8)
    for block in range(2):
        sample.add(Unit("a", 0, block), *pixel)
    with pytest.raises(ConfigError, match="larger blocks"):
        sample.add(Unit("a", 0, 2), *pixel)
