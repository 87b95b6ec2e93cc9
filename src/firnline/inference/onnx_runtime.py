"""The network as an ONNX file, and in ONNX Runtime: the extra `onnx`."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

import firnline
from firnline.errors import ConfigError, OutputError
from firnline.files import replaced, sha256_of
from firnline.inference.runtime import network_of
from firnline.models.bundle import Bundle
from firnline.models.normaliser import Floats

if TYPE_CHECKING:
    from torch import nn

_log = logging.getLogger(__name__)

INPUT, OUTPUT = "input", "output"


@dataclass(frozen=True)
class OnnxRuntime:
    """The network in ONNX Runtime on the CPU, float32; exported once for a size of windows, then kept."""

    session: Any

    @classmethod
    def of(cls, bundle: Bundle, window: int) -> OnnxRuntime:
        """Open it for windows of `window` pixels.

        Raises
        ------
        ConfigError
            When the extra `onnx` is not installed.
        """
        onnxruntime = extra("onnxruntime", "onnx")
        session = onnxruntime.InferenceSession(_exported(bundle, window), providers=["CPUExecutionProvider"])
        return cls(session)

    @property
    def name(self) -> str:
        """Version and precision."""
        return f"onnxruntime {version('onnxruntime')} f32 on cpu"

    def probabilities(self, values: Floats) -> Floats:
        """One window."""
        return np.asarray(self.session.run([OUTPUT], {INPUT: values[None]})[0][0], np.float32)


def extra(module: str, name: str) -> Any:
    """Import a module of an extra; ConfigError says how to install it."""
    try:
        return import_module(module)
    except ImportError:
        raise ConfigError(f"{module} is not installed", do=f"pip install firnline[{name}]") from None


def _exported(bundle: Bundle, window: int) -> bytes:
    """The ONNX file from the bundle's derived files, made again when it is not as it was kept."""
    kept = bundle.derived / f"f32-{window}.onnx"
    note = kept.with_suffix(".json")
    try:
        said = json.loads(note.read_text(encoding="utf-8"))
        if said == {"firnline": firnline.__version__, "sha256": sha256_of(kept)}:
            return kept.read_bytes()
    except (OSError, ValueError):
        pass
    from firnline.inference.torch_runtime import WithSoftmax

    channels = bundle.description.layout.channels
    content = network_as_onnx(WithSoftmax(network_of(bundle)).eval(), channels, window)
    try:
        with replaced(kept) as path:
            path.write_bytes(content)
        with replaced(note) as path:
            said = {"firnline": firnline.__version__, "sha256": sha256_of(kept)}
            path.write_text(json.dumps(said), encoding="utf-8")
    except OutputError as error:
        _log.warning("the exported model could not be kept: %s", error)
    return content


def network_as_onnx(network: nn.Module, channels: int, window: int, metadata: Mapping[str, str] = {}) -> bytes:
    """A network as an ONNX file: ``input``, float32 (1, channel, window, window), to ``output``.

    Raises
    ------
    ConfigError
        When the extra `onnx` is not installed.
    """
    onnx = extra("onnx", "onnx")
    extra("onnxscript", "onnx")
    import torch

    example = torch.zeros(1, channels, window, window)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about its own inner workings
        program = torch.onnx.export(
            network, (example,), input_names=[INPUT], output_names=[OUTPUT], dynamo=True, verbose=False
        )
    assert program is not None
    model = program.model_proto
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content
