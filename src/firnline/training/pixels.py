"""Training of a classifier of pixels or segments: drawn once, fitted once, scored as networks are."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from firnline.errors import ConfigError
from firnline.models.bundle import require_replaceable, save_bundle
from firnline.models.pixels.classifier import RasterClassifier, kind_of
from firnline.models.pixels.fit import fit_classifier, fitter
from firnline.models.pixels.settings import PixelSettings
from firnline.training.calibrate import calibrate_run
from firnline.training.config import TrainingConfig
from firnline.training.loop import BUNDLE, EpochReport, Manner
from firnline.training.pixel_drawing import Samples, draw_held_out, draw_training
from firnline.training.pixel_importance import Importances, importances
from firnline.training.record import described
from firnline.training.run import Run, prepare
from firnline.training.validation import count, named_iou


def train_pixels(config: TrainingConfig, folder: Path, out_dir: Path, manner: Manner) -> Path:
    """Train a classifier and leave its bundle in ``out_dir/model``; see `firnline.training.train`.

    There is nothing to go on with: a run that was stopped starts anew. Of several processes the first does all.
    """
    require_replaceable(out_dir / BUNDLE)
    processes = manner.processes
    if processes.is_first:
        run = prepare(config, folder, processes, force=manner.force, warn=manner.warn)
        _train(run, out_dir, manner)
    processes.wait()
    return out_dir / BUNDLE


def _train(run: Run, out_dir: Path, manner: Manner) -> None:
    config, started = run.config, time.perf_counter()
    samples = draw_for(run)
    manner.step(1, 3)
    classifier = fitted(run, samples)
    manner.step(2, 3)
    seconds = time.perf_counter() - started
    counts = count(classifier.probabilities, run.held_out, config.scheme, 2 * config.chips.size)
    manner.step(3, 3)
    facts = {
        "drawn": _drawn_by_class(config, samples),
        "fitted by": fitter(kind_of(classifier.settings)),
        "seconds": round(seconds, 1),
    }
    out_dir.mkdir(parents=True, exist_ok=True)
    save_bundle(out_dir / BUNDLE, described(run, counts, facts), classifier)
    calibrate_run(run, out_dir, out_dir / BUNDLE)
    manner.report(EpochReport(scores=named_iou(counts), seconds=seconds, drawn=len(samples.labels), is_last=True))


def draw_for(run: Run) -> Samples:
    """The samples that a run trains on.

    Raises
    ------
    ConfigError
        When a training scene has a truth of another label scheme, or no pixel of any is known.
    """
    config, settings = run.config, pixel_settings(run)
    pairs = [pair for pair in zip(run.scenes, run.inputs, strict=True) if pair[0].role == "train"]
    for scene, _ in pairs:
        if scene.scheme != config.scheme:
            raise ConfigError(
                f"has truth of scheme '{scene.scheme}', which does not tell all classes of a pixel classifier of "
                f"scheme '{config.scheme}'",
                where=scene.source.scene.path,
                do="leave the scene out, set truth_as, or train a network",
            )
    samples = draw_training(
        [scene for scene, _ in pairs],
        [inputs for _, inputs in pairs],
        settings,
        config.pixels,
        classes=config.scheme.class_count,
        size=config.chips.size,
        seed=config.seed,
    )
    if len(samples.labels) == 0:
        raise ConfigError("no pixel of the training scenes is known in truth and bands", where=config.name)
    return samples


def fitted(run: Run, samples: Samples) -> RasterClassifier:
    """The classifier of a run."""
    config = run.config
    return fit_classifier(
        pixel_settings(run),
        samples.features,
        samples.labels,
        config.scheme.class_count,
        weights=samples.weights,
        seed=config.seed,
        threads=torch.get_num_threads(),
    )


def importance_in(run: Run, classifier: RasterClassifier, *, count: int = 50_000, repeats: int = 5) -> Importances:
    """What a trained classifier goes by, with `count` pixels or segments of the validation scenes as they occur.

    Raises
    ------
    ConfigError
        When no validation scene has truth of the model's scheme, or holds any of its classes.
    """
    config = run.config
    pairs = [(scene, inputs) for scene, inputs in run.held_out if scene.scheme == config.scheme]
    if not pairs:
        raise ConfigError(
            f"importance is measured on validation scenes with truth of scheme '{config.scheme}', and there are none",
            where=config.name,
            do="give a scene role: validation",
        )
    held_out = draw_held_out(
        [scene for scene, _ in pairs],
        [inputs for _, inputs in pairs],
        classifier.settings,
        classes=config.scheme.class_count,
        size=config.chips.size,
        count=count,
        seed=config.seed,
    )
    if not (held_out.labels > 0).any():
        raise ConfigError(
            "importance is what is lost of the classes, and no known pixel of the validation scenes is of one",
            where=config.name,
            do="give scenes that hold them the role: validation",
        )
    return importances(classifier, run.layout.bands, held_out, repeats=repeats, seed=config.seed)


def pixel_settings(run: Run) -> PixelSettings:
    """The settings of the classifier that a run trains."""
    settings = run.config.architecture
    assert isinstance(settings, PixelSettings)
    return settings


def _drawn_by_class(config: TrainingConfig, samples: Samples) -> dict[str, Any]:
    counts = samples.by_class(config.scheme.class_count)
    return dict(zip(config.scheme.class_names, counts, strict=True))
