"""firnline's own network: what its heads say together, and what an absent kind of input does to it."""

from __future__ import annotations

import pytest
import torch

from firnline.models.firn import Firn, fused
from firnline.models.inputs import Layout

LAYOUT = Layout(("green", "swir16", "slope", "coherence"), ("slope", "coherence"))


@pytest.mark.parametrize("logit", [0.0, 3.0, 40.0])
def test_heads_that_are_surely_wrong_still_learn(logit: float) -> None:
    """Both say background; the truth is clean ice."""
    classes = torch.tensor([logit, -logit, -logit]).reshape(1, 3, 1, 1).requires_grad_()
    glacier = torch.full((1, 1, 1), -logit).requires_grad_()
    loss = torch.nn.functional.cross_entropy(fused(classes, glacier), torch.tensor([[[1]]]))
    loss.backward()
    assert torch.isfinite(loss)
    assert classes.grad is not None
    assert glacier.grad is not None
    assert float(classes.grad[0, 0]) > 0
    assert float(glacier.grad) < 0


def test_what_is_served_is_the_mean_of_both_heads_and_sums_to_one() -> None:
    torch.manual_seed(0)
    classes, glacier = 3 * torch.randn(2, 3, 5, 5), 3 * torch.randn(2, 5, 5)
    served = torch.softmax(fused(classes, glacier), 1)
    said = torch.softmax(classes, 1)
    ice = 0.5 * (said[:, 1:].sum(1) + torch.sigmoid(glacier))
    torch.testing.assert_close(served[:, 1:].sum(1), ice)
    torch.testing.assert_close(served[:, 2] / served[:, 1], said[:, 2] / said[:, 1])
    torch.testing.assert_close(torch.exp(fused(classes, glacier)), served)


def test_an_absent_kind_adds_nothing() -> None:
    """Of a network without that kind, with the same other weights, the output is the same."""
    torch.manual_seed(0)
    network = Firn(LAYOUT, 3, widths=(4, 8)).eval()
    without = Firn(Layout(LAYOUT.bands[:3], ("slope",)), 3, widths=(4, 8)).eval()
    own = {name: value for name, value in network.state_dict().items() if not name.startswith("stems.2")}
    without.load_state_dict(own)
    channels = torch.randn(1, 6, 16, 16)
    channels[:, [3, 5]] = 0.0  # coherence, and the plane that tells of it
    torch.testing.assert_close(network(channels), without(channels[:, [0, 1, 2, 4]]))


def test_it_is_small_enough_for_a_laptop() -> None:
    whole = Layout(("blue", "green", "red", "swir16", "lwir11", "slope"), ("lwir11", "slope"))
    network = Firn(whole, 3, widths=(8, 16, 32, 64, 128, 192))
    assert sum(parameter.numel() for parameter in network.parameters()) < 5_000_000


def test_detail_of_single_pixels_is_learnt_though_the_blocks_work_at_half_the_resolution() -> None:
    """A class that changes from pixel to pixel by chance: nothing coarser than a pixel could tell it."""
    torch.manual_seed(0)
    network = Firn(Layout(("green",)), 2, widths=(4, 8))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(100):
        noise = torch.randn(4, 1, 32, 32)
        loss = torch.nn.functional.cross_entropy(network(noise).classes, (noise[:, 0] > 0).long())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    unseen = torch.randn(1, 1, 32, 32)
    right = network.eval()(unseen).argmax(1) == (unseen[:, 0] > 0)
    assert float(right.float().mean()) > 0.95


def test_channels_are_dropped_in_training_alone() -> None:
    torch.manual_seed(0)
    network, channels = Firn(Layout(("green",)), 2, widths=(4, 8), dropout=0.5), torch.randn(2, 1, 16, 16)
    once, again = (network.train()(channels).classes for _ in range(2))
    assert not torch.equal(once, again)
    assert torch.equal(network.eval()(channels), network(channels))
