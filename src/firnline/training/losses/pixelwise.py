"""Losses that are the mean of a loss of each known pixel."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from firnline.classes import UNKNOWN
from firnline.training.losses.overlap import dice_loss


def cross_entropy_loss(logs: Tensor, truth: Tensor) -> Tensor:
    """Mean over known pixels of minus the log-probability of the true value.

    Parameters
    ----------
    logs
        Log-probabilities (batch, class, row, column).
    truth
        (batch, row, column), integer; 255 takes no part.

    Examples
    --------
    >>> logs = torch.tensor([[0.5, 0.9], [0.5, 0.1]]).log().reshape(1, 2, 1, 2)
    >>> round(float(cross_entropy_loss(logs, torch.tensor([[[1, 255]]]))), 4)
    0.6931
    """
    losses = functional.nll_loss(logs, truth.long(), ignore_index=UNKNOWN, reduction="sum")
    return losses / (truth != UNKNOWN).sum().clamp_min(1)


def focal_loss(logs: Tensor, truth: Tensor, gamma: float) -> Tensor:
    """Mean over known pixels of -(1 - p)^gamma log p, p the probability of the true value (Lin et al. 2017).

    The published loss has a weight for each class too, and divides by the number of objects; here there are none.
    Shapes as in `cross_entropy_loss`, which it is with a gamma of 0.

    Examples
    --------
    >>> logs = torch.tensor([[0.5, 0.9], [0.5, 0.1]]).log().reshape(1, 2, 1, 2)
    >>> round(float(focal_loss(logs, torch.tensor([[[1, 255]]]), 2.0)), 4)
    0.1733
    """
    known = truth != UNKNOWN
    values = torch.where(known, truth, 0).long().unsqueeze(1)
    log_p = logs.gather(1, values).squeeze(1)
    wrong = -torch.expm1(log_p)
    # The slope of wrong^gamma is infinite at 0 for a gamma below 1.
    losses = -(wrong.clamp_min(1e-7) ** gamma) * log_p
    return torch.where(known, losses, 0.0).sum() / known.sum().clamp_min(1)


def glacier_loss(logit: Tensor, ice: Tensor) -> Tensor:
    """Binary cross-entropy and soft Dice of a glacier head, one part each.

    Parameters
    ----------
    logit
        (batch, row, column), of ice of any kind.
    ice
        (batch, row, column), 1 ice, 0 none, 255 unknown (`ice_truth`).

    Examples
    --------
    >>> round(float(glacier_loss(torch.zeros(1, 1, 2), torch.tensor([[[1, 255]]]))), 4)  # log 2 + 1 - 2 / 2.5
    0.8931
    """
    logs = torch.stack([functional.logsigmoid(-logit), functional.logsigmoid(logit)], dim=1)
    return cross_entropy_loss(logs, ice) + dice_loss(logs.exp(), ice, "soft")
