"""Heights and slope: units, holes that are read as heights, coverage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy import ndimage

from firnline.preflight.finding import Finding, Severity
from firnline.preflight.sample import Block, Floats, Sample, quantiles
from firnline.scene import Scene
from firnline.terrain import gradient, slope_of

CHECK: Final = "DEM"
_HIGHEST, _LOWEST = 8900.0, -450.0
"""Sagarmatha is 8849 m high, the shore of the Dead Sea lies at -430 m."""
_TOO_STEEP = 48.0
"""Degrees; the median slope of the steepest mountains is 25 to 35 at 10 to 30 m, and feet make 57 of 25."""
_FEET: Final = 3.28084
_HOLE_DEPTH = 300.0
_HOLE_STEEP = 4.0
"""A hole's edge is steeper than that (a tangent; 76 degrees) over the two pixels looked at: a fjord's wall is not."""
_SPIKES = 1e-4
"""A DEM of stereo pairs has wrong pixels; so few of them tell nothing of its unit."""
_FEET_PIXEL, _FEET_PIXELS = 5.0, 40_000
"""Metres and pixels: one wall, or trees and boulders in smaller pixels, are steeper than any landscape."""
_FEWEST = 500
_DO_FEET = "give heights in metres: metres = feet * 0.3048 (gdal_calc.py, or a sidecar: scale: 0.3048)"


class TerrainCount:
    """Gathers from blocks what needs neighbours: slope from heights, and steps at holes."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        t = scene.grid.transform
        self._size = (t.a, -t.e) if scene.grid.crs.is_projected else None
        pixel = max(self._size) if self._size else 111_000.0 * t.a
        self._hole_depth = max(_HOLE_DEPTH, _HOLE_STEEP * 2 * pixel)
        self._derived: list[Floats] = []
        self._stored: list[Floats] = []
        self._second: list[Floats] = []
        self._zeros = self._known = self._pixels = 0

    def add(self, block: Block) -> None:
        """Take one block."""
        if block.heights is None:
            return
        heights = block.heights
        self._pixels += heights.size
        self._known += int(np.isfinite(heights).sum())
        self._zeros += self._holes(heights)
        if "elevation" in block.bands and block.bands["elevation"] is not heights:
            stored = block.bands["elevation"]
            both = np.isfinite(stored) & np.isfinite(heights) & (np.abs(stored) > 50)
            self._second.append((heights[both] / stored[both])[::8].astype(np.float32))
        if self._size is None or min(heights.shape) < 3:
            return
        slope = slope_of(*gradient(heights, *self._size))
        known = np.isfinite(slope)
        self._derived.append(slope[known][::4])
        if "slope" in block.bands:
            stored = block.bands["slope"][1:-1, 1:-1]
            steep = known & (stored > 10) & (stored < 75) & (slope > 2)
            ratio = np.tan(np.radians(slope[steep])) / np.tan(np.radians(stored[steep]))
            self._stored.append(ratio[::4].astype(np.float32))

    def _holes(self, heights: Floats) -> int:
        """Pixels of exactly 0 beside ones hundreds of metres higher: no coast is like that."""
        zero = heights == 0
        if not zero.any():
            return 0
        highest = ndimage.maximum_filter(np.where(np.isfinite(heights), heights, -1e9), 5)
        return int((zero & (highest > self._hole_depth)).sum())

    def findings(self, sample: Sample) -> Iterator[Finding]:
        """Judge heights and slope."""
        yield from _check_slope(sample, self._median(self._derived))
        if sample.heights is None:
            if "slope" not in sample.bands:
                yield Finding(
                    CHECK, Severity.NOTE, "the scene has no heights", "give a DEM with --dem where a model needs it"
                )
            return
        wrong = list(self._wrong(sample.heights))
        yield from wrong
        unknown = 1 - self._known / max(1, self._pixels)
        if unknown > 0.01:
            yield Finding(
                CHECK,
                Severity.CAUTION,
                f"heights are unknown in {100 * unknown:.1f} % of the pixels",
                "where a model needs heights nothing is mapped there; give a DEM that covers the scene",
                {"unknown": round(unknown, 4)},
            )
        elif not wrong:
            low, high = quantiles(sample.heights, 0.0, 1.0)
            slope = self._median(self._derived)
            yield Finding(
                CHECK,
                Severity.OK,
                f"heights from {low:.0f} to {high:.0f} m"
                + ("" if slope is None else f", median slope {slope:.0f} degrees"),
                measured={"lowest": round(low, 1), "highest": round(high, 1), "median slope": slope},
            )

    def _wrong(self, heights: Floats) -> Iterator[Finding]:
        low, high = quantiles(heights, 0.0, 1 - _SPIKES)
        measured: dict[str, float | None] = {"lowest": round(low, 1), "highest": round(high, 1)}
        slope, ratio, second = (self._median(each) for each in (self._derived, self._stored, self._second))
        measured |= {"median slope": slope, "ratio to stored slope": ratio, "ratio to stored heights": second}
        below = float((heights < _LOWEST).mean())
        if below > _SPIKES or low < 5 * _LOWEST:
            yield Finding(
                CHECK,
                Severity.REFUSE,
                f"heights reach down to {low:.5g} m: a value that stands for no data is read as a height",
                "declare it as nodata (gdal_edit.py -a_nodata)",
                measured,
            )
        elif self._zeros > max(5, 2e-4 * self._known):
            yield Finding(
                CHECK,
                Severity.REFUSE,
                f"{100 * self._zeros / self._known:.2f} % of the heights are 0 beside ground above "
                f"{self._hole_depth:.0f} m: holes are read as heights",
                "declare 0 as nodata (gdal_edit.py -a_nodata 0), or fill the holes",
                measured,
            )
        wide = self._size is not None and min(self._size) >= _FEET_PIXEL and self._known >= _FEET_PIXELS
        reason = _feet(high, slope if wide else None, ratio, second)
        if reason:
            yield Finding(CHECK, Severity.REFUSE, f"heights are not in metres: {reason}", _DO_FEET, measured)
        elif not wide and slope is not None and slope > _TOO_STEEP:
            what = (
                f"half of this small piece of ground is steeper than {slope:.0f} degrees: a wall, or heights in feet"
            )
            yield Finding(CHECK, Severity.CAUTION, what, _DO_FEET, measured)

    def _median(self, parts: list[Floats]) -> float | None:
        values = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        return round(float(np.median(values)), 3) if values.size >= _FEWEST / 4 else None


