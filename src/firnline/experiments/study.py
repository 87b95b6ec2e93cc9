"""One run of an experiment: what it is about, with which data, and where it leaves what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from firnline.classes import LabelScheme
from firnline.errors import ConfigError
from firnline.experiments.arms import Arm, model_arm
from firnline.experiments.config import ExperimentConfig, Loaded
from firnline.experiments.folds import Fold, folds_of, scenes_of
from firnline.experiments.names import EXPERIMENTS
from firnline.experiments.results import Trials
from firnline.experiments.scenes import StudyScene
from firnline.training.config import TrainingConfig

Tell = Callable[[str], None]
Step = Callable[[int, int], None]


@dataclass(frozen=True)
class Study:
    """What an experiment is given.

    Parameters
    ----------
    experiment
        Its name.
    loaded
        The configuration as read.
    out
        The folder that everything is left in; trials are shared by the experiments that are run into one folder.
    restart
        Make trials anew that were made with other settings.
    force
        Train on scenes that the check refuses.
    tell
        Called with lines of progress.
    step
        Called with (trials done, all of them) of what is being trained.
    """

    experiment: str
    loaded: Loaded
    out: Path
    restart: bool = False
    force: bool = False
    tell: Tell = field(default=lambda _: None, repr=False)
    step: Step = field(default=lambda _done, _all: None, repr=False)

    def __post_init__(self) -> None:
        assert self.experiment in EXPERIMENTS

    @property
    def config(self) -> ExperimentConfig:
        """The experiment's settings."""
        return self.loaded.config

    @property
    def training(self) -> TrainingConfig:
        """The training configuration."""
        return self.loaded.training

    @property
    def folder(self) -> Path:
        """What relative paths of the training configuration count from."""
        return self.loaded.folder

    @cached_property
    def scenes(self) -> tuple[StudyScene, ...]:
        """The scenes of the training configuration, one a file; none where it takes a table of chips."""
        return scenes_of(self.loaded)

    @cached_property
    def folds(self) -> tuple[Fold, ...]:
        """What the configuration trains on and tests on."""
        return folds_of(self.loaded, self.scenes)

    @property
    def regions(self) -> dict[str, tuple[StudyScene, ...]]:
        """The scenes of each region, by its name."""
        return {name: tuple(s for s in self.scenes if s.region == name) for name in self.config.regions}

    def arm(self, model: str, *, name: str | None = None, **changes: object) -> Arm:
        """A model as the configuration wants it, with further changes; see `model_arm`."""
        return model_arm(self.loaded, model, name=name, **changes)

    def trials(self, arms: Sequence[Arm], folds: Sequence[Fold] | None = None) -> Trials:
        """Train and test every arm on every fold with every seed; what is done already is read."""
        from firnline.experiments.trials import run_trials

        return run_trials(self, arms, self.folds if folds is None else folds)

    def refusal(self, why: str, do: str | None = None) -> ConfigError:
        """The error of an experiment that the data does not allow."""
        return ConfigError(f"the experiment {self.experiment} cannot be made: {why}", where=self.loaded.path, do=do)

    def require_model(self, name: str, key: str) -> None:
        """Raise ConfigError when the name that a key gives is neither a model nor an arm of the configuration."""
        try:
            self.config.require_model(name, key)
        except ValueError as error:
            raise ConfigError(str(error), where=self.loaded.path) from None

    def require_classes(self) -> None:
        """Raise ConfigError when the truth does not tell clean ice from debris."""
        if self.training.scheme != LabelScheme.CLASS:
            raise self.refusal(
                f"the label scheme '{self.training.scheme}' does not tell clean ice from debris",
                "give truth of both, and set scheme: class",
            )
