"""Vector files as people have them: named layers, what goes wrong in reading, geometry to be mended, ids as text."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError

from firnline.errors import LabelError


@contextmanager
def reading(path: Path, do: str) -> Iterator[None]:
    """Read a vector file in this block: what goes wrong is told in one line, and what drivers mend is not.

    Raises
    ------
    LabelError
        When the file does not exist (`do` says what to give), or cannot be read.
    """
    if not path.exists():
        raise LabelError("does not exist", where=path, do=do)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the drivers: measures dropped, rings put in order
            yield
    except (DataSourceError, DataLayerError, OSError, ValueError, shapely.errors.ShapelyError) as error:
        raise LabelError(
            f"cannot be read as a vector file ({str(error).partition('; ')[0].replace(str(path), path.name)})",
            where=path,
            do="give a whole vector file (GeoPackage, shapefile with its .shx and .dbf, GeoJSON, ...)",
        ) from None


def is_parquet(path: Path) -> bool:
    """Whether a file is GeoParquet by its name, which GDAL in wheels may not read."""
    return path.suffix.lower() in (".parquet", ".geoparquet")


def split_layer(path: Path, layer: str | None) -> tuple[Path, str | None]:
    """The path and the layer that ``FILE:LAYER`` names; a path that exists is taken as it is.

    Examples
    --------
    >>> split_layer(Path("inventory.gpkg:glaciers"), None)[1]
    'glaciers'
    """
    name, colon, after = path.name.rpartition(":")
    if layer is None and colon and not path.exists():
        return path.with_name(name), after
    return path, layer


def mended(broken: NDArray[np.object_]) -> NDArray[np.object_]:
    """Valid polygons in place of invalid ones; lines that `make_valid` leaves beside them are dropped.

    Examples
    --------
    >>> bow_tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    >>> [float(each.area) for each in mended(np.array([bow_tie], dtype=object))]
    [2.0]
    """
    valid = [shapely.make_valid(each, method="structure", keep_collapsed=False) for each in broken]
    parts, owner = shapely.get_parts(np.array(valid, dtype=object), return_index=True)
    is_area = shapely.get_dimensions(parts) == 2
    kept = np.empty(len(broken), dtype=object)
    for index in range(len(broken)):
        kept[index] = shapely.union_all(parts[is_area & (owner == index)])
    return kept


def id_of(value: object) -> str | None:
    """A glacier's id as text; None where the file has none.

    Examples
    --------
    >>> id_of(" RGI60-15.1 "), id_of(7.0), id_of(float("nan")), id_of(pd.NA)
    ('RGI60-15.1', '7', None, None)
    """
    if value is None or value is pd.NA or value != value:
        return None
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip() or None
