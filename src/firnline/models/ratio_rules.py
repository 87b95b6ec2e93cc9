"""Band-ratio rules: the practitioners' rules for ice and debris, and what of them can be set."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from pydantic import ConfigDict, with_config

from firnline.bands import Level
from firnline.errors import ConfigError
from firnline.spectral import DEFAULTS, Feature, Mask, difference_above

ALWAYS_OFF: Final = "switched off: no threshold is set"


@with_config(ConfigDict(extra="forbid", strict=True))
@dataclass(frozen=True)
class RatioSettings:
    """What of the rules can be set. None takes the default of the scene's level (`DEFAULTS`), or leaves a rule off.

    Parameters
    ----------
    ratio, ndsi, blue, ndvi, ndwi, water_nir
        Thresholds of the spectral rules, in the units of the scene's bands; see `Thresholds`.
    ice
        ``all``: ice passes every one of the rules ``ratio`` and ``ndsi`` that can be used; ``any``: one is enough.
    lowest_elevation
        Ice and debris lie above, m. Off by default: it differs from valley to valley.
    steepest_ice
        Clean ice is less steep than this, degrees. Off by default: ice clings to walls of 60 degrees.
    debris
        Whether to map debris-covered ice where the bands allow.
    steepest_debris
        Debris-covered ice is less steep than this, degrees (Paul, Huggel and Kääb 2004).
    warmest_debris
        Debris over ice is colder than this, K. Off by default: it changes with the hour and the season, and
        debris thicker than about half a metre is as warm as rock.
    median
        Whether to smooth the ice with a 3 x 3 majority, as is usual against isolated pixels.
    connected
        Whether debris must touch clean ice, by itself or through other debris.
    without
        Names of rules not to use.

    Raises
    ------
    ConfigError
        When a value makes no sense or a rule is not known.

    Examples
    --------
    >>> RatioSettings(ratio=1.8, without=("water",)).threshold("ratio", Level.UNKNOWN)
    1.8
    """

    ratio: float | None = None
    ndsi: float | None = None
    blue: float | None = None
    ndvi: float | None = None
    ndwi: float | None = None
    water_nir: float | None = None
    ice: str = "all"
    lowest_elevation: float | None = None
    steepest_ice: float | None = None
    debris: bool = True
    steepest_debris: float = 24.0
    warmest_debris: float | None = None
    median: bool = True
    connected: bool = True
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise ConfigError(f"the rule setting '{field.name}' is {value}", do="give a finite number")
        if self.ratio is not None and self.ratio <= 0:
            raise ConfigError(f"the rule setting 'ratio' is {self.ratio:g}", do="give a ratio above 0")
        for name in ("ndsi", "ndvi", "ndwi"):
            index = getattr(self, name)
            if index is not None and not -1 < index < 1:
                raise ConfigError(f"the rule setting '{name}' is {index:g}", do="an index lies between -1 and 1")
        if self.ice not in ("all", "any"):
            raise ConfigError(f"the rule setting 'ice' is '{self.ice}'", do="choose all or any")
        stray = [name for name in self.without if name not in RULE_NAMES]
        if stray:
            raise ConfigError(f"no such rule: {' '.join(stray)}", do=f"known rules: {', '.join(RULE_NAMES)}")

    def threshold(self, name: str, level: Level) -> float | None:
        """The threshold of a spectral rule: as set, else the default at `level` (that of `UNKNOWN` for others)."""
        given: float | None = getattr(self, name)
        default: float | None = getattr(DEFAULTS.get(level, DEFAULTS[Level.UNKNOWN]), name)
        return default if given is None else given


@dataclass(frozen=True)
class Rule:
    """One rule as it is used on a scene.

    Parameters
    ----------
    name
        One of `RULE_NAMES`.
    decides
        ``clean ice``, ``debris-covered ice`` or ``both``.
    needs
        The features it looks at, in the order in which `holds` takes them.
    thresholds
        Its thresholds.
    states
        What it says, in words, thresholds filled in.
    source
        Where it is from.
    """

    name: str
    decides: str
    needs: tuple[str, ...]
    thresholds: tuple[float, ...]
    states: str
    source: str

    def holds(self, *features: Feature) -> Mask:
        """Where the rule's statement is true; false where a feature is NaN.

        Parameters
        ----------
        features
            float32 arrays of one shape, as `needs` names them.
        """
        return _TESTS[self.name](features, self.thresholds)


def _ratio(features: tuple[Feature, ...], thresholds: tuple[float, ...]) -> Mask:
    numerator, swir = features
    return np.asarray((numerator > 0) & (numerator > swir * np.float32(thresholds[0])))


def _index(features: tuple[Feature, ...], thresholds: tuple[float, ...]) -> Mask:
    return difference_above(features, thresholds[0])


def _above(features: tuple[Feature, ...], thresholds: tuple[float, ...]) -> Mask:
    return np.asarray(features[0] > np.float32(thresholds[0]))


def _below(features: tuple[Feature, ...], thresholds: tuple[float, ...]) -> Mask:
    return np.asarray(features[0] < np.float32(thresholds[0]))


def _water(features: tuple[Feature, ...], thresholds: tuple[float, ...]) -> Mask:
    *index, nir = features
    return difference_above(tuple(index), thresholds[0]) & (nir < np.float32(thresholds[1]))


_TESTS: Final = {
    "ratio": _ratio,
    "ndsi": _index,
    "shadow": _above,
    "vegetation": _index,
    "water": _water,
    "lowest elevation": _above,
    "steepest ice": _below,
    "debris slope": _below,
    "debris temperature": _below,
}
RULE_NAMES: Final = tuple(_TESTS)
"""The rules there are. ``vegetation`` and ``water`` say what a pixel must not be, the others what it must."""
EXCLUDES: Final = ("vegetation", "water")
