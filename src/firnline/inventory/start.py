"""The inventory that an edited layer started from: its first outlines, and what its file says of each glacier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj

from firnline.errors import LabelError
from firnline.inventory.columns import OWN, RGI7
from firnline.inventory.faces import joined
from firnline.inventory.inventory import Inventory, read_inventory
from firnline.inventory.links import CODES, GIVEN
from firnline.labels.dates import DATE_COLUMNS, parse_date
from firnline.labels.outlines import ID_COLUMNS
from firnline.labels.vectors import id_of, is_parquet, reading, split_layer

_KINDS: Final[Mapping[str, str]] = {**OWN, **RGI7}
_FLAGS: Final = ("touches_unknown", "touches_edge", "is_lower_bound", "beyond_reference")
_RGI6: Final = {
    "rgi_id": "RGIId",
    "glims_id": "GLIMSId",
    "glac_name": "Name",
    "o1region": "O1Region",
    "o2region": "O2Region",
    "conn_lvl": "Connect",
    "surge_type": "Surging",
    "term_type": "TermType",
    "lmax_m": "Lmax",
}
"""RGI 5 and 6 by the names of RGI 7.0; Form has other codes than primeclass, and is left out."""
_TERMINI: Final = (0, 1, 2, 9)
"""Codes of TermType that mean the same in RGI 6.0 and 7.0: land, marine, lake, not assigned."""


def started_from(first: gpd.GeoDataFrame, known: pd.DataFrame | None = None) -> Inventory:
    """An inventory of the first outlines of a layer, with nothing measured.

    Parameters
    ----------
    first
        The parts that the layer began with: class, glacier_id, geometry.
    known
        Columns of an inventory, by ``glacier_id``, that are known of glaciers; no other column is filled.

    Returns
    -------
    For `inventory_of_parts` as ``start``. A glacier of several pieces is a multipolygon here.

    Examples
    --------
    >>> import shapely
    >>> boxes = [shapely.box(500000, 0, 500900, 900), shapely.box(500900, 0, 501200, 900)]
    >>> first = gpd.GeoDataFrame({"class": [1, 2], "glacier_id": ["a", "a"]}, geometry=boxes, crs="EPSG:32645")
    >>> names = pd.DataFrame({"glac_name": ["Khumbu"]}, index=pd.Index(["a"], name="glacier_id"))
    >>> start = started_from(first, names)
    >>> start.glaciers[["glacier_id", "glac_name"]].values.tolist(), start.glaciers.area.tolist()
    ([['a', 'Khumbu']], [1080000.0])
    """
    outlines = first_outlines(first)
    table = gpd.GeoDataFrame({"glacier_id": outlines.index}, geometry=outlines.to_numpy(), crs=first.crs)
    for name in _KINDS:
        if name in _FLAGS:
            table[name] = False
        elif name != "glacier_id":
            is_told = known is not None and name in known
            table[name] = known[name].reindex(table["glacier_id"]).array if is_told else None  # type: ignore[index]
    return Inventory(table[[*_KINDS, "geometry"]].astype(dict(_KINDS)))


def first_outlines(first: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """The outlines of glaciers by ``glacier_id``, from the parts that have one."""
    named = first[first["glacier_id"].notna().to_numpy(bool)]
    code, ids = pd.factorize(named["glacier_id"].astype("string"))
    shapes, of = joined(np.asarray(named.geometry.array, object), np.asarray(code, np.int64))
    whole = gpd.GeoSeries(shapes, index=pd.Index(np.asarray(ids, object)[of], name="glacier_id"), crs=first.crs)
    return whole if whole.index.is_unique else gpd.GeoSeries(whole.groupby(level=0).agg(_together), crs=first.crs)


def _together(pieces: gpd.GeoSeries) -> Any:
    return gpd.GeoSeries(pieces).union_all()


def read_start(path: str | Path, first: gpd.GeoDataFrame) -> Inventory:
    """Read what a file says of glaciers that `read_parts` made a layer of.

    Of an inventory of firnline everything; of RGI 6.0, RGI 7.0 and GLIMS, and whatever has their columns, ids, names,
    regions, types and dates of the images. Numbers that can be measured are not taken: they were measured on the
    outlines of the file.

    Parameters
    ----------
    path
        The file.
    first
        The parts that the layer began with.

    Raises
    ------
    LabelError
        When the file is not there any more, or cannot be read.
    """
    path, layer = split_layer(Path(path), None)
    own = _own(path)
    if own is not None:
        outlines = first_outlines(first)
        glaciers = own.glaciers.to_crs(pyproj.CRS.from_user_input(first.crs)).set_index("glacier_id", drop=False)
        began = np.asarray(outlines.reindex(glaciers.index).array, object)
        drawn = np.where([each is None for each in began], np.asarray(glaciers.geometry.array, object), began)
        moved = glaciers.set_geometry(gpd.GeoSeries(drawn, index=glaciers.index, crs=glaciers.crs))
        return replace(own, glaciers=moved.reset_index(drop=True))
    with reading(path, "give the file that the layer was made of"):
        table = (
            gpd.read_parquet(path)
            if is_parquet(path)
            else pyogrio.read_dataframe(path, layer=layer, read_geometry=False)
        )
    return started_from(first, told(pd.DataFrame(table)))


def _own(path: Path) -> Inventory | None:
    if is_parquet(path):
        return None
    with reading(path, "give the file that the layer was made of"):
        layers = {str(name) for name, _ in pyogrio.list_layers(path)}
    try:
        return read_inventory(path) if {"glaciers", "parts"} <= layers else None
    except LabelError:
        return None


def told(table: pd.DataFrame) -> pd.DataFrame:
    """What a table of RGI or GLIMS tells of glaciers, in the columns of an inventory, by ``glacier_id``.

    Examples
    --------
    >>> rgi = pd.DataFrame({"RGIId": ["RGI60-15.1"], "O1Region": ["15"], "O2Region": ["2"], "BgnDate": ["20001030"]})
    >>> told(rgi).loc["RGI60-15.1", ["o2region", "src_date"]].tolist()
    ['15-02', '2000-10-30']
    """
    by_name = {str(name).lower(): str(name) for name in reversed(table.columns)}
    here = [by_name[name.lower()] for name in ID_COLUMNS if name.lower() in by_name]
    column = next((name for name in here if table[name].notna().any()), None)
    if column is None:
        return pd.DataFrame()
    ids = pd.Series([id_of(value) for value in table[column]], dtype="object")
    found: dict[str, pd.Series] = {}
    for name in ("rgi_id", *GIVEN):
        source = name if name in by_name else _RGI6.get(name, "").lower()
        if source in by_name:
            found[name] = _column(table[by_name[source]], name, old=source != name)
    if "o1region" in found and "o2region" in found:
        found["o2region"] = _with_region(found["o1region"], found["o2region"])
        found["o1region"] = found["o1region"].str.zfill(2)
    dates = next((by_name[name.lower()] for name in DATE_COLUMNS if name.lower() in by_name), None)
    if dates is not None:
        days = [parse_date(value) for value in table[dates]]
        iso = pd.Series([None if day is None else day.isoformat() for day in days], dtype="string")
        found |= dict.fromkeys(("src_date", "src_date_from", "src_date_to"), iso)
    named = pd.DataFrame({name: values.reset_index(drop=True) for name, values in found.items()})
    named.index = pd.Index(ids, name="glacier_id")
    return named[named.index.notna() & ~named.index.duplicated()]


def _column(values: pd.Series, name: str, *, old: bool) -> pd.Series:
    """A column in the type that inventories have; what is no such value is null."""
    kind = _KINDS[name]
    if kind == "string":
        return pd.Series([id_of(value) for value in values], dtype="string")
    numbers = pd.to_numeric(values, errors="coerce").astype("float64").reset_index(drop=True)
    if old and name == "term_type":
        numbers = numbers.where(numbers.isin(_TERMINI))
    if name in CODES or kind == "Int64":
        return numbers.where(numbers >= 0).round().astype("Int64")
    return numbers.where(numbers > 0) if name == "lmax_m" else numbers


def _with_region(first: pd.Series, second: pd.Series) -> pd.Series:
    """The second-order region as RGI 7.0 writes it (15-02), where RGI 6.0 has the number alone."""
    return pd.Series([_region(one, two) for one, two in zip(first, second, strict=True)], dtype="string")


def _region(first: Any, second: Any) -> Any:
    if pd.isna(first) or pd.isna(second) or not (str(first).isdigit() and str(second).isdigit()):
        return second
    return f"{int(first):02d}-{int(second):02d}"
