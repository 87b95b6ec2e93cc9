"""Terrain of an analysis-ready scene: elevation, slope, and slopes turned away from the sun."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firnline.acquire.source import SourceProduct
from firnline.grid import Grid, Window
from firnline.terrain import HALO, WarpedDem, gradient, open_dem, slope_of


@dataclass(frozen=True)
class Relief:
    """Terrain in a window: metres and degrees, float32, NaN where unknown; and the components of the slope."""

    elevation: NDArray[np.float32]
    slope: NDArray[np.float32]
    eastward: NDArray[np.float64]
    northward: NDArray[np.float64]

    def turned_away(self, sun: tuple[float, float]) -> NDArray[np.bool_]:
        """Where the ground's own slope hides it from the sun (azimuth, elevation in degrees).

        Shadows that ridges cast on other ground are not found.

        Examples
        --------
        >>> steep = np.array([[-2.0, 2.0]])  # falls to the east, rises to the east
        >>> flat = np.zeros((1, 2))
        >>> Relief(flat, flat, steep, flat).turned_away((270.0, 40.0)).tolist()
        [[True, False]]
        """
        azimuth, height = np.radians(sun[0]), np.radians(sun[1])
        towards = -self.eastward * np.sin(azimuth) - self.northward * np.cos(azimuth)
        facing = towards * np.cos(height) + np.sin(height)  # the surface's normal is (-dz/dx, -dz/dy, 1)
        with np.errstate(invalid="ignore"):
            return np.asarray(facing <= 0.0)


@dataclass(frozen=True)
class ReliefReader:
    """An open DEM on the scene's grid."""

    dem: WarpedDem
    grid: Grid

    def read(self, window: Window) -> Relief:
        """Terrain in a window of the scene."""
        heights = self.dem.read(window.grown(HALO))
        eastward, northward = gradient(heights, self.grid.transform.a, -self.grid.transform.e)
        inner = heights[HALO:-HALO, HALO:-HALO]
        return Relief(inner, slope_of(eastward, northward), eastward, northward)


@contextmanager
def open_relief(path: Path, grid: Grid) -> Iterator[ReliefReader]:
    """Open a DEM for reading terrain on a grid; see `terrain.open_dem` for what is raised."""
    with open_dem(path, grid) as dem:
        yield ReliefReader(dem, grid)


def sun_of(product: SourceProduct) -> tuple[float, float] | None:
    """(azimuth, elevation) of the sun in degrees, where the product tells both."""
    values = []
    for key in ("sun_azimuth", "sun_elevation"):
        try:
            values.append(float(product.metadata[key]))
        except (KeyError, ValueError):
            return None
    return values[0], values[1]
