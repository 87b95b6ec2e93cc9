"""What a training configuration may say; a wrong key or value is an error that names it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from firnline.bands import Level, band_name
from firnline.chips.entries import SceneEntry
from firnline.classes import LabelScheme
from firnline.errors import ConfigError
from firnline.models.architectures import Trainable, UNetSettings, unet_by_default
from firnline.models.inputs import Layout
from firnline.models.pixels.settings import PixelSettings
from firnline.sidecar import explain
from firnline.training.augmentation import Augmentation
from firnline.training.loss_settings import Loss
from firnline.training.pixel_settings import Drawing, require_pixel_keys

Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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


class TwoBinaryTraining(_Settings):
    """Two models in the place of one: clean ice against the rest, and debris-covered ice against the rest."""

    name: Literal["two-binary"] = "two-binary"
    member: Trainable = UNetSettings(norm="batch", dropout=0.1)
    """The architecture of both."""

    @property
    def multiple(self) -> int:
        """Sides of a window must be multiples of this."""
        return self.member.multiple


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
    optional: tuple[str, ...] = ()
    """Bands that a scene may lack, in training and in prediction."""
    mixed: bool = False
    """Learn from scenes of several levels and resolutions together; each level is normalised by itself."""
    scenes: tuple[SceneEntry, ...] = ()
    table: Path | None = None
    """A table of chips with a split, instead of scenes."""
    fold: Annotated[int, Field(ge=0)] | Literal["all"] | None = None
    """The fold of the table that validates, while the others train; ``all``: each in turn, and their ensemble."""
    truth_as: LabelScheme | None = None
    """Convert all truth to this scheme first; a scene may say otherwise."""
    buffer_m: Annotated[float, Field(ge=0)] = 0.0
    """Training pixels nearer than this to the footprint of a validation scene are unknown."""
    architecture: Annotated[
        Trainable | TwoBinaryTraining, Field(discriminator="name"), BeforeValidator(unet_by_default)
    ] = UNetSettings(norm="batch", dropout=0.1)
    chips: Chips = Chips()
    loss: Loss = Loss()
    augmentation: Augmentation = Augmentation()
    pixels: Drawing = Drawing()
    """Which pixels a classifier of pixels learns from."""
    impute: Literal["after", "before"] = "after"
    optimiser: Literal["adam", "adamw"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    schedule: Literal["constant", "cosine"] = "cosine"
    clip: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """The gradient of a step is made no longer than this."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Validate and save a moving mean of the weights, of which a step keeps this share; 0: the weights themselves."""
    batch: Positive = 8
    epochs: Positive = 30
    validate_every: Positive = 1
    patience: Positive | None = None
    """Stop after so many validations without a gain."""
    calibrate: bool = True
    """Fit the probabilities to one part of the validation scenes, and report what it is worth on another."""
    seed: Seed = 0
    seeds: tuple[Seed, ...] = ()
    """Train once with each, and make an ensemble of them; instead of `seed`."""
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
            asked = values.get("architecture")
            if isinstance(asked, dict) and asked.get("name", "unet") != "unet":
                raise ValueError(f"preset: paper is of the unet, not of {asked['name']}")
            return merged(PAPER, values)
        return values

    @model_validator(mode="after")
    def _check(self) -> Self:
        names, optional = _known_names(self.bands), _known_names(self.optional)
        every = (*names, *optional)
        if len(set(every)) != len(every) or not names:
            raise ValueError("bands: needs at least one band, and each only once, with those of optional")
        if "aspect" in every:
            raise ValueError(
                "bands: aspect is a direction: flips would not turn it, and flat ground has none (eastness and "
                "northness have neither trouble)"
            )
        if optional and self.impute == "before":
            raise ValueError("impute: a band that may be absent has no value before it is normalised; use after")
        object.__setattr__(self, "bands", names)
        object.__setattr__(self, "optional", optional)
        if self.chips.size % self.architecture.multiple:
            raise ValueError(f"chips.size: must be a multiple of {self.architecture.multiple} for this architecture")
        self._check_source()
        self._check_pixels()
        if len(set(self.seeds)) != len(self.seeds) or len(self.seeds) == 1:
            raise ValueError("seeds: two or more, each only once")
        if self.seeds and "seed" in self.model_fields_set:
            raise ValueError("seed: leave it out where there are seeds")
        if isinstance(self.architecture, TwoBinaryTraining) and self.scheme != LabelScheme.CLASS:
            raise ValueError("scheme: two-binary models make one of scheme class")
        return self

    @property
    def layout(self) -> Layout:
        """The bands as the network takes them."""
        return Layout((*self.bands, *self.optional), self.optional)

    def _check_pixels(self) -> None:
        each = self.architecture.member if isinstance(self.architecture, TwoBinaryTraining) else self.architecture
        if isinstance(each, PixelSettings):
            require_pixel_keys(self.model_fields_set, self.chips.model_fields_set)
        elif "pixels" in self.model_fields_set:
            raise ValueError("pixels: are drawn for a pixel classifier, and this is a network")

    def _check_source(self) -> None:
        if self.table is None and "scenes" not in self.model_fields_set:
            raise ValueError("needs scenes, or the table of chips to train on")
        if self.table is not None and self.scenes:
            raise ValueError("table: the chips come from it; leave out scenes")
        if self.table is None and self.fold is not None:
            raise ValueError("fold: only a table of chips has folds")
        if self.table is not None and self.buffer_m:
            raise ValueError("buffer_m: a table of chips has a buffer of its own (its split)")


def _known_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(band_name(name) or name for name in names)


PAPER: dict[str, Any] = {
    "architecture": {"name": "unet", "width": 16, "depth": 5, "dropout": 0.3, "norm": "none"},
    "chips": {"size": 512, "known": 0.0, "focus": 0.0},
    "augmentation": {"turns": False},
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


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others over them; mappings are merged, key by key.

    Examples
    --------
    >>> merged({"chips": {"size": 512, "known": 0.0}, "batch": 16}, {"chips": {"size": 256}})
    {'chips': {'size': 256, 'known': 0.0}, 'batch': 16}
    """
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def read_config(path: Path) -> TrainingConfig:
    """Read a YAML configuration; relative paths in it count from its folder.

    Raises
    ------
    ConfigError
        When it cannot be read, or a key or value is wrong.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=path) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not text in UTF-8: {error.reason}", where=path) from None
    except yaml.YAMLError as error:
        raise ConfigError("is not YAML: " + " ".join(str(error).split()), where=path) from None
    except ValueError as error:  # of YAML itself: a date that does not exist
        raise ConfigError(f"has a value that makes no sense: {error}", where=path) from None
    return config_of(content, path)


def config_of(content: Any, path: Path) -> TrainingConfig:
    """Settings from what a file at `path` holds.

    Raises
    ------
    ConfigError
        When a key or value is wrong.
    """
    try:
        return TrainingConfig.model_validate(content)
    except ValidationError as error:
        raise ConfigError(explain(error), where=path, do="see docs/training.md") from None
