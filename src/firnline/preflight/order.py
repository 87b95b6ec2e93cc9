"""Band order: do the bands behave as their names say?

Every rule is physics of surfaces and of light, not statistics of one data set:

- **snow has one dark band**: snow and ice are bright from blue to near infrared and dark in the short-wave infrared
  (Warren 1982, 10.1029/RG020i001p00067);
- **the visible bands go together**: of a landscape of rock, snow and plants, each visible band is more like the other
  visible ones than a band beyond them is;
- **green lies between blue and red**, and red is nearer to the near infrared than blue is, where plants are few;
- **shadow is lit by the sky**, which is blue.

Where no rule can tell (short-wave infrared 1.6 and 2.2 um; blue and red without shadow or near infrared), the finding
says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from firnline.bands import Level
from firnline.preflight.finding import Finding, Severity
from firnline.preflight.level import Look, look_of
from firnline.preflight.sample import Floats, Sample, optical
from firnline.scene import Scene

CHECK: Final = "band order"
VISIBLE: Final[tuple[str, ...]] = ("blue", "green", "red")
_SNOW_BANDS: Final[tuple[str, ...]] = ("blue", "green", "red", "nir08")
_SHORT_WAVE: Final[tuple[str, ...]] = ("swir16", "swir22")
_DARK = 0.4
"""Snow and ice have a normalised difference of green and short-wave infrared above 0.4 (Dozier 1989): a ratio below
0.43."""
_FEWEST = 500
_EVEN = 0.5
"""Of snow the darkest of the bright bands is at least half as bright as the brightest; of red rock, sand and plants,
which are dark in blue alone, it is not."""
_APART, _FAR_APART = 2.0, 6.0
"""How many times less like the visible bands a visible band may be than the near infrared, or the short-wave
infrared, is. Over deserts and forests blue is up to 4 times less like green and red than short-wave infrared is."""
_LIKE = 0.97
_NOT_BETWEEN = 2.0
_PLANTS, _WATER, _MUCH_COVERED = 2.5, 0.4, 0.2
"""How many times brighter than blue and red plants are beyond the visible, and water against green; rock is up to 2,
ice down to 0.5."""
_NEARER = 1.4
_LANDSCAPE = 6_000
"""Of fewer pixels looked at (some 160 x 160 of a scene) one valley's colours may be odd: seen in pieces of tiles."""
_SKY = -0.015
_SHADE_SHORT, _SHADE_GREEN, _MUCH_SHADE = 0.04, 0.08, 0.15
"""Dirty ice and silty lakes are as dark in the short-wave infrared, and red. They are brighter in green, and do not
cover so much of a scene."""


def check_order(scene: Scene, sample: Sample) -> Iterator[Finding]:
    """Ask every rule that the bands allow; each contradiction is a finding of its own."""
    names = [name for name in (*_SNOW_BANDS, *_SHORT_WAVE) if name in optical(scene)]
    pixels = _unsaturated(sample, names)
    count = pixels[names[0]].size if names else 0
    if len(names) < 3 or count < _FEWEST:
        yield Finding(CHECK, Severity.NOTE, "cannot be judged: it takes three optical bands and enough known pixels")
        return
    wrong = [
        *_one_dark_band(sample, names),
        *_visible_go_together(pixels, names),
        *_green_between(pixels, names),
        *_red_nearer(pixels, names),
        *_shadow_is_blue(scene, sample, names),
    ]
    yield from wrong
    if not wrong:
        yield Finding(CHECK, Severity.OK, f"{' '.join(names)} behave as their names say", "", _told(names))


def _told(names: list[str]) -> dict[str, str]:
    """What even a good result does not tell."""
    blind = []
    if {"swir16", "swir22"} <= set(names):
        blind.append("swir16 with swir22")
    if "nir08" not in names:
        blind.append("blue with red, where there is no shadow")
    return {"not told": ", ".join(blind)} if blind else {}


def _unsaturated(sample: Sample, names: list[str]) -> dict[str, Floats]:
    """The pixels known in all bands and not at the top of any: at the plateau all bands are alike."""
    if not names:
        return {}
    known = np.stack(sample.known(*names))
    top = known.max(axis=1, keepdims=True) if known.size else known
    good = (known < top - 0.004 * np.abs(top)).all(axis=0)
    return dict(zip(names, known[:, good], strict=True))


def _one_dark_band(sample: Sample, names: list[str]) -> Iterator[Finding]:
    """Of pixels bright in most bands and dark in just one, that one is the short-wave infrared."""
    short = [name for name in _SHORT_WAVE if name in names]
    bright = [name for name in names if name in _SNOW_BANDS]
    if not short or len(bright) < 3:
        return
    values = np.stack(sample.known(*bright, short[0]))
    middle = np.median(values, axis=0)
    is_bright = middle >= np.quantile(middle, 0.8)
    is_dark = (values < _DARK * middle) & is_bright
    lit = np.where(is_dark, np.nan, values)
    one = is_dark.sum(axis=0) == 1
    one[one] = np.nanmin(lit[:, one], axis=0) > _EVEN * np.nanmax(lit[:, one], axis=0)
    if one.sum() < max(50, 0.002 * values.shape[1]):
        return
    shares = is_dark[:, one].mean(axis=1)
    worst = int(np.argmax(shares[:-1]))
    if shares[worst] > 0.6:
        yield _swapped(
            bright[worst],
            short[0],
            f"{100 * shares[worst]:.0f} % of the snow-like pixels (bright in all bands but one) are dark in "
            f"'{bright[worst]}', and snow is dark in the short-wave infrared only",
            {"share": round(float(shares[worst]), 3)},
        )


