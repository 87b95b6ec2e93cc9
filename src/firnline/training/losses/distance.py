"""Signed distance to the boundary of ice, where the truth is sure of it."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from firnline.classes import UNKNOWN


def distance_loss(predicted: Tensor, ice: Tensor, reach: int) -> Tensor:
    """Smooth L1 (Girshick 2015) of distance / reach, mean over the pixels whose distance is certain.

    Parameters
    ----------
    predicted
        Signed distance (batch, row, column) in pixels, positive in ice.
    ice
        (batch, row, column), 1 ice, 0 none, 255 unknown (`ice_truth`).
    reach
        In pixels; what is farther counts as this far.

    Examples
    --------
    >>> ice = torch.tensor([0, 0, 1, 1]).expand(1, 4, 4)
    >>> float(distance_loss(torch.zeros(1, 4, 4), ice, 1))  # the 8 certain pixels are at 0.5: 0.5^2 / 2
    0.125
    """
    target, certain = signed_distance(ice, reach)
    target = target.to(predicted.dtype)
    learnt = torch.where(certain, predicted, target)
    return functional.smooth_l1_loss(learnt / reach, target / reach, reduction="sum") / certain.sum().clamp_min(1)


def signed_distance(ice: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """Distance in pixels to the boundary of ice, cut off at `reach`, and where it is certain.

    The boundary lies between pixels: a pixel's distance is that from its centre to the nearest centre of the other
    kind, less one half. It is positive in ice and negative outside; on both sides of a straight boundary it is 0.5.

    An unknown pixel could be of either kind, and so could what lies outside the chip. So a distance is certain only
    where nothing unknown is nearer, by the same measure, than the distance itself, cut off as it is.

    Parameters
    ----------
    ice
        (batch, row, column), 1 ice, 0 none, 255 unknown (`ice_truth`).
    reach
        In pixels, 1 or more.

    Returns
    -------
    Signed distance (batch, row, column), float32, and a mask of the same shape.

    Examples
    --------
    >>> distance, certain = signed_distance(torch.tensor([0, 0, 0, 1, 1, 255]).expand(1, 7, 6), 2)
    >>> distance[0, 3, :5].tolist()
    [-2.0, -1.5, -0.5, 0.5, 1.5]
    >>> certain[0, 3].tolist()
    [False, True, True, True, False, False]
    """
    inside, outside, unknown = ice == 1, ice == 0, ice == UNKNOWN
    to_other = torch.where(inside, distance_to(outside, reach), distance_to(inside, reach)) - 0.5
    beyond = functional.pad(unknown, [1] * 4, value=True)
    to_unknown = distance_to(beyond, reach)[:, 1:-1, 1:-1] - 0.5
    size = to_other.clamp_max(reach)
    return torch.where(inside, size, -size), ~unknown & (size <= to_unknown)


def distance_to(places: Tensor, reach: int) -> Tensor:
    """Distance between centres from each pixel to the nearest of `places` (batch, row, column; bool), float32.

    Exact up to reach + 1; farther it is only known to be more. The squares of rows and columns add up, so the nearest
    along each column is found first, and then the nearest of those along each row (Felzenszwalb and Huttenlocher
    2012, who do without a reach). It runs where the tensor is.

    Examples
    --------
    >>> distance_to(torch.tensor([[[True, False, False]]]), 2).tolist()
    [[[0.0, 1.0, 2.0]]]
    """
    window = reach + 1
    squares = torch.where(places, 0.0, float((2 * window) ** 2))
    for dim in (1, 2):
        length, nearest = squares.shape[dim], squares.clone()
        for step in range(1, min(window + 1, length)):
            for here, there in ((step, 0), (0, step)):
                part = nearest.narrow(dim, here, length - step)
                torch.minimum(part, squares.narrow(dim, there, length - step) + step**2, out=part)
        squares = nearest
    return squares.sqrt()
