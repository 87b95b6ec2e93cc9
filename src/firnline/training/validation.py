"""Scores of a network on the validation scenes, over all their pixels together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from firnline.classes import UNKNOWN, LabelScheme
from firnline.evaluation.confusion import Confusion, confusion
from firnline.evaluation.scores import scores
from firnline.grid import Lattice, Window
from firnline.models.normaliser import Normaliser
from firnline.training.losses import as_truth_sees
from firnline.training.table_data import AnyScene

Counts = dict[LabelScheme, Confusion]


def count(
    network: nn.Module,
    scenes: Sequence[AnyScene],
    normaliser: Normaliser,
    model: LabelScheme,
    window: int,
    device: torch.device,
) -> Counts:
    """Confusion counts (truth, prediction) over every known pixel, for each label scheme among the scenes.

    Windows of `window` pixels overlap by a quarter, and each pixel is taken from the window in whose middle it
    lies: close to the blended map, at a fraction of its code.
    """
    network.eval()
    counts: Counts = {}
    for scene in scenes:
        lattice = Lattice(scene.area.shape, window, window // 4)
        with scene.reader(normaliser.bands) as reader, torch.inference_mode():
            for at in (at for row in range(lattice.band_count) for at in lattice.windows_in_row(row)):
                shifted = Window(at.row + scene.area.row, at.column + scene.area.column, *at.shape)
                owned = _owned(at, lattice)
                if (reader.truth(shifted)[owned] == UNKNOWN).all():
                    continue
                raw, truth = reader.read(shifted)
                values, known = normaliser.apply(raw)
                truth = np.where(known, truth, UNKNOWN)[owned]
                if (truth == UNKNOWN).all():
                    continue
                logits = network(torch.from_numpy(values[None]).to(device))
                seen = as_truth_sees(torch.softmax(logits.float(), 1), model, scene.scheme)
                predicted = seen[0].argmax(0).to(torch.uint8).cpu().numpy()[owned]
                part = confusion(truth, predicted, scene.scheme.class_count)
                counts[scene.scheme] = counts[scene.scheme] + part if scene.scheme in counts else part
    return counts


def _owned(at: Window, lattice: Lattice) -> tuple[slice, slice]:
    """The part of a window that no neighbour has nearer to its middle."""
    half = lattice.overlap // 2
    top, left = (half if at.row else 0), (half if at.column else 0)
    bottom = None if at.stop_row >= lattice.shape[0] else lattice.window - (lattice.overlap - half)
    right = None if at.stop_column >= lattice.shape[1] else lattice.window - (lattice.overlap - half)
    return slice(top, bottom), slice(left, right)


def named_iou(counts: Counts) -> dict[str, dict[str, float | None]]:
    """IoU by label scheme and class name; None where a class is neither in the truth nor mapped."""
    return {
        str(scheme): {name: scores(part, value).iou for value, name in enumerate(scheme.class_names)}
        for scheme, part in counts.items()
    }


def foreground_score(counts: Counts) -> float:
    """Mean IoU over the foreground values that occur, of all schemes: what the best epoch is chosen by."""
    found = [iou for named in named_iou(counts).values() for iou in list(named.values())[1:] if iou is not None]
    return sum(found) / len(found) if found else 0.0
