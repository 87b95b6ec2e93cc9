"""The loss of a batch: mixed label schemes, unknown pixels, absent classes, heads, half precision, learnt weights."""

from __future__ import annotations

import math

import pytest
import torch

from firnline.classes import LabelScheme
from firnline.errors import ConfigError
from firnline.models.heads import Heads
from firnline.training.loss_settings import Loss
from firnline.training.losses import (
    LossWeights,
    batch_loss,
    batch_terms,
    boundary_loss,
    cross_entropy_loss,
    dice_loss,
    distance_loss,
    glacier_loss,
    ice_truth,
)

SIDE = 12
SCHEMES = [LabelScheme.CLASS, LabelScheme.GLACIER, LabelScheme.DEBRIS]
EVERYTHING = Loss(tversky=0.5, focal=0.5, boundary=0.5, glacier=0.5, distance=0.5, distance_reach=4)
FORMS = [EVERYTHING.model_copy(update={"dice_form": form}) for form in ("soft", "paper", "generalised")]


def three_chips(dtype: torch.dtype = torch.float32) -> tuple[Heads, torch.Tensor]:
    """One chip of each scheme, a corner of each unknown."""
    random = torch.Generator().manual_seed(0)
    classes, glacier, distance = (
        torch.randn(3, *shape, generator=random, dtype=dtype).requires_grad_()
        for shape in ((3, SIDE, SIDE), (SIDE, SIDE), (SIDE, SIDE))
    )
    truth = torch.zeros(3, SIDE, SIDE, dtype=torch.uint8)
    truth[:, :, SIDE // 2 :] = 1
    truth[0, SIDE // 2 :, SIDE // 2 :] = 2
    truth[:, :2, :2] = 255
    return Heads(classes, glacier, distance), truth


def slopes(loss: torch.Tensor, heads: Heads) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, [head for head in heads if head is not None]))


def test_the_loss_is_the_weighted_sum_of_its_terms() -> None:
    # p = 0.8 0.6 0.1 for t = 1 0 1, the fourth pixel unknown. Soft Dice 1 - 2.8 / 4.5 and Tversky 1 - 1.4 / 2.35
    # (test_losses.py); the true values have 0.8, 0.4 and 0.1
    p = torch.tensor([0.8, 0.6, 0.1, 0.5])
    logits = torch.stack([1 - p, p]).log().reshape(1, 2, 1, 4)
    truth = torch.tensor([[[1, 0, 1, 255]]], dtype=torch.uint8)
    settings = Loss(dice=2, tversky=3, focal=4, cross_entropy=5)
    entropy = -(math.log(0.8) + math.log(0.4) + math.log(0.1)) / 3
    focal = -(0.04 * math.log(0.8) + 0.36 * math.log(0.4) + 0.81 * math.log(0.1)) / 3
    by_hand = 2 * (1 - 2.8 / 4.5) + 3 * (1 - 1.4 / 2.35) + 4 * focal + 5 * entropy
    loss = batch_loss(logits, truth, [LabelScheme.GLACIER], LabelScheme.GLACIER, settings)
    assert loss.item() == pytest.approx(by_hand)


def test_schemes_in_one_batch_weigh_by_their_chips() -> None:
    heads, truth = three_chips()
    schemes = [LabelScheme.CLASS, LabelScheme.GLACIER, LabelScheme.GLACIER]
    mixed = batch_loss(heads.classes, truth.clamp(max=1), schemes, LabelScheme.CLASS, Loss(boundary=1))
    p = torch.softmax(heads.classes, 1)
    ice = torch.stack([p[1:, 0], p[1:, 1] + p[1:, 2]], 1)
    parts = [
        dice_loss(p, t, "soft") + cross_entropy_loss(p.log(), t) + boundary_loss(p, t)
        for p, t in ((p[:1], truth[:1].clamp(max=1)), (ice, truth[1:].clamp(max=1)))
    ]
    assert mixed.item() == pytest.approx((parts[0] / 3 + parts[1] * 2 / 3).item())


