"""Calibration at the end of a run: fitted on one part of the validation scenes, and reported on another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.optimize import minimize_scalar

from firnline.classes import Classes, LabelScheme
from firnline.errors import ConfigError, LabelError
from firnline.evaluation.blocks import Unit, UnitCounts
from firnline.evaluation.calibration import GROUPS, Calibration, Groups, Reliability, calibration, merged
from firnline.evaluation.confusion import Confusion, confusion
from firnline.evaluation.parts import two_parts
from firnline.evaluation.pixel_sample import CalibrationSample, SampledPixels
from firnline.evaluation.temperature import apply_temperatures, fit_temperatures
from firnline.grid import Window
from firnline.models import bundle as bundles
from firnline.models.bundle import describe_again, load_bundle
from firnline.models.inputs import Inputs
from firnline.training.calibration_plot import draw_reliability
from firnline.training.members import probabilities_of
from firnline.training.run import Run
from firnline.training.table_data import AnyScene
from firnline.training.validation import (
    Counts,
    NamedIou,
    Probabilities,
    foreground_score,
    mapped,
    named_iou,
    predictions,
)

BLOCK_M: Final = 2000.0
"""The side of a block: neighbouring pixels err together over hundreds of metres."""
SEED: Final = 0
"""Which part is which does not hang on the run's seed: the members of an ensemble, and it, part the scenes alike."""
LOSS_ALLOWED: Final = 0.01
"""Of the mean IoU of the foreground: what a temperature per class may move by changing decisions."""
PLOT: Final = "reliability.png"


@dataclass(frozen=True)
class Judged:
    """What calibration is worth: measures by label scheme on the reporting part, before and after."""

    temperatures: tuple[float, ...]
    measures: dict[str, Any]
    before: dict[LabelScheme, Calibration]
    after: dict[LabelScheme, Calibration]


def calibrate_run(run: Run, out_dir: Path, folder: Path) -> None:
    """Calibrate the bundle of a run, once: one that has been judged already stays as it is."""
    if not run.config.calibrate or not run.held_out:
        return
    bundle = load_bundle(folder)
    if bundle.description.calibration is not None:
        return
    predict = probabilities_of(bundle, run.device)  # not in bf16: maps are made in float32
    judged = judge(predict, run.held_out, run.config.scheme, bundle.description.window)
    describe_again(folder, calibration=drawn(judged, out_dir))


def drawn(judged: Judged, out_dir: Path) -> bundles.Calibration:
    """Draw what was found, and give it as a bundle keeps it."""
    if judged.before:
        why = judged.measures.get("why")
        remark = f"Not used: {why}" if why else ""
        draw_reliability(out_dir / PLOT, judged.before, judged.after, remark)
    return bundles.Calibration(temperatures=judged.temperatures, measures=judged.measures)


def judge(
    predict: Probabilities, scenes: Sequence[tuple[AnyScene, Inputs]], model: LabelScheme, window: int
) -> Judged:
    """Fit a temperature for each class on one part of the scenes, and find what it is worth on the other.

    The parts never share a block, nor touch. Where several temperatures would move decisions for the worse, one is
    fitted for all classes. Where it makes things worse on the reporting part (a likelihood that
    falls, or an IoU), or where there is too little to part, the temperatures are 1 and the measures say so.
    """
    ones = (1.0,) * model.class_count
    samples, units = _sampled(predict, scenes, model, window)
    try:
        parts = two_parts(units, SEED)
        fit, report = _pixels(samples, parts.fit), _pixels(samples, parts.report)
        temperatures = _fitted(fit, model)
        before, after = _measured(report, model, ones), _measured(report, model, temperatures)
    except (ConfigError, LabelError) as error:
        return Judged(ones, {"calibrated": False, "why": f"it could not be judged: {error.what}"}, {}, {})
    counts = [_iou(report, model, each) for each in (ones, temperatures)]
    worse = _worse(before, after, *counts)
    measures = {
        "calibrated": not worse,
        **({"why": worse} if worse else {}),
        "fitted": list(temperatures),
        "fitted on": _told(parts.fit, fit),
        "reported on": _told(parts.report, report),
        "left out between them": f"{len(parts.rim)} blocks",
        "before": _as_record(before, counts[0]),
        "after": _as_record(after, counts[1]),
    }
    return Judged(ones if worse else temperatures, measures, before, after)


