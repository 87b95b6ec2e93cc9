"""The spectral rules of masks: what a scene's bands allow, with thresholds and where they are from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.bands import Kind, Level
from firnline.classes import UNKNOWN
from firnline.errors import ConfigError
from firnline.features import FeatureSource
from firnline.preflight.level import Look, look_of
from firnline.report.falsecolour import read_decimated, step_for
from firnline.spectral import (
    DEFAULTS,
    NDSI_OF_SNOW,
    NIR_OF_SNOW,
    NIR_OF_WATER,
    common_level,
    difference_above,
    index_bands,
)

Features = NDArray[np.float32]
Bools = NDArray[np.bool_]

_REFLECTANCE: Final = (Level.SURFACE_REFLECTANCE, Level.TOP_OF_ATMOSPHERE)
_HIDDEN: Final = ("cirrus", "nir09")
"""Optical bands in which all ground is dark: water vapour takes the light."""
_LOOK_SIDE: Final = 400


@dataclass(frozen=True)
class MaskThresholds:
    """Thresholds of the masks, in the units of the scene's bands; None takes that of its radiometric level.

    Parameters
    ----------
    ndwi, water_nir
        Water has an index above the one, and near infrared below the other.
    ndsi
        Snow and ice have an index above this.
    snow_nir
        And near infrared (green, where there is none) above this.
    dark
        Shadow is darker than this in every optical band.

    Raises
    ------
    ConfigError
        When one is no number, or an index does not lie between -1 and 1.
    """

    ndwi: float | None = None
    water_nir: float | None = None
    ndsi: float | None = None
    snow_nir: float | None = None
    dark: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not math.isfinite(value):
                raise ConfigError(f"the threshold '{field.name}' is {value}", do="give a finite number")
        for name in ("ndwi", "ndsi"):
            index = getattr(self, name)
            if index is not None and not -1 < index < 1:
                raise ConfigError(f"the threshold '{name}' is {index:g}", do="an index lies between -1 and 1")


@dataclass(frozen=True)
class MaskRule:
    """One mask by thresholds.

    Parameters
    ----------
    needs
        The features it looks at.
    states
        What it says, in words, with its source.
    test
        Takes them as float32 (feature, row, column); true where the mask is set.
    """

    needs: tuple[str, ...]
    states: str
    test: Callable[[Features], Bools]

    def apply(self, values: Features) -> NDArray[np.uint8]:
        """1 where it holds, 0 where not, 255 where a feature is unknown; uint8 (row, column)."""
        found = self.test(values).astype(np.uint8)
        found[~np.isfinite(values).all(axis=0)] = UNKNOWN
        return found


Chosen = tuple[Mapping[str, MaskRule], Mapping[str, str], str]


def choose_rules(source: FeatureSource, thresholds: MaskThresholds) -> Chosen:
    """The rules that a scene's bands allow by mask, why the others cannot be had, and a word on the level.

    Where the level of the bands is not said and their values look like reflectance, the thresholds are those of the
    surface.
    """
    level, note = common_level(source)
    if level == Level.UNKNOWN and not _mixed(source) and _looks_like_reflectance(source):
        level = Level.SURFACE_REFLECTANCE
        note = "the level is not said, and the values look like reflectance: thresholds are those of the surface"
    water = _water(source, thresholds, level)
    wet = water if isinstance(water, MaskRule) else None
    snow, shadow = _snow(source, thresholds, level, wet), _shadow(source, thresholds, level, wet)
    rules: dict[str, MaskRule] = {}
    why_not: dict[str, str] = {}
    for name, found in (("water", water), ("shadow", shadow), ("snow", snow)):
        if isinstance(found, MaskRule):
            rules[name] = found
        else:
            why_not[name] = found
    return rules, why_not, note


def _mixed(source: FeatureSource) -> bool:
    return len({band.level for band in source.scene.bands if band.kind == Kind.OPTICAL}) != 1


def _looks_like_reflectance(source: FeatureSource) -> bool:
    names = [name for name in ("green", "red", "nir08") if name in source.scene.band_names]
    if not names:
        return False
    with source.scene.reader() as reader:
        values = read_decimated(reader, names, step_for(source.scene.grid.shape, _LOOK_SIDE))
    return all(look_of(band) == Look.FRACTION for band in values)


def _lacking(source: FeatureSource, needs: tuple[str, ...]) -> str:
    missing = source.missing(needs)
    reasons = [why for name in missing if (why := source.why_missing(name)).startswith("needs")]
    return f"needs {', which '.join([' and '.join(missing), *reasons])}"


def _no_threshold(level: Level) -> str:
    return f"no threshold is known for bands of the level '{level}'; one can be set"


def _water(source: FeatureSource, given: MaskThresholds, level: Level) -> MaskRule | str:
    needs = (*index_bands(source, "ndwi"), "nir08") if not source.missing(["ndwi"]) else ("ndwi", "nir08")
    if source.missing(needs):
        return _lacking(source, needs)
    usual = DEFAULTS.get(level, DEFAULTS[Level.UNKNOWN])
    ndwi = usual.ndwi if given.ndwi is None else given.ndwi
    dark = (NIR_OF_WATER if level in _REFLECTANCE else None) if given.water_nir is None else given.water_nir
    if ndwi is None or dark is None:
        return _no_threshold(level)

    def test(values: Features) -> Bools:
        return np.asarray(difference_above(tuple(values[:-1]), ndwi) & (values[-1] < np.float32(dark)))

    return MaskRule(needs, f"NDWI > {ndwi:g} and nir08 < {dark:g} (McFeeters 1996, 2013)", test)


def _snow(source: FeatureSource, given: MaskThresholds, level: Level, water: MaskRule | None) -> MaskRule | str:
    if source.missing(["ndsi"]):
        return _lacking(source, ("ndsi",))
    index = index_bands(source, "ndsi")
    if level not in _REFLECTANCE and len(index) > 1 and given.ndsi is None:
        return _no_threshold(level)
    ndsi = NDSI_OF_SNOW if given.ndsi is None else given.ndsi
    bright = next((name for name in ("nir08", "green") if not source.missing([name])), None)
    least = (NIR_OF_SNOW if level in _REFLECTANCE else None) if given.snow_nir is None else given.snow_nir
    states = f"NDSI > {ndsi:g}"
    if bright is None or least is None:
        source_of = f"{states} (Dozier 1989, Hall et al. 1995); snow and ice, and water may be among them"
        return MaskRule(index, source_of, lambda values: difference_above(tuple(values), ndsi))

    wet = () if water is None else water.needs

    def test(values: Features) -> Bools:
        own = values[: len(values) - len(wet)]
        snow = np.asarray(difference_above(tuple(own[:-1]), ndsi) & (own[-1] > np.float32(least)))
        return snow if water is None else snow & ~water.test(values[len(own) :])

    states = f"{states} and {bright} > {least:g}{'' if water is None else ', and not water'}"
    states += " (Dozier 1989, Hall et al. 1995); snow and ice that is lit"
    return MaskRule((*index, bright, *wet), states, test)


def _shadow(source: FeatureSource, given: MaskThresholds, level: Level, water: MaskRule | None) -> MaskRule | str:
    scene = source.scene
    optical = tuple(band.name for band in scene.bands if band.kind == Kind.OPTICAL and band.name not in _HIDDEN)
    if not optical:
        return "the scene has no optical band, and does not say its sun"
    dark = (NIR_OF_SNOW if level in _REFLECTANCE else None) if given.dark is None else given.dark
    if dark is None:
        return _no_threshold(level)
    wet = () if water is None else water.needs

    def test(values: Features) -> Bools:
        shadow = np.asarray((values[: len(optical)] < np.float32(dark)).all(axis=0))
        return shadow if water is None else shadow & ~water.test(values[len(optical) :])

    states = f"darker than {dark:g} in every optical band ({' '.join(optical)})"
    states += " (the least of lit snow, Hall et al. 1995)"
    states += "; dark water is in it" if water is None else ", and not water: water in shadow cannot be told from it"
    return MaskRule((*optical, *wet), states, test)
