"""What an edited inventory keeps of the one before: what people gave, and the day of what is unchanged."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from firnline.inventory.faces import GRID_M
from firnline.inventory.inventory import Inventory
from firnline.inventory.links import CODES, GIVEN, OF_ONE_OUTLINE

_OF_GLACIER: Final = (
    "rgi_id", *(name for name in GIVEN if name not in OF_ONE_OUTLINE), "reference_id", "divided_by",
)  # fmt: skip
"""Kept whatever becomes of the outline."""
_OF_OUTLINE: Final = (
    *OF_ONE_OUTLINE, "src_date", "src_date_from", "src_date_to", "method", "scene", "quality",
)  # fmt: skip
"""Kept where the outline is still the same."""


def keep_given(glaciers: gpd.GeoDataFrame, start: Inventory) -> gpd.GeoDataFrame:
    """Fill in, by ``glacier_id``, what cannot be measured.

    Names, regions, types and links to other inventories stay with the glacier, where nothing newer is known. What
    belongs to one outline (length, terminus, analysis; dates, scene and method) stays where the outline is unchanged
    to a millimetre: it is then still the outline of that day, whatever scene was looked at.

    Parameters
    ----------
    glaciers
        As `describe_glaciers` gives them.
    start
        The inventory before.
    """
    before = start.glaciers.drop_duplicates("glacier_id").set_index("glacier_id")
    ids = glaciers["glacier_id"]
    same = unchanged(glaciers, start.glaciers)
    table = glaciers.copy()
    for name in (*_OF_GLACIER, *_OF_OUTLINE):
        said = before[name].reindex(ids).set_axis(table.index)
        is_dated = name in _DATED  # of an unchanged outline that is null, too, where the start does not know it
        taken = np.ones(len(table), np.bool_) if is_dated else said.notna().to_numpy(bool, copy=True)
        if name in _OF_OUTLINE:
            taken &= same
        if not is_dated:
            taken &= _is_open(table[name], name)
        table[name] = table[name].where(~taken, said)
    table["beyond_reference"] |= ids.isin(before.index[before["beyond_reference"].to_numpy(bool)]).to_numpy(bool)
    return table


_DATED: Final = ("src_date", "src_date_from", "src_date_to", "method", "scene", "quality")
"""Of an unchanged outline these are its own, not those of the scene that was looked at later."""


def _is_open(column: pd.Series, name: str) -> NDArray[np.bool_]:
    """Where a column says nothing: null, or "not assigned"."""
    is_null = column.isna().to_numpy(bool)
    return is_null | (column == CODES[name]).to_numpy(bool, na_value=True) if name in CODES else is_null


def unchanged(glaciers: gpd.GeoDataFrame, before: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Whether the glacier of the same ``glacier_id`` before has the same outline, to a millimetre; bool (glacier,).

    Examples
    --------
    >>> now = gpd.GeoDataFrame({"glacier_id": ["a", "b"]}, geometry=[shapely.box(0, 0, 9, 9)] * 2, crs=32645)
    >>> then = gpd.GeoDataFrame({"glacier_id": ["a", "b"]}, geometry=[now.geometry[0], shapely.box(0, 0, 9, 8)],
    ...                         crs=32645)
    >>> unchanged(now, then).tolist()
    [True, False]
    """
    once = (
        before.drop_duplicates("glacier_id")
        .to_crs(pyproj.CRS.from_user_input(glaciers.crs))
        .set_index("glacier_id")
        .geometry
    )
    others = np.asarray(once.reindex(glaciers["glacier_id"]).array, object)
    mine = np.asarray(glaciers.geometry.array, object)
    there = ~shapely.is_missing(others)
    same = np.zeros(len(mine), np.bool_)
    same[there] = shapely.equals_exact(mine[there], others[there], normalize=True)
    asked = np.flatnonzero(there & ~same)
    # Edges that only got a vertex more, which the grid moved by less than its step, are the same.
    off = shapely.area(shapely.symmetric_difference(mine[asked], others[asked]))
    same[asked] = off <= 2 * GRID_M * shapely.length(mine[asked])
    return same
