"""The training loop of a network."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tensorboardX import SummaryWriter

from firnline.errors import ModelError
from firnline.files import replaced
from firnline.models.bundle import DESCRIPTION, require_replaceable, save_bundle
from firnline.training.calibrate import calibrate_run
from firnline.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from firnline.training.config import TrainingConfig
from firnline.training.epoch import train_epoch, validate
from firnline.training.learner import Learner
from firnline.training.processes import Processes
from firnline.training.record import describe, fingerprint
from firnline.training.run import prepare
from firnline.training.validation import NamedIou, foreground_score, named_iou

BUNDLE = "model"
CHECKPOINT = "checkpoint.safetensors"
HISTORY = "history.json"


@dataclass(frozen=True)
class EpochReport:
    """What an epoch came to; a classifier of pixels has one, without a loss."""

    epoch: int = 1
    epochs: int = 1
    loss: float | None = None
    scores: NamedIou = field(default_factory=dict)
    """IoU by label scheme and class name, when the epoch was validated."""
    best: bool = False
    seconds: float = 0.0
    is_last: bool = False
    drawn: int = 0
    """The pixels, or segments, that a classifier was fitted to."""
    member: str = ""
    """Which of several models it is of."""


@dataclass(frozen=True)
class Manner:
    """How a run goes about its work, apart from its settings: what it forgets, overrules and tells."""

    processes: Processes
    restart: bool = False
    force: bool = False
    report: Callable[[EpochReport], None] = lambda _: None
    step: Callable[[int, int], None] = lambda _done, _all: None
    warn: Callable[[str], None] = lambda _: None


def train_network(config: TrainingConfig, folder: Path, out_dir: Path, manner: Manner) -> Path:
    """Train a network and leave the bundle of its best epoch in ``out_dir/model``; see `firnline.training.train`."""
    require_replaceable(out_dir / BUNDLE)
    run = prepare(config, folder, manner.processes, force=manner.force, warn=manner.warn)
    learner = Learner.of(run.config, run.layout, run.processes)
    kept = _Kept(out_dir, fingerprint(run), run.processes)
    progress = kept.gone_on_with(learner, restart=manner.restart)
    with kept.events(wanted=not progress.is_finished(run.config)) as events:
        while not progress.is_finished(run.config):
            started = time.perf_counter()
            epoch = progress.epoch + 1
            loss = train_epoch(run, learner, epoch, manner.step)
            counts = validate(run, learner) if _is_validated(run.config, epoch) else {}
            named = named_iou(counts)
            progress.epoch, progress.seconds = epoch, progress.seconds + time.perf_counter() - started
            best = _note_scores(progress, loss, named, learner, validated=bool(run.held_out))
            if events is not None:
                _log(events, epoch, loss, named)
                if best:
                    save_bundle(out_dir / BUNDLE, describe(run, progress, counts), learner.served)
                kept.save(progress, learner)
            is_last, seconds = progress.is_finished(run.config), progress.seconds
            manner.report(EpochReport(epoch, run.config.epochs, loss, named, best, seconds, is_last))
    if run.processes.is_first:
        calibrate_run(run, out_dir, out_dir / BUNDLE)
    run.processes.wait()
    return out_dir / BUNDLE


@dataclass(frozen=True)
class _Kept:
    """What is kept of a run while it goes on; of several processes the first alone writes it."""

    out_dir: Path
    identity: str
    """Of the settings and data that it may go on with."""
    processes: Processes

    def gone_on_with(self, learner: Learner, *, restart: bool) -> Progress:
        """How far the run is, with the learner as it was then; at its beginning where nothing is kept.

        Raises
        ------
        ModelError
            When it cannot be gone on with, or the bundle of its best epoch is gone, which no later one may reach.
        """
        checkpoint = self.out_dir / CHECKPOINT
        if restart and self.processes.is_first:
            checkpoint.unlink(missing_ok=True)
        self.processes.wait()
        if not checkpoint.exists():
            return Progress()
        progress = load_checkpoint(checkpoint, self.identity, learner)
        if progress.best_epoch and not (self.out_dir / BUNDLE / DESCRIPTION).is_file():
            raise ModelError(
                f"the bundle of epoch {progress.best_epoch}, the best of this run, is gone",
                where=self.out_dir / BUNDLE,
                do="put it back, or use --restart",
            )
        return progress

    @contextmanager
    def events(self, *, wanted: bool) -> Iterator[SummaryWriter | None]:
        """For TensorBoard; None where none are wanted, or this is not the process that writes."""
        if not wanted or not self.processes.is_first:
            yield None
            return
        self.out_dir.mkdir(parents=True, exist_ok=True)
        with SummaryWriter(str(self.out_dir / "tensorboard")) as events:
            yield events

    def save(self, progress: Progress, learner: Learner) -> None:
        """Keep the end of an epoch."""
        save_checkpoint(self.out_dir / CHECKPOINT, self.identity, progress, learner)
        with replaced(self.out_dir / HISTORY) as temporary:
            temporary.write_text(json.dumps(progress.history, indent=1) + "\n", encoding="utf-8")


def _is_validated(config: TrainingConfig, epoch: int) -> bool:
    return epoch == config.epochs or epoch % config.validate_every == 0


def _note_scores(progress: Progress, loss: float, named: NamedIou, learner: Learner, *, validated: bool) -> bool:
    """Keep the scores; say whether this epoch is the best so far (without validation scenes, the last is)."""
    noted: dict[str, Any] = {"epoch": progress.epoch, "loss": loss, "iou": named}
    if learner.weighting is not None:
        noted["loss weights"] = learner.weighting.now()
    progress.history.append(noted)
    if validated and not named:
        return False
    score = foreground_score(named)
    if validated and score <= progress.best:
        return False
    progress.best, progress.best_epoch = score, progress.epoch
    return True


def _log(events: SummaryWriter, epoch: int, loss: float, named: NamedIou) -> None:
    events.add_scalar("loss", loss, epoch)
    for scheme, scores in named.items():
        for name, iou in scores.items():
            if iou is not None:
                events.add_scalar(f"iou/{scheme}/{name}", iou, epoch)
