"""What the page shows of a scene: its CRS in words, levels, ranges of its bands, findings; worked out once."""

from __future__ import annotations

from typing import Final

import numpy as np

from firnline.bands import BANDS, Kind
from firnline.preflight.check import check_scene
from firnline.preflight.finding import Finding
from firnline.preflight.sample import sample_windows
from firnline.scene import Scene
from firnline.server.cogs import state_of
from firnline.server.kept import Kept
from firnline.server.project import SceneEntry

Range = tuple[float | None, float | None]
_LOW, _HIGH = 2.0, 98.0
_FEW_BLOCKS: Final = 16

_ranges: Kept[tuple[str, str], dict[str, Range]] = Kept(1000)
_findings: Kept[tuple[str, str], tuple[Finding, ...]] = Kept(200)


def level_of(scene: Scene) -> str:
    """The radiometric level of the optical bands; ``several`` where they differ."""
    levels = {band.level.value for band in scene.bands if band.name in BANDS and band.kind is Kind.OPTICAL}
    return levels.pop() if len(levels) == 1 else "several" if levels else "unknown"


def ranges_of(entry: SceneEntry) -> dict[str, Range]:
    """The 2nd and 98th percentile of each band's known pixels in stored numbers; None where none are known.

    Of a large scene blocks that lie evenly over it are looked at, as in the check of scenes.
    """
    return _ranges.get((str(entry.path), state_of(entry)), lambda: _measure(entry.scene))


def findings_of(entry: SceneEntry) -> tuple[Finding, ...]:
    """What the check of the scene found, the heaviest first."""
    return _findings.get((str(entry.path), state_of(entry)), lambda: check_scene(entry.source).sorted())


def _measure(scene: Scene) -> dict[str, Range]:
    windows = sample_windows(scene.grid.shape)
    step = 2 if len(windows) <= _FEW_BLOCKS else 4
    with scene.reader() as reader:
        blocks = [
            reader.read(scene.band_names, window)[:, ::step, ::step].reshape(len(scene.bands), -1)
            for window in windows
        ]
    found: dict[str, Range] = {}
    for band, values in zip(scene.bands, np.concatenate(blocks, axis=1), strict=True):
        known = values[np.isfinite(values)]
        if known.size == 0 or band.scale == 0:
            found[band.name] = (None, None)
            continue
        stored = (np.percentile(known, [_LOW, _HIGH]) - band.offset) / band.scale
        low, high = sorted(float(f"{number:.6g}") for number in stored)
        found[band.name] = (low, high)
    return found