def _sampled(
    predict: Probabilities, scenes: Sequence[tuple[AnyScene, Inputs]], model: LabelScheme, window: int
) -> tuple[dict[LabelScheme, CalibrationSample], list[UnitCounts]]:
    """Pixels of the scenes by label scheme, and the counts of each block."""
    samples = {scene.scheme: CalibrationSample(model.class_count, seed=SEED) for scene, _ in scenes}
    counts: dict[LabelScheme, dict[Unit, Confusion]] = defaultdict(dict)
    sides = _sides([scene for scene, _ in scenes])
    for scene, inputs in scenes:
        scheme, path = scene.scheme, scene.source.scene.path
        for at, probabilities, truth in predictions(predict, scene, inputs, window):
            for unit, inside in _blocks(str(path), at, sides[path]):
                said, true = probabilities[(slice(None), *inside.slices)], truth[inside.slices]
                samples[scheme].add(unit, said, true)
                part = confusion(true, mapped(said, model, scheme), scheme.class_count)
                counts[scheme][unit] = counts[scheme][unit] + part if unit in counts[scheme] else part
    return samples, _alike(counts)


def _alike(counts: dict[LabelScheme, dict[Unit, Confusion]]) -> list[UnitCounts]:
    """Blocks of every scheme with the same classes, those of the schemes side by side, so that they can be dealt."""
    size = sum(scheme.class_count for scheme in counts)
    found: dict[Unit, Confusion] = {}
    first = 0
    for scheme, of_scheme in counts.items():
        own = slice(first, first + scheme.class_count)
        for unit, part in of_scheme.items():
            matrix, unmapped = np.zeros((size, size), np.int64), np.zeros(size, np.int64)
            matrix[own, own], unmapped[own] = part.counts, part.unmapped
            wide = Confusion(matrix, unmapped, part.truth_unknown)
            found[unit] = found[unit] + wide if unit in found else wide
        first = own.stop
    return [UnitCounts(unit, part) for unit, part in sorted(found.items()) if part.scored]


def _sides(scenes: Sequence[AnyScene]) -> dict[Path, tuple[int, int]]:
    """Rows and columns of a scene's blocks, pixels, without a sliver at its end; four or more along what is used."""
    sides: dict[Path, tuple[int, int]] = {}
    for scene in scenes:
        path, grid = scene.source.scene.path, scene.source.scene.grid
        side = max(1.0, min(BLOCK_M / grid.resolution, max(scene.area.shape) / 4))
        rows, columns = (ceil(length / max(1, round(length / side))) for length in grid.shape)
        sides[path] = min((rows, columns), sides.get(path, (rows, columns)))
    return sides


