"""An inventory from parts that people corrected: glaciers, holes and attributes measured anew, the given kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

import firnline
from firnline.classes import LabelScheme
from firnline.errors import LabelError
from firnline.inventory.attributes import Known, describe_glaciers
from firnline.inventory.columns import LAKES, PARTS, empty
from firnline.inventory.edges import Edges, edges_of, hang_together
from firnline.inventory.faces import Shapes
from firnline.inventory.glaciers import glacier_ids, united
from firnline.inventory.inventory import Inventory
from firnline.inventory.kept import keep_given
from firnline.inventory.open_edges import OpenEdges, Seen, open_edges
from firnline.inventory.polygonise import geodesic_areas_km2
from firnline.inventory.probability import mean_probability
from firnline.inventory.vector_holes import find_holes

_DO: Final = "correct it in the layer, or read the file anew"
_NAMED: Final = 5
_NOTHING: Final = Seen()
_REACH_M: Final = 1.0
"""A lake that is farther from its glacier than this does not touch it."""
_COVERED: Final = 0.01
"""A lake is gone where more of it than this is ice now."""


def inventory_of_parts(
    parts: gpd.GeoDataFrame,
    known: Known,
    *,
    seen: Seen = _NOTHING,
    start: Inventory | None = None,
    scheme: LabelScheme = LabelScheme.CLASS,
    told: LabelScheme | None = None,
    record: Mapping[str, Any] | None = None,
) -> Inventory:
    """Make an inventory of corrected parts.

    A glacier is what hangs together over shared edges among the parts of one ``glacier_id``; where it has come
    apart, the largest piece keeps the id, and the others get ids of firnline's own (`glacier_ids`), as parts without
    an id do.

    Areas, boundaries, positions and heights are measured on the parts as they are now. Of the inventory that the
    layer started from, what a user gave is kept by ``glacier_id`` (`keep_given`), and ground that was unknown stays
    unknown where no part covers it now.

    Parameters
    ----------
    parts
        A valid coverage in a CRS projected in metres: columns class (1 clean ice, 2 debris-covered), glacier_id (text
        or null), geometry (polygons).
    known
        Dates, DEM, method and scene of what was corrected.
    seen
        What the scene shows: its footprint, its unknown ground, its pixels, probabilities.
    start
        The inventory that the layer started from.
    scheme
        What the classes of the parts are: LabelScheme.GLACIER where whole glaciers were imported, and nobody told
        debris apart (clean_km2 and debris_km2 are then not known).
    told
        What the map that the parts come of told, where people have drawn more since; `scheme` without it. Of a map
        of clean ice alone (CLEAN), debris_km2 is known of the glaciers in which somebody drew debris, and of no
        other; of a map of debris alone (DEBRIS) so is clean_km2.
    record
        Who edited what (`edit_record`), for the provenance.

    Returns
    -------
    The inventory, the largest glacier first; ``provenance["findings"]``: what a user should know, a sentence each.

    Raises
    ------
    LabelError
        When the parts are no valid coverage of polygons, or a class is none.
    SceneError, BandError
        When DEM or probabilities cannot be read.

    Examples
    --------
    >>> boxes = [shapely.box(500000, 0, 500900, 900), shapely.box(500900, 0, 501200, 900)]
    >>> table = {"class": [1, 2], "glacier_id": ["a", "a"]}
    >>> made = inventory_of_parts(gpd.GeoDataFrame(table, geometry=boxes, crs="EPSG:32645"), Known())
    >>> made.glaciers[["glacier_id", "area_km2", "debris_frac"]].round(3).values.tolist()
    [['a', 1.081, 0.25]]
    """
    shapes = _required(parts, scheme)
    edges = edges_of(shapes)
    crs = pyproj.CRS.from_user_input(parts.crs)
    grouped = _glaciers(shapes, edges, parts["glacier_id"], crs)
    table = _part_table(parts, shapes, grouped, scheme, seen)
    unknown = seen.unknown_of(start, crs)
    debris = table["class"].astype("str").str.contains("debris").to_numpy(bool)
    opened = open_edges(edges, debris, seen, unknown).or_as_before(table, seen, start)
    table["touches_unknown"], table["touches_edge"] = opened.touches_unknown, opened.touches_edge
    holes = find_holes(grouped.shapes, grouped.ids, crs, unknown)
    glaciers = _glacier_table(grouped, table, holes, opened, _areas_by_class(table, grouped, scheme, told or scheme))
    glaciers, hypsometry = describe_glaciers(glaciers, known)
    findings = list(grouped.findings)
    if start is not None:
        glaciers = keep_given(glaciers, start)
    lakes, dry = _lakes(start, glaciers, crs)
    findings += (
        [f"{dry} lakes of the inventory before are covered by ice now, or their glacier is gone"] if dry else []
    )
    order = np.lexsort((table["class_value"], grouped.of))
    kept_parts = table.iloc[order].reset_index(drop=True)[[*PARTS, "geometry"]].astype(PARTS)
    provenance = {
        "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "firnline": firnline.__version__,
        "edits": dict(record or {}),
        "findings": findings,
        "started_from": None if start is None else dict(start.provenance),
    }
    return Inventory(glaciers, kept_parts, holes, lakes, hypsometry=hypsometry, provenance=provenance)


@dataclass(frozen=True, eq=False)
class _Grouped:
    """Glaciers, the largest first: outlines, ids, and the glacier (from 0) of each part."""

    shapes: Shapes
    ids: NDArray[np.object_]
    of: NDArray[np.int64]
    findings: tuple[str, ...] = ()


def _required(parts: gpd.GeoDataFrame, scheme: LabelScheme) -> Shapes:
    if parts.crs is None or not pyproj.CRS.from_user_input(parts.crs).is_projected:
        raise LabelError("the parts have no projected CRS", do=_DO)
    shapes = np.asarray(parts.geometry.array, object)
    if not (shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON).all() or shapely.is_empty(shapes).any():
        raise LabelError("a part is no polygon", do=_DO)
    stray = sorted(set(parts["class"]) - set(range(1, scheme.class_count)))
    if stray:
        raise LabelError(f"a part has the class {stray[0]}, which the scheme '{scheme}' does not have", do=_DO)
    if len(shapes) and not (shapely.is_valid(shapes).all() and shapely.coverage_is_valid(shapes)):
        raise LabelError("parts overlap, or do not share the vertices of their common edges", do=_DO)
    return np.asarray(shapely.orient_polygons(shapes), object).reshape(-1)


def _glaciers(shapes: Shapes, edges: Edges, given: pd.Series, crs: pyproj.CRS) -> _Grouped:
    named = given.astype("string").str.strip()
    named = named.mask(named == "")
    code, names = pd.factorize(named)  # -1 where there is none
    piece = hang_together(edges, len(shapes), np.asarray(code, np.int64))
    count = int(piece.max()) + 1 if len(piece) else 0
    outlines = united(shapes, piece, count)
    order = np.argsort(-shapely.area(outlines), kind="stable")
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count)
    of, outlines = rank[piece], outlines[order]
    name = np.full(count, -1, np.int64)
    name[of] = code
    first = np.zeros(count, np.bool_)
    first[np.unique(name, return_index=True)[1]] = True  # the largest piece of each id
    own = first & (name >= 0)
    ids = np.full(count, None, object)
    ids[own] = np.asarray(names, object)[name[own]]
    ids[~own] = glacier_ids(outlines[~own], crs, taken=[str(each) for each in names])
    apart = names[np.unique(name[~own & (name >= 0)])]
    findings = [f"{each} has come apart: its largest piece keeps the id" for each in apart[:_NAMED]]
    if len(apart) > _NAMED:
        findings.append(f"and so have {len(apart) - _NAMED} more")
    return _Grouped(outlines, ids, of, tuple(findings))


def _part_table(
    parts: gpd.GeoDataFrame, shapes: Shapes, grouped: _Grouped, scheme: LabelScheme, seen: Seen
) -> gpd.GeoDataFrame:
    value = parts["class"].to_numpy(np.int64)
    columns = {
        "glacier_id": grouped.ids[grouped.of],
        "class_value": value,
        "class": np.array(scheme.class_names, object)[value],
    }
    table = gpd.GeoDataFrame(columns, geometry=shapes, crs=parts.crs)
    table["area_km2"] = geodesic_areas_km2(table.geometry)
    table["mean_probability"] = mean_probability(table, seen.probabilities)
    return table


def _areas_by_class(
    parts: gpd.GeoDataFrame, grouped: _Grouped, scheme: LabelScheme, told: LabelScheme
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Clean and debris-covered km2 of each glacier, NaN where the map does not tell and nobody drew it."""
    count, of, areas = len(grouped.ids), grouped.of, parts["area_km2"].to_numpy()
    is_debris = parts["class_value"].to_numpy() == (1 if scheme == LabelScheme.DEBRIS else 2)
    # Of no parts at all, bincount counts in whole numbers.
    clean, debris = (np.bincount(of[own], areas[own], count).astype(float) for own in (~is_debris, is_debris))
    if scheme == LabelScheme.GLACIER:
        return np.full(count, np.nan), np.full(count, np.nan)
    if told == LabelScheme.DEBRIS:
        clean[np.bincount(of[~is_debris], minlength=count) == 0] = np.nan
    if told == LabelScheme.CLEAN:
        debris[np.bincount(of[is_debris], minlength=count) == 0] = np.nan
    return clean, debris


