"""Outlines to files that other programs open: GeoPackage, GeoJSON, shapefile, GeoParquet."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

import geopandas as gpd
import pyogrio
from pyogrio.errors import DataSourceError, FeatureError

from firnline.classes import LabelScheme
from firnline.errors import OutputError
from firnline.files import replaced
from firnline.inventory.style import qml, store_style

LAYER: Final = "outlines"
PROVENANCE_KEY: Final = "FIRNLINE_PROVENANCE"
"""The metadata item of the layer that holds where it came from, as JSON."""

_GEOMETRY_COLUMN: Final = "geom"
_SHORT_NAMES: Final = {
    "class_value": "class_val",
    "mean_probability": "mean_prob",
    "touches_unknown": "touch_unkn",
    "touches_edge": "touch_edge",
}
"""A shapefile's table has room for ten letters a column."""


class VectorFormat(StrEnum):
    """The formats that outlines are written in."""

    GEOPACKAGE = "gpkg"
    GEOJSON = "geojson"
    SHAPEFILE = "shp"
    GEOPARQUET = "parquet"


def write_outlines(
    outlines: gpd.GeoDataFrame,
    path: str | Path,
    vector_format: VectorFormat | str = VectorFormat.GEOPACKAGE,
    *,
    provenance: Mapping[str, object] | None = None,
) -> Path:
    """Write a table of outlines; one without any outline too, with the same columns.

    - **gpkg**: the layer ``outlines`` in the CRS of the scene, with a QGIS style inside that QGIS uses when it
      opens the layer, and the provenance in the layer's metadata.
    - **geojson**: longitude and latitude (RFC 7946, which knows nothing else), 7 decimals (1 cm). Provenance in
      the member ``description``.
    - **shp**: short column names, 0 and 1 for false and true. Written beside and renamed file by file, the
      ``.shp`` last. A shapefile has no place for the provenance.
    - **parquet**: GeoParquet 1.1 with bounding boxes for fast reading of parts. Provenance in the file's
      metadata, read back by geopandas as ``attrs["provenance"]``.

    Parameters
    ----------
    outlines
        As `firnline.inventory.polygonise.polygonise` gives it.
    path
        Where the file shall be; one that is there is replaced.
    vector_format
        One of `VectorFormat`.
    provenance
        Inputs, versions, model, settings, date. Written as JSON.

    Returns
    -------
    The path.

    Raises
    ------
    OutputError
        When the file cannot be written.

    Examples
    --------
    >>> from shapely.geometry import box
    >>> outlines = gpd.GeoDataFrame({"class": ["clean ice"]}, geometry=[box(0, 0, 30, 30)], crs="EPSG:32645")
    >>> path = write_outlines(outlines, Path(tempfile.mkdtemp()) / "glaciers.gpkg")
    >>> gpd.read_file(path, layer="outlines")["class"].tolist()
    ['clean ice']
    """
    path = Path(path)
    chosen = VectorFormat(vector_format)
    described = json.dumps(dict(provenance or {}), default=str, ensure_ascii=False)
    if chosen == VectorFormat.SHAPEFILE:
        _write_shapefile(outlines, path)
        return path
    with replaced(path) as temporary:
        if chosen == VectorFormat.GEOPACKAGE:
            _write_geopackage(outlines, temporary, described)
        elif chosen == VectorFormat.GEOJSON:
            _write_geojson(outlines, temporary, described)
        else:
            _write_geoparquet(outlines, temporary, described)
            return path
        _require_whole(temporary, outlines)
    return path


def _require_whole(path: Path, outlines: gpd.GeoDataFrame) -> None:
    """Read the file back: GDAL writes its last bytes on closing, and a full disk then goes without a word."""
    back = pyogrio.read_dataframe(path, layer=0)
    if len(back) != len(outlines) or back.crs is None or back.geometry.isna().any():
        raise OSError("what the disk kept is not what was written")


def _write_geopackage(outlines: gpd.GeoDataFrame, path: Path, provenance: str) -> None:
    pyogrio.write_dataframe(
        outlines,
        path,
        layer=LAYER,
        driver="GPKG",
        geometry_type="Polygon",
        # The newest that the GDAL of a five-year-old QGIS knows without a warning.
        dataset_options={"VERSION": "1.3"},
        layer_metadata={PROVENANCE_KEY: provenance},
        layer_options={"GEOMETRY_NAME": _GEOMETRY_COLUMN, "DESCRIPTION": "Glacier outlines mapped by firnline"},
    )
    store_style(path, LAYER, _GEOMETRY_COLUMN, qml(_mapped_names(outlines)))


def _mapped_names(outlines: gpd.GeoDataFrame) -> tuple[str, ...]:
    """The classes of the label scheme that the outlines follow, those that were not found included."""
    found = set(outlines["class"])
    mapped = (scheme.class_names[1:] for scheme in LabelScheme)
    return next((names for names in mapped if found <= set(names)), tuple(sorted(found)))


def _write_geojson(outlines: gpd.GeoDataFrame, path: Path, provenance: str) -> None:
    pyogrio.write_dataframe(
        outlines.to_crs(4326),
        path,
        layer=LAYER,
        driver="GeoJSON",
        geometry_type="Polygon",
        layer_options={"RFC7946": "YES", "COORDINATE_PRECISION": "7", "DESCRIPTION": provenance},
    )


def _write_geoparquet(outlines: gpd.GeoDataFrame, path: Path, provenance: str) -> None:
    described = outlines.copy()
    described.attrs["provenance"] = json.loads(provenance)
    described.to_parquet(path, index=False, compression="zstd", schema_version="1.1.0", write_covering_bbox=True)


def _write_shapefile(outlines: gpd.GeoDataFrame, path: Path) -> None:
    short = outlines.rename(columns=_SHORT_NAMES)
    flags = {name: "int32" for name in short.columns if short[name].dtype == bool}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.stem}.", dir=path.parent) as folder:
            whole = Path(folder) / path.name
            pyogrio.write_dataframe(
                short.astype(flags),
                whole,
                driver="ESRI Shapefile",
                geometry_type="Polygon",
                layer_options={"ENCODING": "UTF-8"},
            )
            _require_whole(whole, outlines)
            for part in sorted(whole.parent.iterdir(), key=lambda part: part.suffix == ".shp"):
                with replaced(path.with_suffix(part.suffix)) as temporary:
                    part.replace(temporary)
    except (OSError, DataSourceError, FeatureError) as error:
        raise OutputError(f"could not be written: {error}", where=path, do="write somewhere else") from None
