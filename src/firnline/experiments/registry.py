"""The experiments by name, each imported when it is asked for; and how one is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Final

from firnline.errors import ConfigError
from firnline.experiments.arms import model_arm
from firnline.experiments.config import read_experiment
from firnline.experiments.names import EXPERIMENTS
from firnline.experiments.outcome import Outcome
from firnline.experiments.page import write_outcome
from firnline.experiments.study import Step, Study, Tell

_MODULES: Final = {name: f"firnline.experiments.{name.replace('-', '_')}" for name in EXPERIMENTS}
"""Each has a function `run(study) -> Outcome`."""


def recipe(name: str) -> Callable[[Study], Outcome]:
    """The experiment of a name.

    Raises
    ------
    ConfigError
        When there is none.
    """
    if name not in _MODULES:
        near = get_close_matches(name, EXPERIMENTS, 1)
        do = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(EXPERIMENTS)}"
        raise ConfigError(f"there is no experiment '{name}'", do=do)
    run: Callable[[Study], Outcome] = import_module(_MODULES[name]).run
    return run


def run_experiment(
    name: str,
    data: Path,
    out: Path,
    *,
    seeds: tuple[int, ...] | None = None,
    restart: bool = False,
    force: bool = False,
    tell: Tell = lambda _: None,
    step: Step = lambda _done, _all: None,
) -> Path:
    """Run an experiment and leave its tables, figures and page in ``out/NAME``; its trials in ``out/trials``.

    Parameters
    ----------
    name
        One of `EXPERIMENTS`.
    data
        Its configuration.
    out
        A folder; experiments that are run into the same one share trials that are the same.
    seeds
        Instead of the configuration's.
    restart
        Make trials anew that were made with other settings.
    force
        Train on scenes that the check refuses.
    tell
        Called with lines of progress.
    step
        Called with (trials done, all of them) of what is being trained.

    Returns
    -------
    The page.

    Raises
    ------
    ConfigError
        When there is no such experiment, the configuration is wrong, or the data does not allow it.
    """
    run = recipe(name)
    loaded = read_experiment(data)
    if seeds is not None:
        if len(set(seeds)) < len(seeds) or min(seeds) < 0:
            raise ConfigError("seeds are whole numbers from 0, each only once", where="--seed")
        loaded = replace(loaded, config=loaded.config.model_copy(update={"seeds": seeds}))
    for arm in loaded.config.arms:
        model_arm(loaded, arm)  # a mistake in one that comes late is told now
    study = Study(name, loaded, out, restart, force, tell, step)
    return write_outcome(run(study), study)
