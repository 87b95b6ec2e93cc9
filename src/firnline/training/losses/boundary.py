"""How well the edges of what is predicted follow the edges of the truth."""

from __future__ import annotations

import torch.nn.functional as functional
from torch import Tensor

from firnline.classes import UNKNOWN
from firnline.training.losses.overlap import known_planes, mean_over_present

EDGE = 3
"""Side of the window in which another value makes a pixel an edge: edges are one pixel wide, inside the class."""
TOLERANCE = 5
"""Side of the window in which an edge is met: up to 2 pixels off."""
REACH = EDGE // 2 + TOLERANCE // 2
"""How far, in pixels, the answer at a pixel depends on others."""


def boundary_loss(probabilities: Tensor, truth: Tensor) -> Tensor:
    """One minus a surrogate of the boundary F1 (Bokhovkin and Burnaev 2019), over the whole batch.

    The edge of a plane y is y - min y over 3 x 3 pixels, for probabilities as for truth. Precision is the share of
    the predicted edge that lies within 2 pixels of a true one, recall the share of the true edge near a predicted
    one; F1 = 2 P R / (P + R), mean over the classes but the background that have an edge in the batch's truth.
    The windows, 3 and 5 pixels, are those of the code of Aryal et al. (2023).

    A pixel counts only where all within 3 pixels of it is known, and the chip's outside is unknown: there the truth
    alone says whether there is an edge and whether one is near. So the rim of unknown makes no edge.

    Parameters
    ----------
    probabilities
        (batch, class, row, column), adding up to 1.
    truth
        (batch, row, column), integer; 255 takes no part.

    Examples
    --------
    >>> import torch
    >>> truth = (torch.arange(9) >= 4).long().expand(1, 9, 9)
    >>> p = torch.where(truth == 1, 0.9, 0.1)
    >>> round(float(boundary_loss(torch.stack([1 - p, p], 1), truth)), 4)  # precision 1, recall 0.8
    0.1111
    """
    counts = _far_from_unknown(truth).unsqueeze(1)
    p, t = (planes[:, 1:].contiguous() for planes in known_planes(probabilities, truth))  # pooling is twice as fast
    p_edge, t_edge = _edge(p), _edge(t)
    p_near, t_near = _largest(p_edge, TOLERANCE), _largest(t_edge, TOLERANCE)
    p_all, t_all, p_met, t_met = (
        (planes * counts).sum((0, 2, 3)) for planes in (p_edge, t_edge, p_edge * t_near, t_edge * p_near)
    )
    # 2 P R / (P + R) with P = p_met / p_all and R = t_met / t_all, without a division by an edge that is not there.
    f1 = 2 * p_met * t_met / (p_met * t_all + t_met * p_all).clamp_min(1e-12)
    return mean_over_present(1 - f1, t_all)


def _edge(planes: Tensor) -> Tensor:
    """Inner edges: planes less their smallest value in the window."""
    return planes + _largest(-planes, EDGE)


def _largest(planes: Tensor, side: int) -> Tensor:
    """The largest value in a square around each pixel: that of each row of it, and then of these."""
    rows = functional.max_pool2d(planes, (1, side), stride=1, padding=(0, side // 2))
    return functional.max_pool2d(rows, (side, 1), stride=1, padding=(side // 2, 0))


def _far_from_unknown(truth: Tensor) -> Tensor:
    """Where everything within REACH (a square) is known, (batch, row, column)."""
    unknown = functional.pad((truth == UNKNOWN).float(), [1] * 4, value=1.0)
    return _largest(unknown, 2 * REACH + 1)[:, 1:-1, 1:-1] == 0