def test_glacier_truth_does_not_tell_clean_ice_from_debris() -> None:
    """Moving probability between clean ice and debris leaves every loss of a glacier truth as it is."""
    _, truth = three_chips()
    settings = Loss(tversky=1, focal=1, boundary=1)
    losses = []
    for clean, debris in ((0.6, 0.1), (0.1, 0.6)):
        logits = torch.tensor([0.3, clean, debris]).log().reshape(1, 3, 1, 1).repeat(1, 1, SIDE, SIDE)
        logits[:, 0, :, :5] += 1  # an edge
        losses.append(batch_loss(logits, truth[1:2], [LabelScheme.GLACIER], LabelScheme.CLASS, settings).item())
    assert losses[0] == pytest.approx(losses[1])


@pytest.mark.parametrize("settings", FORMS, ids=lambda settings: settings.dice_form)
def test_unknown_pixels_change_neither_loss_nor_slope(settings: Loss) -> None:
    losses = []
    for stray in (0.0, 9.0):
        heads, truth = three_chips()
        with torch.no_grad():
            for head in (heads.classes, heads.glacier, heads.distance):
                assert head is not None
                head[..., :2, :2] = stray
            heads.classes[:, 1, :2, :2] *= -1
        loss = batch_loss(heads, truth, SCHEMES, LabelScheme.CLASS, settings)
        assert all((slope[..., :2, :2] == 0).all() for slope in slopes(loss, heads))
        losses.append(loss.item())
    assert losses[0] == losses[1]


@pytest.mark.parametrize("settings", FORMS, ids=lambda settings: settings.dice_form)
@pytest.mark.parametrize("value", [0, 1, 255])
def test_a_batch_of_one_value_gives_finite_slopes(settings: Loss, value: int) -> None:
    """All of it background (both ices absent), all ice (the background absent), or nothing known: then 0."""
    heads, truth = three_chips()
    for sure in (1.0, 100.0):
        outputs = Heads(*(sure * head for head in heads if head is not None))
        loss = batch_loss(outputs, torch.full_like(truth, value), SCHEMES, LabelScheme.CLASS, settings)
        found = slopes(loss, heads)
        assert all(slope.isfinite().all() for slope in found)
        if value == 255:
            assert loss.item() == 0
            assert all((slope == 0).all() for slope in found)
        else:
            assert 0 < loss.item() < math.inf


@pytest.mark.parametrize("settings", FORMS, ids=lambda settings: settings.dice_form)
def test_the_slope_of_all_terms(settings: Loss) -> None:
    """Of one row of pixels through the middle of mixed chips, against finite differences."""
    heads, truth = three_chips(torch.float64)
    weighting = LossWeights(settings.weights).double()

    def loss(*inputs: torch.Tensor) -> torch.Tensor:
        rows = [head.detach().clone() for head in heads if head is not None]
        for row, part in zip(rows, inputs[:3], strict=True):
            row[..., 6, :] = part
        terms = batch_terms(Heads(*rows), truth, SCHEMES, LabelScheme.CLASS, settings)
        return torch.func.functional_call(weighting, {"free": inputs[3]}, (terms,))

    parts = [head[..., 6, :].detach().clone().requires_grad_() for head in heads if head is not None]
    free = torch.linspace(-2, 2, len(settings.weights), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, (*parts, free), fast_mode=True)


def test_a_network_that_is_surely_wrong_still_learns() -> None:
    logits = torch.tensor([100.0, -100.0]).reshape(1, 2, 1, 1).requires_grad_()
    truth = torch.ones(1, 1, 1, dtype=torch.uint8)
    loss = batch_loss(logits, truth, [LabelScheme.GLACIER], LabelScheme.GLACIER, Loss(dice=0))
    assert loss.item() == 200
    assert torch.autograd.grad(loss, logits)[0].flatten().tolist() == [1, -1]


def test_bfloat16_outputs_lose_no_pixel() -> None:
    """A sum in bfloat16 would stop at 256."""
    torch.manual_seed(0)
    logits = torch.randn(1, 2, 64, 64).bfloat16()
    truth = torch.randint(0, 2, (1, 64, 64), dtype=torch.uint8)
    heads = Heads(logits, None, logits[:, 0])
    settings = Loss(tversky=1, focal=1, boundary=1, distance=1)
    exact = Heads(logits.double(), None, logits[:, 0].double())
    losses = [
        batch_loss(outputs, truth, [LabelScheme.GLACIER], LabelScheme.GLACIER, settings) for outputs in (heads, exact)
    ]
    assert losses[0].dtype == torch.float32
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-5)


