"""Where a glacier lies: a point inside it, and its UTM zone."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def centres(outlines: gpd.GeoSeries) -> tuple[Floats, Floats]:
    """(longitude, latitude) in degrees of a point inside each outline, float64 (outline,).

    GEOS's point on the surface of the outline in degrees: what RGI 7.0 has (the same to a metre; tested).

    Examples
    --------
    >>> from shapely import box
    >>> longitude, latitude = centres(gpd.GeoSeries([box(499000, 0, 501000, 2000)], crs="EPSG:32645"))
    >>> longitude.round(6).tolist(), latitude.round(4).tolist()
    ([87.0], [0.009])
    """
    points = outlines.to_crs(4326).representative_point()
    return np.asarray(points.x, np.float64), np.asarray(points.y, np.float64)


def utm_zones(longitude: Floats) -> NDArray[np.int64]:
    """The UTM zone (1 to 60) of longitudes in degrees: strips of six degrees, without Norway's exceptions.

    Examples
    --------
    >>> utm_zones(np.array([-180.0, 10.75, 86.9, 180.0])).tolist()
    [1, 32, 45, 1]
    """
    return (np.floor((longitude + 180.0) / 6.0).astype(np.int64) % 60) + 1


def in_utm(outlines: gpd.GeoSeries, zone: int, *, south: bool) -> gpd.GeoSeries:
    """Outlines in a UTM zone on WGS 84; those that are in it already stay as they are, to the last bit.

    Examples
    --------
    >>> from shapely import box
    >>> in_utm(gpd.GeoSeries([box(86.9, 27.9, 87.0, 28.0)], crs="EPSG:4326"), 45, south=False).crs.to_epsg()
    32645
    """
    local = pyproj.CRS.from_epsg((32700 if south else 32600) + zone)
    return outlines if outlines.crs == local else outlines.to_crs(local)
