"""Lakes of glaciers: water that lies on the ice or touches it, as outlines."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
from numpy.typing import NDArray

from firnline.errors import GridError
from firnline.grid import Grid
from firnline.inventory.columns import LAKES, empty
from firnline.inventory.coverage import (
    Labels,
    at_edge,
    common_edges,
    minimum_pixels,
    polygons,
    regions,
    renumbered,
    sizes,
)
from firnline.inventory.polygonise import geodesic_areas_km2

MINIMUM_LAKE_KM2: Final = 0.0054
"""Six pixels of Landsat, the smallest lake of the inventory of High Mountain Asia by Wang et al. (2020)."""

ON: Final = "on"
TOUCHING: Final = "touching"


def find_lakes(
    water: NDArray[np.uint8],
    glaciers: pd.DataFrame,
    labels: Labels,
    grid: Grid,
    *,
    minimum_area_km2: float = MINIMUM_LAKE_KM2,
) -> gpd.GeoDataFrame:
    """Outline the lakes that share a pixel edge with a glacier.

    Pixels of water that share an edge are one lake. Water on pixels that are glacier is none: the map decided that
    they are ice. Unknown pixels are neither water nor ice: a lake ends at them, and one beside them is never
    ``on``, because what encloses it is not known.

    Parameters
    ----------
    water
        uint8 (row, column): 1 water, 0 none, 255 unknown; see `firnline.inventory.masks`.
    glaciers
        Their ``glacier_id``, a row for each number in `labels`.
    labels
        int32 (row, column): 0 no glacier, else the glacier's row + 1.
    grid
        Where the pixels lie; in a CRS projected in metres.
    minimum_area_km2
        Lakes smaller than this (on the map plane) are left out.

    Returns
    -------
    A table in the grid's CRS with the columns of `columns.LAKES`, from north to south: ``contact`` is ``on`` where
    every neighbour of the lake is ice of glaciers, else ``touching``; ``glacier_id`` that of the glacier with the
    longest common edge (the first row of equal ones); ``area_km2`` on the ellipsoid.

    Raises
    ------
    GridError
        When an array does not have the grid's shape, or the CRS is not projected in metres.
    ConfigError
        When the minimum area is negative.

    Examples
    --------
    >>> from affine import Affine
    >>> from rasterio.crs import CRS
    >>> grid = Grid(CRS.from_epsg(32645), Affine(100, 0, 500000, 0, -100, 3100000), (3, 4))
    >>> water = np.array([[0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]], np.uint8)
    >>> labels = np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0]], np.int32)
    >>> lakes = find_lakes(water, pd.DataFrame({"glacier_id": ["A"]}), labels, grid)
    >>> lakes[["glacier_id", "contact"]].values.tolist()
    [['A', 'on'], ['A', 'touching']]
    """
    smallest = minimum_pixels(minimum_area_km2, grid)
    for name, array in (("water mask", water), ("raster of glaciers", labels)):
        if array.shape != grid.shape:
            raise GridError(f"the {name} has the shape {array.shape}, its grid {grid.shape}")
    numbers, values = regions(((water == 1) & (labels == 0)).astype(np.uint8))
    if values.size == 0:
        return empty(LAKES, pyproj.CRS.from_user_input(grid.crs))
    owner, enclosed = _neighbours(numbers, values.size, labels, len(glaciers))
    kept = (owner > 0) & (sizes(numbers, values.size) >= smallest)
    if not kept.any():
        return empty(LAKES, pyproj.CRS.from_user_input(grid.crs))
    table = pd.DataFrame(
        {
            "glacier_id": glaciers["glacier_id"].to_numpy()[owner[kept] - 1],
            "contact": np.where(enclosed[kept], ON, TOUCHING),
        }
    )
    shapes = polygons(*renumbered(numbers, kept), grid)
    lakes = gpd.GeoDataFrame(table, geometry=shapes, crs=pyproj.CRS.from_user_input(grid.crs))
    lakes["area_km2"] = geodesic_areas_km2(lakes.geometry)
    return lakes[[*LAKES, "geometry"]].astype(LAKES)


def _neighbours(
    lakes: Labels, count: int, glaciers: Labels, glacier_count: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The glacier (from 1, or 0) with the longest common edge with lake 1, 2, ..., and whether ice is all around."""
    other = glacier_count + count + 1
    areas = np.where(lakes > 0, lakes + glacier_count, np.where(glaciers > 0, glaciers, other)).astype(np.int32)
    first, second, edges = common_edges(areas)
    is_first, is_second = (((each > glacier_count) & (each < other)) for each in (first, second))
    with_ice = (first <= glacier_count) & is_second  # numbers of glaciers are the smaller ones
    owner = np.zeros(count, np.int64)
    order = np.lexsort((-first[with_ice], edges[with_ice]))  # the last one written is the longest
    owner[second[with_ice][order] - glacier_count - 1] = first[with_ice][order]
    enclosed = ~at_edge(lakes, count)
    enclosed[first[is_first & (second == other)] - glacier_count - 1] = False
    return owner, enclosed
