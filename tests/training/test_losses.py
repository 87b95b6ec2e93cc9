"""Losses of classes and of the glacier head against numbers worked by hand, and their settings."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import ValidationError

from firnline.classes import LabelScheme
from firnline.errors import LabelError
from firnline.sidecar import explain
from firnline.training.loss_settings import Loss
from firnline.training.losses import (
    as_truth_sees,
    cross_entropy_loss,
    dice_loss,
    focal_loss,
    glacier_loss,
    ice_truth,
    l1_norm,
    log_as_truth_sees,
    tversky_loss,
)

FOREGROUND = (0.8, 0.6, 0.1)
TRUTH = torch.tensor([[[1, 0, 1]]])
"""Of these three pixels: sum pt = 0.9, sum p = 1.5, sum t = 2; of the background 0.4, 1.5 and 1."""


def pixels(*foreground: float) -> torch.Tensor:
    p = torch.tensor(foreground)
    return torch.stack([1 - p, p]).reshape(1, 2, 1, -1)


def test_soft_dice_by_hand() -> None:
    assert float(dice_loss(pixels(*FOREGROUND), TRUTH, "soft")) == pytest.approx(1 - (2 * 0.9 + 1) / (1.5 + 2 + 1))


def test_the_papers_dice_by_hand() -> None:
    # squares: .64 + .36 + .01 = 1.01, t^2 = 2
    assert float(dice_loss(pixels(*FOREGROUND), TRUTH, "paper")) == pytest.approx(1 - 1.8 / 3.01)


def test_the_papers_dice_adds_up_over_classes_and_leaves_the_background_out() -> None:
    p = torch.tensor([0.2, 0.5, 0.3]).reshape(1, 3, 1, 1)
    loss = dice_loss(p, torch.tensor([[[1]]]), "paper")
    assert float(loss) == pytest.approx((1 - 2 * 0.5 / (0.25 + 1)) + 1)


def test_generalised_dice_by_hand() -> None:
    # w = 1 / 1^2 for the background and 1 / 2^2 for the class:
    # shared 1 * 0.4 + 0.25 * 0.9 = 0.625, both 1 * (1.5 + 1) + 0.25 * (1.5 + 2) = 3.375
    loss = dice_loss(pixels(*FOREGROUND), TRUTH, "generalised")
    assert float(loss) == pytest.approx(1 - 2 * 0.625 / 3.375)


def test_generalised_dice_gives_an_absent_class_no_weight() -> None:
    p = torch.tensor([0.2, 0.5, 0.3]).reshape(1, 3, 1, 1)
    assert float(dice_loss(p, torch.tensor([[[1]]]), "generalised")) == pytest.approx(1 - 2 * 0.5 / (0.5 + 1))


def test_tversky_by_hand() -> None:
    # TP = 0.9, FP = 0.6, FN = 0.2 + 0.9 = 1.1
    loss = tversky_loss(pixels(*FOREGROUND), TRUTH, 0.3, 0.7)
    assert float(loss) == pytest.approx(1 - (0.9 + 0.5) / (0.9 + 0.3 * 0.6 + 0.7 * 1.1 + 0.5))


def test_tversky_with_halves_is_the_soft_dice() -> None:
    torch.manual_seed(0)
    p, truth = torch.softmax(torch.randn(2, 3, 5, 5), 1), torch.randint(0, 3, (2, 5, 5))
    assert float(tversky_loss(p, truth, 0.5, 0.5)) == pytest.approx(float(dice_loss(p, truth, "soft")))


def test_cross_entropy_by_hand() -> None:
    loss = cross_entropy_loss(pixels(0.8, 0.6).log(), torch.tensor([[[1, 0]]]))
    assert float(loss) == pytest.approx(-(math.log(0.8) + math.log(0.4)) / 2)


def test_focal_by_hand() -> None:
    # the true values have 0.8 and 0.4: (0.2^2 * -log 0.8 + 0.6^2 * -log 0.4) / 2
    logs, truth = pixels(0.8, 0.6).log(), torch.tensor([[[1, 0]]])
    by_hand = -(0.04 * math.log(0.8) + 0.36 * math.log(0.4)) / 2
    assert float(focal_loss(logs, truth, 2.0)) == pytest.approx(by_hand)
    assert float(focal_loss(logs, truth, 0.0)) == pytest.approx(float(cross_entropy_loss(logs, truth)))


def test_the_glacier_head_by_hand() -> None:
    # logits of 0.8 and 0.4; the unknown pixel has no say
    logit = torch.tensor([[[math.log(4), math.log(2 / 3), 5.0]]])
    by_hand = -(math.log(0.8) + math.log(0.6)) / 2 + 1 - (2 * 0.8 + 1) / (0.8 + 0.4 + 1 + 1)
    assert float(glacier_loss(logit, torch.tensor([[[1, 0, 255]]]))) == pytest.approx(by_hand)


def test_an_unknown_pixel_changes_no_loss() -> None:
    """A fourth pixel, sure of itself and unknown, beside three that are known."""
    p, truth = pixels(*FOREGROUND, 0.99), torch.tensor([[[1, 0, 1, 255]]])
    for form in ("soft", "paper", "generalised"):
        assert torch.equal(dice_loss(p, truth, form), dice_loss(p[..., :3], truth[..., :3], form))
    assert torch.equal(tversky_loss(p, truth, 0.3, 0.7), tversky_loss(p[..., :3], TRUTH, 0.3, 0.7))
    assert torch.equal(focal_loss(p.log(), truth, 2.0), focal_loss(p[..., :3].log(), TRUTH, 2.0))
    assert torch.equal(cross_entropy_loss(p.log(), truth), cross_entropy_loss(p[..., :3].log(), TRUTH))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_has_a_finite_slope_however_sure_the_network_is(gamma: float) -> None:
    logits = torch.tensor([[[[60.0, -60.0]], [[-60.0, 60.0]]]], requires_grad=True)
    focal_loss(torch.log_softmax(logits, 1), torch.tensor([[[0, 0]]]), gamma).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad[0, 1, 0, 1] == 0.5  # surely wrong: slope 1, of two pixels


def test_debris_truth_counts_clean_ice_as_other() -> None:
    p = torch.tensor([0.1, 0.7, 0.2]).reshape(1, 3, 1, 1)
    for seen in (
        as_truth_sees(p, LabelScheme.CLASS, LabelScheme.DEBRIS),
        log_as_truth_sees(p.log(), LabelScheme.CLASS, LabelScheme.DEBRIS).exp(),
    ):
        assert seen.flatten().tolist() == pytest.approx([0.8, 0.2])


def test_a_glacier_model_cannot_learn_from_debris_truth() -> None:
    for sees in (as_truth_sees, log_as_truth_sees):
        with pytest.raises(LabelError, match="cannot learn"):
            sees(torch.zeros(1, 2, 1, 1), LabelScheme.GLACIER, LabelScheme.DEBRIS)


def test_of_ice_a_debris_truth_knows_only_its_debris() -> None:
    truth = torch.tensor([[[0, 1, 2, 255]], [[0, 1, 1, 255]], [[0, 1, 0, 255]]], dtype=torch.uint8)
    ice = ice_truth(truth, [LabelScheme.CLASS, LabelScheme.GLACIER, LabelScheme.DEBRIS])
    assert ice.dtype == torch.uint8
    assert ice[:, 0].tolist() == [[0, 1, 1, 255], [0, 1, 1, 255], [255, 1, 255, 255]]


def test_l1_is_the_sum_over_all_weights() -> None:
    layer = torch.nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, -2.0]]))
        layer.bias.fill_(-0.5)
    assert l1_norm(layer).item() == 3.5


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"boundary": -0.5}, "boundary: Input should be greater than or equal to 0"),
        ({"glacier": float("inf")}, "glacier: Input should be a finite number"),
        ({"tversky": 1, "tversky_alpha": 0}, "tversky_alpha: Input should be greater than 0"),
        ({"focal_gamma": -1}, "focal_gamma: Input should be greater than or equal to 0"),
        ({"distance_reach": 0}, "distance_reach: Input should be greater than 0"),
        ({"dice_form": "hard"}, "dice_form: Input should be 'soft', 'paper' or 'generalised'"),
        ({"lovasz": 1}, "lovasz: is not a known key"),
    ],
)
def test_a_bad_setting_is_named(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Loss.model_validate(settings)
    assert explain(caught.value) == named


def test_some_term_must_tell_the_classes() -> None:
    """The boundary says nothing of the inside, and the heads are not what is served."""
    with pytest.raises(ValidationError) as caught:
        Loss(dice=0, cross_entropy=0, boundary=1, glacier=1, distance=1)
    assert explain(caught.value).startswith("dice, tversky, focal and cross_entropy are all 0")
    for term in ("dice", "tversky", "focal", "cross_entropy"):
        assert list(Loss.model_validate({"dice": 0, "cross_entropy": 0, term: 2}).weights) == [term]
