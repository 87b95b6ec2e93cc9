"""The network is the paper's, to the parameter."""

from __future__ import annotations

import pytest
import torch

from firnline.models.unet import UNet


@pytest.mark.parametrize(("bands", "parameters"), [(15, 7_777_363), (11, 7_776_787)])
def test_has_as_many_parameters_as_the_authors_network(bands: int, parameters: int) -> None:
    assert sum(parameter.numel() for parameter in UNet(bands, 3).parameters()) == parameters


def test_modules_are_named_as_in_the_authors_checkpoints() -> None:
    names = set(UNet(15, 3).state_dict())
    wanted = {"downblocks.4.conv1.weight", "middle_conv.conv2.bias", "upblocks.0.upconv.weight"}
    assert wanted | {"upblocks.4.conv.conv1.weight", "seg_layer.weight"} <= names
    assert not any("norm" in name for name in names)


def test_a_block_drops_whole_channels_between_its_first_convolution_and_the_relu() -> None:
    torch.manual_seed(0)
    block = UNet(1, 2, width=64, depth=1, dropout=0.5).downblocks[0].train()
    dropped = block.dropout(torch.ones(1, 64, 4, 4))
    by_channel = dropped.reshape(64, -1)
    assert (by_channel == by_channel[:, :1]).all()
    assert 10 < int((by_channel[:, 0] == 0).sum()) < 54


@pytest.mark.parametrize("norm", ["none", "batch", "group"])
def test_gives_one_logit_a_class_at_full_resolution(norm: str) -> None:
    network = UNet(4, 3, width=4, depth=3, norm=norm).eval()  # type: ignore[arg-type]
    assert network(torch.randn(2, 4, 32, 16)).shape == (2, 3, 32, 16)


def test_sees_beyond_its_pixel() -> None:
    """Moving one input pixel moves outputs some pixels away: what a pixel classifier cannot do."""
    torch.manual_seed(1)
    network = UNet(1, 2, width=4, depth=2).eval()
    image = torch.zeros(1, 1, 96, 96)
    moved = image.clone()
    moved[0, 0, 48, 48] = 10
    changed = (network(moved) - network(image)).abs().sum(1)[0] > 1e-9
    assert changed[48, 54]
    assert not changed[0, 0]
