"""Options that several commands share, turned into what the library takes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from firnline.bands import Sensor
from firnline.errors import ConfigError
from firnline.features import FeatureSource
from firnline.scene import open_scene

Choice = TypeVar("Choice", bound=StrEnum)
Word = TypeVar("Word", bound=str)


def chosen(kind: type[Choice], value: str, option: str) -> Choice:
    """The member of an enumeration that an option names; ConfigError with all of them when it names none."""
    try:
        return kind(value)
    except ValueError:
        raise ConfigError(f"'{value}' is not known", where=option, do=f"choose {', '.join(kind)}") from None


def one_of(value: str, choices: Sequence[Word], option: str, kind: str) -> Word:
    """The choice that a value is; ConfigError, with all of them, when it is none.

    Examples
    --------
    >>> one_of("torch", ("auto", "torch"), "--runtime", "a runtime")
    'torch'
    """
    for choice in choices:
        if value == choice:
            return choice
    listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
    raise ConfigError(f"'{value}' is not {kind}", where=option, do=f"choose {listed}")


def scene_source(
    scene: str | Path, *, dem: Path | None, bands: str | None, sidecar: Path | None, sensor: str | None
) -> FeatureSource:
    """Open a scene as the options describe it."""
    names = None if bands is None else [name.strip() for name in bands.split(",")]
    kind = None if sensor is None else chosen(Sensor, sensor, "--sensor")
    return FeatureSource(open_scene(scene, bands=names, sidecar=sidecar, sensor=kind), dem)
