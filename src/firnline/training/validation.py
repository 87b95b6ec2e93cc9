"""Scores of a model on the validation scenes, over all their pixels together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import torch
from torch import nn

from firnline.classes import UNKNOWN, Classes, LabelScheme
from firnline.evaluation.confusion import Confusion, confusion
from firnline.evaluation.scores import scores
from firnline.grid import Lattice, Window
from firnline.models.inputs import Inputs
from firnline.models.normaliser import Floats
from firnline.training.losses import as_truth_sees
from firnline.training.processes import Processes
from firnline.training.table_data import AnyScene

Counts = dict[LabelScheme, Confusion]
ALONE: Final = Processes()
"""One process, which does all."""

Probabilities = Callable[[Floats], Floats]
"""From a window's channels to its class probabilities (class, row, column)."""


def of_network(network: nn.Module, device: torch.device) -> Probabilities:
    """A network's probabilities, window by window."""

    def probabilities(values: Floats) -> Floats:
        with torch.inference_mode():
            logits = network(torch.from_numpy(values[None]).to(device))
            said: Floats = torch.softmax(logits.float(), 1)[0].cpu().numpy()
        return said

    network.eval()
    return probabilities


def predictions(
    predict: Probabilities, scene: AnyScene, inputs: Inputs, window: int, processes: Processes = ALONE
) -> Iterator[tuple[Window, Floats, Classes]]:
    """Each part of a scene once, with its probabilities (class, row, column) and truth (row, column).

    Of several processes each takes windows of its own.

    Windows of `window` pixels overlap by a quarter, and each pixel is taken from the window in whose middle it
    lies: close to the blended map, at a fraction of its code. Parts without a known pixel are left out.

    Yields
    ------
    The part's window in the scene, float32 probabilities, and truth, 255 where it or the scene is unknown.
    """
    lattice = Lattice(scene.area.shape, window, window // 4)
    with scene.reader(inputs.layout) as reader:
        windows = [at for row in range(lattice.band_count) for at in lattice.windows_in_row(row)]
        for at in windows[processes.rank :: processes.count]:
            shifted = Window(at.row + scene.area.row, at.column + scene.area.column, *at.shape)
            owned = _owned(at, lattice)
            if (reader.truth(shifted)[owned] == UNKNOWN).all():
                continue
            raw, truth = reader.read(shifted)
            values, known = inputs.apply(raw)
            truth = np.where(known, truth, UNKNOWN)[owned]
            if (truth == UNKNOWN).all():
                continue
            part = Window(shifted.row + (owned[0].start or 0), shifted.column + (owned[1].start or 0), *truth.shape)
            yield part, predict(values)[(slice(None), *owned)], truth


def count(
    predict: Probabilities,
    scenes: Sequence[tuple[AnyScene, Inputs]],
    model: LabelScheme,
    window: int,
    processes: Processes = ALONE,
) -> Counts:
    """Confusion counts (truth, prediction) over every known pixel, for each label scheme among the scenes."""
    counts = {scheme: _no_counts(scheme) for scheme in sorted({scene.scheme for scene, _ in scenes})}
    for scene, inputs in scenes:
        for _, probabilities, truth in predictions(predict, scene, inputs, window, processes):
            part = confusion(truth, mapped(probabilities, model, scene.scheme), scene.scheme.class_count)
            counts[scene.scheme] = counts[scene.scheme] + part
    counts = {scheme: _of_all(part, processes) for scheme, part in counts.items()}
    return {scheme: part for scheme, part in counts.items() if part.scored}


def _no_counts(scheme: LabelScheme) -> Confusion:
    nothing = np.zeros((0, 0), np.uint8)
    return confusion(nothing, nothing, scheme.class_count)


def _of_all(part: Confusion, processes: Processes) -> Confusion:
    """The counts of all processes together."""
    whole = torch.from_numpy(np.concatenate([part.counts.ravel(), part.unmapped, [part.truth_unknown]]))
    sent = whole.to(processes.device)
    processes.add_up([sent])
    counts, unmapped, (unknown,) = np.split(
        sent.cpu().numpy(), [part.counts.size, part.counts.size + part.class_count]
    )
    return Confusion(counts.reshape(part.counts.shape), unmapped, int(unknown))


def as_record(counts: Counts) -> dict[str, list[list[int]]]:
    """Counts (true class, mapped class) by scheme, as JSON holds them."""
    return {str(scheme): part.counts.tolist() for scheme, part in counts.items()}


def of_records(records: Iterable[Mapping[str, list[list[int]]]]) -> Counts:
    """The counts of several records together.

    Examples
    --------
    >>> counts = of_records([{"glacier": [[3, 1], [0, 2]]}, {"glacier": [[1, 0], [0, 0]]}])
    >>> counts[LabelScheme.GLACIER].counts.tolist()
    [[4, 1], [0, 2]]
    """
    counts: Counts = {}
    for record in records:
        for name, values in record.items():
            scheme = LabelScheme(name)
            part = Confusion(np.array(values, np.int64), np.zeros(len(values), np.int64), 0)
            counts[scheme] = counts[scheme] + part if scheme in counts else part
    return counts


def mapped(probabilities: Floats, model: LabelScheme, truth: LabelScheme) -> Classes:
    """The most probable value (row, column) of a truth's scheme, by probabilities of a model's."""
    seen = as_truth_sees(torch.from_numpy(probabilities[None]), model, truth)
    return np.asarray(seen[0].argmax(0), np.uint8)


def _owned(at: Window, lattice: Lattice) -> tuple[slice, slice]:
    """The part of a window that no neighbour has nearer to its middle."""
    half = lattice.overlap // 2
    top, left = (half if at.row else 0), (half if at.column else 0)
    bottom = None if at.stop_row >= lattice.shape[0] else lattice.window - (lattice.overlap - half)
    right = None if at.stop_column >= lattice.shape[1] else lattice.window - (lattice.overlap - half)
    return slice(top, bottom), slice(left, right)


NamedIou = dict[str, dict[str, float | None]]
"""IoU by label scheme and class name; None where a class is neither in the truth nor mapped."""


def named_iou(counts: Counts) -> NamedIou:
    """IoU by label scheme and class name; None where a class is neither in the truth nor mapped."""
    return {
        str(scheme): {name: scores(part, value).iou for value, name in enumerate(scheme.class_names)}
        for scheme, part in counts.items()
    }


def foreground_score(named: NamedIou) -> float:
    """Mean IoU over the foreground values that occur, of all schemes: what the best epoch is chosen by.

    Examples
    --------
    >>> foreground_score({"class": {"background": 0.9, "clean ice": 0.5, "debris-covered ice": None}})
    0.5
    """
    found = [iou for by_class in named.values() for iou in list(by_class.values())[1:] if iou is not None]
    return sum(found) / len(found) if found else 0.0
