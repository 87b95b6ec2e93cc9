"""Losses against numbers worked by hand; unknown pixels and unknown classes pull nothing."""

from __future__ import annotations

import math

import pytest
import torch

from firnline.classes import LabelScheme
from firnline.errors import LabelError
from firnline.training.config import Loss
from firnline.training.losses import as_truth_sees, batch_loss, cross_entropy_loss, dice_loss, l1_norm


def two_pixels(*foreground: float) -> torch.Tensor:
    p = torch.tensor(foreground)
    return torch.stack([1 - p, p]).reshape(1, 2, 1, -1)


def test_soft_dice_by_hand() -> None:
    # p = .8 .6 .1, t = 1 0 1: 1 - (2 * .9 + 1) / (1.5 + 2 + 1)
    loss = dice_loss(two_pixels(0.8, 0.6, 0.1), torch.tensor([[[1, 0, 1]]]), "soft")
    assert float(loss) == pytest.approx(1 - 2.8 / 4.5)


def test_the_papers_dice_by_hand() -> None:
    # squares: .64 + .36 + .01 = 1.01, t^2 = 2
    loss = dice_loss(two_pixels(0.8, 0.6, 0.1), torch.tensor([[[1, 0, 1]]]), "paper")
    assert float(loss) == pytest.approx(1 - 1.8 / 3.01)


def test_the_papers_dice_adds_up_over_classes_and_leaves_the_background_out() -> None:
    p = torch.tensor([0.2, 0.5, 0.3]).reshape(1, 3, 1, 1)
    loss = dice_loss(p, torch.tensor([[[1]]]), "paper")
    assert float(loss) == pytest.approx((1 - 2 * 0.5 / (0.25 + 1)) + 1)


def test_cross_entropy_by_hand() -> None:
    loss = cross_entropy_loss(two_pixels(0.8, 0.6), torch.tensor([[[1, 0]]]))
    assert float(loss) == pytest.approx(-(math.log(0.8) + math.log(0.4)) / 2)


@pytest.mark.parametrize("form", ["soft", "paper"])
def test_unknown_pixels_change_neither_loss_nor_gradient(form: str) -> None:
    settings = Loss(dice_form=form)  # type: ignore[arg-type]
    truth = torch.tensor([[[1, 0, 255, 255]]], dtype=torch.uint8)
    results = []
    for stray in (0.0, 9.0):
        logits = torch.tensor([[[[0.1, 0.2, stray, -stray]], [[0.5, -0.3, -stray, stray]]]], requires_grad=True)
        loss = batch_loss(logits, truth, [LabelScheme.GLACIER], LabelScheme.GLACIER, settings)
        loss.backward()
        assert logits.grad is not None
        assert (logits.grad[..., 2:] == 0).all()
        results.append(loss.item())
    assert results[0] == pytest.approx(results[1])


def test_a_batch_without_a_known_pixel_gives_zero() -> None:
    truth = torch.full((1, 4, 4), 255, dtype=torch.uint8)
    loss = batch_loss(torch.randn(1, 3, 4, 4), truth, [LabelScheme.CLASS], LabelScheme.CLASS, Loss())
    assert float(loss) == 0


def test_glacier_truth_does_not_tell_clean_ice_from_debris() -> None:
    """Moving probability between clean ice and debris leaves the loss of a glacier truth as it is."""
    truth = torch.ones(1, 2, 2, dtype=torch.uint8)
    losses = []
    for clean, debris in ((0.6, 0.1), (0.1, 0.6)):
        logits = torch.tensor([0.3, clean, debris]).log().reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
        losses.append(float(batch_loss(logits, truth, [LabelScheme.GLACIER], LabelScheme.CLASS, Loss())))
    assert losses[0] == pytest.approx(losses[1])


def test_debris_truth_counts_clean_ice_as_other() -> None:
    p = torch.tensor([0.1, 0.7, 0.2]).reshape(1, 3, 1, 1)
    assert as_truth_sees(p, LabelScheme.CLASS, LabelScheme.DEBRIS).flatten().tolist() == pytest.approx([0.8, 0.2])


def test_a_glacier_model_cannot_learn_from_debris_truth() -> None:
    with pytest.raises(LabelError, match="cannot learn"):
        as_truth_sees(torch.zeros(1, 2, 1, 1), LabelScheme.GLACIER, LabelScheme.DEBRIS)


def test_schemes_in_one_batch_weigh_by_their_chips() -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 3, 4, 4)
    truth = torch.randint(0, 2, (3, 4, 4), dtype=torch.uint8)
    schemes = [LabelScheme.CLASS, LabelScheme.GLACIER, LabelScheme.GLACIER]
    mixed = batch_loss(logits, truth, schemes, LabelScheme.CLASS, Loss())
    one = batch_loss(logits[:1], truth[:1], schemes[:1], LabelScheme.CLASS, Loss())
    two = batch_loss(logits[1:], truth[1:], schemes[1:], LabelScheme.CLASS, Loss())
    assert float(mixed) == pytest.approx(float(one) / 3 + float(two) * 2 / 3)


def test_l1_is_the_sum_over_all_weights() -> None:
    layer = torch.nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, -2.0]]))
        layer.bias.fill_(-0.5)
    assert l1_norm(layer).item() == 3.5