def test_the_heads_learn_from_all_chips_at_once() -> None:
    heads, truth = three_chips()
    assert heads.glacier is not None
    assert heads.distance is not None
    settings = Loss(glacier=2, distance=3, distance_reach=4)
    ice = ice_truth(truth, SCHEMES)
    alone = batch_loss(heads.classes, truth, SCHEMES, LabelScheme.CLASS, Loss())
    with_heads = batch_loss(heads, truth, SCHEMES, LabelScheme.CLASS, settings)
    expected = alone + 2 * glacier_loss(heads.glacier, ice) + 3 * distance_loss(heads.distance, ice, 4)
    assert with_heads.item() == pytest.approx(expected.item())


def test_what_is_no_debris_may_be_ice_to_the_glacier_head() -> None:
    heads, truth = three_chips()
    settings = Loss(glacier=1)
    loss = batch_loss(heads, truth, SCHEMES, LabelScheme.CLASS, settings)
    slope = slopes(loss, heads[:2])[1]  # type: ignore[arg-type]
    assert (slope[2, :, : SIDE // 2] == 0).all()
    assert (slope[2, :, SIDE // 2 :] != 0).all()
    assert (slope[1, 2:] != 0).all()


@pytest.mark.parametrize("head", ["glacier", "distance"])
def test_a_weight_for_a_head_that_the_network_lacks_is_an_error(head: str) -> None:
    _, truth = three_chips()
    settings = Loss.model_validate({head: 1})
    with pytest.raises(ConfigError, match=f"loss.{head} has a weight, but the network has no {head} head"):
        batch_loss(torch.zeros(3, 3, SIDE, SIDE), truth, SCHEMES, LabelScheme.CLASS, settings)


def test_learnt_weights_by_hand() -> None:
    # s = 5 tanh(free / 5) = log 2 for the first, 0 for the second: 1 * (0.6 / 2 + log 2) + 0.5 * (2 + 0)
    weighting = LossWeights.of(Loss(cross_entropy=0.5, learn_weights=True))
    assert weighting is not None
    with torch.no_grad():
        weighting.free[0] = 5 * math.atanh(math.log(2) / 5)
    loss = weighting({"dice": torch.tensor(0.6), "cross_entropy": torch.tensor(2.0)})
    assert loss.item() == pytest.approx(0.3 + math.log(2) + 1)
    assert weighting.now() == pytest.approx({"dice": 0.5, "cross_entropy": 0.5})


def test_learning_starts_from_the_weights_of_the_settings() -> None:
    heads, truth = three_chips()
    learnt = EVERYTHING.model_copy(update={"learn_weights": True})
    losses = [
        batch_loss(heads, truth, SCHEMES, LabelScheme.CLASS, settings, LossWeights.of(settings)).item()
        for settings in (EVERYTHING, learnt)
    ]
    assert losses[0] == pytest.approx(losses[1])


@pytest.mark.parametrize("rate", [1e-3, 1.0, 1e3, 1e30, -1e3, -1e30])
def test_no_step_makes_a_weight_negative(rate: float) -> None:
    """Nor 0, nor infinite, whichever way it goes."""
    settings = EVERYTHING.model_copy(update={"learn_weights": True})
    weighting = LossWeights.of(settings)
    assert weighting is not None
    for _ in range(3):
        heads, truth = three_chips()
        loss = batch_loss(heads, truth, SCHEMES, LabelScheme.CLASS, settings, weighting)
        (slope,) = torch.autograd.grad(loss, weighting.free)
        assert slope.isfinite().all()
        with torch.no_grad():
            weighting.free -= rate * slope
        for term, weight in weighting.now().items():
            given = settings.weights[term]
            assert 0.9 * math.exp(-5) * given <= weight <= 1.1 * math.exp(5) * given


def test_a_learnt_weight_comes_to_one_over_its_term() -> None:
    """The minimum of exp(-s) L + s is at exp(-s) = 1 / L; a term of 0 leaves its weight as it was."""
    weighting = LossWeights({"dice": 1.0, "distance": 1.0})
    for _ in range(100):
        loss = weighting({"dice": torch.tensor(0.25), "distance": torch.tensor(0.0)})
        (slope,) = torch.autograd.grad(loss, weighting.free)
        with torch.no_grad():
            weighting.free -= 0.2 * slope
    assert weighting.now() == pytest.approx({"dice": 4.0, "distance": 1.0}, rel=1e-3)
