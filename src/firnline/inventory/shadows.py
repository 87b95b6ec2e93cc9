"""Shadow by geometry: ground that its own slope or a ridge towards the sun hides from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firnline.errors import ConfigError
from firnline.grid import Grid, Window

HIGHEST_RIDGE_M: Final = 3000.0
"""How far above the ground a ridge may stand that casts a shadow on it; it says how far to look towards the sun."""


@dataclass(frozen=True)
class Sun:
    """Where the sun stands: degrees clockwise from north, and above the horizon.

    Raises
    ------
    ConfigError
        When it is not above the horizon, or no number.
    """

    azimuth: float
    elevation: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.azimuth) and 0 < self.elevation <= 90):
            raise ConfigError(
                f"a sun at azimuth {self.azimuth}, {self.elevation} degrees above the horizon casts no shadow",
                do="give its azimuth in degrees from north, and an elevation above 0 and up to 90",
            )

    @property
    def towards(self) -> tuple[float, float]:
        """The direction to the sun as (rows, columns), of length 1; rows grow southward."""
        return -math.cos(math.radians(self.azimuth)), math.sin(math.radians(self.azimuth))

    @property
    def reach_m(self) -> float:
        """How far a ridge of `HIGHEST_RIDGE_M` casts its shadow."""
        return HIGHEST_RIDGE_M / math.tan(math.radians(self.elevation))

    def window_towards(self, window: Window, grid: Grid) -> Window:
        """A window with all of the grid from which shadow can fall on it."""
        south, east = self.towards
        rows = math.ceil(south * self.reach_m / -grid.transform.e)
        columns = math.ceil(east * self.reach_m / grid.transform.a)
        top, left = max(0, window.row + min(0, rows)), max(0, window.column + min(0, columns))
        bottom = min(grid.shape[0], window.stop_row + max(0, rows))
        right = min(grid.shape[1], window.stop_column + max(0, columns))
        return Window(top, left, bottom - top, right - left)


def in_shadow(heights: NDArray[np.float32], sun: Sun, width: float, height: float) -> NDArray[np.bool_]:
    """Where a straight line to the sun goes through the terrain.

    Rays are followed line by line from the sun's side (rows, or columns where the sun stands more to the east or
    west): each carries down the height of its shadow, and takes up the terrain's where it crosses a line (straight
    between two pixels): the horizon of Dozier and Frew (1990), for one direction. Heights that are unknown hide
    nothing and are in no shadow.

    Parameters
    ----------
    heights
        Metres, (row, column), row 0 in the north.
    sun
        Where it stands. Its azimuth is taken as from grid north.
    width, height
        Size of a pixel, metres.

    Returns
    -------
    bool (row, column).

    Examples
    --------
    >>> wall = np.zeros((1, 8), np.float32)
    >>> wall[0, 6] = 45.0
    >>> in_shadow(wall, Sun(90.0, 45.0), 10.0, 10.0)[0].astype(int).tolist()
    [0, 0, 1, 1, 1, 1, 0, 0]
    """
    south, east = sun.towards
    tangent = math.tan(math.radians(sun.elevation))
    if abs(east) / width > abs(south) / height:
        dark = _cast(np.ascontiguousarray(heights.T), (east / width, south / height), tangent)
        return np.ascontiguousarray(dark.T)
    return _cast(heights, (south / height, east / width), tangent)


def _cast(heights: NDArray[np.float32], towards: tuple[float, float], tangent: float) -> NDArray[np.bool_]:
    """Shadow where the sun stands `towards` (pixels down the lines and along them for each metre)."""
    lines = heights[::-1] if towards[0] > 0 else heights
    slant, drop = towards[1] / abs(towards[0]), tangent / abs(towards[0])
    shadow = _sweep(lines, slant, drop)
    return shadow[::-1] if towards[0] > 0 else shadow


def _sweep(lines: NDArray[np.float32], slant: float, drop: float) -> NDArray[np.bool_]:
    """Shadow on lines that are sorted from the sun's side away from it.

    `slant` is how many pixels sideways a ray comes from for each line, `drop` how many metres it falls.
    """
    count, length = lines.shape
    # A ray keeps its place in `carried`: where it crosses line k is at that place less k * slant, and between pixels.
    places = np.arange(count) * slant
    first = math.floor(min(0.0, float(places[-1])))
    carried = np.full(length + math.ceil(abs(float(places[-1]))) + 1, -np.inf, np.float64)
    shadow = np.zeros(lines.shape, np.bool_)
    for line, place, dark in zip(lines, places - first, shadow, strict=True):
        begin = round(place)
        share = begin - place  # the rays from `begin` on lie so far to the right of pixels, up to a half either way
        rays = carried[begin : begin + length]
        at = _between(line, share)
        np.greater(rays, at, out=dark)
        np.fmax(rays, at, out=rays)
        carried -= drop
    return shadow


def _between(line: NDArray[np.float32], share: float) -> NDArray[np.float64]:
    """Heights `share` of a pixel to the right of each pixel (left where negative), straight between the two."""
    values = line.astype(np.float64)
    step = np.diff(values)
    step[np.isnan(step)] = 0.0
    if share >= 0:
        values[:-1] += share * step
    else:
        values[1:] += share * step
    return values
