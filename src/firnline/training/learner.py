"""What changes while a run learns: the network, the mean of its weights, the learnt loss weights, the optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from firnline.models.architectures import NetworkSettings
from firnline.models.inputs import Layout
from firnline.training.config import TrainingConfig
from firnline.training.losses import LossWeights, l1_norm
from firnline.training.processes import Processes, share_batch_norms


@dataclass(frozen=True)
class Learner:
    """A network that learns.

    Parameters
    ----------
    network
        What learns.
    average
        Its weights averaged over the steps; None where `ema` is 0.
    weighting
        The weights of the loss terms, where they are learnt.
    optimiser
        Of the network's parameters, and those of `weighting`.
    """

    network: nn.Module
    average: nn.Module | None
    weighting: LossWeights | None
    optimiser: Optimizer

    @classmethod
    def of(cls, config: TrainingConfig, layout: Layout, processes: Processes) -> Learner:
        """With random weights by the configuration's seed, which are the same in every process."""
        assert isinstance(config.architecture, NetworkSettings)
        torch.manual_seed(config.seed)
        network = config.architecture.build(layout, config.scheme.class_count)
        if processes.count > 1:
            share_batch_norms(network)
        network = network.to(processes.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        weighting = LossWeights.of(config.loss)
        groups = [{"params": list(network.parameters()), "weight_decay": config.weight_decay}]
        if weighting is not None:
            weighting.to(processes.device)
            groups.append({"params": list(weighting.parameters()), "weight_decay": 0.0})
        kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
        optimiser = kinds[config.optimiser](groups, lr=config.learning_rate)
        return cls(network, deepcopy(network) if config.ema else None, weighting, optimiser)

    @property
    def served(self) -> nn.Module:
        """What is validated and saved."""
        return self.network if self.average is None else self.average

    def step(self, loss: Tensor, config: TrainingConfig, rate: float, processes: Processes) -> None:
        """One step of the optimiser down the loss of the whole batch."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        if config.loss.l1:
            loss = loss + config.loss.l1 / processes.count * l1_norm(self.network)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        processes.add_up(each.grad for each in self.network.parameters() if each.grad is not None)
        self._agree_on_weighting(processes)
        if config.clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), config.clip)
        self.optimiser.step()

    def _agree_on_weighting(self, processes: Processes) -> None:
        """Each process has the whole gradient of the learnt loss weights: none may differ by its rounding."""
        if self.weighting is not None and processes.count > 1:
            gradients = [each.grad for each in self.weighting.parameters() if each.grad is not None]
            processes.add_up(gradients)
            for gradient in gradients:
                gradient.div_(processes.count)

    def follow(self, decay: float, done: int) -> None:
        """Let the average follow the network, after `done` earlier steps; the first ones weigh little in it."""
        if self.average is None:
            return
        weight = 1 - min(decay, (1 + done) / (10 + done))
        with torch.no_grad():
            for mean, value in zip(_state(self.average), _state(self.network), strict=True):
                if mean.is_floating_point():
                    mean.lerp_(value, weight)
                else:
                    mean.copy_(value)

    def tensors(self) -> dict[str, Tensor]:
        """All that it goes on with, by name."""
        tensors = {
            f"{part}.{name}": tensor
            for part, module in self._modules().items()
            for name, tensor in module.state_dict().items()
        }
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors.update({f"optimiser.{index}.{key}": torch.as_tensor(value) for key, value in state.items()})
        return tensors

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` gave."""
        for part, module in self._modules().items():
            module.load_state_dict(_under(tensors, f"{part}."))
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under(tensors, "optimiser.").items():
            index, key = name.split(".", 1)
            state.setdefault(int(index), {})[key] = tensor
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})

    def _modules(self) -> dict[str, nn.Module]:
        parts = {"network": self.network, "average": self.average, "weighting": self.weighting}
        return {name: part for name, part in parts.items() if part is not None}


def _state(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
