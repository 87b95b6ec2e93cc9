"""Divides: the lines along which two glaciers touch."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import shapely


def divides(glaciers: gpd.GeoDataFrame, id_column: str = "glacier_id") -> gpd.GeoDataFrame:
    """The shared boundaries of every two glaciers, one row for each stretch that hangs together.

    Parameters
    ----------
    glaciers
        Polygons that meet along edges (a valid coverage, or close to one), in any CRS.
    id_column
        The column that names them.

    Returns
    -------
    id_1, id_2 (in the order of the table), length_m (along the ellipsoid, metres; Karney 2013, by PROJ) and lines in
    longitude and latitude. Glaciers that meet in points alone have no row.

    Examples
    --------
    >>> left, right = shapely.box(500000, 3100000, 501000, 3102000), shapely.box(501000, 3100000, 502000, 3102000)
    >>> two = gpd.GeoDataFrame({"glacier_id": ["a", "b"]}, geometry=[left, right], crs="EPSG:32645")
    >>> divides(two).drop(columns="geometry").round(-1).values.tolist()
    [['a', 'b', 2000.0]]
    """
    outlines = np.asarray(glaciers.geometry.array)
    first, second = shapely.STRtree(outlines).query(outlines, predicate="intersects")
    order = np.lexsort((second, first))
    first, second = (which[order][first[order] < second[order]] for which in (first, second))
    shared = shapely.intersection(shapely.boundary(outlines[first]), shapely.boundary(outlines[second]))
    pieces, pair = shapely.get_parts(shared, return_index=True)
    is_line = shapely.length(pieces) > 0
    pieces, pair = pieces[is_line], pair[is_line]
    kept, row = np.unique(pair, return_inverse=True)
    merged = shapely.line_merge(shapely.multilinestrings(pieces, indices=row)) if len(pieces) else pieces
    lines, row = shapely.get_parts(merged, return_index=True)
    pair = kept[row]
    names = glaciers[id_column].to_numpy()
    found = gpd.GeoDataFrame(
        {"id_1": names[first[pair]], "id_2": names[second[pair]]}, geometry=lines, crs=glaciers.crs
    ).to_crs(4326)
    ellipsoid = pyproj.CRS(glaciers.crs).get_geod() or pyproj.Geod(ellps="WGS84")
    found.insert(2, "length_m", np.array([ellipsoid.geometry_length(line) for line in found.geometry], float))
    return found
