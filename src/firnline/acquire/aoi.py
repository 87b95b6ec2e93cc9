"""The area of interest: a polygon in some CRS, read from any vector file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.crs import CRS
from shapely.geometry.base import BaseGeometry

from firnline.errors import ConfigError

_PIECES = 20
"""Edges are cut into this many pieces before they are moved to another CRS, where straight lines bend."""


@dataclass(frozen=True)
class Aoi:
    """An area of interest.

    Examples
    --------
    >>> aoi = Aoi(shapely.box(86.9, 27.9, 87.0, 28.0), CRS.from_epsg(4326), "khumbu.geojson")
    >>> [round(edge, -3) for edge in aoi.bounds_in(CRS.from_epsg(32645))]
    [490000.0, 3086000.0, 500000.0, 3097000.0]
    """

    geometry: BaseGeometry
    crs: CRS
    name: str = ""
    """The file it was read from, for messages."""

    def bounds_in(self, crs: CRS) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) of the area in another CRS."""
        if crs == self.crs:
            left, bottom, right, top = self.geometry.bounds
            return left, bottom, right, top
        left, bottom, right, top = self.geometry.bounds
        longest = max(right - left, top - bottom) / _PIECES
        fine = shapely.segmentize(self.geometry, longest) if longest > 0 else self.geometry
        moved = geopandas.GeoSeries([fine], crs=self.crs.to_wkt()).to_crs(crs.to_wkt())
        left, bottom, right, top = moved.total_bounds.tolist()
        return left, bottom, right, top


def read_aoi(path: Path) -> Aoi:
    """Read an area of interest: all polygons of a vector file (``FILE`` or ``FILE:LAYER``) together.

    Raises
    ------
    ConfigError
        When the file cannot be read, has no CRS, or holds no polygon.
    """
    file, layer = path, None
    if not path.exists() and ":" in path.name:
        name, _, layer = path.name.rpartition(":")
        file = path.with_name(name)
    try:
        frame = geopandas.read_file(file, layer=layer) if layer else geopandas.read_file(file)
    except (DataSourceError, DataLayerError, OSError, ValueError) as error:
        what = "does not exist" if not file.exists() else f"cannot be read as polygons ({error})"
        raise ConfigError(what, where=path, do="give the area as a polygon: GeoPackage, GeoJSON, Shapefile") from None
    if not isinstance(frame, geopandas.GeoDataFrame) or frame.crs is None:
        raise ConfigError("has no geometry, or no CRS", where=path, do="give polygons with a CRS")
    polygons = frame.geometry[frame.geometry.geom_type.isin(("Polygon", "MultiPolygon")) & ~frame.geometry.is_empty]
    if polygons.empty:
        raise ConfigError("holds no polygon", where=path, do="give the area as a polygon")
    together = shapely.union_all(shapely.make_valid(np.asarray(polygons)))
    if not together.area > 0:  # lines drawn as polygons, coordinates that are no numbers
        raise ConfigError("holds no polygon that has an area", where=path, do="give the area as a polygon")
    west, south, east, north = together.bounds
    if frame.crs.is_geographic and not (west >= -360 and east <= 360 and south >= -90 and north <= 90):
        raise ConfigError(
            f"is said to be in degrees, and goes from {west:g} {south:g} to {east:g} {north:g}",
            where=path,
            do="give it the CRS that its coordinates are in, longitude before latitude",
        )
    return Aoi(together, CRS.from_wkt(frame.crs.to_wkt()), path.name)
