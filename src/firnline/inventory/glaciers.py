"""A map to glaciers: complexes divided, their clean and debris-covered parts, and the holes in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from firnline.classes import BACKGROUND, UNKNOWN, Classes, LabelScheme, require_values
from firnline.errors import GridError
from firnline.grid import Grid
from firnline.inventory.columns import HOLES, OWN, PARTS
from firnline.inventory.coverage import Labels, at_edge, polygons, regions, sizes, touching
from firnline.inventory.divides import Divided, divide
from firnline.inventory.flow_divides import KIENHOLZ, FlowRule
from firnline.inventory.holes import KINDS, enclosed, enclosing
from firnline.inventory.polygonise import RGI_MINIMUM_AREA_KM2, geodesic_areas_km2
from firnline.inventory.probability import mean_probability
from firnline.inventory.reference import Reference
from firnline.inventory.smoothing import AreaChange, simplified

GLACIERS: tuple[str, ...] = (
    "glacier_id", "area_km2", "clean_km2", "debris_km2", "debris_frac", "mean_probability", "unknown_frac",
    "touches_unknown", "touches_edge", "is_lower_bound", "reference_id", "divided_by", "beyond_reference",
)  # fmt: skip
"""The columns of `Found.glaciers` beside the geometry; their types are those of `columns.OWN`."""


@dataclass(frozen=True, eq=False)
class Found:
    """Glaciers of one map.

    Parameters
    ----------
    glaciers
        One polygon a glacier, the largest first, columns `GLACIERS`, in the grid's CRS.
    parts
        Their parts of one class, columns `columns.PARTS`. Parts and holes together are a valid coverage, and the
        parts of a glacier add up to its outline exactly.
    holes
        What a glacier encloses, rock apart from unknown, columns `columns.HOLES`.
    labels
        Row of the glacier in `glaciers` plus one at each pixel, int32 (row, column), 0 where there is none.
    change
        What simplification did; None without any.
    findings
        What a user should know, a sentence each.
    """

    glaciers: gpd.GeoDataFrame
    parts: gpd.GeoDataFrame
    holes: gpd.GeoDataFrame
    labels: Labels
    change: AreaChange | None = None
    findings: tuple[str, ...] = ()


def find_glaciers(
    classes: Classes,
    grid: Grid,
    scheme: LabelScheme,
    *,
    minimum_area_km2: float = RGI_MINIMUM_AREA_KM2,
    reference: Reference | None = None,
    heights: NDArray[np.float32] | None = None,
    probabilities: str | Path | None = None,
    simplify_m: float | None = None,
    rule: FlowRule = KIENHOLZ,
) -> Found:
    """Make glaciers of a class raster; docs/glaciers.md tells how.

    Parameters
    ----------
    classes
        Class values, uint8 (row, column). All but 0 and 255 are ice.
    grid
        Where the pixels lie; in a CRS projected in metres.
    scheme
        What the values mean.
    minimum_area_km2
        Glaciers smaller than this on the map plane are left out.
    reference
        Glaciers mapped before, along whose divides complexes are cut first.
    heights
        Metres on the same grid, float32 (row, column), NaN where not known: other complexes are divided by flow.
    probabilities
        The probability map (see `mean_probability`).
    simplify_m
        Simplify the outlines (see `simplified`); None keeps the edges of the pixels.
    rule
        The parameters of division by flow.

    Raises
    ------
    LabelError
        When `classes` holds a value that the scheme does not have.
    GridError
        When `classes` or `heights` do not have the grid's shape, or the CRS is not projected in metres.
    ConfigError
        When the minimum area is negative, or `simplify_m` is not above 0.

    Examples
    --------
    >>> from affine import Affine
    >>> from rasterio.crs import CRS
    >>> grid = Grid(CRS.from_epsg(32645), Affine(100, 0, 500000, 0, -100, 3100000), (3, 4))
    >>> classes = np.array([[0, 1, 1, 0], [0, 1, 2, 255], [0, 0, 0, 0]], np.uint8)
    >>> found = find_glaciers(classes, grid, LabelScheme.CLASS)
    >>> found.glaciers[["glacier_id", "debris_frac", "touches_unknown"]].round(3).values.tolist()
    [['FL087002E28025N', 0.25, True]]
    """
    _require(classes, grid, scheme, heights)
    divided = divide(
        (classes != BACKGROUND) & (classes != UNKNOWN), grid,
        minimum_area_km2=minimum_area_km2, reference=reference, heights=heights, rule=rule,
    )  # fmt: skip
    layers = _layers(divided, classes, grid, scheme)
    ids = glacier_ids(layers.glaciers, grid.crs)
    layers.parts["mean_probability"] = mean_probability(layers.parts, probabilities)
    change = None if simplify_m is None else layers.simplify(simplify_m)
    layers.parts["glacier_id"] = ids[layers.part_of]
    layers.holes["glacier_id"] = ids[layers.hole_of]
    layers.parts["area_km2"] = geodesic_areas_km2(layers.parts.geometry)
    layers.holes["area_km2"] = geodesic_areas_km2(layers.holes.geometry)
    glaciers = _table(layers, divided, classes, scheme, ids)
    parts = layers.parts[[*PARTS, "geometry"]].astype(PARTS)
    holes = layers.holes[[*HOLES, "geometry"]].astype(HOLES)
    return Found(glaciers, parts, holes, divided.labels, change, () if reference is None else reference.findings)


def glacier_ids(outlines: NDArray[np.object_], crs: Any, taken: Iterable[str] = ()) -> NDArray[np.object_]:
    """Name glaciers by a point inside, in thousandths of a degree: FL086912E27988N, as GLIMS does.

    Where two come to the same, or to one of the ids that are `taken`, the later ones get B2, B3, ... at the end.

    Examples
    --------
    >>> glacier_ids(np.array([shapely.box(499000, 0, 501000, 2000)] * 2, object), "EPSG:32645").tolist()
    ['FL087000E00009N', 'FL087000E00009NB2']
    """
    points = shapely.point_on_surface(outlines)
    to_degrees = pyproj.Transformer.from_crs(pyproj.CRS.from_user_input(crs), "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform(shapely.get_x(points), shapely.get_y(points))
    seen: dict[str, int] = {}
    used = set(taken)
    names = np.empty(len(outlines), object)
    for index, (east, north) in enumerate(zip(longitude, latitude, strict=True)):
        name = f"FL{abs(east) * 1000:06.0f}{'W' if east < 0 else 'E'}{abs(north) * 1000:05.0f}"
        name += "S" if north < 0 else "N"
        seen[name] = seen.get(name, 0) + 1
        while (full := name if seen[name] == 1 else f"{name}B{seen[name]}") in used:
            seen[name] += 1
        names[index] = full
    return names


@dataclass(eq=False)
class _Layers:
    """Polygons of glaciers, parts and holes, and which glacier (from 0) parts and holes belong to."""

    glaciers: NDArray[np.object_]
    parts: gpd.GeoDataFrame
    part_of: NDArray[np.int64]
    part_pixels: NDArray[np.int64]
    holes: gpd.GeoDataFrame
    hole_of: NDArray[np.int64]

    def simplify(self, simplify_m: float) -> AreaChange:
        """Simplify all outlines together, so that those that share an edge go on to."""
        before = shapely.area(self.glaciers) / 1e6
        together = np.concatenate([self.parts.geometry.to_numpy(), self.holes.geometry.to_numpy()])
        simple = simplified(together, simplify_m)
        crs = self.parts.crs
        self.parts = self.parts.set_geometry(gpd.GeoSeries(simple[: len(self.parts)], crs=crs))
        self.holes = self.holes.set_geometry(gpd.GeoSeries(simple[len(self.parts) :], crs=crs))
        self.glaciers = united(self.parts.geometry.to_numpy(), self.part_of, len(self.glaciers))
        return AreaChange(simplify_m, before, shapely.area(self.glaciers) / 1e6)


def _layers(divided: Divided, classes: Classes, grid: Grid, scheme: LabelScheme) -> _Layers:
    """Polygons of all layers from one pass over one raster of pieces, so that they share every vertex."""
    pieces, values = regions(np.where(divided.labels > 0, divided.labels * scheme.class_count + classes, 0))
    count = values.size
    touches_unknown, touches_edge = touching(pieces, count, classes == UNKNOWN), at_edge(pieces, count)
    pixels = sizes(pieces, count)
    part_of, class_value = np.divmod(values, scheme.class_count)
    holes, kinds = enclosed(divided.labels, classes)
    pieces = np.where(holes > 0, holes + count, pieces)
    outlines = polygons(pieces, count + kinds.size, grid)
    del pieces
    part_of -= 1
    glaciers = united(outlines[:count], part_of, divided.count)
    hole_of = enclosing(glaciers, holes, kinds.size, grid)
    own = hole_of >= 0
    crs = pyproj.CRS.from_user_input(grid.crs)
    names = np.array(scheme.class_names, object)
    part_table = pd.DataFrame({"class_value": class_value, "class": names[class_value]})
    part_table = part_table.assign(touches_unknown=touches_unknown, touches_edge=touches_edge)
    hole_table = pd.DataFrame({"kind": np.array(KINDS, object)[kinds[own]]})
    order = np.lexsort((class_value, part_of))
    return _Layers(
        glaciers,
        gpd.GeoDataFrame(part_table.iloc[order].reset_index(drop=True), geometry=outlines[:count][order], crs=crs),
        part_of[order],
        pixels[order],
        gpd.GeoDataFrame(hole_table, geometry=outlines[count:][own], crs=crs),
        hole_of[own],
    )


def united(parts: NDArray[np.object_], part_of: NDArray[np.int64], count: int) -> NDArray[np.object_]:
    """The union of the parts of glacier 0, 1, ...; parts keep to their neighbours vertex by vertex."""
    order = np.argsort(part_of, kind="stable")
    ends = np.searchsorted(part_of[order], np.arange(count + 1))
    found = np.empty(count, object)
    for index in range(count):
        own = parts[order[ends[index] : ends[index + 1]]]
        found[index] = own[0] if len(own) == 1 else _one(shapely.coverage_union_all(own))
    return np.asarray(shapely.orient_polygons(found), object) if count else found


def _one(geometry: shapely.Geometry) -> shapely.Geometry:
    parts = shapely.get_parts(geometry)
    return parts[0] if len(parts) == 1 else geometry


def _table(
    layers: _Layers, divided: Divided, classes: Classes, scheme: LabelScheme, ids: NDArray[np.object_]
) -> gpd.GeoDataFrame:
    count = divided.count
    part_areas, of = layers.parts["area_km2"].to_numpy(), layers.part_of
    area = np.bincount(of, part_areas, count)
    clean, debris = _areas_by_class(layers, scheme, count)
    unknown = (layers.holes["kind"] == "unknown").to_numpy(bool)
    unknown_area = np.bincount(layers.hole_of[unknown], layers.holes["area_km2"].to_numpy()[unknown], count)
    touches_unknown = np.bincount(of, layers.parts["touches_unknown"].to_numpy(), count) > 0
    touches_edge = np.bincount(of, layers.parts["touches_edge"].to_numpy(), count) > 0
    with np.errstate(invalid="ignore"):
        debris_frac = debris / area if scheme == LabelScheme.CLASS else np.full(count, np.nan)
        unknown_frac = unknown_area / (area + unknown_area)
    table = gpd.GeoDataFrame(
        {
            "glacier_id": ids,
            "area_km2": area,
            "clean_km2": clean,
            "debris_km2": debris,
            "debris_frac": debris_frac,
            "mean_probability": _probability(layers, count),
            "unknown_frac": unknown_frac,
            "touches_unknown": touches_unknown,
            "touches_edge": touches_edge,
            "is_lower_bound": touches_unknown | touches_edge | (unknown_frac > 0),
            "reference_id": divided.reference_id,
            "divided_by": divided.divided_by,
            "beyond_reference": divided.beyond_reference,
        },
        geometry=layers.glaciers,
        crs=layers.parts.crs,
    )
    return table.astype({name: OWN.get(name, "float64") for name in GLACIERS})


def _areas_by_class(
    layers: _Layers, scheme: LabelScheme, count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Clean and debris-covered area of each glacier, km2, NaN where the scheme does not tell."""
    value, areas = layers.parts["class_value"].to_numpy(), layers.parts["area_km2"].to_numpy()
    unknown = np.full(count, np.nan)
    of_value = [
        np.bincount(layers.part_of, np.where(value == each, areas, 0.0), count).astype(np.float64) for each in (1, 2)
    ]
    match scheme:
        case LabelScheme.CLASS:
            return of_value[0], of_value[1]
        case LabelScheme.CLEAN:
            return of_value[0], unknown
        case LabelScheme.DEBRIS:
            return unknown, of_value[0]
        case LabelScheme.GLACIER:
            return unknown, unknown


def _probability(layers: _Layers, count: int) -> NDArray[np.float64]:
    """The mean of the parts' probabilities, weighed by their pixels."""
    of_part = layers.parts["mean_probability"].to_numpy()
    known = np.isfinite(of_part)
    weights = np.bincount(layers.part_of[known], layers.part_pixels[known], count)
    total = np.bincount(layers.part_of[known], (layers.part_pixels * np.nan_to_num(of_part))[known], count)
    mean = np.full(count, np.nan)
    np.divide(total, weights, out=mean, where=weights > 0)
    return mean


def _require(classes: Classes, grid: Grid, scheme: LabelScheme, heights: NDArray[np.float32] | None) -> None:
    if classes.shape != grid.shape:
        raise GridError(f"the class raster has the shape {classes.shape}, its grid {grid.shape}")
    if heights is not None and heights.shape != grid.shape:
        raise GridError(f"the heights have the shape {heights.shape}, the grid {grid.shape}")
    require_values(classes, scheme, "the class raster")
