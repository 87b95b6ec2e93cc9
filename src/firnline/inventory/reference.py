"""A reference inventory: the outlines and ids of glaciers mapped before, along whose divides new ones are cut."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import pyogrio
import rasterio.features
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from firnline.errors import LabelError
from firnline.grid import Grid
from firnline.inventory.coverage import Labels

ID_COLUMNS: Final = ("rgi_id", "RGIId", "glac_id", "glacier_id")
"""Columns that hold a glacier's id: RGI 7.0; RGI 4 to 6; GLIMS; firnline. The first that a file has is taken."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Glaciers of an inventory made before.

    Parameters
    ----------
    frame
        One row a glacier: its id (``reference_id``, text) and its valid polygonal geometry, in any CRS.
    where
        The file, for messages and records.
    repaired
        Ids of glaciers whose geometry was invalid and was mended (`shapely.make_valid`, polygonal part kept).
    id_column
        The column that the ids were taken from.
    """

    frame: gpd.GeoDataFrame
    where: str = "the reference"
    repaired: tuple[str, ...] = ()
    id_column: str = "reference_id"

    @property
    def is_rgi(self) -> bool:
        """Whether its ids are those of the Randolph Glacier Inventory, to which glaciers may be linked."""
        return bool(self.frame["reference_id"].str.startswith("RGI").all())

    @property
    def findings(self) -> tuple[str, ...]:
        """What a user should know of it, a sentence each."""
        if not self.repaired:
            return ()
        named = ", ".join(self.repaired[:5]) + (" ..." if len(self.repaired) > 5 else "")
        return (f"{self.where}: {len(self.repaired)} invalid outlines were mended ({named})",)


def read_reference(path: str | Path, id_column: str | None = None, *, layer: str | None = None) -> Reference:
    """Read a reference inventory: RGI, GLIMS, one of firnline's own, or any file of polygons with ids.

    Rows with the same id are one glacier. Rows without a polygon are left out.

    Parameters
    ----------
    path
        Any vector file that GDAL reads.
    id_column
        The column with the glacier's id; else the first of `ID_COLUMNS` that the file has, in any case of letters.
    layer
        The layer; else ``glaciers`` where there is one, or the first.

    Raises
    ------
    LabelError
        When it cannot be read, has no CRS, no polygon or no column of ids.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rgi.gpkg"
    >>> rows = gpd.GeoDataFrame({"RGIId": ["RGI60-15.1"]}, geometry=[shapely.box(0, 0, 9, 9)], crs="EPSG:32645")
    >>> rows.to_file(path)
    >>> read_reference(path).frame["reference_id"].tolist()
    ['RGI60-15.1']
    """
    path = Path(path)
    try:
        layers = [str(name) for name, _ in pyogrio.list_layers(path)]
        layer = layer or ("glaciers" if "glaciers" in layers else None)
        frame = pyogrio.read_dataframe(path, layer=layer)
    except (DataSourceError, DataLayerError) as error:
        what = f"cannot be read as outlines ({error})" if path.exists() else "does not exist"
        raise LabelError(what, where=path, do="give a vector file of glacier outlines") from None
    if not isinstance(frame, gpd.GeoDataFrame):
        raise LabelError("holds no geometry", where=path, do="give a vector file of glacier outlines")
    return reference_of(frame, id_column, where=str(path))


def reference_of(frame: gpd.GeoDataFrame, id_column: str | None = None, *, where: str = "the reference") -> Reference:
    """Take a table of polygons with ids as a reference; see `read_reference`."""
    if frame.crs is None:
        raise LabelError("has no CRS", where=where, do="assign the one it was made in (ogr2ogr -a_srs)")
    column = _id_column(frame, id_column, where)
    ids = frame[column].astype("string").str.strip()
    geometry = np.asarray(frame.geometry.array, object)
    usable = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry)) & (shapely.get_dimensions(geometry) == 2)
    if not usable.any():
        raise LabelError("holds no polygon", where=where, do="give outlines of glaciers")
    nameless = usable & (ids.isna() | (ids == "")).to_numpy(bool)
    if nameless.any():
        raise LabelError(
            f"has {int(nameless.sum())} polygons without an id in '{column}'", where=where, do="give each an id"
        )
    geometry, named = geometry[usable], ids[usable].to_numpy(object)
    invalid = ~shapely.is_valid(geometry)
    geometry[invalid] = [_mended(each) for each in geometry[invalid]]
    repaired = tuple(dict.fromkeys(str(name) for name in named[invalid]))
    one_each: dict[str, list[shapely.Geometry]] = {}
    for name, each in zip(named, geometry, strict=True):
        one_each.setdefault(str(name), []).append(each)
    whole = [each[0] if len(each) == 1 else shapely.union_all(each) for each in one_each.values()]
    table = gpd.GeoDataFrame({"reference_id": list(one_each)}, geometry=whole, crs=frame.crs)
    return Reference(table, where, repaired, column)


def burnt(reference: Reference, grid: Grid) -> tuple[Labels, list[str]]:
    """The number (from 1) of the reference glacier at each pixel's centre, 0 where there is none, and their ids.

    Where outlines overlap, the smaller glacier has the pixel: a large outline drawn over a small one says less of
    that place than the small one does.
    """
    near = reference.frame.to_crs(grid.crs.to_wkt())
    finite = np.isfinite(near.geometry.bounds.to_numpy()).all(axis=1)
    near = near[finite]
    mended = np.array([_mended(each) for each in near.geometry.array], object)  # a reprojection may fold edges over
    near = near.set_geometry(gpd.GeoSeries(mended, index=near.index, crs=near.crs))
    near = near[near.geometry.intersects(grid.footprint()).to_numpy()]
    near = near.iloc[np.argsort(-near.geometry.area.to_numpy(), kind="stable")]
    numbers: Labels = np.zeros(grid.shape, np.int32)
    if len(near):
        shapes = zip(near.geometry, range(1, len(near) + 1), strict=True)
        rasterio.features.rasterize(shapes, out=numbers, transform=grid.transform)
    return numbers, [str(each) for each in near["reference_id"]]


def _mended(geometry: shapely.Geometry) -> shapely.Geometry:
    """The polygonal part of the geometry made valid."""
    if shapely.is_valid(geometry):
        return geometry
    parts = shapely.get_parts(shapely.make_valid(geometry))
    parts = shapely.get_parts(parts)  # a collection of multipolygons
    return shapely.union_all(parts[shapely.get_dimensions(parts) == 2])


def _id_column(frame: gpd.GeoDataFrame, wanted: str | None, where: str) -> str:
    columns = {str(name).lower(): str(name) for name in frame.columns}
    if wanted is not None:
        if wanted in frame.columns:
            return wanted
        raise LabelError(
            f"has no column '{wanted}'", where=where, do=f"its columns are: {', '.join(columns.values())}"
        )
    for known in ID_COLUMNS:
        if known.lower() in columns and frame[columns[known.lower()]].notna().any():  # firnline's rgi_id may be empty
            return columns[known.lower()]
    raise LabelError("has no column of glacier ids", where=where, do="name it (RGIId, rgi_id, glac_id, glacier_id)")