def _feet(highest: float, slope: float | None, ratio: float | None, second: float | None) -> str:
    """Why heights are not in metres, in words; empty where nothing says so."""
    if second is not None and abs(second / _FEET - 1) < 0.05:
        return f"they are {second:.2f} times those stored in the scene, as feet are"
    if highest > _HIGHEST:
        return f"they reach {highest:.5g}, and no mountain is higher than 8849 m (as feet: {highest / _FEET:.5g} m)"
    if ratio is not None and 2.4 < ratio < 4.2:
        return f"the slope that they give is {ratio:.1f} times the stored slope (as tangents), as feet make it"
    if slope is not None and slope > _TOO_STEEP:
        return f"half of the ground would be steeper than {slope:.0f} degrees, as feet taken for metres make it"
    return ""


def _check_slope(sample: Sample, derived: float | None) -> Iterator[Finding]:
    """The stored slope: degrees, not per cent, and not radians."""
    if "slope" not in sample.bands:
        return
    middle, top = quantiles(sample.bands["slope"], 0.5, 1.0)
    measured: dict[str, float | int | str | None] = {"median": round(middle, 3), "highest": round(top, 2)}
    if top > 90.01:
        yield Finding(
            "slope",
            Severity.REFUSE,
            f"the stored slope reaches {top:.5g}: it is not in degrees",
            "store degrees (gdaldem slope), or give its scale in a sidecar",
            measured,
        )
    elif top <= 1.5708 and (derived is None or derived > 4):
        yield Finding(
            "slope",
            Severity.REFUSE if derived is not None else Severity.CAUTION,
            f"the stored slope reaches only {top:.2f}: it looks like radians or a tangent, not degrees",
            "store degrees, or say in a sidecar: bands: {slope: {scale: 57.29578}} for radians",
            measured,
        )
