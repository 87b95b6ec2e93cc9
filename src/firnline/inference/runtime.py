"""Runtimes: the same network on OpenVINO (CPU), torch or ONNX Runtime."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Literal, Protocol, get_args

from firnline.errors import ConfigError, ModelError
from firnline.models.architectures import CompositeSettings
from firnline.models.bundle import Bundle
from firnline.models.normaliser import Floats
from firnline.models.pixels.classifier import RasterClassifier

if TYPE_CHECKING:
    from torch import nn

RuntimeName = Literal["auto", "openvino", "torch", "onnx"]
RUNTIMES: Final[tuple[RuntimeName, ...]] = get_args(RuntimeName)
Precision = Literal["f32", "bf16", "int8"]
PRECISIONS: Final[tuple[Precision, ...]] = get_args(Precision)

_PRECISIONS_OF: Final[dict[RuntimeName, tuple[Precision, ...]]] = {
    "openvino": ("f32", "bf16", "int8"),
    "torch": ("f32", "bf16"),
    "onnx": ("f32",),
}


class Runtime(Protocol):
    """A network that is ready to predict windows of one size."""

    @property
    def name(self) -> str:
        """Name, version and precision, for the record."""

    def probabilities(self, values: Floats) -> Floats:
        """Normalised bands (band, row, column) to class probabilities (class, row, column), float32."""


def open_runtime(
    bundle: Bundle, window: int, name: RuntimeName = "auto", precision: Precision = "f32", *, gated: bool = True
) -> Runtime:
    """Make a bundle ready for windows of `window` pixels.

    ``auto`` is torch where there is a GPU, else OpenVINO. A classifier of pixels or segments runs as it is, whatever
    runtime is asked for.

    Parameters
    ----------
    precision
        ``f32``; or ``bf16`` or ``int8``, which the bundle must have been accepted in (`firnline.inference.accepted`).
    gated
        Whether it must; the gate itself has to map before.

    Raises
    ------
    ModelError
        When the window does not suit the network, or the bundle was not accepted in the precision.
    ConfigError
        When the runtime, or this CPU, does not have the precision.
    """
    _require_multiple(bundle, window)
    if bundle.classifier is not None:
        if precision != "f32":
            raise ConfigError(
                f"is for networks, and {bundle.description.architecture.name} is none",
                where=f"--precision {precision}",
                do="leave it out",
            )
        return ClassifierRuntime(bundle.classifier)
    name = settled(name, precision)
    if precision != "f32" and gated:
        from firnline.inference.accepted import require_accepted

        require_accepted(bundle, name, precision)
    if name == "torch":
        from firnline.inference.torch_runtime import TorchRuntime

        return TorchRuntime.of(bundle, precision)
    if name == "onnx":
        from firnline.inference.onnx_runtime import OnnxRuntime

        return OnnxRuntime.of(bundle, window)
    from firnline.inference.openvino_runtime import OpenVinoRuntime

    return OpenVinoRuntime.of(bundle, window, precision)


def settled(name: RuntimeName, precision: Precision) -> RuntimeName:
    """The runtime that a name and a precision come to on this machine.

    Raises
    ------
    ConfigError
        When the runtime does not have the precision.

    Examples
    --------
    >>> settled("auto", "int8"), settled("torch", "bf16")
    ('openvino', 'torch')
    """
    if name == "auto":
        name = "torch" if precision != "int8" and _has_gpu() else "openvino"
    if precision not in _PRECISIONS_OF[name]:
        able = " or ".join(each for each, known in _PRECISIONS_OF.items() if precision in known)
        raise ConfigError(f"is not for the runtime {name}", where=f"--precision {precision}", do=f"use {able}")
    return name


def _has_gpu() -> bool:
    """Whether torch finds one; torch, which takes seconds, is only imported where there is a driver."""
    for driver in ("libcuda.so.1", "nvcuda.dll"):
        try:
            ctypes.CDLL(driver)
        except OSError:
            continue
        import torch

        return bool(torch.cuda.is_available())
    return False


def _require_multiple(bundle: Bundle, window: int) -> None:
    multiple = multiple_of(bundle)
    if window % multiple:
        raise ModelError(
            f"windows of {window} pixels do not suit it", where=bundle.folder, do=f"use a multiple of {multiple}"
        )


def network_of(bundle: Bundle) -> nn.Module:
    """The network of a bundle that has one; those made of others are opened member by member."""
    assert bundle.network is not None
    return bundle.network


def multiple_of(bundle: Bundle) -> int:
    """Sides of a window must be multiples of this."""
    architecture = bundle.description.architecture
    assert not isinstance(architecture, CompositeSettings)
    return architecture.multiple


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
