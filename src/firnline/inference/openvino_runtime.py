"""The network in OpenVINO: converted once without a word to a network, and kept beside the weights."""

from __future__ import annotations

import json
import logging
import shutil
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.jit import TracerWarning  # type: ignore[attr-defined]

import firnline
from firnline.files import sha256_of
from firnline.inference.runtime import WithSoftmax, multiple_of, network_of
from firnline.models.bundle import Bundle
from firnline.models.normaliser import Floats

_log = logging.getLogger(__name__)


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
        channels = bundle.description.layout.channels
        model = _converted(bundle, core, openvino.__version__)
        model.reshape([1, channels, window, window])
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


def _converted(bundle: Bundle, core: Any, version: str) -> Any:
    """The network as an OpenVINO model: from the bundle's derived files, which are made again when not as kept."""
    kept = bundle.derived / "f32.xml"
    if _is_as_kept(kept, version):
        return core.read_model(kept)
    if kept.with_suffix(".json").exists():
        _log.warning("%s is damaged, or of another version of OpenVINO or firnline, and is made again", kept)
    model = _convert(bundle)
    _keep(model, kept, version)
    return model


def _is_as_kept(kept: Path, version: str) -> bool:
    """Whether the files are those that these versions wrote: OpenVINO reads altered weights without a word."""
    try:
        noted = json.loads(kept.with_suffix(".json").read_text(encoding="utf-8"))
        return bool(noted == _note(kept, version))
    except (OSError, ValueError):
        return False


def _note(path: Path, version: str) -> dict[str, str]:
    sums = {suffix: sha256_of(path.with_suffix(suffix)) for suffix in (".xml", ".bin")}
    return {"openvino": version, "firnline": firnline.__version__, **sums}


def _convert(bundle: Bundle) -> Any:
    """Convert through OpenVINO's PyTorch front end itself: `convert_model` takes several times as long."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    side = 2 * multiple_of(bundle)
    example = torch.zeros(1, bundle.description.layout.channels, side, side)
    front_end = FrontEndManager().load_by_framework("pytorch")
    with warnings.catch_warnings():
        # torch calls tracing deprecated; OpenVINO's front end for its successor fails without torchvision.
        warnings.simplefilter("ignore", DeprecationWarning)
        # Group normalisation asks for the size of its input in Python; windows are never so small that it matters.
        warnings.simplefilter("ignore", TracerWarning)
        traced = torch.jit.trace(WithSoftmax(network_of(bundle)).eval(), example, check_trace=False)  # type: ignore[no-untyped-call]
    decoder = TorchScriptPythonDecoder(traced, example_input=example)
    return front_end.convert(front_end.load(decoder))


def _keep(model: Any, kept: Path, version: str) -> None:
    """Keep the conversion beside the weights; where the bundle cannot be written to, it is made anew each time."""
    openvino = _import_openvino()
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            made = Path(folder) / kept.name
            openvino.save_model(model, made, compress_to_fp16=False)
            made.with_suffix(".json").write_text(json.dumps(_note(made, version)), encoding="utf-8")
            for suffix in (".bin", ".xml", ".json"):  # the note last: it is what makes them count
                made.with_suffix(suffix).replace(kept.with_suffix(suffix))
    except (OSError, RuntimeError) as error:
        shutil.rmtree(kept.parent, ignore_errors=True)
        _log.warning("the converted model could not be kept in %s: %s", kept.parent, error)
