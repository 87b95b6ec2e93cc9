"""Thermal bands: kelvin, Celsius, digital numbers, or something else altogether."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from firnline.bands import Kind, Level
from firnline.preflight.finding import Finding, Severity
from firnline.preflight.sample import Floats, Sample
from firnline.scene import Scene, SceneBand

CHECK: Final = "thermal"
_KELVIN = (180.0, 345.0)
"""-93 to 72 degrees Celsius: no ground is colder or warmer."""
_TEMPERATURES: Final = (Level.BRIGHTNESS_TEMPERATURE, Level.SURFACE_TEMPERATURE)
_C2_SCALE, _C2_OFFSET = 0.00341802, 149.0
_FEWEST = 200


def check_thermal(scene: Scene, sample: Sample) -> Iterator[Finding]:
    """Compare what each thermal band is said to be with the range of its values."""
    for band in scene.bands:
        if band.kind == Kind.THERMAL:
            yield _check(band, sample.bands[band.name])
            if np.isclose(band.scale, _C2_SCALE, rtol=1e-6) and not np.isclose(band.offset, _C2_OFFSET, atol=0.01):
                yield Finding(
                    CHECK,
                    Severity.REFUSE,
                    f"'{band.name}' has the scale of Landsat Collection 2 without its offset: "
                    f"{band.offset:g}, not 149",
                    "set the offset to 149 in a sidecar: kelvin = DN * 0.00341802 + 149",
                    {"band": band.name, "scale": band.scale, "offset": band.offset},
                )


def _check(band: SceneBand, values: Floats) -> Finding:
    finite = values[np.isfinite(values)]
    if finite.size < _FEWEST:
        return Finding(CHECK, Severity.NOTE, f"too few pixels of '{band.name}' are known to judge it")
    low, middle, high = (float(v) for v in np.quantile(finite, (0.001, 0.5, 0.999)))
    measured: dict[str, float | int | str | None] = {
        "band": band.name,
        "p0.1": round(low, 2),
        "median": round(middle, 2),
        "p99.9": round(high, 2),
    }
    looks = _looks(low, high, finite)
    said = str(band.level)
    if band.level == Level.DIGITAL_NUMBER:
        is_wrong = looks in ("temperatures in degrees Celsius", "reflectance") or (
            looks == "temperatures in kelvin" and not _is_whole(finite)
        )
    elif band.level in _TEMPERATURES:
        is_wrong = looks != "temperatures in kelvin"
    else:
        is_wrong = looks in ("temperatures in degrees Celsius", "reflectance")
    if is_wrong:
        return Finding(
            CHECK,
            Severity.REFUSE,
            f"thermal band '{band.name}' is of level '{said}', and its values ({low:.4g} to {high:.4g}) look like "
            f"{looks}",
            "give temperature in kelvin (Landsat Collection 2: DN * 0.00341802 + 149), or say in a sidecar what it "
            "is; check the order of the band names",
            measured,
        )
    if band.level == Level.UNKNOWN:
        return Finding(
            CHECK,
            Severity.NOTE if looks == "temperatures in kelvin" else Severity.CAUTION,
            f"what '{band.name}' is is not said; its values ({low:.4g} to {high:.4g}) look like {looks}",
            "say in a sidecar whether it is brightness or surface temperature in kelvin, or digital numbers",
            measured,
        )
    return Finding(CHECK, Severity.OK, f"'{band.name}' is {said} as it says, median {middle:.4g}", measured=measured)


def _is_whole(values: Floats) -> bool:
    return bool((values == np.rint(values)).all())


def _looks(low: float, high: float, values: Floats) -> str:
    if low >= _KELVIN[0] and high <= _KELVIN[1]:
        return "temperatures in kelvin"
    if low > -0.5 and high < 3.0 and not _is_whole(values):
        return "reflectance"
    if low > -130 and high < 75 and (low < 0 or not _is_whole(values)):
        return "temperatures in degrees Celsius"
    return "digital numbers"
