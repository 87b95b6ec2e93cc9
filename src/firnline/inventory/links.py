"""Links from glaciers to those of an inventory made before, and columns that a user's own table gives."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError

from firnline.errors import LabelError
from firnline.inventory.columns import RGI7

LEAST_SHARE: Final = 0.1
"""Two outlines are the same glacier only where they share this much of the smaller one."""

GIVEN: Final = (
    "o1region", "o2region", "glims_id", "anlys_id", "subm_id", "primeclass", "conn_lvl", "surge_type", "term_type",
    "glac_name", "is_rgi6", "termlon", "termlat", "lmax_m",
)  # fmt: skip
"""Columns that only a user can give. Of RGI 7.0's others, dates, areas, positions and heights are measured, and
rgi_id is a link."""

OF_ONE_OUTLINE: Final = ("anlys_id", "subm_id", "is_rgi6", "termlon", "termlat", "lmax_m")
"""Of these, what belongs to one outline and not to the glacier: another day's outline has others. They are taken by
``glacier_id`` only, not by way of a link."""

CODES: Final = {"conn_lvl": 9, "surge_type": 9, "term_type": 9}
"""What stands for "not assigned" in RGI 7.0's lists of codes."""


_TEXTS: Final = {name: "string" for name in (*GIVEN, "glacier_id", "rgi_id") if RGI7.get(name, "string") == "string"}
"""Columns of a CSV that are text whatever they look like: region 01 is not 1."""


def links(glaciers: gpd.GeoDataFrame, reference: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """The ``reference_id`` of the reference glacier that shares the largest area with each glacier, or None.

    Two that share less than a tenth of the smaller one are not taken for the same. Several glaciers may be linked to
    one: it has come apart.

    Examples
    --------
    >>> import shapely
    >>> now = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 10, 10), shapely.box(50, 0, 60, 10)], crs=32645)
    >>> then = gpd.GeoDataFrame({"reference_id": ["a"]}, geometry=[shapely.box(0, 0, 12, 10)], crs=32645)
    >>> links(now, then).tolist()
    ['a', None]
    """
    found = np.full(len(glaciers), None, object)
    near = reference.to_crs(pyproj.CRS.from_user_input(glaciers.crs))
    here, there = near.sindex.query(glaciers.geometry, predicate="intersects")
    if here.size == 0:
        return found
    one, other = glaciers.geometry.iloc[here], near.geometry.iloc[there]
    shared = one.intersection(other, align=False).area.to_numpy()
    smaller = np.minimum(one.area.to_numpy(), other.area.to_numpy())
    order = np.argsort(shared, kind="stable")
    order = order[shared[order] >= LEAST_SHARE * smaller[order]]
    found[here[order]] = near["reference_id"].to_numpy(object)[there[order]]  # the largest is written last
    return found


def read_given(path: str | Path) -> pd.DataFrame:
    """Read a user's table of columns of RGI 7.0 by ``glacier_id`` or ``rgi_id`` (CSV, or anything that GDAL reads).

    By ``rgi_id``, which links to an outline of another day, the columns `OF_ONE_OUTLINE` are left out; the table's
    ``attrs["left_out"]`` names them.

    Raises
    ------
    LabelError
        When it cannot be read, or has no such id, or names a glacier twice, or none of the columns `GIVEN`.
    """
    path = Path(path)
    try:
        table = (
            pd.read_csv(path, dtype=_TEXTS)
            if path.suffix == ".csv"
            else pyogrio.read_dataframe(path, read_geometry=False)
        )
    except (DataSourceError, DataLayerError, OSError, ValueError) as error:
        what = f"cannot be read as a table ({error})" if path.exists() else "does not exist"
        raise LabelError(what, where=path, do="give a CSV or another table") from None
    key = next((name for name in ("glacier_id", "rgi_id") if name in table.columns), None)
    if key is None or not set(GIVEN) & set(table.columns):
        raise LabelError(
            "needs a column glacier_id or rgi_id, and one of RGI 7.0's", where=path, do=f"name them {' '.join(GIVEN)}"
        )
    table[key] = table[key].astype("string")
    twice = table[key][table[key].duplicated()]
    if len(twice):
        raise LabelError(f"names '{twice.iloc[0]}' twice", where=path, do="leave one row a glacier")
    named = [name for name in GIVEN if name in table.columns]
    columns = [name for name in named if key == "glacier_id" or name not in OF_ONE_OUTLINE]
    try:
        given = table.set_index(key)[columns].astype({name: RGI7[name] for name in columns})
        given.attrs["left_out"] = tuple(name for name in named if name not in columns)
        return given
    except (ValueError, TypeError) as error:
        raise LabelError(f"holds a value of the wrong kind ({error})", where=path, do="see RGI 7.0's guide") from None


def take_given(glaciers: gpd.GeoDataFrame, given: pd.DataFrame | None) -> gpd.GeoDataFrame:
    """Put a user's columns in; whatever they do not say is null, or 9 where RGI's codes have "not assigned"."""
    filled = glaciers.copy()
    for name in GIVEN:
        said = None if given is None or name not in given else filled[str(given.index.name)].map(given[name])
        filled[name] = None if said is None else said
        filled = filled.astype({name: RGI7[name]})
        column = filled[name]
        filled[name] = column.fillna(CODES[name]) if name in CODES else column
    return filled
