"""Networks trained for about the same CPU time: each arm's speed is measured once, and its length written down."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from firnline.errors import ConfigError
from firnline.experiments.arms import Arm
from firnline.experiments.folds import Fold
from firnline.files import replaced
from firnline.models.architectures import NetworkSettings
from firnline.training.config import TrainingConfig
from firnline.training.train import train

if TYPE_CHECKING:
    from firnline.experiments.study import Study

PLAN: Final = "plan.json"
_STEPS: Final = 6
"""How many steps are timed; the first, which prepares things, is left out."""


@dataclass(frozen=True)
class Plan:
    """How long an arm is trained; None leaves the length as its settings have it."""

    epochs: int | None = None
    per_epoch: int | None = None
    seconds_a_step: float | None = None

    def apply(self, config: TrainingConfig) -> TrainingConfig:
        """The settings with this length."""
        if self.epochs is None:
            return config
        chips = config.chips.model_copy(update={"per_epoch": self.per_epoch})
        return config.model_copy(update={"epochs": self.epochs, "chips": chips})


def length(config: TrainingConfig, seconds_a_step: float, seconds: float) -> Plan:
    """As many epochs as fit into so many seconds; a part of one where not even one does.

    Examples
    --------
    >>> from firnline.chips.entries import SceneEntry
    >>> config = TrainingConfig(name="demo", scheme="class", bands=["red"], batch=8, chips={"per_epoch": 80},
    ...                         scenes=(SceneEntry(images="a.tif", truth="b.tif"),))
    >>> length(config, 0.5, 60.0)
    Plan(epochs=12, per_epoch=80, seconds_a_step=0.5)
    >>> length(config, 0.5, 2.0)
    Plan(epochs=1, per_epoch=32, seconds_a_step=0.5)
    """
    steps = ceil(config.chips.per_epoch / config.batch)
    epochs = round(seconds / (seconds_a_step * steps))
    if epochs >= 1:
        return Plan(epochs, config.chips.per_epoch, seconds_a_step)
    return Plan(1, max(1, round(seconds / seconds_a_step)) * config.batch, seconds_a_step)


def plan_of(study: Study, arm: Arm, fold: Fold) -> Plan:
    """The length of an arm's trainings: read where it is written down, else measured and written down.

    Classifiers of pixels have no length, and are trained until they are done.

    Raises
    ------
    ConfigError
        When what is written down is of other settings, and the study does not say `restart`.
    """
    minutes = study.config.cpu_minutes
    networks = networks_in(arm.config)
    if minutes is None or networks == 0:
        return Plan()
    path = study.out / "trials" / arm.name / PLAN
    basis = json.loads(json.dumps({**arm.as_record(), "cpu_minutes": minutes}))
    for key in ("epochs", "name"):
        basis.pop(key, None)
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["basis"] == basis:
            return Plan(**found["plan"])
        if not study.restart:
            changed = sorted(key for key in {*basis, *found["basis"]} if found["basis"].get(key) != basis.get(key))
            raise ConfigError(
                f"was made for other settings ({', '.join(changed)})",
                where=path,
                do="use --restart, or another folder (-o)",
            )
    study.tell(f"timing {arm.name}")
    plan = length(arm.config, _seconds_a_step(study, arm, fold, path.parent / "timing"), 60 * minutes / networks)
    with replaced(path) as temporary:
        temporary.write_text(json.dumps({"plan": asdict(plan), "basis": basis}, indent=1) + "\n", encoding="utf-8")
    study.tell(f"{arm.name}: {plan.epochs} epochs of {plan.per_epoch} chips for {minutes:g} CPU minutes")
    return plan


def networks_in(config: TrainingConfig) -> int:
    """How many networks an arm trains: two for two binary models, none for a classifier of pixels."""
    architecture: Any = config.architecture
    member = getattr(architecture, "member", None)
    if member is not None:
        return 2 if isinstance(member, NetworkSettings) else 0
    return int(isinstance(architecture, NetworkSettings))


def _seconds_a_step(study: Study, arm: Arm, fold: Fold, folder: Path) -> float:
    """CPU seconds of a step: the median of a few, without what comes before and after."""
    config = arm.config
    member = getattr(config.architecture, "member", None)
    short: dict[str, Any] = {
        "epochs": 1,
        "chips": config.chips.model_copy(update={"per_epoch": _STEPS * config.batch}),
        **({} if member is None else {"architecture": member}),
    }
    alone = fold if fold.table is not None else replace(fold, test=())
    times: list[float] = []
    train(
        alone.training(config.model_copy(update=short)),
        study.folder,
        folder,
        restart=True,
        force=study.force,
        step=lambda _done, _all: times.append(time.process_time()),
    )
    shutil.rmtree(folder)
    return max(1e-4, float(np.median(np.diff(times)[1:])))
