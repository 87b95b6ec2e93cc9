"""One epoch: every batch, a step each; then the scores on the validation scenes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from firnline.errors import ConfigError, ModelError
from firnline.models.heads import Heads
from firnline.training.batches import Batch, batches
from firnline.training.config import TrainingConfig
from firnline.training.learner import Learner
from firnline.training.losses import batch_loss
from firnline.training.processes import Processes
from firnline.training.run import Run
from firnline.training.validation import Counts, count, of_network


def train_epoch(run: Run, learner: Learner, epoch: int, step: Callable[[int, int], None]) -> float:
    """Train on the chips of an epoch (from 1); gives the mean loss of its batches.

    Raises
    ------
    ModelError
        When the loss is no number any more.
    """
    config, steps = run.config, math.ceil(run.config.chips.per_epoch / run.config.batch)
    # Dropout is the same after a resume, and of its own in each process.
    seed = np.random.SeedSequence([config.seed, epoch, run.processes.rank])
    torch.manual_seed(int(seed.generate_state(1)[0]))
    learner.network.train()
    total = 0.0
    for done, batch in enumerate(batches(run, epoch)):
        loss = _loss(run, learner, batch)
        value = loss.item()
        if not math.isfinite(value):
            raise ModelError(
                f"the loss is {value} in epoch {epoch}: training has run away",
                where=config.name,
                do="lower learning_rate, and check the bands for values far out of their range",
            )
        total += value
        at = (epoch - 1) * steps + done
        learner.step(loss, config, learning_rate(config, at, config.epochs * steps), run.processes)
        learner.follow(config.ema, at)
        step(done + 1, steps)
    return total / steps


def _loss(run: Run, learner: Learner, batch: Batch) -> Tensor:
    """The loss of the whole batch, of which this process computes the outputs of its own chips."""
    with run.autocast():
        outputs = _outputs(learner.network, batch.channels.to(run.device, memory_format=torch.channels_last))
    truth = run.processes.gathered(batch.truth.to(run.device))
    return batch_loss(
        _gathered(outputs, run.processes), truth, batch.schemes, run.config.scheme, run.config.loss, learner.weighting
    )


def _outputs(network: nn.Module, channels: Tensor) -> Tensor | Heads:
    try:
        outputs: Tensor | Heads = network(channels)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise ConfigError(
            f"batch normalisation has one value to go by: {len(channels)} chips of {channels.shape[-1]} pixels",
            where="batch",
            do="take more or larger chips, no last batch of one (chips.per_epoch), or another norm",
        ) from None
    return outputs


def _gathered(outputs: Tensor | Heads, processes: Processes) -> Tensor | Heads:
    if isinstance(outputs, Heads):
        classes, *others = outputs
        return Heads(
            processes.gathered(classes), *(None if head is None else processes.gathered(head) for head in others)
        )
    return processes.gathered(outputs)


def learning_rate(config: TrainingConfig, done: int, steps: int) -> float:
    """Constant, or a short rise and then half a cosine down to zero (Loshchilov and Hutter 2017)."""
    if config.schedule == "constant":
        return config.learning_rate
    rise = min(1.0, (done + 1) / max(1.0, 0.03 * steps))
    return config.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * done / steps))


def validate(run: Run, learner: Learner) -> Counts:
    """The counts on the validation scenes, whose windows are shared out among the processes.

    Raises
    ------
    ConfigError
        When no pixel of them is known, so that no epoch would be the best.
    """
    if not run.held_out:
        return {}
    with run.autocast():
        predict = of_network(learner.served, run.device)
        counts = count(predict, run.held_out, run.config.scheme, 2 * run.config.chips.size, run.processes)
    if not counts:
        raise ConfigError(
            "no pixel of the validation scenes is known in truth and bands",
            where=run.config.name,
            do="leave them out, or take others",
        )
    return counts
