"""Losses for partial labels: what a chip's truth does not tell apart, the loss does not either."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from firnline.classes import UNKNOWN, LabelScheme
from firnline.errors import LabelError
from firnline.training.config import Loss

_GROUPS: dict[tuple[LabelScheme, LabelScheme], tuple[tuple[int, ...], ...]] = {
    (LabelScheme.CLASS, LabelScheme.GLACIER): ((0,), (1, 2)),
    (LabelScheme.CLASS, LabelScheme.DEBRIS): ((0, 1), (2,)),
}
"""(model, truth): which of the model's classes make up each value of the truth."""


def as_truth_sees(probabilities: Tensor, model: LabelScheme, truth: LabelScheme) -> Tensor:
    """Add up class probabilities (batch, class, row, column) to the values that a truth of another scheme knows.

    Raises
    ------
    LabelError
        When the truth does not fit the model at all (a debris truth for a glacier model).

    Examples
    --------
    >>> p = torch.tensor([0.5, 0.25, 0.25]).reshape(1, 3, 1, 1)
    >>> as_truth_sees(p, LabelScheme.CLASS, LabelScheme.GLACIER).flatten().tolist()
    [0.5, 0.5]
    """
    if model == truth:
        return probabilities
    require_learnable(model, truth)
    groups = _GROUPS[model, truth]
    return torch.stack([probabilities[:, list(group)].sum(dim=1) for group in groups], dim=1)


def require_learnable(model: LabelScheme, truth: LabelScheme, where: Path | None = None) -> None:
    """Raise LabelError when a model of one scheme cannot learn from truth of another.

    Examples
    --------
    >>> require_learnable(LabelScheme.CLASS, LabelScheme.DEBRIS)
    """
    if model != truth and (model, truth) not in _GROUPS:
        raise LabelError(
            f"a model of scheme '{model}' cannot learn from truth of scheme '{truth}'",
            where=where,
            do="set truth_as where the truth can be converted",
        )


def dice_loss(probabilities: Tensor, truth: Tensor, form: str) -> Tensor:
    """Dice over the known pixels of the batch (Milletari et al. 2016), background left out.

    Parameters
    ----------
    probabilities
        (batch, class, row, column), adding up to 1.
    truth
        (batch, row, column), integer; 255 takes no part.
    form
        ``soft``: 1 - (2 sum pt + 1) / (sum p + sum t + 1), mean over classes that the batch's truth holds, so that
        an absent class pulls nothing. ``paper``: the authors' code, sum over all classes of
        1 - 2 sum pt / (sum p^2 + sum t^2).

    Examples
    --------
    >>> p = torch.tensor([[0.2, 0.9], [0.8, 0.1]]).reshape(1, 2, 1, 2)
    >>> t = torch.tensor([[[1, 255]]])
    >>> round(float(dice_loss(p, t, "paper")), 4), round(float(dice_loss(p, t, "soft")), 4)
    (0.0244, 0.0714)
    """
    known = (truth != UNKNOWN).unsqueeze(1)
    classes = probabilities.shape[1]
    wanted = functional.one_hot(torch.where(truth == UNKNOWN, 0, truth).long(), classes).movedim(-1, 1)
    p = (probabilities * known)[:, 1:].float()
    t = (wanted * known)[:, 1:].to(p.dtype)
    axes = (0, 2, 3)
    shared = (p * t).sum(axes)
    if form == "paper":
        both = (p**2).sum(axes) + (t**2).sum(axes)
        return torch.where(both > 0, 1 - 2 * shared / both.clamp_min(1e-12), 0.0).sum()
    present = t.sum(axes) > 0
    dice = 1 - (2 * shared + 1) / (p.sum(axes) + t.sum(axes) + 1)
    return (dice * present).sum() / present.sum().clamp_min(1)


def cross_entropy_loss(probabilities: Tensor, truth: Tensor) -> Tensor:
    """Mean over known pixels of minus the log probability of the true value; shapes as in `dice_loss`.

    Examples
    --------
    >>> p = torch.tensor([[0.5, 0.9], [0.5, 0.1]]).reshape(1, 2, 1, 2)
    >>> round(float(cross_entropy_loss(p, torch.tensor([[[1, 255]]]))), 4)
    0.6931
    """
    logs = probabilities.float().clamp_min(1e-7).log()
    losses = functional.nll_loss(logs, truth.long(), ignore_index=UNKNOWN, reduction="sum")
    return losses / (truth != UNKNOWN).sum().clamp_min(1)


def batch_loss(
    logits: Tensor, truth: Tensor, schemes: list[LabelScheme], model: LabelScheme, settings: Loss
) -> Tensor:
    """The loss of a batch whose chips may have different label schemes.

    Parameters
    ----------
    logits
        (batch, class, row, column).
    truth
        (batch, row, column), uint8, 255 unknown.
    schemes
        The label scheme of each chip.
    model, settings
        The model's scheme, and the weights of the terms.
    """
    probabilities = torch.softmax(logits.float(), dim=1)
    total = logits.new_zeros((), dtype=torch.float32)
    for scheme in sorted(set(schemes)):
        chosen = torch.tensor([s == scheme for s in schemes], device=logits.device)
        seen = as_truth_sees(probabilities[chosen], model, scheme)
        part = logits.new_zeros((), dtype=torch.float32)
        if settings.dice:
            part = part + settings.dice * dice_loss(seen, truth[chosen], settings.dice_form)
        if settings.cross_entropy:
            part = part + settings.cross_entropy * cross_entropy_loss(seen, truth[chosen])
        total = total + part * (int(chosen.sum()) / len(schemes))
    return total


def l1_norm(network: nn.Module) -> Tensor:
    """Sum of the absolute values of all weights."""
    return torch.stack([parameter.abs().sum() for parameter in network.parameters()]).sum()
