"""The coarse world of a range, held whole, and the fields that a tile reads from it at any pixel."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from firnline.synthetic.glaciers import Glaciers, grow
from firnline.synthetic.noise import Floats, Indices, fractal, interpolate
from firnline.synthetic.terrain import Terrain, make_terrain

CELL = 120.0
"""Side of a coarse cell in metres."""
MARGIN = 8000.0
"""How far the world reaches beyond the scene, m: ice and shadows come from there, and the scene may be shifted."""
MOST_CELLS = 1000
"""The coarse grid has at most about this many cells a side, whatever the scene's size: this bounds the memory."""
CLOUDY = 0.05
"""Share of the scene under cloud, thin or thick."""
COVER = 0.26
"""Share of the world under ice."""


@dataclass(frozen=True)
class Sun:
    """Where the sun stands: `azimuth` clockwise from the north and `height` above the horizon, in degrees."""

    azimuth: float
    height: float

    @property
    def direction(self) -> tuple[float, float]:
        """Unit step towards the sun on the ground: (rows, columns)."""
        angle = np.deg2rad(self.azimuth)
        return float(-np.cos(angle)), float(np.sin(angle))


@dataclass(frozen=True)
class World:
    """Coarse fields by name, each float32 (rows, columns) with `cell` metres a side, and where the scene lies.

    `corner` is the scene's upper left pixel corner in metres from the world's, (down, right); `resolution` is the
    pixel size; `levels` are heights of the whole range, in metres, that rules refer to.
    """

    seed: int
    resolution: float
    cell: float
    corner: tuple[float, float]
    fields: dict[str, NDArray[np.float32]]
    sun: Sun
    ela: float
    treeline: float
    cloud_level: float

    def places(self, rows: Indices, columns: Indices) -> tuple[Floats, Floats]:
        """Metres (down, right) of pixel centres from the world's corner, for pixel rows and columns of the scene."""
        down, right = self.corner
        return down + (rows + 0.5) * self.resolution, right + (columns + 0.5) * self.resolution

    @property
    def finer(self) -> int:
        """Octaves of detail that only pixels below 20 m can show."""
        return 2 if self.resolution < 20 else 0

    def field(self, name: str, y: Floats, x: Floats) -> Floats:
        """A coarse field at places in metres, smoothly interpolated: float64 (y.size, x.size)."""
        values = self.fields[name]

        def nodes(rows: Indices, columns: Indices) -> Floats:
            r = np.clip(rows, 0, values.shape[0] - 1)
            c = np.clip(columns, 0, values.shape[1] - 1)
            return values[np.ix_(r, c)].astype(np.float64)

        return interpolate(nodes, y / self.cell - 0.5, x / self.cell - 0.5)


def make_world(seed: int, width: int, height: int, resolution: float, sun: Sun) -> World:
    """Make the coarse world for a scene of `width` x `height` pixels of `resolution` metres.

    The scene is laid where the world has clean ice, debris and ice-free ground in good shares, so that a small
    scene is not all rock.
    """
    extent = np.array([height, width]) * resolution + 2 * MARGIN
    cell = max(CELL, float(ceil(extent.max() / MOST_CELLS / 10) * 10))
    rows, columns = (ceil(side / cell) for side in extent)
    terrain = make_terrain(seed, (rows, columns), cell)
    ice = grow(seed, terrain, COVER)
    corner = _best_corner(terrain, ice, (height * resolution, width * resolution))
    surface = terrain.bed + np.maximum(ice.thickness, 0)
    south, east = np.gradient(ndimage.gaussian_filter(terrain.bed, 1), cell)
    fields = {
        "bed": terrain.bed,
        "steep": np.hypot(south, east),
        "thickness": ice.thickness,
        "former": ice.former,
        "debris": np.clip(ice.debris, -1, 1),
        "across": np.minimum(ice.across, 3),
        "terminus": np.minimum(ice.terminus, 5000),
        "terminus_height": np.clip(terrain.bed - ice.floor, -200, 200),
        "ela": ice.ela,
        "trunk": np.minimum(terrain.trunk, 5000),
        "shade": _shade_height(surface, cell, sun),
    }
    small = {name: values.astype(np.float32) for name, values in fields.items()}
    low, ela = float(np.percentile(terrain.bed, 2)), float(np.median(ice.ela))
    treeline = low + 0.22 * (ela - low)
    # The level of the cloud field that leaves the wanted share of the scene, not of the world, under cloud.
    y, x = (at + np.linspace(0, n * resolution, 96) for at, n in zip(corner, (height, width), strict=True))
    cloud_level = float(np.quantile(cloud_field(seed, y, x), 1 - CLOUDY))
    return World(seed, resolution, cell, corner, small, sun, ela, treeline, cloud_level)


def cloud_field(seed: int, y: Floats, x: Floats) -> Floats:
    """The field (rows, columns) whose highest parts are cloud, at places in metres."""
    return fractal(seed + 57, y, x, 2800, 6, 0.6)


def _best_corner(terrain: Terrain, ice: Glaciers, size: tuple[float, float]) -> tuple[float, float]:
    """Where to lay the scene: not too much ice, debris enough, and some former glacier bed."""
    cell = terrain.cell
    frozen = ice.thickness > 0
    rocky = frozen & (ice.debris > 0)
    window = [max(1, round(side / cell)) for side in size]
    kinds = (rocky, frozen & ~rocky, (ice.former > 0) & ~frozen & (terrain.bed < ice.ela))
    shares = [_box_mean(kind, window) for kind in kinds]
    score = sum(
        np.minimum(share / want, 1) - np.maximum(share / want - 1.5, 0)
        for share, want in zip(shares, (0.04, 0.14, 0.05), strict=True)
    )
    # Away from the world's edge, where catchments are cut and no shadow comes in.
    rim = min(int(2500 / cell), (min(score.shape) - 1) // 2)
    inner = score[rim : score.shape[0] - rim, rim : score.shape[1] - rim]
    row, column = np.unravel_index(int(np.argmax(inner)), inner.shape)
    return (float(row) + rim) * cell, (float(column) + rim) * cell


def _box_mean(mask: NDArray[np.bool_], window: list[int]) -> Floats:
    """Mean of a mask (rows, columns) in each window that fits, by a summed-area table."""
    table = np.pad(mask.astype(np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    h, w = window
    total = table[h:, w:] - table[:-h, w:] - table[h:, :-w] + table[:-h, :-w]
    return np.asarray(total / (h * w))


def _shade_height(surface: Floats, cell: float, sun: Sun) -> Floats:
    """How high the shadow of the ground towards the sun reaches over each cell, in metres (rows, columns).

    A ray from each cell towards the sun, one cell a step: whatever stands higher than the ray throws a shadow.
    """
    fall = float(np.tan(np.deg2rad(sun.height))) * cell
    reach = ceil(float(surface.max() - surface.min()) / fall)
    dr, dc = sun.direction
    height = np.full(surface.shape, -1e4)
    for step in range(1, min(reach, 60) + 1):
        moved = ndimage.shift(surface, (-dr * step, -dc * step), order=1, mode="nearest")
        height = np.maximum(height, moved - fall * step)
    return height
