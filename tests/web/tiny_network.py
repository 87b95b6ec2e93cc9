"""A network of random weights, small enough to map a scene in a second: what it says is noise, and where is known."""

from __future__ import annotations

from pathlib import Path

from firnline.bands import Level
from firnline.classes import LabelScheme
from firnline.models.architectures import UNetSettings
from firnline.models.band_inputs import BandInput, Reading
from firnline.models.bundle import Description, save_bundle


def save_tiny_network(folder: Path, name: str, scheme: LabelScheme, *, seed: int) -> None:
    """Save it below `folder`; it needs the red band as digital numbers, as made-up scenes have it."""
    import torch

    torch.manual_seed(seed)
    settings = UNetSettings(width=4, depth=2, norm="batch")
    read = Reading(level=Level.DIGITAL_NUMBER, unit="DN", mean=100, deviation=5)
    said = Description(
        name=name, architecture=settings, bands=(BandInput(name="red", readings=(read,)),), scheme=scheme,
        resolutions_m=(30.0,), window=64,
    )  # fmt: skip
    made = settings.build(said.layout, scheme.class_count)
    with torch.no_grad():
        made.seg_layer.weight.mul_(40)  # so that it is sure of much, and of little else
        logits = made.eval()(torch.randn(1, 1, 64, 64))
        made.seg_layer.bias.sub_(logits.mean((0, 2, 3)))
    save_bundle(folder / name, said, made)
