"""The state of a training run between two epochs, without pickle."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError

from firnline.errors import ModelError
from firnline.files import replaced
from firnline.training.config import TrainingConfig
from firnline.training.learner import Learner


@dataclass
class Progress:
    """How far a run is."""

    epoch: int = 0
    """Epochs done."""
    best: float = -1.0
    best_epoch: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def without_gain(self) -> int:
        """Validations since the best epoch."""
        return sum(1 for epoch in self.history if epoch["iou"] and epoch["epoch"] > self.best_epoch)

    def is_finished(self, config: TrainingConfig) -> bool:
        """Whether nothing is left to do: all epochs are done, or patience is at its end."""
        is_stopped = config.patience is not None and self.without_gain >= config.patience
        return self.epoch >= config.epochs or is_stopped


def save_checkpoint(path: Path, fingerprint: str, progress: Progress, learner: Learner) -> None:
    """Write weights, the optimiser's moments and the progress into one file."""
    tensors = {name: tensor.contiguous() for name, tensor in learner.tensors().items()}
    said = {"fingerprint": fingerprint, "progress": json.dumps(vars(progress))}
    with replaced(path) as temporary:
        try:
            safetensors.torch.save_file(tensors, temporary, said)
        except SafetensorError as error:
            raise OSError(str(error)) from None


def load_checkpoint(path: Path, fingerprint: str, learner: Learner) -> Progress:
    """Put a run's state back into `learner`.

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
    learner.load(tensors)
    return Progress(**json.loads(said["progress"]))
