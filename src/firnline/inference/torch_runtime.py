"""The network in torch: on the GPU where there is one, else on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from firnline.inference.runtime import Precision
    from firnline.models.bundle import Bundle
    from firnline.models.normaliser import Floats


class WithSoftmax(nn.Module):
    """A network that gives probabilities."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, values: Tensor) -> Tensor:
        """(batch, band, row, column) to probabilities (batch, class, row, column)."""
        return torch.softmax(self.network(values), dim=1)


@dataclass(frozen=True)
class TorchRuntime:
    """The network in torch, float32 or bfloat16."""

    network: nn.Module
    device: torch.device
    precision: Precision = "f32"

    @classmethod
    def of(cls, bundle: Bundle, precision: Precision = "f32") -> TorchRuntime:
        """Put the network of a bundle on the GPU where there is one."""
        from firnline.inference.runtime import network_of

        return cls.on(torch.device("cuda" if torch.cuda.is_available() else "cpu"), network_of(bundle), precision)

    @classmethod
    def on(cls, device: torch.device, network: nn.Module, precision: Precision = "f32") -> TorchRuntime:
        """Put a network that gives logits on a device."""
        served = WithSoftmax(network).eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(served, device, precision)

    @property
    def name(self) -> str:
        """Version, precision and device."""
        return f"torch {torch.__version__} {self.precision} on {self.device.type}"

    def probabilities(self, values: Floats) -> Floats:
        """One window."""
        with torch.inference_mode(), _exactly(), self._precision():
            batch = torch.from_numpy(values[None]).to(self.device, memory_format=torch.channels_last)
            result: Floats = self.network(batch)[0].float().cpu().numpy()
        return result

    def _precision(self) -> Any:
        """Convolutions in bfloat16 where that is asked for; torch keeps the softmax in float32."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bf16" else nullcontext()


@contextmanager
def _exactly() -> Iterator[None]:
    """What is called f32 shall be it, and the same each time; torch's settings are as before when it is left.

    On a GPU torch computes convolutions in TF32 (10 bits of fraction) unless told otherwise, and cuDNN may choose an
    algorithm that adds up in another order each time: then interrupted work would not go on byte for byte.
    """
    convolution, product = torch.backends.cudnn, torch.backends.cuda.matmul
    before = convolution.allow_tf32, convolution.deterministic, product.allow_tf32
    convolution.allow_tf32, convolution.deterministic, product.allow_tf32 = False, True, False
    try:
        yield
    finally:
        convolution.allow_tf32, convolution.deterministic, product.allow_tf32 = before
