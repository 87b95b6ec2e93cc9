"""Runtimes: the same network on OpenVINO (CPU) or torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from firnline.errors import ModelError
from firnline.models.architectures import CompositeSettings
from firnline.models.bundle import Bundle
from firnline.models.normaliser import Floats
from firnline.models.pixels.classifier import RasterClassifier

RuntimeName = Literal["auto", "torch", "openvino"]


class Runtime(Protocol):
    """A network that is ready to predict windows of one size."""

    @property
    def name(self) -> str:
        """Name, version and precision, for the record."""

    def probabilities(self, values: Floats) -> Floats:
        """Normalised bands (band, row, column) to class probabilities (class, row, column), float32."""


def open_runtime(bundle: Bundle, window: int, name: RuntimeName = "auto") -> Runtime:
    """Make a bundle ready for windows of `window` pixels: torch where there is a GPU, else OpenVINO.

    A classifier of pixels or segments runs as it is, whatever runtime is asked for.

    Raises
    ------
    ModelError
        When the window does not suit the network.
    """
    multiple = multiple_of(bundle)
    if window % multiple:
        raise ModelError(
            f"windows of {window} pixels do not suit it", where=bundle.folder, do=f"use a multiple of {multiple}"
        )
    if bundle.classifier is not None:
        return ClassifierRuntime(bundle.classifier)
    if name == "auto":
        name = "torch" if torch.cuda.is_available() else "openvino"
    if name == "torch":
        return TorchRuntime.of(bundle)
    from firnline.inference.openvino_runtime import OpenVinoRuntime

    return OpenVinoRuntime.of(bundle, window)


def network_of(bundle: Bundle) -> nn.Module:
    """The network of a bundle that has one; those made of others are opened member by member."""
    assert bundle.network is not None
    return bundle.network


def multiple_of(bundle: Bundle) -> int:
    """Sides of a window must be multiples of this."""
    architecture = bundle.description.architecture
    assert not isinstance(architecture, CompositeSettings)
    return architecture.multiple


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
    """The network in torch, float32."""

    network: nn.Module
    device: torch.device

    @classmethod
    def of(cls, bundle: Bundle) -> TorchRuntime:
        """Put the network on the GPU where there is one."""
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.backends.cudnn.allow_tf32 = False  # what is called f32 shall be it
        network = WithSoftmax(network_of(bundle)).eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(network, device)

    @property
    def name(self) -> str:
        """Version and device."""
        return f"torch {torch.__version__} f32 on {self.device.type}"

    def probabilities(self, values: Floats) -> Floats:
        """One window."""
        with torch.inference_mode():
            batch = torch.from_numpy(values[None]).to(self.device, memory_format=torch.channels_last)
            result: Floats = self.network(batch)[0].float().cpu().numpy()
        return result


@dataclass(frozen=True)
class ClassifierRuntime:
    """A classifier of pixels or segments, in compiled code of scikit-learn and numpy."""

    classifier: RasterClassifier

    @property
    def name(self) -> str:
        """What it is, and the version of what walks its trees and makes its segments."""
        used = ("numpy", "scikit-learn", "scikit-image")
        return f"{self.classifier.settings.name} on " + ", ".join(f"{each} {version(each)}" for each in used)

    def probabilities(self, values: Floats) -> Floats:
        """One window."""
        return self.classifier.probabilities(values)
