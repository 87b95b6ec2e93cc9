"""What torch calls float32 is float32, the same bytes each time; and a GPU says what the CPU says."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from firnline.inference.torch_runtime import TorchRuntime
from firnline.models.firn import Firn
from firnline.models.inputs import Layout
from firnline.models.unet import UNet

WINDOW = np.random.default_rng(0).normal(0, 1, (4, 128, 128)).astype(np.float32)
CPU = torch.device("cpu")

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")


@pytest.fixture(params=["unet", "firn"])
def network(request: pytest.FixtureRequest) -> nn.Module:
    """Random weights with which a pixel's class is not the same everywhere."""
    torch.manual_seed(0)
    made: nn.Module = UNet(4, 3) if request.param == "unet" else Firn(Layout(tuple("abcd")), 3, widths=(8, 16, 32))
    for layer in made.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None
    with torch.inference_mode():
        made.train()(torch.from_numpy(WINDOW[None]))
    return made.eval()


class Witness(nn.Module):
    """Notes torch's settings while it is asked."""

    def forward(self, values: Tensor) -> Tensor:
        self.seen = _settings()
        return values


def _settings() -> tuple[bool, bool, bool]:
    convolution = torch.backends.cudnn
    return convolution.allow_tf32, torch.backends.cuda.matmul.allow_tf32, convolution.deterministic


@pytest.fixture
def tf32_on() -> Iterator[None]:
    """A program around firnline that trains in TF32."""
    convolution, product = torch.backends.cudnn, torch.backends.cuda.matmul
    before = convolution.allow_tf32, product.allow_tf32
    convolution.allow_tf32 = product.allow_tf32 = True
    yield
    convolution.allow_tf32, product.allow_tf32 = before


def test_tf32_is_off_while_a_window_is_computed_and_as_before_after_it(tf32_on: None) -> None:
    witness = Witness()
    runtime = TorchRuntime.on(CPU, witness)
    torch.backends.cudnn.allow_tf32 = True  # set by someone after the model was opened
    runtime.probabilities(WINDOW)
    assert witness.seen == (False, False, True)
    assert _settings() == (True, True, False)


def test_settings_are_as_before_after_a_failure(tf32_on: None) -> None:
    with pytest.raises(RuntimeError):
        TorchRuntime.on(CPU, nn.Conv2d(3, 3, 1)).probabilities(WINDOW)  # which has four bands
    assert _settings() == (True, True, False)


def test_probabilities_are_those_of_the_bare_network(network: nn.Module) -> None:
    with torch.inference_mode():
        plain = torch.softmax(network(torch.from_numpy(WINDOW[None])), dim=1)[0].numpy()
    found = TorchRuntime.on(CPU, network).probabilities(WINDOW)
    assert found.dtype == np.float32
    assert np.abs(found - plain).max() < 1e-5
    assert len(np.unique(found.argmax(0))) == 3
    fewer = TorchRuntime.on(CPU, network, "bf16").probabilities(WINDOW)
    assert fewer.dtype == np.float32
    assert 0 < np.abs(fewer - plain).max() < 0.2


@on_gpu
def test_a_gpu_says_what_the_cpu_says_and_the_same_bytes_again(network: nn.Module, tf32_on: None) -> None:
    truth = TorchRuntime.on(CPU, network).probabilities(WINDOW)
    runtime = TorchRuntime.on(torch.device("cuda"), network)
    found = runtime.probabilities(WINDOW)
    assert np.abs(found - truth).max() < 1e-4
    assert all(np.array_equal(runtime.probabilities(WINDOW), found) for _ in range(5))
    fewer = TorchRuntime.on(torch.device("cuda"), network, "bf16").probabilities(WINDOW)
    assert 1e-4 < np.abs(fewer - truth).max() < 0.2, "else it was not bf16, or is not the same network"
