"""The offset: was what the product adds to its numbers taken off, once?

The provider's metadata speak first. Pixels serve as a cross-check: where they contradict metadata, or there are none,
the finding says "undetermined" rather than what may be wrong. Reflectance that no surface has is refused all the
same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from firnline.bands import Level, Sensor
from firnline.preflight.finding import Finding, Severity
from firnline.preflight.level import Look, look_of
from firnline.preflight.provider import Provider
from firnline.preflight.sample import Sample, optical
from firnline.scene import Scene

CHECK: Final = "offset"
_BELOW_ALL = -0.22
"""Landsat Collection 2 begins at -0.2, Sentinel-2 at -0.1: no product can hold less."""
_SHORT_WAVE: Final[tuple[str, ...]] = ("swir16", "swir22")
_VISIBLE: Final[tuple[str, ...]] = ("blue", "green", "red")
_TWICE = {"landsat": -0.12, "other": -0.05}
"""Below it lies the darkest hundredth of the short-wave infrared where the offset (0.2 or 0.1) went off twice. There
snow, water and shadow are dark and the air adds nothing; atmospheric correction errs by 0.05 at most (seen in Landsat
tiles of deep winter)."""
_NOT_AT_ALL = (0.085, 0.2)
_SPREAD = 0.085
"""Where 0.1 was not taken off, the darkest pixels of all bands lie near it: shadows of all bands differ by haze."""
_NO_SNOW = 0.11
"""In the short-wave infrared old snow and ice reflect 0.02 to 0.15, and a scene with snow has shadow too."""
_SHADE_ALIKE = 0.15
"""Where snow lies beside shadow, the darkest pixels of all bands are alike; of fresh snow, cloud or salt alone, which
may be bright in the short-wave infrared too, those of the visible bands are far brighter."""
_NATURAL = 0.5
_LANDSAT: Final = (Sensor.LANDSAT5, Sensor.LANDSAT7, Sensor.LANDSAT8, Sensor.LANDSAT9)


def check_offset(scene: Scene, sample: Sample, provider: Provider) -> Iterator[Finding]:
    """Look for an offset that was taken off twice, or not at all."""
    names = [
        name
        for name in optical(scene)
        if scene.band(name).level != Level.DIGITAL_NUMBER and look_of(sample.bands[name]) == Look.FRACTION
    ]
    if not names:
        return
    floors = {name: _floor(sample, name) for name in names}
    measured: dict[str, float | str | None] = {f"{name} p1": round(floor, 4) for name, floor in floors.items()}
    measured["baseline"] = provider.baseline
    twice, bright_snow = _is_too_dark(scene, sample, floors), _snow_is_too_bright(sample, floors)
    none = bright_snow or _is_too_bright(sample, floors)
    said = _said(scene, names, provider)
    if twice:
        yield Finding(
            CHECK,
            Severity.REFUSE,
            f"{twice}: reflectance that no surface has, as where the offset was taken off twice",
            "take the product's offset off once (Landsat Collection 2: -0.2; Sentinel-2 since baseline 04.00: -0.1)",
            measured,
        )
    elif said == "as it should be":
        yield from _as_it_should_be(none, measured)
    elif said:
        agree = none if said == "not taken off" else _reaches_below(floors)
        yield Finding(
            CHECK,
            Severity.REFUSE if agree else Severity.CAUTION,
            f"metadata tell that the offset of Sentinel-2 is {said} (baseline {provider.baseline})"
            + ("" if agree else ", and the darkest pixels speak against it: undetermined"),
            "set each band's offset in a sidecar: -0.1 where the stored numbers are 1000 too high, else 0",
            measured,
        )
    elif _may_be_too_dark(scene, floors):
        yield Finding(
            CHECK,
            Severity.CAUTION,
            "dark pixels of the short-wave infrared are below -0.05: shadow of Landsat in winter, or Sentinel-2's "
            "offset was taken off twice; the sensor is not said, so it is undetermined",
            "say in a sidecar which sensor it is (sensor: ...)",
            measured,
        )
    elif none:
        # Ground without shadow or snow has no dark pixel either: only snow proves it.
        yield Finding(
            CHECK,
            Severity.REFUSE if bright_snow else Severity.CAUTION,
            f"{none}, as where the offset was not taken off; no metadata tell it, so the cause is undetermined",
            "find what the product adds (Landsat Collection 2: offset -0.2; Sentinel-2 since baseline 04.00: -0.1)",
            measured,
        )
    else:
        yield Finding(
            CHECK,
            Severity.OK,
            "the darkest pixels are as dark as shadow and water are; no offset is left, and none was taken off twice",
            measured=measured,
        )


def _floor(sample: Sample, name: str) -> float:
    values = sample.bands[name]
    return float(np.quantile(values[np.isfinite(values)], 0.01))


def _is_too_dark(scene: Scene, sample: Sample, floors: dict[str, float]) -> str:
    """What is darker than anything is, in words; empty where nothing is."""
    for name in floors:
        values = sample.bands[name]
        share = float((values < _BELOW_ALL).sum() / max(1, np.isfinite(values).sum()))
        if share > 0.002:
            return f"{100 * share:.1f} % of '{name}' are below {_BELOW_ALL}"
    limit = _TWICE["other" if _may_be_sentinel2(scene, floors) else "landsat"]
    deep = {name: floors[name] for name in _SHORT_WAVE if name in floors}
    deep = deep or {name: floors[name] for name in ("nir08",) if name in floors}
    for name, floor in deep.items():
        if floor < limit:
            return f"the darkest hundredth of '{name}' is below {floor:.3f}"
    return ""


def _may_be_sentinel2(scene: Scene, floors: dict[str, float]) -> bool:
    """Whether 0.1 is what may have gone off twice: of Landsat, and of fractions of an unknown sensor, it is 0.2."""
    if scene.sensor is not None:
        return scene.sensor not in _LANDSAT
    return all(bool(np.isclose(scene.band(name).scale, 1e-4)) for name in floors)


def _may_be_too_dark(scene: Scene, floors: dict[str, float]) -> bool:
    """Whether it is too dark for Sentinel-2, and may be Landsat."""
    deep = [name for name in _SHORT_WAVE if name in floors]
    return scene.sensor is None and any(floors[name] < _TWICE["other"] for name in deep)


def _snow_is_too_bright(sample: Sample, floors: dict[str, float]) -> str:
    """Whether there is snow that is not dark in the short-wave infrared, in words."""
    deep = next((name for name in _SHORT_WAVE if name in floors), None)
    if deep is None or "green" not in floors or floors[deep] <= _NO_SNOW:
        return ""
    if max(floors.values()) - min(floors.values()) > _SHADE_ALIKE:
        return ""
    green, short = sample.known("green", deep)
    snow = float(((green > 0.6) & (green - short > 0.35)).mean()) if green.size else 0.0
    return (
        f"there is snow, and the darkest hundredth of '{deep}' is still at {floors[deep]:.2f}" if snow > 0.03 else ""
    )


def _is_too_bright(sample: Sample, floors: dict[str, float]) -> str:
    """Whether the darkest pixels of visible and short-wave infrared alike lie near 0.1, in words."""
    visible = [name for name in _VISIBLE if name in floors]
    deep = [name for name in _SHORT_WAVE if name in floors]
    if len(visible) < 2 or not deep:
        return ""
    a, b = sample.known(visible[0], visible[1])
    if a.size < 3 or a.std() == 0 or b.std() == 0 or np.corrcoef(a, b)[0, 1] < _NATURAL:
        return ""  # not two neighbouring bands of one landscape: their darkest pixels tell nothing
    low, high = min(floors.values()), max(floors.values())
    if low < _NOT_AT_ALL[0] or high > _NOT_AT_ALL[1] or high - low > _SPREAD:
        return ""
    return f"the darkest hundredth of every band lies between {low:.2f} and {high:.2f}"


def _reaches_below(floors: dict[str, float]) -> bool:
    return min(floors.values()) < -0.02


def _said(scene: Scene, names: list[str], provider: Provider) -> str:
    """What the metadata tell of the offset by which the bands are read; empty where they tell nothing."""
    bands = [scene.band(name) for name in names]
    if provider.adds_offset is None or not all(np.isclose(band.scale, 1e-4) for band in bands):
        return ""
    taken = [bool(np.isclose(band.offset, -0.1)) for band in bands]
    if provider.adds_offset:
        return "as it should be" if all(taken) else "not taken off"
    return "taken off though nothing was added" if any(taken) else "as it should be"


def _as_it_should_be(none: str, measured: dict[str, float | str | None]) -> Iterator[Finding]:
    if none:
        yield Finding(
            CHECK,
            Severity.CAUTION,
            f"metadata tell that the offset is as it should be, and {none}: undetermined",
            "compare a shadow in the near infrared with 0; correct the offsets in a sidecar",
            measured,
        )
    else:
        yield Finding(CHECK, Severity.OK, "the offset is as the provider's metadata tell", measured=measured)
