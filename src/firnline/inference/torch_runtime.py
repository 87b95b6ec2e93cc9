"""The network in torch: on the GPU where there is one, else on the CPU."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from firnline.inference.runtime import Precision, network_of
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
        """Put the network on the GPU where there is one."""
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.backends.cudnn.allow_tf32 = False  # what is called f32 shall be it
        network = WithSoftmax(network_of(bundle)).eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(network, device, precision)

    @property
    def name(self) -> str:
        """Version, precision and device."""
        return f"torch {torch.__version__} {self.precision} on {self.device.type}"

    def probabilities(self, values: Floats) -> Floats:
        """One window."""
        with torch.inference_mode(), self._precision():
            batch = torch.from_numpy(values[None]).to(self.device, memory_format=torch.channels_last)
            result: Floats = self.network(batch)[0].float().cpu().numpy()
        return result

    def _precision(self) -> Any:
        """Convolutions in bfloat16 where that is asked for; torch keeps the softmax in float32."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bf16" else nullcontext()
