"""What a training configuration may say; a wrong key or value is an error that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from firnline.bands import Level, band_name
from firnline.chips.entries import SceneEntry
from firnline.classes import LabelScheme
from firnline.errors import ConfigError
from firnline.models.architectures import Architecture, UNetSettings
from firnline.sidecar import explain

Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Loss(_Settings):
    """Weights of the loss terms. ``dice_form: paper`` is the authors' code; ``soft`` the usual one."""

    dice: Annotated[float, Field(ge=0)] = 1.0
    cross_entropy: Annotated[float, Field(ge=0)] = 1.0
    dice_form: Literal["soft", "paper"] = "soft"
    l1: Annotated[float, Field(ge=0)] = 0.0
    """Factor of the sum of all absolute weights."""


class Chips(_Settings):
    """Which windows training sees."""

    size: Positive = 256
    per_epoch: Positive = 200
    known: Share = 0.1
    """The least share of a chip whose truth and bands are known."""
    focus: Share = 0.5
    """The share of chips drawn from those that hold a rare class (each one equally often)."""
    focus_share: Share = 0.01
    """From this share of known pixels on, a chip holds a class."""
    turns: bool = True
    """Flips and quarter turns."""


class TrainingConfig(_Settings):
    """A training run.

    Examples
    --------
    >>> config = TrainingConfig(name="demo", scheme="class", bands=("red", "nir"),
    ...                         scenes=(SceneEntry(images="a.tif", truth="a_class.tif"),))
    >>> config.bands, config.architecture.width
    (('red', 'nir08'), 16)
    """

    name: str
    preset: Literal["paper"] | None = None
    scheme: LabelScheme
    bands: tuple[str, ...]
    scenes: tuple[SceneEntry, ...] = ()
    table: Path | None = None
    """A table of chips with a split, instead of scenes."""
    fold: Annotated[int, Field(ge=0)] | None = None
    """The fold of the table that validates; the other folds train."""
    buffer_m: Annotated[float, Field(ge=0)] = 0.0
    """Training pixels nearer than this to the footprint of a validation scene are unknown."""
    architecture: Architecture = UNetSettings(norm="batch", dropout=0.1)
    chips: Chips = Chips()
    loss: Loss = Loss()
    impute: Literal["after", "before"] = "after"
    optimiser: Literal["adam", "adamw"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    schedule: Literal["constant", "cosine"] = "cosine"
    batch: Positive = 8
    epochs: Positive = 30
    validate_every: Positive = 1
    seed: Annotated[int, Field(ge=0)] = 0
    threads: Positive | None = None
    """CPU threads; with another number the last digits differ."""
    precision: Literal["auto", "f32", "bf16"] = "auto"
    cache_mb: Annotated[int, Field(ge=0)] = 2000
    """Scenes are kept in memory up to this size, and read chip by chip beyond it."""
    level: Level | None = None
    """Require this level of the optical bands."""

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("preset") == "paper":
            return _merge(PAPER, values)
        return values

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = tuple(band_name(name) or name for name in self.bands)
        if len(set(names)) != len(names) or not names:
            raise ValueError("bands: needs at least one band, and each only once")
        if "aspect" in names:
            raise ValueError("bands: aspect is a direction: flips would not turn it, and flat ground has none")
        object.__setattr__(self, "bands", names)
        if self.chips.size % self.architecture.multiple:
            raise ValueError(f"chips.size: must be a multiple of {self.architecture.multiple} for this architecture")
        self._check_source()
        if self.loss.dice == 0 and self.loss.cross_entropy == 0:
            raise ValueError("loss: dice and cross_entropy are both 0")
        return self

    def _check_source(self) -> None:
        if self.table is None and "scenes" not in self.model_fields_set:
            raise ValueError("needs scenes, or the table of chips to train on")
        if self.table is not None and self.scenes:
            raise ValueError("table: the chips come from it; leave out scenes")
        if self.table is None and self.fold is not None:
            raise ValueError("fold: only a table of chips has folds")
        if self.table is not None and self.buffer_m:
            raise ValueError("buffer_m: a table of chips has a buffer of its own (its split)")


PAPER: dict[str, Any] = {
    "architecture": {"name": "unet", "width": 16, "depth": 5, "dropout": 0.3, "norm": "none"},
    "chips": {"size": 512, "known": 0.0, "focus": 0.0, "turns": False},
    "loss": {"dice": 1.0, "cross_entropy": 0.0, "dice_form": "paper", "l1": 5e-4},
    "impute": "before",
    "optimiser": "adam",
    "learning_rate": 1e-4,
    "weight_decay": 0.0,
    "schedule": "constant",
    "batch": 16,
    "epochs": 200,
}
"""What the paper did; docs/paper-and-code.md says where its text and its code differ."""


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def read_config(path: Path) -> TrainingConfig:
    """Read a YAML configuration; relative paths in it count from its folder.

    Raises
    ------
    ConfigError
        When it cannot be read, or a key or value is wrong.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TrainingConfig.model_validate(content)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=path) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not text in UTF-8: {error.reason}", where=path) from None
    except yaml.YAMLError as error:
        raise ConfigError("is not YAML: " + " ".join(str(error).split()), where=path) from None
    except ValidationError as error:
        raise ConfigError(explain(error), where=path, do="see docs/training.md") from None
    except ValueError as error:  # of YAML itself: a date that does not exist
        raise ConfigError(f"has a value that makes no sense: {error}", where=path) from None
