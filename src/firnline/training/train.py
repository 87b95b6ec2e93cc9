"""Training, whatever the configuration asks for: a network, a classifier of pixels, or several of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from firnline.models.pixels.settings import PixelSettings
from firnline.training.composite import members_of, train_composite
from firnline.training.config import TrainingConfig
from firnline.training.loop import EpochReport, Manner, train_network
from firnline.training.pixels import train_pixels
from firnline.training.processes import joined


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
    """Train a model and leave its bundle in ``out_dir/model``: of a network, that of the best epoch.

    An interrupted run goes on from its last epoch, and comes to the same weights on the same machine. Under torchrun
    all processes train one model together, and the first of them alone writes and reports.

    Parameters
    ----------
    config, folder
        The settings, and the folder that their relative paths count from.
    out_dir
        For the bundle, the checkpoint and the TensorBoard events; for several models, a folder for each.
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
    with joined() as processes:
        if processes.is_first:
            manner = Manner(processes, restart, force, report, step, warn)
        else:
            manner = Manner(processes, restart, force)
        return _train(config, folder, out_dir, manner)


def _train(config: TrainingConfig, folder: Path, out_dir: Path, manner: Manner) -> Path:
    members = members_of(config, folder)
    if members:
        return train_composite(config, members, folder, out_dir, manner, _train)
    if isinstance(config.architecture, PixelSettings):
        return train_pixels(config, folder, out_dir, manner)
    return train_network(config, folder, out_dir, manner)
