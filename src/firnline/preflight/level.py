"""Level and scale: are the numbers what the scene says they are?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

import numpy as np

from firnline.bands import Level, Sensor
from firnline.preflight.finding import Finding, Severity
from firnline.preflight.sample import Floats, Sample, optical, quantiles
from firnline.scene import Scene, SceneBand

CHECK: Final = "level and scale"
_TOO_BRIGHT = 1.75
"""No median of a scene is above it: fresh snow facing the sun reaches 1.6 (where Landsat's numbers end)."""
_MUCH_TOO_BRIGHT = 3.0
_TOO_DARK = 0.003
_SHORT_WAVE: Final = ("swir16", "swir22")
_BYTE = 255.0
_KELVIN = (180.0, 345.0)
_REFLECTANCE = (Level.TOP_OF_ATMOSPHERE, Level.SURFACE_REFLECTANCE)
_C2_SCALE, _C2_OFFSET = 2.75e-05, -0.2
_MANY_BITS: Final = (Sensor.LANDSAT8, Sensor.LANDSAT9, Sensor.SENTINEL2)
"""Their digital numbers have 12 bits and more: broken numbers below 200 are none of theirs."""
_FEWEST = 200


class Look(StrEnum):
    """What the values of an optical band look like."""

    FRACTION = "reflectance as a fraction"
    PER_CENT = "reflectance in per cent"
    BYTES = "8-bit digital numbers"
    NUMBERS = "digital numbers"
    KELVIN = "temperatures in kelvin"
    NOTHING = "almost nothing: a scale applied twice"
    TOO_FEW = "too few pixels"


def look_of(values: Floats) -> Look:
    """What values look like, by their range.

    Examples
    --------
    >>> random = np.random.default_rng(0).uniform(0.02, 0.9, 1000).astype(np.float32)
    >>> [look_of(random * factor).name for factor in (1, 100, 1e-4, 10000)]
    ['FRACTION', 'PER_CENT', 'NOTHING', 'NUMBERS']
    >>> look_of(np.rint(random * 250)).name, look_of(250 + 30 * random).name
    ('BYTES', 'KELVIN')
    """
    finite = values[np.isfinite(values)]
    if finite.size < _FEWEST:
        return Look.TOO_FEW
    low, middle, high, top = (float(v) for v in np.quantile(finite, (0.001, 0.5, 0.99, 0.999)))
    if max(abs(low), abs(top)) < _TOO_DARK:
        return Look.NOTHING
    if middle <= _TOO_BRIGHT and high <= _MUCH_TOO_BRIGHT and low > -1:
        return Look.FRACTION
    whole = bool((finite == np.rint(finite)).all())
    # Resampled bytes are no whole numbers any more, and of bright snow lie between 180 and 255.
    if low >= _KELVIN[0] and _BYTE < top <= _KELVIN[1] and not whole:
        return Look.KELVIN
    if whole:
        return Look.BYTES if low >= 0 and finite.max() <= 255 else Look.NUMBERS
    return Look.PER_CENT if high < 200 else Look.NUMBERS


def check_level(scene: Scene, sample: Sample) -> Iterator[Finding]:
    """Compare what each optical band is said to be with what its values look like."""
    names = optical(scene)
    if not names:
        yield Finding(CHECK, Severity.NOTE, "the scene has no optical band", "give blue, green, red and others")
        return
    looks = {name: look_of(sample.bands[name]) for name in names}
    looks = {name: look for name, look in looks.items() if look != Look.TOO_FEW}
    if Look.FRACTION in looks.values():  # water, and snow where negative values were cut off, are black there
        dark = [name for name, look in looks.items() if look == Look.NOTHING and name in _SHORT_WAVE]
        looks |= dict.fromkeys(dark, Look.FRACTION)
    if not looks:
        yield Finding(CHECK, Severity.CAUTION, "too few pixels are known to judge the values", "check its nodata")
        return
    wrong = [finding for name, look in looks.items() for finding in _against_said(scene.band(name), look, sample)]
    yield from wrong
    yield from (found for name in names for found in _landsat_scale(scene.band(name)))
    unknown = [name for name in looks if scene.band(name).level == Level.UNKNOWN]
    yield from _of_unknown_level(unknown, looks, scene.sensor)
    if not wrong and len(unknown) < len(looks):
        said = sorted({str(scene.band(name).level) for name in looks} - {str(Level.UNKNOWN)})
        yield Finding(
            CHECK, Severity.OK, f"the values go with what is said: {', '.join(said)}", measured=_ranges(sample, looks)
        )


def _against_said(band: SceneBand, look: Look, sample: Sample) -> Iterator[Finding]:
    low, middle, high = quantiles(sample.bands[band.name], 0.01, 0.5, 0.99)
    measured: dict[str, float | int | str | None] = {
        "band": band.name,
        "p1": round(low, 4),
        "median": round(middle, 4),
        "p99": round(high, 4),
    }
    values = f"half of the values of '{band.name}' are above {middle:.4g}, 1 % above {high:.4g}"
    if band.level in _REFLECTANCE and look != Look.FRACTION:
        yield Finding(
            CHECK,
            Severity.REFUSE,
            f"band '{band.name}' is said to be {band.level}, and its values look like {look} ({values})",
            "say in a sidecar which level, scale and offset it has; reflectance is a fraction (0 to about 1.6)",
            measured,
        )
    if band.level == Level.DIGITAL_NUMBER and look in (Look.FRACTION, Look.KELVIN, Look.NOTHING):
        if look != Look.NOTHING and _is_whole(sample.bands[band.name]):
            return  # a nearly black band of bytes
        yield Finding(
            CHECK,
            Severity.REFUSE,
            f"band '{band.name}' is said to be digital numbers, and its values look like {look} ({values})",
            "say in a sidecar which level it has",
            measured,
        )


def _is_whole(values: Floats) -> bool:
    finite = values[np.isfinite(values)]
    return bool((finite == np.rint(finite)).all())


def _landsat_scale(band: SceneBand) -> Iterator[Finding]:
    """The scale of Landsat Collection 2 Level 2 is used for nothing else, and goes with one offset."""
    if band.level == Level.DIGITAL_NUMBER:
        return
    if np.isclose(band.scale, _C2_SCALE, rtol=1e-6) and not np.isclose(band.offset, _C2_OFFSET, atol=1e-3):
        yield Finding(
            CHECK,
            Severity.REFUSE,
            f"band '{band.name}' has the scale of Landsat Collection 2 (2.75e-05) without its offset: "
            f"{band.offset:g} instead of -0.2",
            "set the offset to -0.2 in a sidecar, once",
            {"band": band.name, "scale": band.scale, "offset": band.offset},
        )
    elif np.isclose(band.offset, 149.0) and np.isclose(band.scale, 0.00341802, rtol=1e-6):
        yield Finding(
            CHECK,
            Severity.REFUSE,
            f"band '{band.name}' has the scale and offset of Landsat's surface temperature",
            "check the order of the band names",
            {"band": band.name, "scale": band.scale, "offset": band.offset},
        )


def _of_unknown_level(names: Sequence[str], looks: dict[str, Look], sensor: Sensor | None) -> Iterator[Finding]:
    """What is said of no level is not refused for that; values of different kinds in one scene are."""
    found = {looks[name] for name in names}
    if Look.PER_CENT in found and sensor in _MANY_BITS:
        yield Finding(
            CHECK,
            Severity.REFUSE,
            "the level is not said, and the values look like reflectance in per cent",
            "give fractions (scale: 0.01 in a sidecar)",
        )
    elif Look.KELVIN in found or Look.NOTHING in found or (Look.FRACTION in found and len(set(looks.values())) > 1):
        odd = ", ".join(f"{name}: {look}" for name, look in looks.items())
        yield Finding(
            CHECK,
            Severity.REFUSE,
            f"the optical bands are not of one kind ({odd})",
            "check the order of the band names, and each band's scale",
        )
    elif Look.FRACTION in found:
        yield Finding(
            CHECK,
            Severity.NOTE,
            "the level is not said; the values look like reflectance, of which kind the pixels do not tell",
            "say in a sidecar whether it is surface or top-of-atmosphere reflectance (level: ...)",
        )
    elif found:
        yield Finding(
            CHECK,
            Severity.CAUTION,
            f"the level is not said, and the values look like {', '.join(sorted(found))}",
            "say in a sidecar: level: digital number, or the scale and offset to reflectance",
        )


def _ranges(sample: Sample, looks: dict[str, Look]) -> dict[str, float | str]:
    measured: dict[str, float | str] = {}
    for name in looks:
        low, high = quantiles(sample.bands[name], 0.01, 0.99)
        measured |= {f"{name} p1": round(low, 4), f"{name} p99": round(high, 4)}
    return measured
