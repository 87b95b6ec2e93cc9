"""Where the ice of a layer of parts ends: at rock, at what is unknown, or at the scene's edge; and how well known."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from firnline.classes import UNKNOWN, Classes
from firnline.grid import Grid
from firnline.inventory.area_error import CLEAN_PIXELS, DEBRIS_PIXELS
from firnline.inventory.coverage import polygons, regions
from firnline.inventory.edges import Edges
from firnline.inventory.inventory import Inventory

Shapes = NDArray[np.object_]

_NEAR_M: Final = 0.01
"""Lines so near run together: layers are on a grid of millimetres, rasters are not."""
_LEAST_M: Final = 0.1
"""Along less than this, two areas meet in a point."""
_PIXEL_SIDE_M: Final = 2e-3
_STAIRS: Final = math.pi / 4.0
"""See `area_errors`: a smooth boundary is 4 / pi times longer along the edges of pixels than it is."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known of the ground beside the outlines.

    Parameters
    ----------
    footprint
        The scene's outer edge, a polygon in the CRS of the parts; None where it does not matter.
    unknown
        Polygons of ground that nobody could see (cloud, no data), any CRS; None: the holes of unknown of the
        inventory that the layer started from.
    pixel_m
        Side of the pixels that were mapped or looked at, metres; None leaves errors of areas unknown.
    probabilities
        The probability map (see `mean_probability`).
    """

    footprint: BaseGeometry | None = None
    unknown: gpd.GeoSeries | None = None
    pixel_m: float | None = None
    probabilities: Path | None = None

    def unknown_of(self, start: Inventory | None, crs: pyproj.CRS) -> Shapes:
        """Polygons of unknown ground, in `crs`."""
        known = self.unknown
        if known is None:
            if start is None:
                return np.zeros(0, object)
            known = start.holes[(start.holes["kind"] == "unknown").to_numpy(bool)].geometry
        return np.asarray(known.to_crs(crs).explode(index_parts=False).array, object)


def unknown_ground(classes: Classes, grid: Grid) -> gpd.GeoSeries:
    """Polygons of what a map does not know, in the grid's CRS.

    Parameters
    ----------
    classes
        Class values, uint8 (row, column).

    Examples
    --------
    >>> from rasterio import Affine, CRS
    >>> grid = Grid(CRS.from_epsg(32645), Affine(10, 0, 0, 0, -10, 10), (1, 3))
    >>> unknown_ground(np.array([[255, 255, 0]], np.uint8), grid).area.tolist()
    [200.0]
    """
    labels, values = regions((classes == UNKNOWN).astype(np.uint8))
    return gpd.GeoSeries(polygons(labels, values.size, grid), crs=pyproj.CRS.from_user_input(grid.crs))


@dataclass(frozen=True, eq=False)
class OpenEdges:
    """The outer boundary of each part.

    Parameters
    ----------
    error_km2
        One standard error of area along its boundary with rock, float64 (part,); NaN where pixels are not known.
    touches_unknown, touches_edge
        Whether it ends at unknown ground, or at the scene's edge; bool (part,).
    """

    error_km2: NDArray[np.float64]
    touches_unknown: NDArray[np.bool_]
    touches_edge: NDArray[np.bool_]

    def or_as_before(self, parts: gpd.GeoDataFrame, seen: Seen, start: Inventory | None) -> OpenEdges:
        """Flags that nothing measures here, as they were for the part of the start that lies there."""
        if start is None:
            return self
        found = self
        if seen.unknown is None:
            before = self.touches_unknown | _flagged(parts, start, "touches_unknown")
            found = replace(found, touches_unknown=before)
        if seen.footprint is None:
            found = replace(found, touches_edge=_flagged(parts, start, "touches_edge"))
        return found


def open_edges(edges: Edges, debris: NDArray[np.bool_], seen: Seen, unknown: Shapes) -> OpenEdges:
    """Measure the outer boundaries of parts.

    The error is that of `area_errors`, by lines: length times half a pixel along clean ice, one pixel along debris;
    divides, the boundary between ice and debris, that with unknown and the scene's edge are not in it. Edges along
    the axes, of whole pixels, are sides of pixels, and are counted as `area_errors` counts those.

    Parameters
    ----------
    edges
        Of the parts.
    debris
        Whether a part is debris-covered, bool (part,).
    seen
        Footprint and pixels.
    unknown
        Polygons of unknown ground, object (polygon,), in the same CRS.

    Examples
    --------
    >>> from firnline.inventory.edges import edges_of
    >>> pixel = edges_of(np.array([shapely.box(0, 0, 100, 100)], object))
    >>> nothing = np.zeros(0, object)
    >>> open_edges(pixel, np.array([False]), Seen(pixel_m=100), nothing).error_km2.round(4).tolist()
    [0.0157]
    """
    count = len(debris)
    ends, owner = edges.ends[edges.outer], edges.owner[edges.outer]
    length = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    along_unknown = _shared_length(ends, shapely.boundary(unknown))
    footprint = np.zeros(0, object) if seen.footprint is None else np.array([seen.footprint.boundary], object)
    along_edge = _shared_length(ends, footprint)
    error = np.full(count, np.nan)
    if seen.pixel_m is not None:
        width = np.where(debris, DEBRIS_PIXELS, CLEAN_PIXELS)[owner] * seen.pixel_m
        stairs = np.where(_are_pixel_sides(ends, length, seen.pixel_m), _STAIRS, 1.0)
        free = np.maximum(length - along_unknown - along_edge, 0.0)
        error = np.bincount(owner, weights=free * width * stairs, minlength=count) / 1e6
    return OpenEdges(
        error,
        np.bincount(owner, weights=along_unknown, minlength=count) > _LEAST_M,
        np.bincount(owner, weights=along_edge, minlength=count) > _LEAST_M,
    )


def _are_pixel_sides(ends: NDArray[np.float64], length: NDArray[np.float64], pixel_m: float) -> NDArray[np.bool_]:
    straight = np.minimum(np.abs(ends[:, 2] - ends[:, 0]), np.abs(ends[:, 3] - ends[:, 1])) < _PIXEL_SIDE_M
    pixels = length / pixel_m
    return np.asarray(straight & (np.abs(pixels - np.rint(pixels)) * pixel_m < _PIXEL_SIDE_M), np.bool_)


def _shared_length(ends: NDArray[np.float64], lines: Shapes) -> NDArray[np.float64]:
    """How much of each segment (segment, 4) runs along the lines, metres."""
    shared = np.zeros(len(ends))
    points, of = shapely.get_coordinates(shapely.get_parts(lines), return_index=True)
    inside = of[1:] == of[:-1]
    if not len(ends) or not inside.any():
        return shared
    others: Shapes = np.asarray(shapely.linestrings(np.stack([points[:-1][inside], points[1:][inside]], axis=1)))
    segments: Shapes = np.asarray(shapely.linestrings(ends.reshape(-1, 2, 2)))
    segment, other = shapely.STRtree(others).query(segments, predicate="dwithin", distance=_NEAR_M)
    strips = shapely.buffer(others[other], _NEAR_M, cap_style="flat")
    common: NDArray[np.float64] = shapely.length(shapely.intersection(segments[segment], strips))
    common[common <= 2.5 * _NEAR_M] = 0.0  # they cross, or meet at an end
    np.add.at(shared, segment, common)
    return np.minimum(shared, shapely.length(segments))


def _flagged(parts: gpd.GeoDataFrame, start: Inventory, flag: str) -> NDArray[np.bool_]:
    """Whether a part lies where the start has one with the flag."""
    found = np.zeros(len(parts), np.bool_)
    marked = start.parts[start.parts[flag].to_numpy(bool)].to_crs(pyproj.CRS.from_user_input(parts.crs))
    shapes, others = parts.geometry.to_numpy(), marked.geometry.to_numpy()
    one, two = marked.sindex.query(shapes, predicate="intersects")
    found[one[~shapely.touches(shapes[one], others[two])]] = True
    return found
