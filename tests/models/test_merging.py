"""What is done to probabilities after the network is what was measured in training."""

from __future__ import annotations

import numpy as np
import torch

from firnline.evaluation.temperature import apply_temperatures
from firnline.models.firn import Firn
from firnline.models.inputs import Layout
from firnline.models.merging import calibrated


def test_a_map_is_calibrated_by_the_formula_that_temperatures_are_fitted_with() -> None:
    """Very small probabilities too, which a high temperature brings up."""
    p = np.array([1 - 1e-9, 1e-9, 0], np.float32).reshape(3, 1, 1)
    by_hand = np.array([1, 1e-7 ** (1 / 4), 1e-7 ** (1 / 2)])
    found = calibrated(p, (1.0, 4.0, 2.0)).ravel()
    np.testing.assert_allclose(found, by_hand / by_hand.sum(), rtol=1e-4)
    assert np.array_equal(found, apply_temperatures(p, (1.0, 4.0, 2.0)).ravel())


def test_temperatures_of_one_leave_every_bit() -> None:
    p = np.random.default_rng(0).dirichlet((0.01, 1, 1), (7, 5)).astype(np.float32).transpose(2, 0, 1)
    assert calibrated(p, (1.0, 1.0, 1.0)) is p
    assert calibrated(p, None) is p


def test_what_firn_serves_is_computed_in_float32_under_autocast() -> None:
    """The logarithms of probabilities near 1 have no digits left in bfloat16."""
    torch.manual_seed(0)
    network = Firn(Layout(("green", "slope"), ("slope",)), 3, widths=(4, 8))
    with torch.autocast("cpu", torch.bfloat16):
        heads = network(torch.randn(1, 3, 16, 16) * 50)
    assert heads.classes.dtype == torch.float32
    total = torch.logsumexp(heads.classes, dim=1)
    assert total.abs().max() < 1e-4, "they are log probabilities"
