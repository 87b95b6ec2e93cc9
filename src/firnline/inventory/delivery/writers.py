"""One layer to one file: GeoJSON, GeoParquet, FlatGeobuf, shapefile; read back, as a full disk goes unsaid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pyogrio

from firnline.errors import OutputError

SHORT_NAMES: Final[Mapping[str, str]] = {
    "class_value": "class_val",
    "mean_probability": "mean_prob",
    "touches_unknown": "touch_unkn",
    "touches_edge": "touch_edge",
    "debris_frac": "debr_frac",
    "unknown_frac": "unkn_frac",
    "is_lower_bound": "lower_bnd",
    "area_error_km2": "area_error",
    "src_date_from": "src_from",
    "src_date_to": "src_to",
    "reference_id": "ref_id",
    "beyond_reference": "beyond_ref",
}
"""A shapefile's table has room for ten letters a column; names that are not here fit as they are."""

_LONGEST_NAME: Final = 10
_LONGEST_TEXT: Final = 254
"""Bytes that a field of text of a shapefile's table (dBASE) holds."""


def short_names(columns: Iterable[str]) -> dict[str, str]:
    """The name of each column in a shapefile: at most ten letters, no two the same.

    Raises
    ------
    OutputError
        When a name is too long and has no short one, or two become the same.

    Examples
    --------
    >>> short_names(["glacier_id", "mean_probability"])
    {'glacier_id': 'glacier_id', 'mean_probability': 'mean_prob'}
    """
    names = {name: SHORT_NAMES.get(name, name) for name in columns}
    for name, short in names.items():
        if len(short) > _LONGEST_NAME or list(names.values()).count(short) > 1:
            raise OutputError(f"the column '{name}' does not fit a shapefile as '{short}'", do="write a GeoPackage")
    return names


def require_whole(path: Path, layer: gpd.GeoDataFrame, name: str | int = 0) -> None:
    """Read a layer back: GDAL writes its last bytes on closing, and a full disk then goes without a word."""
    back = pyogrio.read_dataframe(path, layer=name)
    if len(back) != len(layer) or back.crs is None or back.geometry.isna().any():
        raise OSError("what the disk kept is not what was written")


def write_geojson(layer: gpd.GeoDataFrame, path: Path, name: str, provenance: str) -> None:
    """Write GeoJSON after RFC 7946: longitude and latitude, 7 decimals (1 cm); `provenance` is its description."""
    _write(
        layer.to_crs(4326),
        path,
        "GeoJSON",
        layer=name,
        layer_options={"RFC7946": "YES", "COORDINATE_PRECISION": "7", "DESCRIPTION": provenance},
    )


def write_geoparquet(layer: gpd.GeoDataFrame, path: Path, provenance: Any) -> None:
    """Write GeoParquet 1.1 with bounding boxes for fast reading of parts; geopandas reads ``attrs["provenance"]``."""
    described = layer.copy()
    described.attrs["provenance"] = provenance
    described.to_parquet(path, index=False, compression="zstd", schema_version="1.1.0", write_covering_bbox=True)


def write_flatgeobuf(layer: gpd.GeoDataFrame, path: Path, name: str) -> None:
    """Write FlatGeobuf with its spatial index, which puts features into another order. It holds no provenance."""
    _write(layer, path, "FlatGeobuf", layer=name, layer_options={"SPATIAL_INDEX": "YES"})


def write_shapefile(layer: gpd.GeoDataFrame, path: Path, geometry_type: str = "Polygon") -> None:
    """Write a shapefile and what belongs to it: names of ten letters, 0 and 1 for false and true, UTF-8.

    Raises
    ------
    OutputError
        When a column's name, or a text, does not fit: nothing is cut off silently.
    """
    short = layer.rename(columns=short_names(name for name in layer.columns if name != layer.geometry.name))
    flags = {name: "int32" for name in short.columns if short[name].dtype == bool}
    for name in short.columns.difference([short.geometry.name]):
        values = [text for text in short[name] if isinstance(text, str)]
        if any(len(text.encode()) > _LONGEST_TEXT for text in values):
            raise OutputError(
                f"a text in the column '{name}' has no room in a shapefile", where=path, do="shorten it"
            )
    _write(
        short.astype(flags), path, "ESRI Shapefile", geometry_type=geometry_type, layer_options={"ENCODING": "UTF-8"}
    )


def _write(
    table: gpd.GeoDataFrame, path: Path, driver: str, *, geometry_type: str = "Polygon", **options: Any
) -> None:
    pyogrio.write_dataframe(
        table, path, driver=driver, geometry_type=geometry_type, promote_to_multi=False, **options
    )
    require_whole(path, table)
