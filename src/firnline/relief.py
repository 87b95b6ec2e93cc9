"""Relief: where the ground faces, how it bends and how high it stands, at scales on the ground, not in pixels.

All look at a rectangle of heights around each pixel. Unknown heights in it (gaps, and what lies beyond the scene)
are taken to lie on the plane that fits the known ones best: a slope then neither bends nor stands out where heights
end. Heights count as whole steps of 1/1024 m, and sums of whole numbers are exact: what is found for a pixel depends
on the heights around it alone, not on where the array begins, as it would with running sums of fractions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray

SURROUNDINGS: Final = 1000.0
"""Half the side of the square, metres, over whose mean `relative_elevation` is a height."""
NEARBY: Final = 100.0
"""Half the side of the square, metres, to which `facing` and `curvature` fit a surface. Eight neighbours are too few
for heights in whole metres, or for a DEM of 30 to 90 m cut into smaller pixels: they show its cells and steps."""

_STEPS: Final = 1024
"""Steps a metre."""
_HIGHEST: Final = 1e5
"""What is further from zero, metres, is no height: it counts as unknown."""
_SHARE: Final = 4
"""A plane, or a curved surface, needs one in so many heights of the rectangle: what is known in a scene's corner."""
_STRIP: Final = 2**20
"""Pixels worked on at once: the sums take up to 150 bytes a pixel."""

Reach = tuple[int, int]
"""Pixels that a rectangle reaches from the one in its middle, (rows, columns)."""


def reach_of(metres: float, dx: float, dy: float) -> Reach:
    """How far a square of half-width `metres` reaches on pixels of `dx` x `dy` metres; at least one pixel.

    Examples
    --------
    >>> reach_of(SURROUNDINGS, 10.0, 10.0), reach_of(SURROUNDINGS, 30.0, 30.0), reach_of(NEARBY, 30.0, 30.0)
    ((100, 100), (33, 33), (3, 3))
    """
    return max(1, round(metres / dy)), max(1, round(metres / dx))


def relative_elevation(heights: NDArray[np.float32], reach: Reach) -> NDArray[np.float32]:
    """Height over the mean height of the rectangle around each pixel: the topographic position index.

    Ridges are positive, valley floors negative, and an even slope is 0.

    Parameters
    ----------
    heights
        (row, column), metres, with a rim of `reach` around the wanted ones; NaN where unknown.
    reach
        How far the rectangle reaches; the pixel itself is part of it.

    Returns
    -------
    Metres, float32 without the rim; NaN where the height itself is unknown. Where less than a quarter of the
    heights around is known they carry no plane, and the mean is that of the known ones.

    Notes
    -----
    Weiss, A. (2001), Topographic position and landforms analysis, ESRI User Conference, San Diego.

    Examples
    --------
    >>> heights = np.full((3, 3), 100, np.float32)
    >>> heights[1, 1] = 109
    >>> relative_elevation(heights, (1, 1)).tolist()
    [[8.0]]
    """
    above = _room(heights, reach)
    for rows, around in _strips(heights, reach):
        above[rows] = np.where(around.is_known, -around.level / _STEPS, np.nan)
    return above


