"""How far mapped boundaries lie from true ones, in metres."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, inf
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from firnline.classes import UNKNOWN, Classes
from firnline.errors import ConfigError, GridError, LabelError
from firnline.grid import Window

REACH: Final = 3000.0
"""How far a boundary is looked for, metres: beyond it is told as beyond, and costs no more memory."""

_TILE: Final = 1024

Points = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Distances:
    """A distribution of distances: how often each occurs (metres, rising), and how often none was in reach.

    Distances of several rasters are added, so that quantiles are of the whole set.

    Examples
    --------
    >>> near = Distances((0.0, 30.0), (8, 1), beyond=1, reach=3000.0)
    >>> near.quantile(0.5), near.quantile(0.95), near.text(0.5), near.text(0.95)
    (0.0, inf, '0 m', '> 3000 m')
    >>> (near + near).count
    20
    """

    metres: tuple[float, ...]
    counts: tuple[int, ...]
    beyond: int
    reach: float

    @property
    def count(self) -> int:
        """Pieces of boundary that were measured."""
        return sum(self.counts) + self.beyond

    def quantile(self, share: float) -> float | None:
        """The least distance that at least this share of the boundary does not exceed; None without any boundary.

        Infinite where it is beyond reach.
        """
        if self.count == 0:
            return None
        number = int(np.searchsorted(np.cumsum(self.counts), max(1, ceil(share * self.count - 1e-9))))
        return self.metres[number] if number < len(self.metres) else inf

    def text(self, share: float) -> str:
        """A quantile for a table."""
        found = self.quantile(share)
        if found is None:
            return "-"
        return f"> {self.reach:.0f} m" if found == inf else f"{found:.0f} m"

    def __add__(self, other: Distances) -> Distances:
        if self.reach != other.reach:
            raise LabelError(f"distances up to {self.reach:g} m and up to {other.reach:g} m cannot be added")
        metres, inverse = np.unique(np.array([*self.metres, *other.metres]), return_inverse=True)
        counts = np.zeros(len(metres), np.int64)
        np.add.at(counts, inverse, [*self.counts, *other.counts])
        return Distances(tuple(metres.tolist()), tuple(counts.tolist()), self.beyond + other.beyond, self.reach)


@dataclass(frozen=True)
class BoundaryDistances:
    """Distances in both directions: from each piece of the true boundary to the nearest mapped one, and back.

    The first finds what was missed, the second what was made up.
    """

    from_truth: Distances
    from_map: Distances

    @property
    def symmetric(self) -> Distances:
        """Both directions as one distribution, each piece of either boundary counted once."""
        return self.from_truth + self.from_map

    def __add__(self, other: BoundaryDistances) -> BoundaryDistances:
        return BoundaryDistances(self.from_truth + other.from_truth, self.from_map + other.from_map)


def boundary_distances(
    truth: Classes, prediction: Classes, value: int | None, pixel: float, *, reach: float = REACH
) -> BoundaryDistances:
    """Measure how far the boundaries of a class in a map and in the truth lie from each other.

    A boundary is made of pixel sides: between two pixels that share a side, one of which is of the class and one
    is not. Its place is the middle of that side, so that a map shifted by one pixel is one pixel off along straight
    boundaries. A side is measured only where truth and map know both pixels: a boundary next to unknown, and the
    raster's edge, is not measured on either side. It may be *found*, though, wherever the raster it is of knows
    both pixels; else the last true piece before a hole in the map would seem far from everything.

    Worked through in tiles with a rim of `reach`, so that memory does not grow with the raster.

    Parameters
    ----------
    truth, prediction
        Class values, uint8 (row, column), same shape; 255 is unknown.
    value
        The class; None takes every class but the first as one.
    pixel
        Side of the square pixels, metres (`Grid.resolution`).
    reach
        How far to look, metres.

    Raises
    ------
    GridError
        When the shapes differ.
    ConfigError
        When `pixel` or `reach` make no sense.

    Examples
    --------
    >>> truth, shifted = np.zeros((40, 40), np.uint8), np.zeros((40, 40), np.uint8)
    >>> truth[:, :20], shifted[:, :22] = 1, 1
    >>> found = boundary_distances(truth, shifted, 1, pixel=30.0)
    >>> found.from_truth.quantile(0.5), found.symmetric.quantile(0.95), found.symmetric.count
    (60.0, 60.0, 80)
    """
    if truth.shape != prediction.shape:
        raise GridError(f"the truth has the shape {truth.shape}, the prediction {prediction.shape}")
    if not 0 < pixel <= reach < inf:
        raise ConfigError(f"pixels of {pixel:g} m and a reach of {reach:g} m make no sense")
    # Places are counted in half pixels, so that squared distances are whole numbers: their histogram is exact.
    most = floor((2 * reach / pixel) ** 2 + 1e-6)
    histograms = np.zeros((2, most + 2), np.int64)
    rows, columns = truth.shape
    rim = ceil(reach / pixel) + 1
    for top in range(0, rows, _TILE):
        for left in range(0, columns, _TILE):
            tile = Window(top, left, min(_TILE, rows - top), min(_TILE, columns - left))
            around = tile.grown(rim).intersection(Window(0, 0, rows, columns))
            assert around is not None
            histograms += _tile(
                truth[around.slices], prediction[around.slices], value, tile.relative_to(around), most
            )
    from_truth, from_map = (_distances(each, pixel, reach) for each in histograms)
    return BoundaryDistances(from_truth, from_map)


def _tile(truth: Classes, prediction: Classes, value: int | None, tile: Window, most: int) -> NDArray[np.int64]:
    """Histograms of squared distances in half pixels, from truth and from map; the last bin is beyond."""
    known = (truth != UNKNOWN) & (prediction != UNKNOWN)
    found = [_sides(each, value) for each in (truth, prediction)]
    return np.stack(
        [
            _histogram(_measured(found[source], known, tile), found[1 - source], most)  # from one to the other
            for source in (0, 1)
        ]
    )


def _sides(classes: Classes, value: int | None) -> Points:
    """The middles of the sides of a boundary (side, 2): row and column in half pixels from the upper left corner."""
    is_class = (classes > 0) if value is None else classes == value
    known = classes != UNKNOWN
    upright = known[:, 1:] & known[:, :-1] & (is_class[:, 1:] != is_class[:, :-1])
    level = known[1:] & known[:-1] & (is_class[1:] != is_class[:-1])
    return np.concatenate([np.argwhere(upright) * 2 + (1, 2), np.argwhere(level) * 2 + (2, 1)])


def _measured(sides: Points, known: Bools, tile: Window) -> Points:
    """Those sides that the tile owns and both of whose pixels are known in both rasters.

    The tile of the pixel right of or below a side owns it.
    """
    after = sides // 2
    before = (sides - 1) // 2
    is_known = known[after[:, 0], after[:, 1]] & known[before[:, 0], before[:, 1]]
    first = (tile.row, tile.column)
    last = (tile.stop_row, tile.stop_column)
    return sides[is_known & (after >= first).all(axis=1) & (after < last).all(axis=1)]


def _histogram(sources: Points, targets: Points, most: int) -> NDArray[np.int64]:
    counts = np.zeros(most + 2, np.int64)
    if len(sources) == 0 or len(targets) == 0:
        counts[-1] = len(sources)
        return counts
    _, nearest = KDTree(targets).query(sources)
    squared = ((sources - targets[nearest]) ** 2).sum(axis=1)
    counts += np.bincount(np.minimum(squared, most + 1), minlength=most + 2)
    return counts


def _distances(histogram: NDArray[np.int64], pixel: float, reach: float) -> Distances:
    squared = np.flatnonzero(histogram[:-1])
    metres = np.sqrt(squared) * pixel / 2
    return Distances(tuple(metres.tolist()), tuple(histogram[squared].tolist()), int(histogram[-1]), float(reach))
