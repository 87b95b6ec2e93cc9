"""Untrained rules on slope and indices: what anybody can have without a model, to be better than."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.classes import UNKNOWN, Classes
from firnline.features import FeatureSource

_ROWS_AT_ONCE: Final = 256

Values = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Rule:
    """A class by thresholds: in words, the features it needs, and the test."""

    words: str
    needs: tuple[str, ...]
    test: Callable[[Values], NDArray[np.bool_]]


def _is_snow_or_ice(values: Values) -> NDArray[np.bool_]:
    return np.asarray(values["ndsi"] > 0.4, np.bool_)


def _is_debris(values: Values) -> NDArray[np.bool_]:
    flat, bare = values["slope"] < 15.0, values["ndvi"] < 0.1
    return np.asarray(flat & bare & (values["ndsi"] < 0.3), np.bool_)


def _is_ice_or_debris(values: Values) -> NDArray[np.bool_]:
    return _is_snow_or_ice(values) | _is_debris(values)


_SNOW: Final = Rule("ndsi > 0.4", ("ndsi",), _is_snow_or_ice)
_DEBRIS: Final = Rule("slope < 15 and ndsi < 0.3 and ndvi < 0.1", ("slope", "ndsi", "ndvi"), _is_debris)
_ANY: Final = Rule(f"{_SNOW.words}, or {_DEBRIS.words}", ("slope", "ndsi", "ndvi"), _is_ice_or_debris)

RULES: Final[dict[str, tuple[Rule, ...]]] = {
    "clean ice": (_SNOW,),
    "debris-covered ice": (_DEBRIS,),
    "supraglacial debris": (_DEBRIS,),
    "glacier": (_ANY, _SNOW),
}
"""Rules by class name; the first whose features are there is used. NDSI > 0.4 is the classic threshold for snow
and ice (Dozier 1989; Hall et al. 1995), which does not tell seasonal snow from a glacier."""


@dataclass(frozen=True, eq=False)
class RuleMap:
    """The class of a rule on a scene's grid: uint8 (row, column), 1 the class, 0 not, 255 unknown."""

    words: str
    classes: Classes | None
    why_not: str = ""
    """Why there is no map, when there is none."""


def rule_map(source: FeatureSource, class_name: str) -> RuleMap:
    """Apply the rule for a class to a scene, by blocks of rows.

    A pixel is unknown where a feature of the rule is.

    Examples
    --------
    >>> [rule.words for rule in RULES["clean ice"]]
    ['ndsi > 0.4']
    """
    rules = RULES[class_name]
    usable = [rule for rule in rules if not source.missing(rule.needs)]
    if not usable:
        reasons = ", ".join(f"{name} {source.why_missing(name)}" for name in source.missing(rules[-1].needs))
        return RuleMap(rules[-1].words, None, reasons)
    return RuleMap(usable[0].words, mapped_by(usable[0], source))


def mapped_by(rule: Rule, source: FeatureSource) -> Classes:
    """A rule applied to a scene that has its features: uint8 (row, column), 255 where one of them is unknown."""
    classes = np.full(source.scene.grid.shape, UNKNOWN, np.uint8)
    with source.reader() as reader:
        for window in source.scene.grid.strips(_ROWS_AT_ONCE):
            features = reader.read(rule.needs, window)
            known = np.isfinite(features).all(axis=0)
            found = rule.test(dict(zip(rule.needs, features, strict=True)))
            classes[window.slices][known] = found[known]
    return classes
