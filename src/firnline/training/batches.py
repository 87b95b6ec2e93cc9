"""The chips of an epoch, batch by batch, as this process sees them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.models.normaliser import Floats
from firnline.training.augment import augmented
from firnline.training.data import WindowReader
from firnline.training.run import Run
from firnline.training.sampling import Place, draw_places


@dataclass(frozen=True)
class Batch:
    """This process's chips of a batch: normalised channels, and truth with 255 where nothing is known."""

    channels: Tensor
    truth: Tensor
    schemes: list[LabelScheme]
    """The label scheme of each chip of the whole batch, those of other processes included."""


def batches(run: Run, epoch: int) -> Iterator[Batch]:
    """The epoch's batches; what happens to a chip hangs on seed, epoch and the chip's number, and on nothing else."""
    config, layout = run.config, run.layout
    drawn = draw_places(run.places, [scene.scheme for scene in run.scenes], config, epoch)
    numbered = list(enumerate(drawn))
    with ExitStack() as stack:
        readers: dict[int, WindowReader] = {}
        for i in {place.scene for place in drawn}:
            opened: AbstractContextManager[WindowReader] = run.scenes[i].reader(layout)
            readers[i] = stack.enter_context(opened)
        for first in range(0, len(drawn), config.batch):
            whole = numbered[first : first + config.batch]
            chips = [
                _chip(run, readers[place.scene], place, np.random.default_rng([config.seed, epoch, 2, i]))
                for i, place in run.processes.share(whole)
            ]
            yield Batch(
                torch.from_numpy(np.stack([channels for channels, _ in chips])),
                torch.from_numpy(np.stack([truth for _, truth in chips])),
                [run.scenes[place.scene].scheme for _, place in whole],
            )


def _chip(
    run: Run,
    reader: WindowReader,
    place: Place,
    random: np.random.Generator,
) -> tuple[Floats, Classes]:
    raw, truth = reader.read(place.window)
    bands = run.chip_bands[place.scene]
    raw, truth = augmented(raw, truth, bands, run.config.augmentation, random, run.layout.optional_groups)
    channels, known = run.inputs[place.scene].apply(raw)
    return channels, np.where(known, truth, np.uint8(UNKNOWN))
