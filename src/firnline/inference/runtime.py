"""Runtimes: the same network on OpenVINO (CPU) or torch."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from firnline.errors import ModelError
from firnline.models.bundle import Bundle
from firnline.models.normaliser import Floats

RuntimeName = Literal["auto", "torch", "openvino"]
_log = logging.getLogger(__name__)


class Runtime(Protocol):
    """A network that is ready to predict windows of one size."""

    @property
    def name(self) -> str:
        """Name, version and precision, for the record."""

    def probabilities(self, values: Floats) -> Floats:
        """Normalised bands (band, row, column) to class probabilities (class, row, column), float32."""


def open_runtime(bundle: Bundle, window: int, name: RuntimeName = "auto") -> Runtime:
    """Make a bundle ready for windows of `window` pixels: torch where there is a GPU, else OpenVINO.

    Raises
    ------
    ModelError
        When the window does not suit the network.
    """
    multiple = bundle.description.architecture.multiple
    if window % multiple:
        raise ModelError(
            f"windows of {window} pixels do not suit it", where=bundle.folder, do=f"use a multiple of {multiple}"
        )
    if name == "auto":
        name = "torch" if torch.cuda.is_available() else "openvino"
    return TorchRuntime.of(bundle) if name == "torch" else OpenVinoRuntime.of(bundle, window)


class _WithSoftmax(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, values: Tensor) -> Tensor:
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
        network = _WithSoftmax(bundle.network).eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
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
class OpenVinoRuntime:
    """The network in OpenVINO on the CPU, float32; converted once, then kept beside the weights."""

    compiled: Any
    version: str

    @classmethod
    def of(cls, bundle: Bundle, window: int) -> OpenVinoRuntime:
        """Compile for windows of `window` pixels."""
        openvino = _import_openvino()
        core = openvino.Core()
        bands = len(bundle.description.bands)
        with _converted(bundle, core) as model:
            model.reshape([1, bands, window, window])
            # f32 whatever the CPU: by default OpenVINO computes in bf16 where it can, which moves boundaries.
            compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return cls(compiled, openvino.__version__)

    @property
    def name(self) -> str:
        """Version and precision."""
        return f"openvino {self.version} f32 on cpu"

    def probabilities(self, values: Floats) -> Floats:
        """One window."""
        return np.array(self.compiled(values[None])[0][0])


def _import_openvino() -> Any:
    """Import OpenVINO without its telemetry: merely by being imported it would tell Google Analytics.

    Where its telemetry package is missing, OpenVINO puts a stub in its place; None in `sys.modules` says so.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


@contextmanager
def _converted(bundle: Bundle, core: Any) -> Iterator[Any]:
    """The network as an OpenVINO model: read from the bundle's derived files, which are made when missing."""
    kept = bundle.derived / "f32.xml"
    if kept.is_file() and kept.with_suffix(".bin").is_file():
        try:
            model = core.read_model(kept)
        except RuntimeError:
            _log.warning("%s is damaged and is made again", kept)
        else:
            yield model
            return
    model = _convert(bundle)
    _keep(model, kept)
    yield model


def _convert(bundle: Bundle) -> Any:
    """Convert through OpenVINO's PyTorch front end itself: `convert_model` takes several times as long."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    side = 2 * bundle.description.architecture.multiple
    example = torch.zeros(1, len(bundle.description.bands), side, side)
    front_end = FrontEndManager().load_by_framework("pytorch")
    with warnings.catch_warnings():
        # torch calls tracing deprecated; OpenVINO's front end for its successor fails without torchvision.
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(_WithSoftmax(bundle.network).eval(), example, check_trace=False)  # type: ignore[no-untyped-call]
    decoder = TorchScriptPythonDecoder(traced, example_input=example)
    return front_end.convert(front_end.load(decoder))


def _keep(model: Any, kept: Path) -> None:
    """Keep the conversion beside the weights; where the bundle cannot be written to, it is made anew each time."""
    openvino = _import_openvino()
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            openvino.save_model(model, Path(folder) / kept.name, compress_to_fp16=False)
            for suffix in (".bin", ".xml"):  # the .xml last: it is what makes the pair count
                (Path(folder) / kept.with_suffix(suffix).name).replace(kept.with_suffix(suffix))
    except (OSError, RuntimeError) as error:
        shutil.rmtree(kept.parent, ignore_errors=True)
        _log.warning("the converted model could not be kept in %s: %s", kept.parent, error)
