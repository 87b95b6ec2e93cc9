"""What outlined glaciers enclose and is no ice: rock, and ground that is known to be unknown."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from firnline.inventory.columns import HOLES
from firnline.inventory.faces import GRID_M
from firnline.inventory.polygonise import geodesic_areas_km2

Shapes = NDArray[np.object_]

_CRUMB_M2: Final = 1.0
"""What is left over when a hole is cut along unknown ground and is smaller than this is no hole."""


def find_holes(glaciers: Shapes, ids: NDArray[np.object_], crs: Any, unknown: Shapes) -> gpd.GeoDataFrame:
    """Find the holes of glaciers: what lies within their inner rings and in no other glacier.

    Ground is rock but where it is known to be unknown; a hole that is both is cut in two. Of glaciers one within a
    hole of another, the innermost has the hole. A nunatak on a divide is a hole of no glacier.

    Parameters
    ----------
    glaciers
        Polygons that meet along edges, object (glacier,).
    ids
        Their ids, str (glacier,).
    unknown
        Polygons of unknown ground, object (polygon,), in the same CRS.

    Returns
    -------
    The columns `columns.HOLES` and polygons in `crs`.

    Examples
    --------
    >>> rings = [[(400, 400), (400, 600), (600, 600), (600, 400)]]
    >>> ice = shapely.Polygon(shapely.box(0, 0, 900, 900).exterior, rings)
    >>> cloud = np.array([shapely.box(500, 400, 600, 600)], object)
    >>> holes = find_holes(np.array([ice], object), np.array(["a"], object), "EPSG:32645", cloud)
    >>> list(zip(holes["kind"], holes.area))
    [('rock', 20000.0), ('unknown', 20000.0)]
    """
    rings, of = shapely.get_rings(glaciers, return_index=True)
    inner = np.zeros(len(rings), np.bool_)
    inner[1:] = of[1:] == of[:-1]
    of = of[inner]
    open_ground = _without_glaciers(np.asarray(shapely.polygons(rings[inner]), object).reshape(-1), of, glaciers)
    rock, blind = _told_apart(open_ground, unknown)
    pieces = [shapely.get_parts(each, return_index=True) for each in (rock, blind)]
    shapes = np.concatenate([each for each, _ in pieces])
    owner = np.concatenate([of[ring] for _, ring in pieces]).astype(np.int64)
    kind = np.repeat(["rock", "unknown"], [len(each) for each, _ in pieces])
    kept = (shapely.get_dimensions(shapes) == 2) & (shapely.area(shapes) > _CRUMB_M2)
    shapes = np.asarray(shapely.orient_polygons(shapes[kept]), object).reshape(-1)
    table = gpd.GeoDataFrame({"glacier_id": ids[owner[kept]], "kind": kind[kept]}, geometry=shapes, crs=crs)
    table["area_km2"] = geodesic_areas_km2(table.geometry)
    return table[[*HOLES, "geometry"]].astype(HOLES)


def _without_glaciers(holes: Shapes, of: NDArray[np.integer], glaciers: Shapes) -> Shapes:
    """Holes less the glaciers within them, and what those enclose themselves."""
    filled = np.asarray(shapely.polygons(shapely.get_exterior_ring(glaciers)), object).reshape(-1)
    inside = shapely.point_on_surface(glaciers)
    hole, glacier = shapely.STRtree(inside).query(holes, predicate="contains")
    other = of[hole] != glacier
    return _less(holes, hole[other], filled[glacier[other]])


def _told_apart(holes: Shapes, unknown: Shapes) -> tuple[Shapes, Shapes]:
    """Of each hole what is rock, and what is unknown."""
    blind = np.full(len(holes), shapely.Polygon(), object)
    hole, which = shapely.STRtree(unknown).query(holes, predicate="intersects")
    for number in np.unique(hole):
        cover = shapely.union_all(unknown[which[hole == number]])
        blind[number] = shapely.intersection(holes[number], cover, grid_size=GRID_M)
    rock = holes.copy()
    touched = np.unique(hole)
    rock[touched] = shapely.difference(holes[touched], blind[touched], grid_size=GRID_M)
    return rock, blind


def _less(shapes: Shapes, which: NDArray[np.integer], taken: Shapes) -> Shapes:
    rest = shapes.copy()
    for number in np.unique(which):
        rest[number] = shapely.difference(shapes[number], shapely.union_all(taken[which == number]))
    return rest
