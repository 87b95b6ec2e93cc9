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

from firnline.errors import OutputError
from firnline.files import replaced
from firnline.inventory.delivery.writers import require_whole, write_geojson, write_geoparquet, write_shapefile
from firnline.inventory.inventory import PROVENANCE_KEY
from firnline.inventory.style import mapped_names, qml, store_style

LAYER: Final = "outlines"

_GEOMETRY_COLUMN: Final = "geom"


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
            write_geojson(outlines, temporary, LAYER, described)
        else:
            write_geoparquet(outlines, temporary, json.loads(described))
    return path


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
    store_style(path, LAYER, _GEOMETRY_COLUMN, qml(mapped_names(outlines["class"])))
    require_whole(path, outlines)


def _write_shapefile(outlines: gpd.GeoDataFrame, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.stem}.", dir=path.parent) as folder:
            whole = Path(folder) / path.name
            write_shapefile(outlines, whole)
            for part in sorted(whole.parent.iterdir(), key=lambda part: part.suffix == ".shp"):
                with replaced(path.with_suffix(part.suffix)) as temporary:
                    part.replace(temporary)
    except (OSError, DataSourceError, FeatureError) as error:
        raise OutputError(f"could not be written: {error}", where=path, do="write somewhere else") from None
