"""CPU seconds of a training step and of a prediction, network by network, in one run and with one thread.

    python benchmarks/network_steps.py [--size 256] [--bands 10]

Ratios are what counts: the machine's other work slows all of them alike. Batches are of two chips.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn

from firnline.models.architectures import FirnSettings, NetworkSettings, UNetSettings
from firnline.models.heads import Heads
from firnline.models.inputs import Layout

NETWORKS: dict[str, NetworkSettings] = {
    "the paper's": UNetSettings(),
    "plain, width 8": UNetSettings(width=8, depth=5, norm="batch", dropout=0.0),
    "firn": FirnSettings(),
}
ROUNDS = 7


def main() -> None:
    """Measure the networks in turn, several rounds, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="side of the chips, pixels")
    parser.add_argument("--bands", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    layout = Layout(tuple(f"band-{number}" for number in range(options.bands)))
    chips = torch.randn(2, options.bands, options.size, options.size).to(memory_format=torch.channels_last)
    networks = {name: settings.build(layout, 2) for name, settings in NETWORKS.items()}
    networks = {name: network.to(memory_format=torch.channels_last) for name, network in networks.items()}
    steps = {name: _stepper(network, chips) for name, network in networks.items()}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in networks}
    for _ in range(ROUNDS):
        for name, network in networks.items():
            times[name].append((_seconds(steps[name]), _seconds(lambda network=network: _predict(network, chips))))
    print(f"{'network':16} {'parameters':>10} {'step, s':>9} {'prediction, s':>14}")
    for name, network in networks.items():
        step, prediction = (median(each) for each in zip(*times[name][1:], strict=True))
        count = sum(parameter.numel() for parameter in network.parameters())
        print(f"{name:16} {count:10} {step:9.3f} {prediction:14.3f}")


def _stepper(network: nn.Module, chips: Tensor) -> Callable[[], None]:
    optimiser = torch.optim.AdamW(network.parameters())

    def step() -> None:
        outputs = network.train()(chips)
        loss = (outputs.classes if isinstance(outputs, Heads) else outputs).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def _predict(network: nn.Module, chips: Tensor) -> None:
    with torch.inference_mode():
        network.eval()(chips)


def _seconds(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
