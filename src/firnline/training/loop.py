"""The training loop."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tensorboardX import SummaryWriter
from torch import Tensor

from firnline.bands import BANDS, Kind
from firnline.classes import UNKNOWN, LabelScheme
from firnline.errors import ConfigError, ModelError
from firnline.files import replaced
from firnline.models.bundle import require_replaceable, save_bundle
from firnline.models.fit import level_behind
from firnline.models.normaliser import Normaliser
from firnline.preflight.finding import Preflight
from firnline.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from firnline.training.config import TrainingConfig
from firnline.training.data import ChipReader, fit_normaliser, load_scenes
from firnline.training.losses import batch_loss, l1_norm, require_learnable
from firnline.training.run import Run, describe, fingerprint
from firnline.training.sampling import Place, draw_places, find_places, turned
from firnline.training.soundness import require_sound_scenes
from firnline.training.table_data import AnyScene, Split, TableScene, TableSceneReader, fit_table, load_table
from firnline.training.validation import Counts, count, foreground_score, named_iou

BUNDLE = "model"
CHECKPOINT = "checkpoint.safetensors"
HISTORY = "history.json"


@dataclass(frozen=True)
class EpochReport:
    """What an epoch came to."""

    epoch: int
    epochs: int
    loss: float
    scores: dict[str, Any] = field(default_factory=dict)
    """IoU by label scheme and class name, when the epoch was validated."""
    best: bool = False
    seconds: float = 0.0


def train(
    config: TrainingConfig,
    folder: Path,
    out_dir: Path,
    *,
    restart: bool = False,
    force: bool = False,
    report: Callable[[EpochReport], None] = lambda _: None,
    step: Callable[[int, int], None] = lambda _done, _all: None,
    warn: Callable[[str], None] = lambda _: None,
) -> Path:
    """Train a model and leave the bundle of the best epoch in ``out_dir/model``.

    An interrupted run goes on from its last epoch, and comes to the same weights on the same machine.

    Parameters
    ----------
    config, folder
        The settings, and the folder that their relative paths count from.
    out_dir
        For the bundle, the checkpoint and the TensorBoard events.
    restart
        Forget an unfinished run in `out_dir`.
    force
        Go on where the check of a scene finds what would mislead the model; the bundle says so.
    report, step
        Called after each epoch, and after each batch with (done, all).
    warn
        Called before the first epoch with each thing that makes the scores, or the model, worth less.

    Returns
    -------
    The bundle's folder.
    """
    require_replaceable(out_dir / BUNDLE)
    run = _prepare(config, folder, force, warn)
    for leak in () if run.split is None else run.split.leaks:
        warn(f"the split leaks: {leak}")
    checkpoint, identity = out_dir / CHECKPOINT, fingerprint(run)
    if restart:
        checkpoint.unlink(missing_ok=True)
    progress = Progress()
    if checkpoint.exists():
        progress = load_checkpoint(checkpoint, identity, run.network, run.optimiser)
    out_dir.mkdir(parents=True, exist_ok=True)
    with SummaryWriter(str(out_dir / "tensorboard")) as events:
        for epoch in range(progress.epoch + 1, config.epochs + 1):
            started = time.perf_counter()
            loss = _train_epoch(run, epoch, step)
            last = epoch == config.epochs
            counts = _validate(run) if last or epoch % config.validate_every == 0 else {}
            progress.epoch, progress.seconds = epoch, progress.seconds + time.perf_counter() - started
            best = _note_scores(progress, epoch, loss, counts, validated=bool(run.held_out))
            _log(events, epoch, loss, counts)
            if best:
                save_bundle(out_dir / BUNDLE, describe(run, progress), run.network)
            save_checkpoint(checkpoint, identity, progress, run.network, run.optimiser)
            _write_history(out_dir, progress)
            report(EpochReport(epoch, config.epochs, loss, named_iou(counts), best, progress.seconds))
    return out_dir / BUNDLE


def _prepare(config: TrainingConfig, folder: Path, force: bool, warn: Callable[[str], None]) -> Run:
    found: dict[Path, Preflight] = {}

    def check(scenes: Sequence[AnyScene]) -> None:
        found.update(require_sound_scenes((scene.source for scene in scenes), force=force, warn=warn))

    if config.threads is not None:
        torch.set_num_threads(config.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    config, scenes, places, normaliser, split = _data(config, folder, check)
    torch.manual_seed(config.seed)
    network = config.architecture.build(len(config.bands), config.scheme.class_count)
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    optimiser = kinds[config.optimiser](
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    bf16 = config.precision == "bf16" or (config.precision == "auto" and _has_fast_bf16(device))
    return Run(config, scenes, places, normaliser, network, optimiser, device, bf16, split, found)


def _data(
    config: TrainingConfig, folder: Path, check: Callable[[Sequence[AnyScene]], None]
) -> tuple[TrainingConfig, Sequence[AnyScene], list[Place], Normaliser, Split | None]:
    """What is learnt from: of the scenes named, or of a table of chips, whose size the settings then have."""
    if config.table is None:
        scenes = load_scenes(config, folder)
        _require_alike(scenes, config)
        check(scenes)
        return config, scenes, find_places(scenes, config), fit_normaliser(scenes, config), None
    config, data = load_table(config, folder / config.table)
    _require_alike(data.scenes, config)
    check(data.scenes)
    return config, data.scenes, data.places, fit_table(data, config), data.split


def _has_fast_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    abilities = torch.cpu.get_capabilities()
    return bool(abilities.get("avx512_bf16") or abilities.get("amx_bf16"))


def _require_alike(scenes: Sequence[AnyScene], config: TrainingConfig) -> None:
    """One bundle has one resolution and one level a band: refuse a mixture that nobody declared."""
    first = scenes[0].source
    for scene in scenes:
        where = scene.source.scene.path
        require_learnable(config.scheme, scene.scheme, where)
        for name in config.bands:
            a, b = level_behind(first, name), level_behind(scene.source, name)
            if a != b:
                raise ConfigError(f"band '{name}' is {b}, and {a} in {first.scene.path}", where=where)
            if config.level is not None and name in BANDS and BANDS[name].kind == Kind.OPTICAL and b != config.level:
                raise ConfigError(f"band '{name}' is {b}, not {config.level}", where=where)
        sizes = first.scene.resolution, scene.source.scene.resolution
        if abs(sizes[0] - sizes[1]) > 0.01 * sizes[0]:
            raise ConfigError(f"has pixels of {sizes[1]:g} m, and {first.scene.path} of {sizes[0]:g} m", where=where)


def _batches(run: Run, epoch: int) -> Iterator[tuple[Tensor, Tensor, list[LabelScheme]]]:
    """The epoch's chips: normalised bands, truth with 255 where nothing is known, and each chip's scheme."""
    config = run.config
    drawn = draw_places(run.places, config, epoch)
    random = np.random.default_rng([config.seed, epoch, 2])
    with ExitStack() as stack:
        readers: dict[int, ChipReader | TableSceneReader] = {}
        for i in {place.scene for place in drawn}:
            scene = run.scenes[i]
            if isinstance(scene, TableScene):
                readers[i] = stack.enter_context(scene.reader(config.bands))
            else:
                readers[i] = stack.enter_context(scene.reader(config.bands))
        for first in range(0, len(drawn), config.batch):
            chips, truths, schemes = [], [], []
            for place in drawn[first : first + config.batch]:
                raw, truth = readers[place.scene].read(place.window)
                values, known = run.normaliser.apply(raw)
                truth = np.where(known, truth, np.uint8(UNKNOWN))
                if config.chips.turns:
                    values, truth = turned(values, truth, random)
                chips.append(np.ascontiguousarray(values))
                truths.append(np.ascontiguousarray(truth))
                schemes.append(run.scenes[place.scene].scheme)
            yield torch.from_numpy(np.stack(chips)), torch.from_numpy(np.stack(truths)), schemes


def _train_epoch(run: Run, epoch: int, step: Callable[[int, int], None]) -> float:
    config, steps = run.config, math.ceil(run.config.chips.per_epoch / run.config.batch)
    torch.manual_seed(
        int(np.random.SeedSequence([config.seed, epoch]).generate_state(1)[0])
    )  # dropout, the same after a resume
    run.network.train()
    total = 0.0
    for done, (chips, truth, schemes) in enumerate(_batches(run, epoch)):
        for group in run.optimiser.param_groups:
            group["lr"] = _learning_rate(config, (epoch - 1) * steps + done, config.epochs * steps)
        chips = chips.to(run.device, memory_format=torch.channels_last)
        with run.autocast():
            logits = run.network(chips)
        loss = batch_loss(logits, truth.to(run.device), schemes, config.scheme, config.loss)
        value = loss.item()
        if not math.isfinite(value):
            raise ModelError(
                f"the loss is {value} in epoch {epoch}: training has run away",
                where=config.name,
                do="lower learning_rate, and check the bands for values far out of their range",
            )
        total += value
        if config.loss.l1:
            loss = loss + config.loss.l1 * l1_norm(run.network)
        run.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        run.optimiser.step()
        step(done + 1, steps)
    return total / steps


def _learning_rate(config: TrainingConfig, done: int, steps: int) -> float:
    """Constant, or a short rise and then half a cosine down to zero (Loshchilov and Hutter 2017)."""
    if config.schedule == "constant":
        return config.learning_rate
    rise = min(1.0, (done + 1) / max(1.0, 0.03 * steps))
    return config.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * done / steps))


def _validate(run: Run) -> Counts:
    if not run.held_out:
        return {}
    with run.autocast():
        return count(
            run.network, run.held_out, run.normaliser, run.config.scheme, 2 * run.config.chips.size, run.device
        )


def _note_scores(progress: Progress, epoch: int, loss: float, counts: Counts, *, validated: bool) -> bool:
    """Keep the scores; say whether this epoch is the best so far (without validation scenes, the last is)."""
    progress.history.append({"epoch": epoch, "loss": loss, "iou": named_iou(counts)})
    if validated and not counts:
        return False
    score = foreground_score(counts)
    if validated and score <= progress.best:
        return False
    progress.best, progress.best_epoch = score, epoch
    return True


def _write_history(out_dir: Path, progress: Progress) -> None:
    with replaced(out_dir / HISTORY) as temporary:
        temporary.write_text(json.dumps(progress.history, indent=1) + "\n", encoding="utf-8")


def _log(events: SummaryWriter, epoch: int, loss: float, counts: Counts) -> None:
    events.add_scalar("loss", loss, epoch)
    for scheme, scores in named_iou(counts).items():
        for name, iou in scores.items():
            if iou is not None:
                events.add_scalar(f"iou/{scheme}/{name}", iou, epoch)
