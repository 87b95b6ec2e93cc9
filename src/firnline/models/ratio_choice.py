"""Which band-ratio rules a scene allows, and why not the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from firnline.bands import Level
from firnline.features import FeatureSource
from firnline.models.ratio_rules import ALWAYS_OFF, RatioSettings, Rule
from firnline.spectral import common_level, index_bands

_TEMPERATURES: Final = (Level.BRIGHTNESS_TEMPERATURE, Level.SURFACE_TEMPERATURE)

_PAUL_2002: Final = "Paul et al. 2002, Annals of Glaciology 34; Racoviteanu et al. 2009, Annals of Glaciology 50(53)"
_HALL_1995: Final = "Hall, Riggs and Salomonson 1995, Remote Sensing of Environment 54"
_PAUL_2013: Final = "Paul and Kääb 2005, Annals of Glaciology 42; Paul et al. 2013, Annals of Glaciology 54(63)"
_PAUL_2004: Final = "Paul, Huggel and Kääb 2004, Remote Sensing of Environment 89"
_MCFEETERS: Final = "McFeeters 1996, International Journal of Remote Sensing 17, and 2013, Remote Sensing 5"
_BHAMBRI: Final = "Bhambri, Bolch and Chaujar 2011, International Journal of Remote Sensing 32"
_LOCAL: Final = "a setting; no value holds everywhere"

Unused = tuple[Rule, str]


@dataclass(frozen=True)
class Choice:
    """The rules that a scene allows, those it does not with the reason, and the level they were chosen for."""

    used: tuple[Rule, ...]
    unused: tuple[Unused, ...]
    level: Level
    level_note: str


def choose(source: FeatureSource, settings: RatioSettings) -> Choice:
    """Go through all rules, and find for each whether `source` has what it needs at a level that it holds for.

    Examples
    --------
    See `firnline.models.ratio.ratio_model`.
    """
    level, note = common_level(source)
    used: list[Rule] = []
    unused: list[Unused] = []
    for rule, reason in _candidates(source, settings, level):
        if rule.name in settings.without:
            reason = "switched off by the settings"
        elif not reason:
            reason = _lacking(source, rule.needs)
        if reason:
            unused.append((rule, reason))
        else:
            used.append(rule)
    return Choice(tuple(used), tuple(unused), level, note)


def _lacking(source: FeatureSource, needs: tuple[str, ...]) -> str:
    """What of `needs` the source does not have, in words; empty when it has all."""
    missing = dict.fromkeys(source.missing(needs))
    deeper = dict.fromkeys(why for name in missing if (why := source.why_missing(name)).startswith("needs"))
    return f"needs {', which '.join([' and '.join(missing), *deeper])}" if missing else ""


def _candidates(source: FeatureSource, settings: RatioSettings, level: Level) -> list[tuple[Rule, str]]:
    """Every rule with its thresholds filled in, and why it cannot be used whatever bands there are (or nothing)."""
    return [
        *_ice_rules(source, settings, level),
        *_exclusions(source, settings, level),
        *_terrain_rules(settings),
        *_debris_rules(source, settings),
    ]


def _no_threshold(level: Level) -> str:
    return f"no threshold is known for bands of the level '{level}'; one can be set"


def _ice_rules(source: FeatureSource, settings: RatioSettings, level: Level) -> list[tuple[Rule, str]]:
    ratio, ndsi = settings.threshold("ratio", level), settings.threshold("ndsi", level)
    blue = settings.threshold("blue", level)
    assert ratio is not None, "stated for every level"
    assert ndsi is not None, "stated for every level"
    top = "nir08" if source.missing(["red"]) and not source.missing(["nir08"]) else "red"
    shadow = f"ice in shadow has blue > {blue:g}" if blue is not None else "ice in shadow is bright in blue"
    return [
        (Rule("ratio", "clean ice", (top, "swir16"), (ratio,), f"{top} / swir16 > {ratio:g}", _PAUL_2002), ""),
        (Rule("ndsi", "clean ice", index_bands(source, "ndsi"), (ndsi,), f"NDSI > {ndsi:g}", _HALL_1995), ""),
        (
            Rule("shadow", "clean ice", ("blue",), () if blue is None else (blue,), shadow, _PAUL_2013),
            _no_threshold(level) if blue is None else "",
        ),
    ]


def _exclusions(source: FeatureSource, settings: RatioSettings, level: Level) -> list[tuple[Rule, str]]:
    ndvi = settings.threshold("ndvi", level)
    ndwi, nir = settings.threshold("ndwi", level), settings.threshold("water_nir", level)
    assert ndvi is not None, "stated for every level"
    vegetation = f"vegetation is neither ice nor debris: NDVI > {ndvi:g}"
    water_needs = (*index_bands(source, "ndwi"), "nir08")
    if ndwi is None or nir is None:
        water = Rule("water", "both", water_needs, (), "water is neither ice nor debris", _MCFEETERS)
        why = _no_threshold(level)
    else:
        states = f"water is neither ice nor debris: NDWI > {ndwi:g} and nir08 < {nir:g}"
        water, why = Rule("water", "both", water_needs, (ndwi, nir), states, _MCFEETERS), ""
    return [
        (Rule("vegetation", "both", index_bands(source, "ndvi"), (ndvi,), vegetation, _PAUL_2004), ""),
        (water, why),
    ]


def _terrain_rules(settings: RatioSettings) -> list[tuple[Rule, str]]:
    lowest, steepest = settings.lowest_elevation, settings.steepest_ice
    return [
        (
            Rule("lowest elevation", "both", ("elevation",), (lowest,), f"glaciers lie above {lowest:g} m", _LOCAL)
            if lowest is not None
            else Rule("lowest elevation", "both", ("elevation",), (), "glaciers lie above a height", _LOCAL),
            ALWAYS_OFF if lowest is None else "",
        ),
        (
            Rule("steepest ice", "clean ice", ("slope",), (steepest,), f"ice has slope < {steepest:g}", _LOCAL)
            if steepest is not None
            else Rule("steepest ice", "clean ice", ("slope",), (), "ice has a slope below a limit", _LOCAL),
            ALWAYS_OFF if steepest is None else "",
        ),
    ]


def _debris_rules(source: FeatureSource, settings: RatioSettings) -> list[tuple[Rule, str]]:
    off = "" if settings.debris else "switched off: debris is not asked for"
    steepest, warmest = settings.steepest_debris, settings.warmest_debris
    thermal = next((name for name in ("lwir11", "lwir12") if _is_temperature(source, name)), "lwir11")
    cold = "debris over ice is colder than rock" if warmest is None else f"debris over ice is below {warmest:g} K"
    numbers = () if warmest is None else (warmest,)
    why = off or (ALWAYS_OFF if warmest is None else "")
    if not why and not source.missing([thermal]) and not _is_temperature(source, thermal):
        why = f"{thermal} is not a temperature ({source.level_of(thermal)})"
    slope = f"debris-covered ice has slope < {steepest:g}{', and touches clean ice' if settings.connected else ''}"
    return [
        (Rule("debris slope", "debris-covered ice", ("slope",), (steepest,), slope, _PAUL_2004), off),
        (Rule("debris temperature", "debris-covered ice", (thermal,), numbers, cold, _BHAMBRI), why),
    ]


def _is_temperature(source: FeatureSource, name: str) -> bool:
    return not source.missing([name]) and source.level_of(name) in _TEMPERATURES
