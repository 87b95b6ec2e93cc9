"""The state of a training run between two epochs, without pickle."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.optim import Optimizer

from firnline.errors import ModelError
from firnline.files import replaced


@dataclass
class Progress:
    """How far a run is."""

    epoch: int = 0
    """Epochs done."""
    best: float = -1.0
    best_epoch: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


def save_checkpoint(
    path: Path, fingerprint: str, progress: Progress, network: nn.Module, optimiser: Optimizer
) -> None:
    """Write weights, the optimiser's moments and the progress into one file."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors.update({f"optimiser.{index}.{key}": torch.as_tensor(value) for key, value in state.items()})
    said = {"fingerprint": fingerprint, "progress": json.dumps(vars(progress))}
    with replaced(path) as temporary:
        try:
            safetensors.torch.save_file({k: v.contiguous() for k, v in tensors.items()}, temporary, said)
        except SafetensorError as error:
            raise OSError(str(error)) from None


def load_checkpoint(path: Path, fingerprint: str, network: nn.Module, optimiser: Optimizer) -> Progress:
    """Put a run's state back into `network` and `optimiser`.

    Raises
    ------
    ModelError
        When the file is damaged, or belongs to a run with other settings.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            said = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"is damaged: {error}", where=path, do="remove it to start again") from None
    if said.get("fingerprint") != fingerprint:
        raise ModelError(
            "belongs to a run with other settings", where=path, do="restore the settings, or use --restart"
        )
    network.load_state_dict(_under(tensors, "network."))
    _load_optimiser(optimiser, _under(tensors, "optimiser."))
    return Progress(**json.loads(said["progress"]))


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _load_optimiser(optimiser: Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
