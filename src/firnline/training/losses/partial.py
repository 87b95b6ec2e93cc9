"""Partial labels: what a chip's truth does not tell apart, the loss does not either."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from firnline.classes import BACKGROUND, CLEAN_ICE, DEBRIS, UNKNOWN, LabelScheme
from firnline.errors import LabelError
from firnline.evaluation.calibration import GROUPS, Groups


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
    groups = _groups(model, truth)
    return torch.stack([probabilities[:, list(group)].sum(dim=1) for group in groups], dim=1)


def log_as_truth_sees(logs: Tensor, model: LabelScheme, truth: LabelScheme) -> Tensor:
    """`as_truth_sees` for log-probabilities, which keep a gradient where a probability is too small to show.

    Examples
    --------
    >>> logs = torch.tensor([0.5, 0.25, 0.25]).log().reshape(1, 3, 1, 1)
    >>> log_as_truth_sees(logs, LabelScheme.CLASS, LabelScheme.DEBRIS).exp().flatten().tolist()
    [0.75, 0.25]
    """
    if model == truth:
        return logs
    groups = _groups(model, truth)
    return torch.stack([torch.logsumexp(logs[:, list(group)], dim=1) for group in groups], dim=1)


def require_learnable(model: LabelScheme, truth: LabelScheme, where: Path | None = None) -> None:
    """Raise LabelError when a model of one scheme cannot learn from truth of another.

    Examples
    --------
    >>> require_learnable(LabelScheme.CLASS, LabelScheme.DEBRIS)
    """
    if model not in (truth, LabelScheme.CLASS):
        raise LabelError(
            f"a model of scheme '{model}' cannot learn from truth of scheme '{truth}'",
            where=where,
            do="set truth_as where the truth can be converted",
        )


def _groups(model: LabelScheme, truth: LabelScheme) -> Groups:
    require_learnable(model, truth)
    return GROUPS[truth]


def ice_truth(truth: Tensor, schemes: Sequence[LabelScheme]) -> Tensor:
    """What the truth of each chip says of ice of any kind: 1 ice, 0 none, 255 unknown.

    A debris truth says it only of its debris, for the rest may be clean ice; and so a truth of clean ice.

    Parameters
    ----------
    truth
        (batch, row, column), integer, 255 unknown.
    schemes
        The label scheme of each chip.

    Examples
    --------
    >>> truth = torch.tensor([[[0, 1, 2, 255]], [[0, 1, 1, 255]]])
    >>> ice_truth(truth, [LabelScheme.CLASS, LabelScheme.DEBRIS]).tolist()
    [[[0, 1, 1, 255]], [[255, 1, 1, 255]]]
    """
    of_one_kind = [scheme in (LabelScheme.DEBRIS, LabelScheme.CLEAN) for scheme in schemes]
    leaves_open = torch.tensor(of_one_kind, device=truth.device)
    ice = truth.masked_fill(truth == DEBRIS, CLEAN_ICE)
    return ice.masked_fill(leaves_open[:, None, None] & (truth == BACKGROUND), UNKNOWN)
