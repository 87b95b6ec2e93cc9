"""One grid of tiles for everything in a projected CRS: tiles of all scenes and inventories lie on each other."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import Final

from firnline.server.problems import NotFound

TILE: Final = 256
"""Pixels on a side of a tile."""
_COARSEST: Final = 81_920.0
"""Metres a pixel of the one tile of level 0. Halved 13 times it is 10 m: pixels of Sentinel-2 lie on the grid's, and
those of Landsat (corners at 15 m modulo 30) on its pixels of 5 m."""
_HALF: Final = _COARSEST * TILE / 2
"""Half the side of the square that level 0 covers: 10,486 km. It holds UTM zones with the negative northings that
Landsat uses south of the equator, and polar stereographic projections."""
_FINEST: Final = 2.5

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class TileGrid:
    """Levels of square tiles in the metres of a projected CRS; row 0 is in the north.

    Examples
    --------
    >>> grid = TileGrid.down_to(30)
    >>> grid.resolutions[0], grid.resolutions[-1], grid.origin
    (81920.0, 5.0, (-10485760.0, 10485760.0))
    >>> grid.bounds(14, 8582, 5765)
    (499200.0, 3105280.0, 500480.0, 3106560.0)
    """

    levels: int
    origin: tuple[float, float] = (-_HALF, _HALF)
    tile_size: int = TILE

    @classmethod
    def down_to(cls, resolution: float | None = None) -> TileGrid:
        """The grid with levels down to a quarter of a scene's resolution, metres; down to 2.5 m without one."""
        finest = _FINEST if resolution is None else resolution / 4
        return cls(max(1, ceil(log2(_COARSEST / finest) - 1e-9) + 1))

    @property
    def resolutions(self) -> tuple[float, ...]:
        """Metres a pixel by level, each half of the one before."""
        return tuple(_COARSEST / 2**level for level in range(self.levels))

    def bounds(self, z: int, x: int, y: int) -> Bounds:
        """(left, bottom, right, top) of a tile, metres.

        Raises
        ------
        NotFound
            When the grid has no such tile.
        """
        if not (0 <= z < self.levels and 0 <= x < 2**z and 0 <= y < 2**z):
            raise NotFound("tile")
        side = self.resolutions[z] * self.tile_size
        left, top = self.origin[0] + x * side, self.origin[1] - y * side
        return left, top - side, left + side, top
