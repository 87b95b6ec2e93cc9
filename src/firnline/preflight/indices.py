"""Stored indices: do they agree with the bands beside them, and with physics?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from firnline.bands import Level
from firnline.features import INDICES, normalised_difference
from firnline.preflight.finding import Finding, Severity
from firnline.preflight.level import Look, look_of
from firnline.preflight.sample import Floats, Sample, optical
from firnline.scene import Scene

CHECK: Final = "stored indices"
_FAR = 0.15
"""A stored index may differ from the computed one by rounding and by the level of its bands; half of the pixels do
not differ by more than this."""
_FLIPPED = -0.75
"""Flipped snow lies at -0.8 to -1; bright red sand, by nature, at -0.4 to -0.7."""
_FEWEST = 200


def check_indices(scene: Scene, sample: Sample) -> Iterator[Finding]:
    """Compare each stored index with the one computed from the bands; an ndsi without bands, with the brightness."""
    for name in (name for name in INDICES if name in scene.band_names):
        computed = {each: _computed(sample, each) for each in INDICES if set(INDICES[each]) <= set(sample.bands)}
        if name in computed:
            yield _compare(name, sample.bands[name], computed, _is_of_numbers(scene, sample, name))
        elif name == "ndsi":
            yield from _sign_of_ndsi(scene, sample)


def _computed(sample: Sample, name: str) -> Floats:
    a, b = INDICES[name]
    return normalised_difference(sample.bands[a], sample.bands[b])


def _difference(stored: Floats, computed: Floats) -> float:
    """The median difference; infinite where too few pixels are known."""
    apart = np.abs(np.clip(stored, -1, 1) - computed)
    apart = apart[np.isfinite(apart)]
    return float(np.median(apart)) if apart.size >= _FEWEST else float("inf")


def _is_of_numbers(scene: Scene, sample: Sample, name: str) -> bool:
    """Whether the bands of an index are digital numbers: the index of reflectance then is another one."""
    bands = INDICES[name]
    return any(
        scene.band(band).level == Level.DIGITAL_NUMBER or look_of(sample.bands[band]) in (Look.BYTES, Look.NUMBERS)
        for band in bands
    )


def _compare(name: str, stored: Floats, computed: dict[str, Floats], of_numbers: bool) -> Finding:
    apart = _difference(stored, computed[name])
    if not np.isfinite(apart):
        return Finding(CHECK, Severity.NOTE, f"too few pixels are known to judge '{name}'")
    measured: dict[str, float | int | str | None] = {"index": name, "median difference": round(apart, 4)}
    if apart <= _FAR:
        return Finding(CHECK, Severity.OK, f"'{name}' agrees with its bands", measured=measured)
    a, b = INDICES[name]
    weight = Severity.REFUSE
    what, do = f"'{name}' is not ({a} - {b}) / ({a} + {b})", "check the order of the band names"
    if _difference(-stored, computed[name]) <= _FAR:
        what, do = f"{what} but its negative", f"say in a sidecar: bands: {{{name}: {{scale: -1}}}}"
    else:
        others = {other: _difference(stored, values) for other, values in computed.items() if other != name}
        best = min(others, key=lambda other: others[other], default=name)
        if others.get(best, np.inf) <= _FAR:
            what, do = f"{what} but '{best}'", f"say in a sidecar: bands: {{{name}: {{name: {best}}}}}"
        elif of_numbers and _goes_with(stored, computed[name]):
            weight, do = Severity.CAUTION, "give the bands as reflectance, of which the index may have been computed"
    return Finding(CHECK, weight, f"the stored {what} (median difference {apart:.2f})", do, measured)


def _goes_with(stored: Floats, computed: Floats) -> bool:
    """Whether the two rise and fall together."""
    both = np.isfinite(stored) & np.isfinite(computed)
    a, b = np.clip(stored[both], -1, 1), computed[both]
    return bool(a.size >= _FEWEST and a.std() > 0 and b.std() > 0 and np.corrcoef(a, b)[0, 1] > 0.5)


def _sign_of_ndsi(scene: Scene, sample: Sample) -> Iterator[Finding]:
    """Without its bands: snow is bright, and its index is near 1; nothing bright has one near -1."""
    bright = [name for name in optical(scene) if name in ("blue", "green", "red", "pan")]
    if not bright:
        return
    values, index = sample.known(bright[0], "ndsi")
    if values.size < _FEWEST:
        return
    top = values >= np.quantile(values, 0.8)
    low, high = float((index[top] < _FLIPPED).mean()), float((index > 0.6).mean())
    if low > 0.02 and high < 0.2 * low:
        yield Finding(
            CHECK,
            Severity.REFUSE,
            f"'ndsi' is below {_FLIPPED} in {100 * low:.0f} % of the brightest pixels: its sign is flipped "
            "(snow is near 1)",
            "say in a sidecar: bands: {ndsi: {scale: -1}}",
            {"index": "ndsi", "share": round(low, 3)},
        )
