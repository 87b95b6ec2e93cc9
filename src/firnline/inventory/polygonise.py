"""Class raster to outlines: valid polygons with holes, that meet along shared edges and never overlap."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray
from scipy import sparse

from firnline.classes import BACKGROUND, UNKNOWN, Classes, LabelScheme, require_values
from firnline.errors import GridError
from firnline.grid import Grid
from firnline.inventory.coverage import (
    Labels,
    at_edge,
    common_edges,
    minimum_pixels,
    polygons,
    regions,
    renumbered,
    sizes,
    touching,
)

RGI_MINIMUM_AREA_KM2: Final = 0.01
"""The smallest glacier of the Randolph Glacier Inventory (Pfeffer et al. 2014); ICIMOD takes 0.02 km2."""

COLUMNS: Final = {
    "class_value": "int32",
    "class": "str",
    "area_km2": "float64",
    "mean_probability": "float64",
    "part_of": "int32",
    "touches_unknown": "bool",
    "touches_edge": "bool",
}
"""Columns of a table of outlines beside its geometry, and their types; so also of one without any outline."""


def polygonise(
    classes: Classes, grid: Grid, scheme: LabelScheme, *, minimum_area_km2: float = RGI_MINIMUM_AREA_KM2
) -> gpd.GeoDataFrame:
    """Turn a class raster into outlines, one polygon for each connected area of one class.

    Pixels belong together when they share an edge. Neighbours across a corner do not: with edges alone, an
    outline never crosses itself and two outlines never cross each other. Holes (nunataks, and unknown pixels)
    stay holes. Every vertex of an outline that lies on its neighbour's edge is a vertex of the neighbour too, so
    that all outlines together are a valid coverage and stay one when they are reprojected.

    Clean and debris-covered parts that share an edge are one complex, and `minimum_area_km2` is asked of the
    complex (its pixels' area on the map plane), not of the part: the small debris-covered tongue of a large
    glacier stays.

    Parameters
    ----------
    classes
        Class values, uint8 (row, column).
    grid
        Where the pixels lie; in a CRS projected in metres.
    scheme
        What the values mean. Every value but 0 and 255 becomes outlines.
    minimum_area_km2
        Complexes smaller than this are left out. 0 keeps all.

    Returns
    -------
    A table in the grid's CRS, the largest complex first, with the columns of `COLUMNS`:

    - ``class_value``, ``class``: the class, as number and name;
    - ``area_km2``: true area on the ellipsoid, holes not counted (see `geodesic_areas_km2`);
    - ``mean_probability``: NaN; `firnline.inventory.probability.mean_probability` knows it;
    - ``part_of``: number of the complex, 1 is the largest;
    - ``touches_unknown``: it shares an edge with an unknown pixel, so its area is a lower bound;
    - ``touches_edge``: it reaches the edge of the scene, and may go on beyond.

    Raises
    ------
    LabelError
        When `classes` holds a value that the scheme does not have.
    GridError
        When `classes` does not have the grid's shape, or the CRS is not projected in metres.
    ConfigError
        When the minimum area is negative.

    Examples
    --------
    >>> from affine import Affine
    >>> from rasterio.crs import CRS
    >>> grid = Grid(CRS.from_epsg(32645), Affine(100, 0, 500000, 0, -100, 3100000), (3, 4))
    >>> classes = np.array([[0, 1, 1, 0], [0, 1, 2, 0], [0, 0, 0, 255]], np.uint8)
    >>> outlines = polygonise(classes, grid, LabelScheme.CLASS)
    >>> outlines[["class", "area_km2", "part_of"]].round(3).values.tolist()
    [['clean ice', 0.03, 1], ['debris-covered ice', 0.01, 1]]
    """
    smallest = minimum_pixels(minimum_area_km2, grid)
    if classes.shape != grid.shape:
        raise GridError(f"the class raster has the shape {classes.shape}, its grid {grid.shape}")
    require_values(classes, scheme, "the class raster")
    parts, values = regions(np.where(classes == UNKNOWN, BACKGROUND, classes))
    complexes = _complexes(parts, values.size)
    parts, values, complexes = _large_enough(parts, values, complexes, smallest)
    table = pd.DataFrame(
        {
            "class_value": values,
            "class": np.array(scheme.class_names, object)[values],
            "mean_probability": np.nan,
            "part_of": complexes,
            "touches_unknown": touching(parts, values.size, classes == UNKNOWN),
            "touches_edge": at_edge(parts, values.size),
        }
    )
    outlines = gpd.GeoDataFrame(
        table, geometry=polygons(parts, values.size, grid), crs=pyproj.CRS.from_user_input(grid.crs)
    )
    outlines["area_km2"] = geodesic_areas_km2(outlines.geometry)
    outlines = outlines.sort_values(["part_of", "class_value"], kind="stable", ignore_index=True)
    return outlines[[*COLUMNS, "geometry"]].astype(COLUMNS)


def geodesic_areas_km2(outlines: gpd.GeoSeries) -> NDArray[np.float64]:
    """True areas of polygons on the ellipsoid of their CRS, km2, holes subtracted (Karney 2013, by PROJ).

    The map plane of a UTM zone is 0.08 % too small at its central meridian and up to 0.2 % too large at its
    rim, so the sum of pixels is that much off; over an inventory that spans zones it would be a trend. Edges
    are taken as geodesics between vertices, which moves the area by less than one part in 100,000.

    Examples
    --------
    >>> square = gpd.GeoSeries([shapely.box(500000, 3100000, 501000, 3101000)], crs="EPSG:32645")
    >>> geodesic_areas_km2(square).round(4).tolist()
    [1.0008]
    """
    if outlines.empty:
        return np.zeros(0)
    crs = pyproj.CRS.from_user_input(outlines.crs)
    geodetic, geod = crs.geodetic_crs, crs.get_geod()
    if geodetic is None or geod is None:
        raise GridError(
            f"the CRS {crs.name} is not tied to the Earth", do="give the scene a geographic or projected CRS"
        )
    _, coordinates, (rings, owners) = shapely.to_ragged_array(outlines.to_numpy())
    longitude, latitude = pyproj.Transformer.from_crs(crs, geodetic, always_xy=True).transform(*coordinates.T[:2])
    areas = np.array(
        [abs(geod.polygon_area_perimeter(longitude[a:b], latitude[a:b])[0]) for a, b in pairwise(rings)], np.float64
    )
    is_hole = np.ones(areas.size, np.bool_)
    is_hole[owners[:-1]] = False
    return np.add.reduceat(np.where(is_hole, -areas, areas), owners[:-1]) / 1e6


def _complexes(parts: Labels, count: int) -> NDArray[np.int64]:
    """The complex (from 0) of part 1, 2, ...: parts that share an edge are in the same."""
    first, second, _ = common_edges(parts)
    graph = sparse.coo_array((np.ones(first.size, np.int8), (first - 1, second - 1)), shape=(count, count))
    _, found = sparse.csgraph.connected_components(graph, directed=False)
    return found.astype(np.int64)


def _large_enough(
    parts: Labels, values: NDArray[np.int64], complexes: NDArray[np.int64], smallest: float
) -> tuple[Labels, NDArray[np.int64], NDArray[np.int64]]:
    """Leave out the parts of small complexes; number parts anew, and complexes from 1 by size."""
    areas = np.bincount(complexes, weights=sizes(parts, values.size))
    kept = areas[complexes] >= smallest
    rank = np.empty(areas.size, np.int64)
    rank[np.argsort(-areas, kind="stable")] = np.arange(1, areas.size + 1)
    return renumbered(parts, kept)[0], values[kept], rank[complexes[kept]]
