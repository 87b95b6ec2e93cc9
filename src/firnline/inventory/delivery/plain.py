"""All layers of an inventory in a common vector format, a file a layer, or in one GeoPackage with styles."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import geopandas as gpd

from firnline.files import replaced
from firnline.inventory.delivery.writers import (
    short_names,
    write_flatgeobuf,
    write_geojson,
    write_geoparquet,
    write_shapefile,
)
from firnline.inventory.inventory import LAYERS, Inventory, write_inventory
from firnline.inventory.style import mapped_names, outline_qml, qml, store_style

NOTES: Final = """\
A file a layer: glaciers, their clean and debris-covered parts, holes (rock or unknown) and lakes; hypsometry.csv is
area by height, per mille of each glacier in bands of 50 m from from_m up. glacier_id joins them.
"""
SHAPEFILE_NOTES: Final = "columns.csv: the name of each column in the shapefiles, which have room for ten letters.\n"

_BLACK: Final = "#000000"
_HOLES: Final = {"rock": "#7F7F7F", "unknown": "#CC79A7"}
_LAKES: Final = {"on": "#56B4E9", "touching": "#009E73"}
"""Colours of Okabe & Ito (2008) that no class has."""


def write_layers(inventory: Inventory, folder: Path, suffix: str) -> None:
    """Write each layer as a file of its own into a folder, and the hypsometry as CSV.

    Parameters
    ----------
    inventory
        The inventory; its CRS is kept but by ``geojson``, which has longitude and latitude.
    folder
        An empty folder.
    suffix
        ``shp``, ``geojson``, ``parquet`` or ``fgb``.
    """
    for name in LAYERS:
        _write(getattr(inventory, name), folder / f"{name}.{suffix}", inventory.provenance)
    inventory.hypsometry.to_csv(folder / "hypsometry.csv", index=False)
    if suffix == "shp":
        with (folder / "columns.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["layer", "column", "in_shapefile"])
            for name in LAYERS:
                columns = getattr(inventory, name).columns.drop("geometry")
                rows.writerows([name, column, short] for column, short in short_names(columns).items())


def _write(layer: gpd.GeoDataFrame, path: Path, provenance: Mapping[str, Any]) -> None:
    described = json.dumps(dict(provenance), default=str, ensure_ascii=False)
    match path.suffix:
        case ".shp":
            write_shapefile(layer, path)
        case ".geojson":
            write_geojson(layer, path, path.stem, described)
        case ".parquet":
            write_geoparquet(layer, path, json.loads(described))
        case ".fgb":
            write_flatgeobuf(layer, path, path.stem)


def write_styled(inventory: Inventory, path: Path) -> None:
    """Write firnline's own GeoPackage, as `read_inventory` reads it, with a QGIS style for every layer inside."""
    styles = {
        "glaciers": outline_qml(_BLACK),
        "parts": qml(mapped_names(inventory.parts["class"])),
        "holes": qml(tuple(_HOLES), "kind", _HOLES, {"unknown"}),
        "lakes": qml(tuple(_LAKES), "contact", _LAKES, ()),
    }
    with replaced(path) as temporary:
        write_inventory(inventory, temporary)
        for layer, style in styles.items():
            store_style(temporary, layer, "geom", style)