def _blocks(scene: str, at: Window, sides: tuple[int, int]) -> list[tuple[Unit, Window]]:
    """The blocks that a window touches, each with the part of the window that lies in it."""
    found = []
    rows, columns = sides
    for i in range(at.row // rows, (at.stop_row - 1) // rows + 1):
        for j in range(at.column // columns, (at.stop_column - 1) // columns + 1):
            inside = Window(i * rows, j * columns, rows, columns).intersection(at)
            assert inside is not None
            found.append((Unit(scene, i, j), inside.relative_to(at)))
    return found


_Sampled = dict[LabelScheme, SampledPixels]


def _pixels(samples: dict[LabelScheme, CalibrationSample], units: Sequence[Unit]) -> _Sampled:
    """The sampled pixels of a part, by the label scheme of their truth."""
    chosen = set(units)
    found = {scheme: sample.pixels(chosen) for scheme, sample in samples.items() if chosen & set(sample.units)}
    if not found:
        raise LabelError("a part of the scenes has no known pixel")
    return found


def _groups(model: LabelScheme, truth: LabelScheme) -> Groups:
    """For each value of a truth the classes of the model that it may be."""
    return tuple((value,) for value in range(model.class_count)) if model == truth else GROUPS[truth]


def _fitted(pixels: _Sampled, model: LabelScheme) -> tuple[float, ...]:
    """A temperature for each class; one for all where several would move decisions for the worse.

    Of a model that has learnt little, several temperatures make up for classes that are too common or too rare in
    what it says: the likelihood rises, and rare classes are lost. That is seen on the pixels they are fitted to.
    """
    groups = tuple(dict.fromkeys(group for scheme in pixels for group in _groups(model, scheme)))
    index = {scheme: np.array([groups.index(group) for group in _groups(model, scheme)]) for scheme in pixels}
    by_class = fit_temperatures(
        np.concatenate([each.probabilities for each in pixels.values()], axis=1),
        np.concatenate([index[scheme][each.truth] for scheme, each in pixels.items()]),
        groups=groups,
        weights=np.concatenate([each.weights for each in pixels.values()]),
    )
    as_they_are = (1.0,) * model.class_count
    scores = [foreground_score(_iou(pixels, model, each)) for each in (as_they_are, by_class)]
    return by_class if scores[1] >= scores[0] - LOSS_ALLOWED else _one_for_all(pixels, model)


def _one_for_all(pixels: _Sampled, model: LabelScheme) -> tuple[float, ...]:
    """The temperature scaling of Guo et al. (2017), which leaves the likeliest class the likeliest."""

    def loss(log_temperature: float) -> float:
        temperatures = (float(np.exp(log_temperature)),) * model.class_count
        return _likelihood(_measured(pixels, model, temperatures))

    found = minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded", options={"xatol": 1e-3})
    return (float(np.exp(found.x)),) * model.class_count


def _likelihood(measured: dict[LabelScheme, Calibration]) -> float:
    """The negative log-likelihood over all pixels."""
    total = sum(each.negative_log_likelihood * each.pixels for each in measured.values())
    return total / sum(each.pixels for each in measured.values())


def _measured(
    pixels: _Sampled, model: LabelScheme, temperatures: tuple[float, ...]
) -> dict[LabelScheme, Calibration]:
    return {
        scheme: calibration(
            merged(apply_temperatures(each.probabilities, temperatures), _groups(model, scheme)),
            each.truth,
            weights=each.weights,
        )
        for scheme, each in pixels.items()
    }


def _iou(pixels: _Sampled, model: LabelScheme, temperatures: tuple[float, ...]) -> NamedIou:
    """IoU over the sampled pixels, each for as many as it stands for."""
    counts: Counts = {}
    for scheme, each in pixels.items():
        said = mapped(apply_temperatures(each.probabilities, temperatures)[:, None], model, scheme)[0]
        counts[scheme] = _weighted(each, said, scheme.class_count)
    return named_iou(counts)


def _weighted(pixels: SampledPixels, said: Classes, classes: int) -> Confusion:
    joint = np.bincount(pixels.truth * classes + said, pixels.weights, classes**2)
    return Confusion(np.rint(joint).astype(np.int64).reshape(classes, classes), np.zeros(classes, np.int64), 0)


def _worse(
    before: dict[LabelScheme, Calibration], after: dict[LabelScheme, Calibration], was: NamedIou, now: NamedIou
) -> str:
    """Why calibration is not worth having; empty where it is."""
    if _likelihood(after) > _likelihood(before):
        return "the truth became less likely on the reporting part"
    if foreground_score(now) < foreground_score(was) - LOSS_ALLOWED:
        return "the IoU fell on the reporting part"
    return ""


def _told(units: Sequence[Unit], pixels: _Sampled) -> str:
    scenes = len({unit.scene for unit in units})
    return (
        f"{len(units)} blocks of {scenes} scenes, {sum(len(each.truth) for each in pixels.values())} pixels of them"
    )


def _as_record(measured: dict[LabelScheme, Calibration], named: NamedIou) -> dict[str, Any]:
    return {
        str(scheme): {
            "ECE": each.error,
            "classwise ECE": each.classwise_error,
            "Brier": each.brier,
            "NLL": each.negative_log_likelihood,
            "IoU": named[str(scheme)],
            "reliability": {
                name: _bins(bins) for name, bins in zip(scheme.class_names, each.reliability, strict=True)
            },
        }
        for scheme, each in measured.items()
    }


def _bins(bins: Reliability) -> dict[str, list[float | None]]:
    columns = {"pixels": bins.weights, "said": bins.mean_forecast, "seen": bins.frequency}
    return {
        name: [round(float(value), 5) if np.isfinite(value) else None for value in values]
        for name, values in columns.items()
    }
