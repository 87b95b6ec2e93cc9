"""Losses of overlap: how much of each class and of its prediction the two share."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from firnline.classes import UNKNOWN

_PLACES = (0, 2, 3)
"""Batch, row and column: a sum is over the whole batch."""


def dice_loss(probabilities: Tensor, truth: Tensor, form: str) -> Tensor:
    """Dice over the known pixels of the batch; the loss of perfect overlap is 0, of none 1.

    Parameters
    ----------
    probabilities
        (batch, class, row, column), adding up to 1.
    truth
        (batch, row, column), integer; 255 takes no part.
    form
        With p the probability and t the truth (0 or 1) of a class:

        ``soft`` (after Milletari et al. 2016): 1 - (2 sum pt + 1) / (sum p + sum t + 1), mean over the classes but
        the background that the batch's truth holds, so that an absent class pulls nothing.

        ``paper``: the authors' code, sum over all classes but the background of 1 - 2 sum pt / (sum p^2 + sum t^2).

        ``generalised`` (Sudre et al. 2017): 1 - 2 sum_c w sum pt / sum_c w sum (p + t) over the classes that the
        batch's truth holds, background too, with w = 1 / (sum t)^2.

    Examples
    --------
    >>> p = torch.tensor([[0.2, 0.9], [0.8, 0.1]]).reshape(1, 2, 1, 2)
    >>> t = torch.tensor([[[1, 255]]])
    >>> [round(float(dice_loss(p, t, form)), 4) for form in ("paper", "soft", "generalised")]
    [0.0244, 0.0714, 0.1111]
    """
    p, t = known_planes(probabilities, truth)
    if form == "generalised":
        return _generalised_dice(p, t)
    p, t = p[:, 1:], t[:, 1:]
    shared, volume = (p * t).sum(_PLACES), t.sum(_PLACES)
    if form == "paper":
        both = (p**2).sum(_PLACES) + (t**2).sum(_PLACES)
        return torch.where(both > 0, 1 - 2 * shared / both.clamp_min(1e-12), 0.0).sum()
    return mean_over_present(1 - (2 * shared + 1) / (p.sum(_PLACES) + volume + 1), volume)


def _generalised_dice(p: Tensor, t: Tensor) -> Tensor:
    volume = t.sum(_PLACES)
    weight = torch.where(volume > 0, volume.clamp_min(1) ** -2, 0.0)
    shared = (weight * (p * t).sum(_PLACES)).sum()
    both = (weight * (p.sum(_PLACES) + volume)).sum()
    return torch.where(both > 0, 1 - 2 * shared / both.clamp_min(1e-12), 0.0)


def tversky_loss(probabilities: Tensor, truth: Tensor, alpha: float, beta: float) -> Tensor:
    """One minus the Tversky index (Salehi et al. 2017) over the known pixels; shapes as in `dice_loss`.

    1 - (TP + 1/2) / (TP + alpha FP + beta FN + 1/2), with TP = sum pt, FP = sum p (1 - t) and FN = sum (1 - p) t;
    mean over the classes but the background that the batch's truth holds. With alpha = beta = 1/2 it is the soft
    Dice; a greater beta counts what was missed more than what was invented.

    Examples
    --------
    >>> p = torch.tensor([[0.2, 0.9], [0.8, 0.1]]).reshape(1, 2, 1, 2)
    >>> round(float(tversky_loss(p, torch.tensor([[[1, 255]]]), 0.3, 0.7)), 4)
    0.0972
    """
    p, t = (planes[:, 1:] for planes in known_planes(probabilities, truth))
    shared, volume = (p * t).sum(_PLACES), t.sum(_PLACES)
    wrong = alpha * (p.sum(_PLACES) - shared) + beta * (volume - shared)
    return mean_over_present(1 - (shared + 0.5) / (shared + wrong + 0.5), volume)


def known_planes(probabilities: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities and truth as planes (batch, class, row, column) of one dtype, both 0 where truth is unknown."""
    known = (truth != UNKNOWN).unsqueeze(1)
    values = torch.where(truth == UNKNOWN, 0, truth).long()
    wanted = functional.one_hot(values, probabilities.shape[1]).movedim(-1, 1)
    return probabilities * known, (wanted * known).to(probabilities.dtype)


def mean_over_present(losses: Tensor, volume: Tensor) -> Tensor:
    """The mean of the losses (class) of those classes that have a volume (class); 0 where none has."""
    present = volume > 0
    return torch.where(present, losses, 0.0).sum() / present.sum().clamp_min(1)
