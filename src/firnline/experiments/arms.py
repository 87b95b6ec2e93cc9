"""The ways that an experiment compares: training settings under a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from firnline.errors import ConfigError
from firnline.experiments.config import Loaded
from firnline.sidecar import explain
from firnline.training.config import PAPER, TrainingConfig, merged
from firnline.training.pixel_settings import APPLIES

PIXEL_MODELS: Final = ("forest", "boosting", "perceptron", "segments")
"""Classifiers of pixels, or of segments, which have no length of training."""

MODELS: Final[dict[str, dict[str, Any]]] = {
    "base": {},
    **{name: {"architecture": {"name": name}} for name in PIXEL_MODELS},
    "unet": {key: value for key, value in PAPER.items() if key not in ("chips", "epochs")},
    "firn": {"architecture": {"name": "firn"}, "ema": 0.99},
}
"""The models by name, each as what it changes in the training configuration: ``base`` nothing, ``unet`` to the
network and the method of the paper (but for the chips, of which the data decides, and the length), ``firn`` to the
project's own network with a moving mean of its weights."""


@dataclass(frozen=True)
class Arm:
    """One way, under a name that is also that of its folder."""

    name: str
    config: TrainingConfig

    def as_record(self) -> dict[str, Any]:
        """The settings, but for the data."""
        return self.config.model_dump(mode="json", exclude={"scenes", "table", "fold", "seed", "cache_mb"})


def kind_of(loaded: Loaded, model: str) -> str:
    """The model in `MODELS` that a name means: itself, or what the configuration's ``arms.NAME.model`` says."""
    return model if model in MODELS else str(loaded.config.arms[model]["model"])


def model_arm(loaded: Loaded, model: str, *, name: str | None = None, **changes: Any) -> Arm:
    """A model with what the experiment's configuration (``arms``) says of it, and further changes.

    Parameters
    ----------
    loaded
        The configuration.
    model
        A name in `MODELS`, or one that the configuration adds (``arms``).
    name
        Of the arm, where it is not the model's.
    changes
        Settings of training; a mapping is merged into the one that is there.

    Raises
    ------
    ConfigError
        When the settings do not go together.
    """
    try:
        own = {key: value for key, value in loaded.config.arms.get(model, {}).items() if key != "model"}
        settings = changed(loaded.training, MODELS[kind_of(loaded, model)], own, changes)
    except ValidationError as error:
        raise ConfigError(f"arms.{model}: {explain(error)}", where=loaded.path, do="see docs/training.md") from None
    return Arm(name or model, settings)


def changed(config: TrainingConfig, *changes: Mapping[str, Any]) -> TrainingConfig:
    """Training settings with some of them changed; those that were never set keep their defaults.

    Mappings are merged, but that of another architecture replaces the one that is there. A classifier of pixels takes
    over those settings that mean something to it.

    Raises
    ------
    pydantic.ValidationError
        When they do not go together.

    Examples
    --------
    >>> from firnline.chips.entries import SceneEntry
    >>> base = TrainingConfig(name="demo", scheme="class", bands=["red"], architecture={"width": 4, "depth": 2},
    ...                       scenes=(SceneEntry(images="a.tif", truth="b.tif"),))
    >>> changed(base, {"architecture": {"width": 8}}).architecture.depth
    2
    >>> changed(base, {"architecture": {"name": "firn"}, "epochs": 3}).architecture.name
    'firn'
    """
    content = config.model_dump(exclude_unset=True, exclude={"preset"})
    for each in changes:
        if each.get("architecture", {}).get("name") in PIXEL_MODELS:
            chips = {key: value for key, value in content.pop("chips", {}).items() if key == "size"}
            content = {key: value for key, value in content.items() if key in APPLIES} | {"chips": chips}
        content = _merged(content, each)
    return TrainingConfig.model_validate(content)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Settings merged, but for an architecture, whose settings mean nothing to another."""
    result, architecture = merged(base, over), over.get("architecture", {})
    if "name" in architecture and architecture["name"] != (base.get("architecture") or {}).get("name", "unet"):
        result["architecture"] = architecture
    return result