def _swapped(a: str, b: str, why: str, measured: dict[str, float]) -> Finding:
    return Finding(
        CHECK,
        Severity.REFUSE,
        f"'{a}' and '{b}' look swapped: {why}",
        "check the order of the band names; name them with --bands or in a sidecar",
        {"bands": f"{a} {b}", **measured},
    )


def _unlike(a: Floats, b: Floats) -> float:
    """1 - the correlation of two bands: 0 where one tells the other; 1 where a band is constant."""
    if a.std() == 0 or b.std() == 0:
        return 1.0
    return max(1.0 - float(np.corrcoef(a, b)[0, 1]), 1e-6)


def _visible_go_together(pixels: dict[str, Floats], names: list[str]) -> Iterator[Finding]:
    """A visible band less like the other two than a band beyond them is, by far, is not visible."""
    visible = [name for name in VISIBLE if name in names]
    beyond = [name for name in names if name not in VISIBLE]
    if len(visible) < 3 or not beyond:
        return
    for band in visible:
        others = [name for name in visible if name != band]
        if _unlike(*(pixels[name] for name in others)) > 1 - 0.8:
            continue  # the other two are no neighbours either
        own = float(np.mean([_unlike(pixels[band], pixels[name]) for name in others]))
        for other in beyond:
            if (band, other) == ("blue", "nir08"):
                continue  # over rock and snow, near infrared is as near to green and red as blue is
            its = float(np.mean([_unlike(pixels[other], pixels[name]) for name in others]))
            if own > (_FAR_APART if other in _SHORT_WAVE else _APART) * its and own > 0.01:
                yield _swapped(
                    band,
                    other,
                    f"the other visible bands are {own / its:.1f} times more like '{other}' than '{band}'",
                    {"unlikeness": round(own, 5), f"unlikeness of {other}": round(its, 5)},
                )


def _covered(pixels: dict[str, Floats]) -> float:
    """The share of plants and water, of which green is brighter than both blue and red, or by itself."""
    beyond = pixels.get("nir08", pixels.get("swir16"))
    if beyond is None:
        return 0.0
    plants = beyond > _PLANTS * np.maximum(pixels["blue"], pixels["red"])
    water = beyond < _WATER * pixels["green"] if "nir08" in pixels else np.zeros(beyond.shape, bool)
    return float((plants | water).mean())


def _green_between(pixels: dict[str, Floats], names: list[str]) -> Iterator[Finding]:
    """Blue and red are the visible bands least like each other; over plants they need not be."""
    if not set(VISIBLE) <= set(names) or pixels["red"].size < _LANDSCAPE or _covered(pixels) > _MUCH_COVERED:
        return
    blue, green, red = (pixels[name] for name in VISIBLE)
    ends, first, second = _unlike(blue, red), _unlike(blue, green), _unlike(green, red)
    if max(ends, first, second) > 1 - _LIKE or ends <= 0:
        return
    other = "blue" if second > first else "red"
    ratio = max(first, second) / ends
    if ratio > _NOT_BETWEEN:
        yield _swapped(
            other,
            "green",
            f"'green' is not between blue and red: the two ends are {ratio:.1f} times more alike",
            {"ratio": round(ratio, 3)},
        )


def _red_nearer(pixels: dict[str, Floats], names: list[str]) -> Iterator[Finding]:
    """Over rock, snow and ice the near infrared is more like red than like blue."""
    if not {"blue", "red", "nir08"} <= set(names) or pixels["red"].size < _LANDSCAPE:
        return
    blue, red = (_unlike(pixels[name], pixels["nir08"]) for name in ("blue", "red"))
    if blue < 1 - 0.6 and red > _NEARER * blue:
        yield _swapped(
            "blue",
            "red",
            f"the near infrared is {red / blue:.1f} times more like 'blue' than like 'red'",
            {"ratio": round(red / blue, 3)},
        )


def _shadow_is_blue(scene: Scene, sample: Sample, names: list[str]) -> Iterator[Finding]:
    """In shadow only the sky shines: of reflectance, blue is not darker than red there."""
    if not {"blue", "green", "red", "swir16"} <= set(names):
        return
    if any(scene.band(name).level == Level.DIGITAL_NUMBER for name in names):
        return
    blue, green, red, short = sample.known("blue", "green", "red", "swir16")
    if any(look_of(values) != Look.FRACTION for values in (blue, green, red, short)):
        return
    shade = (short < _SHADE_SHORT) & (green < _SHADE_GREEN)
    if shade.sum() < max(200, _MUCH_SHADE * shade.size):
        return
    difference = float(np.median(blue[shade] - red[shade]))
    if difference < _SKY:
        yield _swapped(
            "blue",
            "red",
            f"in shadow, which the blue sky lights, 'blue' is {-difference:.3f} darker than 'red'",
            {"blue - red in shadow": round(difference, 4)},
        )