def facing(
    heights: NDArray[np.float32], reach: Reach, dx: float, dy: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(eastness, northness): sine and cosine of the direction in which the ground around each pixel falls.

    It is that of the plane that fits the rectangle best. Unlike an angle both can be averaged, turn with the picture,
    and are known on flat ground, where both are 0.

    Parameters
    ----------
    heights
        (row, column), metres, with a rim of `reach` around the wanted ones; NaN where unknown.
    reach
        How far the rectangle reaches, at least one pixel.
    dx, dy
        Pixel width and height, metres, both positive.

    Returns
    -------
    Each float32 in [-1, 1] without the rim; NaN where the height itself, or more than three quarters of those around,
    are unknown.

    Examples
    --------
    >>> falls_to_the_east = np.array([[3, 2, 1]] * 3, np.float32)
    >>> [part.tolist() for part in facing(falls_to_the_east, (1, 1), 30.0, 30.0)]
    [[[1.0]], [[0.0]]]
    """
    eastness, northness = _room(heights, reach), _room(heights, reach)
    for rows, around in _strips(heights, reach):
        # 0 - x: -x of level ground would be -0.0
        east, north = 0.0 - around.plane.right / dx, 0.0 + around.plane.down / dy
        steepest = np.sqrt(east * east + north * north)
        steepest[steepest == 0.0] = np.inf
        is_told = around.is_known & around.is_enough
        eastness[rows] = np.where(is_told, east / steepest, np.nan)
        northness[rows] = np.where(is_told, north / steepest, np.nan)
    return eastness, northness


def curvature(heights: NDArray[np.float32], reach: Reach, dx: float, dy: float) -> NDArray[np.float32]:
    """Curvature of the quadratic surface that fits the rectangle around each pixel best; convex is positive.

    It is the negative Laplacian, -(d2z/dx2 + d2z/dy2): positive on ridges and bulging tongues, negative in channels
    and cirques, 0 on planes.

    Parameters
    ----------
    heights
        (row, column), metres, with a rim of `reach` around the wanted ones; NaN where unknown.
    reach
        How far the rectangle reaches, at least one pixel.
    dx, dy
        Pixel width and height, metres, both positive.

    Returns
    -------
    1/(100 m), float32 without the rim; NaN where the height itself, or more than three quarters of those around,
    are unknown.

    Notes
    -----
    Sign and unit: Zevenbergen, L. W. and Thorne, C. R. (1987), Quantitative analysis of land surface topography,
    Earth Surface Processes and Landforms 12, 47-56. Fit by least squares at any scale: Wood, J. (1996), The
    geomorphological characterisation of digital elevation models, thesis, University of Leicester.

    Examples
    --------
    >>> x = np.arange(-1.0, 2.0) * 30.0
    >>> dome = (5000 - (x[:, None] ** 2 + x**2) / 1000).astype(np.float32)  # second derivatives: -2/1000 each
    >>> curvature(dome, (1, 1), 30.0, 30.0).round(2).tolist()
    [[0.4000000059604645]]
    """
    convexity = _room(heights, reach)
    for rows, around in _strips(heights, reach):
        laplacian = around.bend(0) / (dy * dy) + around.bend(1) / (dx * dx)
        convexity[rows] = np.where(around.is_known & around.is_enough, -100.0 * laplacian / _STEPS, np.nan)
    return convexity


def _room(heights: NDArray[np.float32], reach: Reach) -> NDArray[np.float32]:
    return np.empty((heights.shape[0] - 2 * reach[0], heights.shape[1] - 2 * reach[1]), np.float32)


def _strips(heights: NDArray[np.float32], reach: Reach) -> Iterator[tuple[slice, _Around]]:
    """Cut a tall array into strips of rows (counted without the rim), so that memory stays bounded."""
    tall = max(2 * reach[0], _STRIP // heights.shape[1])
    for row in range(0, heights.shape[0] - 2 * reach[0], tall):
        yield slice(row, row + tall), _Around.of(heights[row : row + tall + 2 * reach[0]], reach)


@dataclass(frozen=True)
class _Plane:
    """The plane that fits the known heights around each pixel best, in steps over the pixel's own height."""

    middle: NDArray[np.float64]
    """Its height at the pixel itself."""
    down: NDArray[np.float64]
    """Its rise a row."""
    right: NDArray[np.float64]
    """Its rise a column."""


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums over the rectangle around each pixel of values times row**power * column**power, counted from the pixel.

    Running sums beside the array's own row and column numbers, then moved to the pixel by the binomial theorem. Whole
    numbers of 64 bits wrap around: what overflows on the way comes back, and only the sum itself has to fit.
    """

    values: NDArray[np.int64]
    reach: Reach
    _done: dict[tuple[int, ...], NDArray[np.int64]] = field(default_factory=dict, repr=False)

    def of(self, row_power: int, column_power: int) -> NDArray[np.int64]:
        """The sums, without the rim; each is worked out once."""
        if (column_power,) not in self._done:
            self._done[column_power,] = _moment(self.values, self.reach[1], column_power, axis=1)
        powers = (row_power, column_power)
        if powers not in self._done:
            self._done[powers] = _moment(self._done[column_power,], self.reach[0], row_power, axis=0)
        return self._done[powers]

    @property
    def middle(self) -> NDArray[np.int64]:
        """The pixels' own values, without the rim."""
        rows, columns = self.reach
        return self.values[rows:-rows, columns:-columns]


@dataclass(frozen=True, eq=False)
class _Around:
    """What is known around each pixel, and the surfaces that fit it."""

    known: _Sums
    """Of 1 where a height is known, else 0; of a single rectangle where all are known, as every one is the same."""
    steps: _Sums
    """Of heights in steps, 0 where unknown."""
    reach: Reach
    is_whole: bool
    """Whether all heights are known. Nothing is lacking then, and what would come to 0 is left out."""

    @classmethod
    def of(cls, heights: NDArray[np.float32], reach: Reach) -> _Around:
        is_known = np.abs(heights) < _HIGHEST  # false for NaN
        is_whole = bool(is_known.all())
        steps = np.rint(np.where(is_known, heights, 0.0) * np.float64(_STEPS)).astype(np.int64)
        known = np.ones((2 * reach[0] + 1, 2 * reach[1] + 1), np.int64) if is_whole else is_known.astype(np.int64)
        return cls(_Sums(known, reach), _Sums(steps, reach), reach, is_whole)

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """Where the pixel's own height is known."""
        return np.asarray(self.known.middle == 1)

    @property
    def is_enough(self) -> NDArray[np.bool_]:
        """Where a surface can be fitted."""
        size = (2 * self.reach[0] + 1) * (2 * self.reach[1] + 1)
        return _SHARE * self.known.of(0, 0) >= size

    @property
    def level(self) -> NDArray[np.float64]:
        """The plane's height at the pixel; where all is known it is the mean."""
        return self._rises(0, 0) / self.known.of(0, 0) if self.is_whole else self.plane.middle

    @cached_property
    def plane(self) -> _Plane:
        """The plane by least squares where enough is known; else it is level, at the mean."""
        n = np.maximum(self.known.of(0, 0), 1).astype(np.float64)
        r, c = self.known.of(1, 0).astype(np.float64), self.known.of(0, 1).astype(np.float64)
        rr, cc, rc = (n * self.known.of(*powers) for powers in ((2, 0), (0, 2), (1, 1)))
        rr, cc, rc = rr - r * r, cc - c * c, rc - r * c
        rise = self._rises(0, 0)
        rz, cz = n * self._rises(1, 0) - r * rise, n * self._rises(0, 1) - c * rise
        # Elimination: of a whole rectangle, where r, c and rc are 0, it leaves rz / rr and cz / cc to the last bit.
        share = rc / np.where(rr > 0, rr, 1.0)
        rest = cc - rc * share
        is_plane = self.is_enough & (rr > 0) & (rest > 0)
        right = np.where(is_plane, cz - rz * share, 0.0) / np.where(is_plane, rest, 1.0)
        down = np.where(is_plane, rz - rc * right, 0.0) / np.where(is_plane, rr, 1.0)
        return _Plane((rise - down * r - right * c) / n, down, right)

    def _rises(self, row_power: int, column_power: int) -> NDArray[np.float64]:
        """Sums of heights over the pixel's own, times their places."""
        powers = (row_power, column_power)
        return (self.steps.of(*powers) - self.steps.middle * self.known.of(*powers)).astype(np.float64)

    def bend(self, axis: int) -> NDArray[np.float64]:
        """Second derivative of the surface from row to row (0) or column to column (1), steps a pixel squared.

        Each height counts 3 i**2 - k (k + 1) times, with i its place along the axis and k the reach: least squares
        over a whole rectangle (Wood 1996). That gives a plane 0, so unknown heights, which lie on one, add what it
        gives over the known ones, with the other sign.
        """
        k = self.reach[axis]

        def weighted(sums: _Sums, row: int = 0, column: int = 0) -> NDArray[np.int64]:
            curved = sums.of(row + 2, column) if axis == 0 else sums.of(row, column + 2)
            return 3 * curved - k * (k + 1) * sums.of(row, column)

        total = weighted(self.steps).astype(np.float64)
        if not self.is_whole:
            lacking = weighted(self.known)
            total = (weighted(self.steps) - self.steps.middle * lacking) - self.plane.middle * lacking
            total -= self.plane.down * weighted(self.known, row=1)
            total -= self.plane.right * weighted(self.known, column=1)
        square = sum((3 * i * i - k * (k + 1)) * i * i for i in range(-k, k + 1)) * (2 * self.reach[1 - axis] + 1)
        return 2.0 * total / square


def _moment(values: NDArray[np.int64], reach: int, power: int, axis: int) -> NDArray[np.int64]:
    shape = (1, -1) if axis == 1 else (-1, 1)
    place = np.arange(values.shape[axis]).reshape(shape)
    middle = np.arange(reach, values.shape[axis] - reach).reshape(shape)
    total = _box(values, reach, axis)
    if power:
        total *= (-middle) ** power
    for k in range(1, power + 1):
        total += comb(power, k) * (-middle) ** (power - k) * _box(values * place**k, reach, axis)
    return total


def _box(values: NDArray[np.int64], reach: int, axis: int) -> NDArray[np.int64]:
    """Sums of 2 * reach + 1 values in a row along an axis, where there are so many."""
    running = np.cumsum(values, axis=axis)
    width = 2 * reach + 1
    if axis == 1:
        sums = running[:, width - 1 :].copy()
        sums[:, 1:] -= running[:, :-width]
    else:
        sums = running[width - 1 :].copy()
        sums[1:] -= running[:-width]
    return sums