def _glacier_table(
    grouped: _Grouped,
    parts: gpd.GeoDataFrame,
    holes: gpd.GeoDataFrame,
    opened: OpenEdges,
    by_class: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> gpd.GeoDataFrame:
    count, of = len(grouped.ids), grouped.of
    areas, (clean, debris) = parts["area_km2"].to_numpy(), by_class
    area = np.bincount(of, areas, count)
    blind = holes[(holes["kind"] == "unknown").to_numpy(bool)].groupby("glacier_id")["area_km2"].sum()
    unknown = blind.reindex(grouped.ids, fill_value=0.0).to_numpy(np.float64)
    touches_unknown = np.bincount(of, opened.touches_unknown, count) > 0
    touches_edge = np.bincount(of, opened.touches_edge, count) > 0
    table = pd.DataFrame(
        {
            "glacier_id": grouped.ids,
            "area_km2": area,
            "clean_km2": clean,
            "debris_km2": debris,
            "debris_frac": np.where(np.isnan(clean), np.nan, debris / area),
            "mean_probability": _weighed(parts["mean_probability"].to_numpy(np.float64), areas, of, count),
            "unknown_frac": unknown / (area + unknown),
            "touches_unknown": touches_unknown,
            "touches_edge": touches_edge,
            "is_lower_bound": touches_unknown | touches_edge | (unknown > 0),
            "area_error_km2": np.bincount(of, opened.error_km2, count),
            "reference_id": None,
            "divided_by": None,
            "beyond_reference": False,
        }
    )
    return gpd.GeoDataFrame(table, geometry=grouped.shapes, crs=parts.crs)


def _weighed(
    values: NDArray[np.float64], weights: NDArray[np.float64], of: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """The mean of parts by glacier, weighed by area; NaN parts take no part."""
    known = np.isfinite(values)
    total = np.bincount(of[known], weights[known], count)
    mean = np.full(count, np.nan)
    np.divide(np.bincount(of[known], (values * weights)[known], count), total, out=mean, where=total > 0)
    return mean


def _lakes(start: Inventory | None, glaciers: gpd.GeoDataFrame, crs: pyproj.CRS) -> tuple[gpd.GeoDataFrame, int]:
    """The lakes of the start that are still lakes of their glacier, and how many are not."""
    if start is None or start.lakes.empty:
        return empty(LAKES, crs), 0
    lakes = start.lakes.to_crs(crs)
    outlines = glaciers.set_index("glacier_id").geometry.reindex(lakes["glacier_id"])
    own = np.asarray(outlines.array, object)
    shapes = np.asarray(lakes.geometry.array, object)
    meets = shapely.dwithin(shapes, own, _REACH_M)
    lake, glacier = glaciers.sindex.query(shapes, predicate="intersects")
    under = shapely.area(shapely.intersection(shapes[lake], glaciers.geometry.to_numpy()[glacier]))
    covered = np.bincount(lake, under, len(shapes)) > _COVERED * shapely.area(shapes)
    kept = meets & ~covered
    return lakes[kept].reset_index(drop=True), int((~kept).sum())
