"""The network in OpenVINO: converted once without a word to a network, and kept beside the weights."""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import firnline
from firnline.errors import ConfigError
from firnline.files import sha256_of
from firnline.inference.accepted import INT8
from firnline.inference.runtime import Precision, multiple_of, network_of
from firnline.models.bundle import Bundle
from firnline.models.normaliser import Floats

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OpenVinoRuntime:
    """The network in OpenVINO on the CPU; converted once, then kept beside the weights."""

    compiled: Any
    version: str
    precision: Precision = "f32"

    @classmethod
    def of(
        cls, bundle: Bundle, window: int, precision: Precision = "f32", int8: Path | None = None
    ) -> OpenVinoRuntime:
        """Compile for windows of `window` pixels; `int8` names a quantised model that is not accepted yet.

        Raises
        ------
        ConfigError
            When bf16 is asked for, and this CPU does not compute in it.
        """
        openvino = import_openvino()
        core = openvino.Core()
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise ConfigError("this CPU does not compute in bf16", where="--precision bf16", do="use f32 or int8")
        quantised = int8 or bundle.derived / INT8
        model = core.read_model(quantised) if precision == "int8" else converted(bundle, core, openvino.__version__)
        return cls(_compiled(core, model, bundle, window, precision), openvino.__version__, precision)

    @property
    def name(self) -> str:
        """Version and precision."""
        return f"openvino {self.version} {self.precision} on cpu"

    def probabilities(self, values: Floats) -> Floats:
        """One window."""
        return np.array(self.compiled(values[None])[0][0])


def _compiled(core: Any, model: Any, bundle: Bundle, window: int, precision: Precision) -> Any:
    """Compile; what is not quantised is f32 whatever the CPU: by default OpenVINO takes bf16 where it can, which
    moves boundaries."""
    model.reshape([1, bundle.description.layout.channels, window, window])
    hint = "bf16" if precision == "bf16" else "f32"
    return core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": hint})


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry: merely by being imported it would tell Google Analytics.

    Where its telemetry package is missing, OpenVINO puts a stub in its place; None in `sys.modules` says so.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def converted(bundle: Bundle, core: Any, version: str) -> Any:
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
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
    from torch.jit import TracerWarning  # type: ignore[attr-defined]

    from firnline.inference.torch_runtime import WithSoftmax

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
    openvino = import_openvino()
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            made = Path(folder) / kept.name
            openvino.save_model(model, made, compress_to_fp16=False)
            made.with_suffix(".json").write_text(json.dumps(_note(made, version)), encoding="utf-8")
            for suffix in (".bin", ".xml", ".json"):  # the note last: it is what makes them count
                made.with_suffix(suffix).replace(kept.with_suffix(suffix))
    except (OSError, RuntimeError) as error:
        for suffix in (".bin", ".xml", ".json"):
            kept.with_suffix(suffix).unlink(missing_ok=True)
        _log.warning("the converted model could not be kept in %s: %s", kept.parent, error)
