"""Networks with an encoder of segmentation-models-pytorch or timm: the extra `encoders`, imported when asked for."""

from __future__ import annotations

import importlib
from typing import Any, Final

import torch
from torch import nn

from firnline.errors import ModelError
from firnline.models.architectures import STRIDE, Decoder

# With torch named, pip takes the torchvision made for it, and does not replace a CPU build by GB of CUDA.
INSTALL: Final = f"install it with pip install 'firnline[encoders]' torch=={torch.__version__.partition('+')[0]}"
CHOOSE: Final = "choose another, such as resnet18 or tu-convnext_atto (docs/training.md)"

_declared: list[torch.library.Library] = []
"""Kept for as long as the process runs: torch forgets operators with the object that declared them."""


def encoder_network(encoder: str, decoder: Decoder, channels: int, classes: int) -> nn.Module:
    """Build a network with random weights: (batch, channel, row, column) to logits (batch, class, row, column).

    Nothing is downloaded: weights learnt from photographs know three bands in 8 bits, and no server is to be needed.

    Parameters
    ----------
    encoder
        A name of segmentation-models-pytorch (``resnet18``), or one of timm after ``tu-`` (``tu-convnext_atto``).
    decoder
        What brings the encoder's features back to the full resolution.
    channels, classes
        Channels in and out.

    Raises
    ------
    ModelError
        When the extra is not installed or does not load, or the encoder is unknown or takes windows of one size only.
    """
    library = _import_library()
    if not encoder.startswith("tu-") and encoder not in library.encoders.get_encoder_names():
        raise ModelError(f"segmentation-models-pytorch has no encoder '{encoder}'", do=CHOOSE)
    try:
        network: nn.Module = library.create_model(
            decoder, encoder, encoder_weights=None, in_channels=channels, classes=classes
        )
        with torch.no_grad():
            network.eval()(torch.zeros(1, channels, STRIDE, 2 * STRIDE))
    except Exception as error:  # there are a thousand of them, by many hands, and each fails in its own way
        raise ModelError(f"the encoder '{encoder}' cannot be used: {_first_line(error)}", do=CHOOSE) from None
    return network.train()


def _import_library() -> Any:
    try:
        _import_torchvision()
        return importlib.import_module("segmentation_models_pytorch")
    except ModuleNotFoundError as error:
        what = f"an encoder needs the extra 'encoders', which is not installed (there is no {error.name})"
        raise ModelError(what, do=INSTALL) from None
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        raise ModelError(
            f"segmentation-models-pytorch does not load: {_first_line(error)}",
            do=f"torchvision must be the one made for torch {torch.__version__}",
        ) from None


def _import_torchvision() -> None:
    """Import torchvision, also where its compiled operators do not load.

    The wheel on PyPI is built for CUDA. Beside a CPU build of torch its operators are missing. It allows for that,
    but then describes two of them to torch and fails (https://github.com/pytorch/vision/issues/9085). No encoder uses
    them, so their names are declared, and it is imported again.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error) or _declared:
            raise
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        _declared.append(library)
        takes = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        for name in ("nms", "qnms"):
            library.define(f"{name}{takes}")  # type: ignore[no-untyped-call]
        importlib.import_module("torchvision")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
