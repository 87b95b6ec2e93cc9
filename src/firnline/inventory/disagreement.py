"""Where two layers of parts disagree: ground that only one has, or that they have in different classes."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from firnline.errors import ConfigError, LabelError
from firnline.inventory.check.geometry import mean_width
from firnline.inventory.faces import GRID_M, Shapes, faces_of, joined
from firnline.inventory.polygonise import geodesic_areas_km2

COLUMNS: Final = {"change": "string", "from_class": "Int64", "to_class": "Int64", "area_km2": "float64"}
_CLASSES: Final = 16
"""More than there are classes; 0 stands for none."""


def disagreement(
    first: gpd.GeoDataFrame,
    second: gpd.GeoDataFrame,
    *,
    least_width_m: float | None = None,
    ice_only: bool = False,
) -> gpd.GeoDataFrame:
    """Find what changed from one layer of parts to another.

    Polygons that are in both with the same class are skipped, so that time goes with what differs.

    Parameters
    ----------
    first, second
        Coverages in CRSs projected in metres: columns class (from 1) and geometry (polygons). `second` is brought
        into the CRS of `first`.
    least_width_m
        Areas that are nowhere wider are left out: half a pixel leaves out what two ways of drawing the same boundary
        differ by. None leaves out what is thinner than the 2 mm of rounding only.
    ice_only
        Whether to ask only where there is ice: one of the layers does not tell clean from debris-covered, so nothing
        is reclassified.

    Returns
    -------
    Polygons in the CRS of `first`, the largest first, with ``change`` (added, removed or reclassified),
    ``from_class`` and ``to_class`` (null where there is none), ``area_km2`` on the ellipsoid. ``attrs["dropped"]``:
    how many areas were left out for `least_width_m`, ``attrs["dropped_km2"]`` how much.

    Raises
    ------
    LabelError
        When a layer has no projected CRS.
    ConfigError
        When the width is negative.

    Examples
    --------
    >>> one = gpd.GeoDataFrame({"class": [1]}, geometry=[shapely.box(0, 0, 2000, 1000)], crs="EPSG:32645")
    >>> two = gpd.GeoDataFrame({"class": [2]}, geometry=[shapely.box(1000, 0, 3000, 1000)], crs="EPSG:32645")
    >>> found = disagreement(one, two).sort_values("change")
    >>> found[["change", "from_class", "to_class"]].fillna(0).values.tolist()
    [['added', 0, 2], ['reclassified', 1, 2], ['removed', 1, 0]]
    """
    if least_width_m is not None and not least_width_m >= 0:
        raise ConfigError(f"a width of {least_width_m} m makes no sense", do="give 0 or more")
    for each in (first, second):
        if each.crs is None or not pyproj.CRS.from_user_input(each.crs).is_projected:
            raise LabelError("layers can be compared in a CRS projected in metres only", do="give each layer one")
    crs = pyproj.CRS.from_user_input(first.crs)
    (shapes_1, classes_1), (shapes_2, classes_2) = _differing(first, second.to_crs(crs))
    faces = faces_of(np.concatenate([shapes_1, shapes_2]))
    before, after = np.zeros((2, len(faces.shapes)), np.int64)
    is_first = faces.polygon < len(shapes_1)
    before[faces.face[is_first]] = classes_1[faces.polygon[is_first]]
    after[faces.face[~is_first]] = classes_2[faces.polygon[~is_first] - len(shapes_1)]
    differs = ((before > 0) != (after > 0)) if ice_only else (before != after)
    areas, key = joined(faces.shapes[differs], (before * _CLASSES + after)[differs])
    wide = mean_width(areas) > 2 * GRID_M
    areas, key = areas[wide], key[wide]
    table = _table(areas, key, crs)
    thin = np.zeros(len(table), np.bool_) if least_width_m is None else _nowhere_wider(areas, least_width_m)
    kept = table[~thin].sort_values("area_km2", ascending=False, kind="stable", ignore_index=True)
    kept.attrs["dropped"] = int(thin.sum())
    kept.attrs["dropped_km2"] = float(table["area_km2"][thin].sum())
    return kept


def _differing(
    first: gpd.GeoDataFrame, second: gpd.GeoDataFrame
) -> tuple[tuple[Shapes, NDArray[np.int64]], tuple[Shapes, NDArray[np.int64]]]:
    """The polygons and classes of both layers that the other does not have as they are."""
    keys = [_key(each) for each in (first, second)]
    found = []
    for layer, mine, others in ((first, keys[0], keys[1]), (second, keys[1], keys[0])):
        alone = ~mine.isin(others).to_numpy(bool)
        found.append((np.asarray(layer.geometry.array, object)[alone], layer["class"].to_numpy(np.int64)[alone]))
    return found[0], found[1]


def _key(layer: gpd.GeoDataFrame) -> pd.Series:
    """Class and geometry, wherever its rings begin."""
    shapes = shapely.to_wkb(shapely.normalize(np.asarray(layer.geometry.array, object)))
    classes = layer["class"].to_numpy(np.int64)
    return pd.Series([bytes([each]) + shape for each, shape in zip(classes, shapes, strict=True)], dtype=object)


def _table(areas: Shapes, key: NDArray[np.int64], crs: pyproj.CRS) -> gpd.GeoDataFrame:
    before, after = np.divmod(key, _CLASSES)
    change = np.where(before == 0, "added", np.where(after == 0, "removed", "reclassified"))
    columns = {
        "change": change,
        "from_class": pd.Series(before, dtype="Int64").mask(before == 0),
        "to_class": pd.Series(after, dtype="Int64").mask(after == 0),
    }
    table = gpd.GeoDataFrame(columns, geometry=areas, crs=crs)
    table["area_km2"] = geodesic_areas_km2(table.geometry)
    return table[[*COLUMNS, "geometry"]].astype(COLUMNS)


def _nowhere_wider(areas: Shapes, width_m: float) -> NDArray[np.bool_]:
    """Whether nothing of an area is left half the width inside its boundary."""
    thin = np.zeros(len(areas), np.bool_)
    maybe = np.flatnonzero(mean_width(areas) < width_m)  # never more than that of the widest place
    thin[maybe] = shapely.is_empty(shapely.buffer(areas[maybe], -width_m / 2))
    return thin
