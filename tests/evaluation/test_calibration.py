"""Calibration measures, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from firnline.classes import LabelScheme
from firnline.errors import LabelError
from firnline.evaluation.calibration import (
    GROUPS,
    brier,
    calibration,
    merged,
    negative_log_likelihood,
    reliability,
)


def forecasts(seed: int, classes: int, pixels: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(classes, 0.6), pixels).T
    truth = (probabilities.cumsum(axis=0) < rng.random(pixels)).sum(axis=0).clip(0, classes - 1)
    return probabilities, truth, rng.random(pixels) + 0.1


@pytest.mark.parametrize("classes", [2, 3])
def test_scores_are_those_of_scikit_learn(classes: int) -> None:
    p, truth, weights = forecasts(0, classes)
    labels = list(range(classes))
    for each in (None, weights):
        assert negative_log_likelihood(p, truth, each) == pytest.approx(
            log_loss(truth, p.T, sample_weight=each, labels=labels)
        )
        expected = brier_score_loss(truth, p.T, sample_weight=each, labels=labels, scale_by_half=False)
        assert brier(p, truth, each) == pytest.approx(expected)


def test_bins_are_those_of_scikit_learn() -> None:
    p, truth, _ = forecasts(1, 3)
    for value in range(3):
        found = reliability(p, truth, value, bins=10)
        frequency, forecast = calibration_curve(truth == value, p[value], n_bins=10)
        filled = found.weights > 0
        np.testing.assert_allclose(found.frequency[filled], frequency)
        np.testing.assert_allclose(found.mean_forecast[filled], forecast)
    parts = reliability(p[:, :999], truth[:999], 1) + reliability(p[:, 999:], truth[999:], 1)
    assert parts.error == pytest.approx(reliability(p, truth, 1).error)


def test_errors_by_hand() -> None:
    p = np.array([[0.9, 0.8, 0.3, 0.4], [0.1, 0.2, 0.7, 0.6]])
    truth = np.array([0, 1, 1, 0])
    found = calibration(p, truth, bins=2)
    # the likeliest class: forecasts 0.9 0.8 0.7 0.6 in one bin, right twice: |0.5 - 0.75|
    assert found.error == pytest.approx(0.25)
    # class 0: upper bin 0.9 0.8, one right: 0.35; lower bin 0.3 0.4, one right: 0.15; half the pixels each
    assert found.class_errors == (pytest.approx(0.25), pytest.approx(0.25))
    assert found.classwise_error == pytest.approx(0.25)
    assert found.brier == pytest.approx(2 * (0.01 + 0.64 + 0.09 + 0.36) / 4)
    assert found.negative_log_likelihood == pytest.approx(-np.log([0.9, 0.2, 0.7, 0.4]).mean())
    weighted = calibration(p, truth, bins=2, weights=np.array([1.0, 0.0, 1.0, 0.0]))
    assert weighted.error == pytest.approx(1 - 0.8)


def test_honest_forecasts_have_little_error_and_sharpened_ones_more() -> None:
    p, truth, _ = forecasts(2, 3, 50_000)
    sharp = p**3 / (p**3).sum(axis=0)
    assert calibration(p, truth).error < 0.01 < 0.1 < calibration(sharp, truth).error
    assert calibration(p, truth).classwise_error < 0.01 < 0.05 < calibration(sharp, truth).classwise_error


def test_truth_of_another_scheme_is_compared_with_merged_probabilities() -> None:
    p, truth, _ = forecasts(3, 3)
    for scheme, true in ((LabelScheme.GLACIER, truth > 0), (LabelScheme.DEBRIS, truth == 2)):
        two = merged(p, GROUPS[scheme])
        np.testing.assert_allclose(two.sum(axis=0), 1)
        assert negative_log_likelihood(two, true.astype(np.int64)) == pytest.approx(log_loss(true, two[1]))


def test_a_sure_forecast_that_is_wrong_costs_much_but_not_without_end() -> None:
    found = negative_log_likelihood(np.array([[1.0], [0.0]]), np.array([1]))
    assert 10 < found < 20


@pytest.mark.parametrize(
    ("p", "truth"),
    [
        (np.zeros((2, 0)), np.zeros(0, np.int64)),
        (np.full((2, 3), 0.5), np.zeros(2, np.int64)),
        (np.full((2, 1), 0.5), np.array([255])),
        (np.array([[np.nan], [0.5]]), np.array([0])),
    ],
)
def test_what_does_not_fit_is_refused(p: np.ndarray, truth: np.ndarray) -> None:
    with pytest.raises(LabelError):
        calibration(p, truth)
