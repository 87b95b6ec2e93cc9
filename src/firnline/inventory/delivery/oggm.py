"""What OGGM reads: a table of glaciers from which it makes its glacier directories, and the lines between them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import geopandas as gpd
import pyogrio

from firnline.errors import ConfigError
from firnline.inventory.delivery.divides import divides
from firnline.inventory.delivery.rgi7 import rgi7_table
from firnline.inventory.delivery.writers import require_whole
from firnline.inventory.inventory import Inventory

NOTES: Final = """\
Tables for OGGM: glaciers.gpkg (workflow.init_glacier_directories) and intersects.gpkg (cfg.set_intersects_db).
rgi_id is firnline's own id, as OGGM takes any; the glacier of RGI 7.0 that was linked, if any, is in link_id.
dem_source is what firnline computed heights from. OGGM takes it for the name of a DEM that it can download: give
tasks.define_glacier_region your own by cfg.PATHS['dem_file'], or the name of one by source=.
src_date is the first day where several images were used. Areas are those of the inventory, on the ellipsoid.
"""


def oggm_table(inventory: Inventory, region: str | None = None) -> gpd.GeoDataFrame:
    """The glaciers as OGGM 1.6 takes them: the columns of RGI 7.0 with firnline's own id as ``rgi_id``.

    Parameters
    ----------
    inventory
        The inventory.
    region
        The second-order region, as ``15-03``, of glaciers whose region is not known.

    Returns
    -------
    One row a glacier, in longitude and latitude. ``term_type`` is 9 and ``utm_zone`` 0 (OGGM finds it) where they are
    not known; ``link_id`` is the inventory's rgi_id.

    Raises
    ------
    ConfigError
        When a glacier's region or date is not known: OGGM cannot do without.
    """
    table = rgi7_table(inventory, region)
    table["link_id"] = table["rgi_id"]
    table["rgi_id"] = inventory.glaciers["glacier_id"]
    for columns, do in (
        (["o1region", "o2region"], "say it: --region 15-03"),
        (["src_date"], "make the inventory from a scene whose date is known"),
    ):
        lacking = table.loc[table[columns].isna().any(axis=1), "rgi_id"]
        if len(lacking):
            what = f"OGGM needs {' and '.join(columns)}, which {len(lacking)} of {len(table)} glaciers lack"
            raise ConfigError(what, where=lacking.iloc[0], do=do)
    table["term_type"] = table["term_type"].fillna(9)
    table["utm_zone"] = table["utm_zone"].fillna(0)
    return table


def oggm_intersects(inventory: Inventory) -> gpd.GeoDataFrame:
    """The divides with the columns that OGGM reads: rgi_g_id_1, rgi_g_id_2 (firnline's own ids), length_m."""
    names = {"id_1": "rgi_g_id_1", "id_2": "rgi_g_id_2"}
    return divides(inventory.glaciers).rename(columns=names)


def write_oggm(inventory: Inventory, folder: Path, *, region: str | None = None) -> None:
    """Write both tables as GeoPackages into a folder."""
    for name, table, kind in (
        ("glaciers", oggm_table(inventory, region), "Polygon"),
        ("intersects", oggm_intersects(inventory), "LineString"),
    ):
        path = folder / f"{name}.gpkg"
        pyogrio.write_dataframe(table, path, layer=name, driver="GPKG", geometry_type=kind, promote_to_multi=False)
        require_whole(path, table)
