"""One pass over a published scene: which pixels are known, and whether ndsi means what it should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.chips.scene_chips import measured_bands
from firnline.chips.windows import reading_windows, single_reading
from firnline.features import FeatureSource
from firnline.scene import Scene

_NEAR: Final = 1e-3
"""Stored and computed indices agree to float32; a flipped sign or another formula is off by far more."""


@dataclass(frozen=True, eq=False)
class Scan:
    """What a pass over a scene found."""

    known: NDArray[np.bool_]
    """(row, column): pixels with a value in every measured band."""
    ndsi_pixels: int
    """Pixels on which ndsi could be compared with (green - swir16) / (green + swir16)."""
    ndsi_wrong: int
    """Pixels of them on which it differs."""

    @property
    def ndsi_is_right(self) -> bool:
        """Whether ndsi, as firnline reads it, is positive over snow; a few pixels may be damaged."""
        return self.ndsi_wrong <= 0.01 * self.ndsi_pixels


def scan(raster: Scene) -> Scan:
    """Read a scene once, window by window.

    Raises
    ------
    SceneError
        When the file is damaged.
    """
    names = [*measured_bands(FeatureSource(raster)), "ndsi"]
    green, swir = names.index("green"), names.index("swir16")
    known = np.zeros(raster.grid.shape, np.bool_)
    compared = wrong = 0
    with single_reading(), raster.reader() as reader:
        for window in reading_windows(raster, raster.grid.window, len(names)):
            values = reader.read(names, window)
            known[window.slices] = np.isfinite(values[:-1]).all(axis=0)
            total = values[green] + values[swir]
            with np.errstate(divide="ignore", invalid="ignore"):
                apart = np.abs((values[green] - values[swir]) / total - values[-1])
            apart = apart[np.isfinite(apart) & (total > 0)]
            compared += apart.size
            wrong += int(np.count_nonzero(apart > _NEAR))
    return Scan(known, compared, wrong)
