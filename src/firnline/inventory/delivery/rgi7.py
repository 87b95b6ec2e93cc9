"""The layout of RGI 7.0: its columns in a shapefile and a CSV, hypsometry, and the divides between glaciers."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Final

import geopandas as gpd
import pandas as pd

from firnline.errors import ConfigError, LabelError
from firnline.inventory.columns import OWN, RGI7
from firnline.inventory.delivery.divides import divides
from firnline.inventory.delivery.writers import write_shapefile
from firnline.inventory.inventory import Inventory
from firnline.inventory.topography import BAND_M

_REGION: Final = re.compile(r"(0[1-9]|1\d|20)-\d\d")
_TYPES: Final = {**RGI7, "lmax_m": "Int64"}
"""RGI 7.0 keeps lengths as whole metres."""

NOTES: Final = """\
Laid out like the glacier product of RGI 7.0; it is no part of the RGI.
rgi_id is the glacier of RGI 7.0 that overlaps most, if the inventory was linked to it: a link, not a key, and
blank otherwise. NAME-firnline.csv has firnline's own id (glacier_id) and own columns of each row, in the same order;
NAME-hypsometry.csv is in that order too. Bands of the hypsometry are named by their middle.
Blank is not known. Holes of unknown are inner rings like rock: unknown_frac and is_lower_bound tell of them.
src_date is the first day where several images were used (src_date_from, src_date_to).
NAME-intersects.shp: one line for each stretch of divide; glac_id_1 and glac_id_2 are firnline's own ids.
"""


def rgi7_table(inventory: Inventory, region: str | None = None) -> gpd.GeoDataFrame:
    """The glaciers with the columns of RGI 7.0 in its order, in longitude and latitude; areas stay as they are.

    Parameters
    ----------
    inventory
        The inventory.
    region
        The second-order region, as ``15-03``, of glaciers whose region is not known.

    Returns
    -------
    One row a glacier, in the inventory's order. src_date is written as RGI 7.0 does (2000-10-30T00:00:00).

    Raises
    ------
    ConfigError
        When `region` is none.
    LabelError
        When a src_date is no date.

    Examples
    --------
    >>> from firnline.inventory.columns import empty
    >>> rgi7_table(Inventory(empty({**OWN, **RGI7}, "EPSG:32645"))).columns[:3].tolist()
    ['rgi_id', 'o1region', 'o2region']
    """
    table = inventory.glaciers[[*RGI7, "geometry"]].copy()
    if region is not None:
        if not _REGION.fullmatch(region):
            raise ConfigError(f"'{region}' is no second-order region", where="--region", do="write it as 15-03")
        unknown = table["o1region"].isna() & table["o2region"].isna()
        table.loc[unknown, ["o1region", "o2region"]] = [region[:2], region]
    dates = table["src_date"].fillna(inventory.glaciers["src_date_from"])
    table["src_date"] = pd.Series([timestamp(date) for date in dates], index=table.index, dtype="string")
    table["lmax_m"] = table["lmax_m"].round()
    return table.astype(_TYPES).to_crs(4326)


def timestamp(date: str | None) -> str | None:
    """A day, a time, or the first of an interval (``day/day``) as RGI 7.0 writes it; null stays null.

    Examples
    --------
    >>> timestamp("2000-10-30"), timestamp("2019-07-01/2019-09-30")
    ('2000-10-30T00:00:00', '2019-07-01T00:00:00')
    """
    if date is None or pd.isna(date):
        return None
    try:
        days = [dt.datetime.fromisoformat(day).replace(tzinfo=None) for day in date.split("/")]
    except ValueError:
        do = "write it as 2000-10-30, or 2019-07-01/2019-09-30"
        raise LabelError(f"'{date}' is no date", where="src_date", do=do) from None
    return days[0].isoformat(timespec="seconds")


def hypsometry_table(inventory: Inventory) -> pd.DataFrame:
    """Area by height as RGI 7.0 lays it out: rgi_id, area_km2, then the per mille of each band of 50 m.

    Returns
    -------
    One row a glacier in the inventory's order; bands (named by their middle, m) from the lowest to the highest of the
    inventory. All bands of a glacier without hypsometry are null.
    """
    long, glaciers = inventory.hypsometry, inventory.glaciers
    wide = long.pivot_table(index="glacier_id", columns="from_m", values="per_mille", aggfunc="sum", fill_value=0)
    if len(long):
        wide = wide.reindex(columns=range(long["from_m"].min(), long["from_m"].max() + BAND_M, BAND_M), fill_value=0)
    wide = wide.reindex(glaciers["glacier_id"]).astype("Int64").reset_index(drop=True)
    wide.columns = pd.Index([str(int(start) + BAND_M // 2) for start in wide.columns], dtype=object)
    return pd.concat([glaciers[["rgi_id", "area_km2"]].reset_index(drop=True), wide], axis=1)


def write_rgi7(inventory: Inventory, folder: Path, name: str, *, region: str | None = None) -> None:
    """Write the files of a region as RGI 7.0 has them into a folder, their names beginning with `name`."""
    table = rgi7_table(inventory, region)
    write_shapefile(table, folder / f"{name}.shp")
    table.drop(columns="geometry").to_csv(folder / f"{name}-attributes.csv", index=False)
    inventory.glaciers[list(OWN)].to_csv(folder / f"{name}-firnline.csv", index=False)
    hypsometry_table(inventory).to_csv(folder / f"{name}-hypsometry.csv", index=False)
    write_shapefile(_intersects(inventory), folder / f"{name}-intersects.shp", "LineString")


def _intersects(inventory: Inventory) -> gpd.GeoDataFrame:
    """The divides with RGI 7.0's columns, and firnline's own ids after them."""
    found, ids = divides(inventory.glaciers), inventory.glaciers.set_index("glacier_id")["rgi_id"]
    return gpd.GeoDataFrame(
        {
            "rgi_id": pd.Series(pd.NA, index=found.index, dtype="string"),
            "rgi_g_id_1": ids.reindex(found["id_1"]).array,
            "rgi_g_id_2": ids.reindex(found["id_2"]).array,
            "length_m": found["length_m"],
            "glac_id_1": found["id_1"],
            "glac_id_2": found["id_2"],
        },
        geometry=found.geometry,
        crs=found.crs,
    )
