"""Outlines in a release: any vector file, with all of its attributes, as a GeoPackage."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from firnline.errors import LabelError


def copy_outlines(source: Path, target: Path) -> int:
    """Copy all layers of a vector file that have geometry to a GeoPackage; how many features there are.

    Nothing is repaired or cut: what was given is what is published.

    Raises
    ------
    LabelError
        When the file cannot be read, or holds no geometry.
    DataSourceError
        When the GeoPackage cannot be written.
    """
    count = 0
    for name, frame in _layers(source):
        count += len(frame)
        # A column called fid is a property of the file's maker; the driver's own key must not take its name.
        key = {} if "fid" not in (str(column).lower() for column in frame.columns) else {"FID": "ogc_fid"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the driver: attributes without a type of their own become text
            frame.to_file(target, driver="GPKG", layer=name, layer_options=key)
    if not count:
        raise LabelError("holds no outlines", where=source, do="give a vector file with polygons")
    return count


def _layers(source: Path) -> Iterator[tuple[str, gpd.GeoDataFrame]]:
    if not source.exists():
        raise LabelError(
            "does not exist", where=source, do="give a vector file (GeoPackage, shapefile, GeoJSON, ...)"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the drivers: measures dropped, rings put in order
            if source.suffix.lower() in (".parquet", ".geoparquet"):
                yield source.stem, gpd.read_parquet(source)
                return
            names = [str(name) for name, kind in pyogrio.list_layers(source) if kind is not None]
            frames = [(name, gpd.read_file(source, layer=name)) for name in names]
    except (DataSourceError, DataLayerError, OSError, ValueError, shapely.errors.ShapelyError) as error:
        raise LabelError(
            f"cannot be read as a vector file ({str(error).partition('; ')[0]})",
            where=source,
            do="give a whole vector file (GeoPackage, shapefile with its .shx and .dbf, GeoJSON, ...)",
        ) from None
    yield from ((name, frame) for name, frame in frames if isinstance(frame, gpd.GeoDataFrame))
