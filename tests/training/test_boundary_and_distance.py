"""The two losses that look at where classes meet, against numbers worked by hand and against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from firnline.training.losses import boundary_loss, distance_loss, signed_distance

SIDE = 21
"""Pixels 3 to 17 of a chip of this side are far enough from its rim to count."""


def chip(columns: torch.Tensor) -> torch.Tensor:
    """(1, row, column) with the same values in every row."""
    return columns.expand(1, SIDE, len(columns))


def ice_from(column: int) -> torch.Tensor:
    return chip((torch.arange(SIDE) >= column).long())


def of_classes(p: torch.Tensor) -> torch.Tensor:
    return torch.stack([1 - p, p], dim=1)


@pytest.mark.parametrize(("column", "loss"), [(8, 0.0), (6, 0.0), (10, 0.0), (11, 1.0), (5, 1.0)])
def test_an_edge_may_be_two_pixels_off(column: int, loss: float) -> None:
    p = ice_from(column).float()
    assert boundary_loss(of_classes(p), ice_from(8)).item() == pytest.approx(loss)


def test_boundary_by_hand() -> None:
    # In each row the truth has its edge in column 8. The prediction steps from 0.1 to 0.9 there, an edge of 0.8,
    # and down to 0.4 behind column 13, an edge of 0.5 that nothing meets:
    # precision 0.8 / (0.8 + 0.5), recall 0.8 (the edge near the true one)
    at = torch.arange(SIDE)
    p = chip(torch.where(at < 8, 0.1, torch.where(at <= 13, 0.9, 0.4)))
    precision, recall = 0.8 / 1.3, 0.8
    f1 = 2 * precision * recall / (precision + recall)
    assert boundary_loss(of_classes(p), ice_from(8)).item() == pytest.approx(1 - f1)


def test_only_what_is_far_from_unknown_and_rim_counts_for_the_boundary() -> None:
    # Ice from column 8, unknown from column 14: columns 3 to 10 count. Of the edges predicted, those of 0.3 in
    # column 1 and 0.5 in column 11 do not count, that of 0.5 in column 4 is not met, that of 0.8 in column 8 is.
    truth = ice_from(8).clone()
    truth[..., 14:] = 255
    p = torch.tensor([0.1, 0.4, 0.1, 0.1, 0.6, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9] + 9 * [0.4])
    precision, recall = 0.8 / (0.5 + 0.8), 0.8
    f1 = 2 * precision * recall / (precision + recall)
    assert boundary_loss(of_classes(chip(p)), truth).item() == pytest.approx(1 - f1)


def test_a_class_without_an_edge_pulls_nothing() -> None:
    # clean ice left, debris right of column 8, no background: each has its edge; then debris alone
    both, alone = 1 + ice_from(8), torch.full((1, SIDE, SIDE), 2)
    p = torch.tensor([0.2, 0.3, 0.5]).reshape(1, 3, 1, 1).expand(1, 3, SIDE, SIDE)
    assert boundary_loss(p, both).item() == 1  # no edge is predicted
    assert boundary_loss(p, alone).item() == 0


def test_the_rim_of_unknown_makes_no_edge() -> None:
    """Ice, and unknown from column 11 on: as background it would be an edge."""
    torch.manual_seed(0)
    truth = torch.ones(1, SIDE, SIDE, dtype=torch.long)
    p = torch.rand(1, SIDE, SIDE)
    truth[..., 11:] = 255
    assert boundary_loss(of_classes(p), truth).item() == 0
    truth[..., 11:] = 0
    assert boundary_loss(of_classes(p), truth).item() > 0


def test_unknown_pixels_change_neither_the_boundary_loss_nor_its_slope() -> None:
    torch.manual_seed(0)
    truth = ice_from(8).clone()
    truth[:, :, 14:] = 255
    losses = []
    for stray in (0.0, 1.0):
        p = torch.rand(1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
        p[:, :, 14:] = stray
        p.requires_grad_()
        loss = boundary_loss(of_classes(p), truth)
        (slope,) = torch.autograd.grad(loss, p)
        losses.append(loss.item())
        assert (slope[..., 14:] == 0).all()
        assert (slope[..., 5:11] != 0).any()
    assert losses[0] == losses[1]
    assert losses[0] > 0


def test_the_slope_of_the_boundary_loss() -> None:
    truth = torch.zeros(1, 9, 9, dtype=torch.long)
    truth[:, 4:, 3:] = 1
    logits = torch.randn(1, 2, 9, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: boundary_loss(torch.softmax(x, 1), truth), logits, fast_mode=True)


def test_the_boundary_lies_between_pixels() -> None:
    """Half a pixel on both sides of a straight one, and (square root of 2) - 1/2 across a corner."""
    truth = ice_from(10)
    distance, certain = signed_distance(truth, 4)
    assert distance[0, 10, 5:15].tolist() == [-4, -3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 4]
    assert certain[0, 10, 5:15].all()
    truth = torch.zeros(1, SIDE, SIDE, dtype=torch.long)
    truth[0, 10:, 10:] = 1
    assert signed_distance(truth, 4)[0][0, 9, 9].item() == pytest.approx(-(math.sqrt(2) - 0.5))


def by_scipy(ice: NDArray[np.bool_], reach: int) -> NDArray[np.float64]:
    """The truncated signed distance where all is known; without another kind, `reach`."""
    to_ice = distance_transform_edt(~ice) if ice.any() else np.full(ice.shape, np.inf)
    to_rest = distance_transform_edt(ice) if (~ice).any() else np.full(ice.shape, np.inf)
    size = np.minimum(np.where(ice, to_rest, to_ice) - 0.5, reach)
    return np.where(ice, size, -size)


@pytest.mark.parametrize("reach", [1, 3, 16])
@pytest.mark.parametrize("unknown", [0.0, 0.003, 0.05])
def test_a_distance_is_certain_where_no_unknown_could_change_it(reach: int, unknown: float) -> None:
    """Scipy's distances with all that is unknown, the chip's outside too, once as ice and once as none."""
    random = np.random.default_rng(reach)
    side, margin = 48, reach + 2
    ice = np.stack([gaussian_filter(random.normal(size=(side, side)), sigma) > 0.01 for sigma in (3, 8)])
    truth = ice.astype(np.uint8)
    truth[random.random(truth.shape) < unknown] = 255
    distance, certain = (found.numpy() for found in signed_distance(torch.from_numpy(truth), reach))
    assert certain.any()
    for i, plane in enumerate(truth):
        around = np.pad(plane, margin, constant_values=255)
        inner = (slice(margin, -margin), slice(margin, -margin))
        least, most = (by_scipy(np.where(around == 255, filled, around) == 1, reach)[inner] for filled in (0, 1))
        assert np.array_equal(certain[i], (least == most) & (plane != 255))
        np.testing.assert_allclose(distance[i][certain[i]], least[certain[i]], rtol=1e-6)


def test_distance_loss_by_hand() -> None:
    # Reach 2. Columns 9 and 10 are at 0.5, certain in all 21 rows; columns 8 and 11 at 1.5, certain from row 1 to
    # row 19; the rest is at 2, certain from row and column 2 to 18: 21 * 2 + 19 * 2 + 17 * (6 + 7) = 301 pixels.
    truth, reach = ice_from(10), 2
    exact, certain = signed_distance(truth, reach)
    assert int(certain.sum()) == 301
    assert distance_loss(exact, truth, reach).item() == 0
    # 1 pixel off everywhere: (1 / 2)^2 / 2
    assert distance_loss(exact + 1, truth, reach).item() == pytest.approx(0.125)
    # 3 pixels off in one pixel: 3 / 2 - 1 / 2
    off = exact.clone()
    off[0, 10, 9] += 3
    assert distance_loss(off, truth, reach).item() == pytest.approx(1 / 301)


def test_a_distance_that_is_not_certain_is_not_learnt() -> None:
    truth = ice_from(10).clone()
    truth[0, 10, 16] = 255
    predicted = torch.zeros(1, SIDE, SIDE, requires_grad=True)
    (slope,) = torch.autograd.grad(distance_loss(predicted, truth, 16), predicted)
    assert (slope[0, 10, 9:13] != 0).all()  # at 2.5 from the boundary, 3.5 from the unknown pixel
    # column 13 is 3.5 from the boundary and 2.5 from the unknown pixel, which is nearer
    assert (slope[0, 10, 13:17] == 0).all()
