"""What an experiment's configuration may say; a wrong key or value is an error that names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from firnline.errors import ConfigError
from firnline.experiments.names import EXPERIMENTS
from firnline.inference.runtime import RuntimeName
from firnline.sidecar import explain, read_yaml
from firnline.training.config import TrainingConfig, read_config


def _as_list(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Patterns = Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]
"""Patterns of file names with ``*``, ``?`` and ``[...]``; a single one may stand without brackets."""

Section = TypeVar("Section", bound=BaseModel)


class Settings(BaseModel):
    """Settings that refuse what they do not know; the sections of experiments are made of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ExperimentConfig(Settings):
    """What all experiments share, and a section for each that has settings of its own.

    Examples
    --------
    >>> config = ExperimentConfig(name="demo", training="demo.yaml", regions={"west": "0[2-4]_*"})
    >>> config.seeds, config.regions
    ((0, 1, 2), {'west': ('0[2-4]_*',)})
    """

    name: str
    training: Path | dict[str, Any]
    """A training configuration, or the path of one."""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (0, 1, 2)
    folds: Annotated[tuple[Patterns, ...], Field(min_length=1)] | Literal["table"] | None = None
    """Groups of file names, each held out in turn; or ``table``: the folds of the table of chips. Without it the
    roles of the training configuration count, or the split of the table."""
    regions: dict[str, Patterns] = {}
    """Which scenes are of which region, by file names."""
    block: Annotated[int, Field(ge=8)] = 128
    """Side of the blocks that a bootstrap draws, pixels."""
    cpu_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Train every network for about so long."""
    model: str = "base"
    """The model of experiments that are not about models; ``base`` is the training configuration as it is."""
    arms: dict[str, dict[str, Any]] = {}
    """Settings of training, by model. A name that is no model is one more arm, of the model that its key ``model``
    names."""
    runtime: RuntimeName = "torch"
    """What maps the test scenes."""
    licence: str = ""
    """Of the data; told on the page."""
    settings: dict[Literal[EXPERIMENTS], dict[str, Any]] = {}  # type: ignore[valid-type]
    """Settings of single experiments."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        from firnline.experiments.arms import MODELS

        for name, changes in self.arms.items():
            kind = changes.get("model", name)
            if kind not in MODELS or (name in MODELS and kind != name):
                raise ValueError(f"arms.{name}: '{kind}' is not a model; model: must name {', '.join(MODELS)}")
            if "/" in name or name.startswith("."):
                raise ValueError(f"arms.{name}: cannot be the name of a folder")
        self.require_model(self.model, "model")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds: each only once")
        return self

    def require_model(self, name: str, key: str) -> None:
        """Raise ValueError when a name is neither a model nor an arm of this configuration."""
        from firnline.experiments.arms import MODELS

        if name not in (*MODELS, *self.arms):
            raise ValueError(f"{key}: '{name}' is not a model; there are {', '.join((*MODELS, *self.arms))}")


@dataclass(frozen=True)
class Loaded:
    """A configuration as read: the experiment's settings, the training's, and what the latter's paths count from."""

    path: Path
    config: ExperimentConfig
    training: TrainingConfig
    folder: Path


def read_experiment(path: Path) -> Loaded:
    """Read an experiment's configuration, and the training configuration in it or beside it.

    Relative paths count from the folder of the file that they stand in.

    Raises
    ------
    ConfigError
        When either cannot be read, or a key or value is wrong.
    """
    try:
        config = ExperimentConfig.model_validate(read_yaml(path, "an experiment's configuration"))
    except ValidationError as error:
        raise ConfigError(explain(error), where=path, do="see docs/experiments.md") from None
    if isinstance(config.training, Path):
        beside = path.parent / config.training
        return Loaded(path, config, read_config(beside), beside.parent)
    try:
        training = TrainingConfig.model_validate(config.training)
    except ValidationError as error:
        raise ConfigError(f"training.{explain(error)}", where=path, do="see docs/training.md") from None
    return Loaded(path, config, training, path.parent)


def section(config: ExperimentConfig, name: str, kind: type[Section]) -> Section:
    """The settings of one experiment, checked.

    Raises
    ------
    ConfigError
        When a key or value is wrong.

    Examples
    --------
    >>> class Own(Settings):
    ...     shares: tuple[float, ...] = (0.5, 1.0)
    >>> config = ExperimentConfig(name="demo", training="demo.yaml", settings={"bands": {"shares": [0.1]}})
    >>> section(config, "bands", Own).shares
    (0.1,)
    """
    given: Mapping[str, Any] = config.settings.get(name, {})
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise ConfigError(
            f"settings.{name}.{explain(error)}", where=config.name, do="see docs/experiments.md"
        ) from None
