"""What is checked: glaciers of any inventory as they stand in the file, and as valid geometry in metres."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from firnline.errors import GridError, LabelError
from firnline.inventory.polygonise import geodesic_areas_km2
from firnline.labels.outlines import ID_COLUMNS
from firnline.labels.vectors import id_of, is_parquet, mended, reading, split_layer

Shapes = NDArray[np.object_]

_LAYERS: Final = ("holes", "parts", "lakes", "hypsometry")
_SCALE_WITHIN: Final = 0.02
"""How far areas on the map plane may be off before another projection is taken to measure in."""


@dataclass(frozen=True, eq=False)
class Subject:
    """An inventory under check: nothing is dropped or mended in `frame`.

    Parameters
    ----------
    path
        Its file.
    frame
        Glaciers as stored, columns under the names of the file, numbered from 0.
    ids
        Their ids, str (glacier,); "feature N" where the file has none.
    layers
        Other layers of firnline's inventories that the file holds: holes, parts, lakes, hypsometry.
    crs
        The CRS of the coordinates; None where the file tells none.
    """

    path: Path
    frame: gpd.GeoDataFrame
    ids: NDArray[np.object_]
    id_column: str | None = None
    layers: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    is_own: bool = False
    """Whether firnline wrote it: it then has all columns of the contract."""

    @property
    def raw(self) -> Shapes:
        """The geometry of each glacier as stored, None where null."""
        return np.asarray(self.frame.geometry.array, dtype=object)

    @cached_property
    def crs(self) -> pyproj.CRS | None:
        """The CRS of the file; of one that tells none, degrees if the coordinates can be degrees, else None."""
        if self.frame.crs is not None:
            return pyproj.CRS.from_user_input(self.frame.crs)
        bounds = shapely.total_bounds(self.raw)
        return pyproj.CRS.from_epsg(4326) if _are_degrees(bounds) else None

    @cached_property
    def impossible(self) -> NDArray[np.bool_]:
        """Glaciers with coordinates that the CRS does not have (degrees beyond 90 north), bool (glacier,)."""
        bounds = shapely.bounds(self.raw)
        known = ~(shapely.is_missing(self.raw) | shapely.is_empty(self.raw))
        if self.crs is None:
            return np.asarray(known & ~np.isfinite(bounds).all(axis=1), np.bool_)
        if self.crs.is_geographic:
            return np.asarray(known & ~_each_in_degrees(bounds), np.bool_)
        to_degrees = pyproj.Transformer.from_crs(self.crs, self.crs.geodetic_crs or 4326, always_xy=True)
        lon, lat = to_degrees.transform(bounds[:, [0, 2]].ravel(), bounds[:, [1, 3]].ravel())
        ok = (np.isfinite(lon) & np.isfinite(lat)).reshape(-1, 2).all(axis=1)
        return np.asarray(known & ~ok, np.bool_)

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """Glaciers with a polygon that can be measured, bool (glacier,)."""
        polygons = np.isin(shapely.get_type_id(self.raw), (3, 6)) & ~shapely.is_empty(self.raw)
        return polygons & ~self.impossible

    @cached_property
    def shapes(self) -> Shapes:
        """Valid geometry in the file's CRS; an empty polygon where there is none to use."""
        shapes = self.raw.copy()
        shapes[~self.usable] = shapely.Polygon()
        broken = np.flatnonzero(~shapely.is_valid(shapes))
        if broken.size:
            valid = mended(shapes[broken])
            valid[shapely.get_dimensions(valid) < 2] = shapely.Polygon()
            shapes[broken] = valid
        return shapes

    @cached_property
    def measure_crs(self) -> pyproj.CRS | None:
        """A CRS in metres with true areas: the file's own where its areas are true, else one made for the place."""
        if self.crs is None:
            return None
        if self.crs.is_projected and abs(self.crs.axis_info[0].unit_conversion_factor - 1.0) < 1e-9:
            plane, ground = float(shapely.area(self.shapes).sum()) / 1e6, float(self.areas_km2.sum())
            if ground == 0 or abs(plane / ground - 1.0) <= _SCALE_WITHIN:
                return self.crs
        used = self.shapes[~shapely.is_empty(self.shapes)]
        centres = shapely.get_coordinates(shapely.centroid(used))
        to_degrees = pyproj.Transformer.from_crs(self.crs, 4326, always_xy=True)
        lon, lat = to_degrees.transform(*(centres if len(centres) else np.zeros((1, 2))).T)
        # Median, so that one glacier that lies somewhere else does not move the centre.
        return pyproj.CRS.from_proj4(
            f"+proj=laea +lat_0={np.median(lat):.4f} +lon_0={np.median(lon):.4f} +datum=WGS84 +units=m +no_defs"
        )

    @cached_property
    def metric(self) -> Shapes:
        """Valid geometry in metres (`measure_crs`)."""
        return self.to_metres(gpd.GeoSeries(self.shapes, crs=self.crs))

    def to_metres(self, series: gpd.GeoSeries) -> Shapes:
        """Geometry of any CRS in `measure_crs`; as it is where none is known."""
        if self.measure_crs is None or series.crs is None or series.crs == self.measure_crs:
            return np.asarray(series.array, dtype=object)
        moved = np.asarray(series.to_crs(self.measure_crs).array, dtype=object)
        broken = ~shapely.is_valid(moved)
        if broken.any():  # a ring that touches itself within rounding
            moved[broken] = mended(moved[broken])
        return moved

    @cached_property
    def areas_km2(self) -> NDArray[np.float64]:
        """True area on the ellipsoid, float64 (glacier,), km2; 0 where there is no geometry to use."""
        if self.crs is None:
            return np.asarray(shapely.area(self.shapes)) / 1e6
        parts, owner = shapely.get_parts(self.shapes, return_index=True)
        if not len(parts):
            return np.zeros(len(self.frame))
        try:
            areas = geodesic_areas_km2(gpd.GeoSeries(parts, crs=self.crs))
        except GridError:
            return np.asarray(shapely.area(self.shapes)) / 1e6
        return np.bincount(owner, weights=areas, minlength=len(self.frame)).astype(np.float64)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Index over `metric`."""
        return shapely.STRtree(self.metric)

    def column(self, *names: str) -> str | None:
        """The first of these columns that the file has, whatever its case."""
        by_name = {str(column).lower(): str(column) for column in reversed(self.frame.columns)}
        return next((by_name[name.lower()] for name in names if name.lower() in by_name), None)

    def numbers(self, *names: str) -> NDArray[np.float64] | None:
        """Values of the first of these columns as float64 (glacier,), NaN where it is no number; None without it."""
        column = self.column(*names)
        if column is None:
            return None
        values = pd.to_numeric(self.frame[column], errors="coerce").astype("Float64")
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan), np.float64)

    def point(self, index: int | np.integer[Any]) -> tuple[float, float]:
        """A point inside glacier `index` in the file's CRS; where it has no geometry, its centre by the table."""
        shape = self.shapes[index]
        if not shape.is_empty:
            inside = shape.representative_point()
            return inside.x, inside.y
        raw = self.raw[index]
        if raw is not None and not raw.is_empty:
            x, y = shapely.get_coordinates(raw)[0]
            return float(x), float(y)
        return self._by_table(index)

    def _by_table(self, index: int | np.integer[Any]) -> tuple[float, float]:
        lon, lat = self.numbers("cenlon"), self.numbers("cenlat")
        if lon is not None and lat is not None and math.isfinite(lon[index] + lat[index]) and self.crs is not None:
            x, y = pyproj.Transformer.from_crs(4326, self.crs, always_xy=True).transform(lon[index], lat[index])
            return float(x), float(y)
        return self.middle()

    def middle(self) -> tuple[float, float]:
        """The middle of the file, in its CRS; NaN where it has no geometry."""
        left, bottom, right, top = shapely.total_bounds(self.raw)
        return float((left + right) / 2), float((bottom + top) / 2)

    def file_point(self, x: float, y: float) -> tuple[float, float]:
        """A point in `measure_crs` in the file's CRS."""
        if self.measure_crs is None or self.crs is None or self.measure_crs == self.crs:
            return float(x), float(y)
        there = pyproj.Transformer.from_crs(self.measure_crs, self.crs, always_xy=True).transform(x, y)
        return float(there[0]), float(there[1])

    def point_in(self, shape: Any) -> tuple[float, float]:
        """A point inside (the largest part of) a shape in metres, in the file's CRS."""
        parts = shapely.get_parts(shape)
        inside = parts[np.argmax(shapely.area(parts))].representative_point() if len(parts) else shape.centroid
        return self.file_point(inside.x, inside.y)


def _are_degrees(bounds: NDArray[np.float64]) -> bool:
    return bool(_each_in_degrees(bounds[None])[0])


def _each_in_degrees(bounds: NDArray[np.float64]) -> NDArray[np.bool_]:
    beyond = np.array([360.0, 90.0, 360.0, 90.0])
    return np.asarray((np.abs(bounds) <= beyond).all(axis=1), np.bool_)


def read_subject(path: str | Path, layer: str | None = None) -> Subject:
    """Read an inventory of firnline, or any vector file of glacier polygons, as it stands.

    A GeoPackage with a layer ``glaciers`` is read with its other layers; whatever it lacks is left to the check. Of
    a GLIMS file the glacier outlines (``glac_bound``) are taken, and internal rock becomes the layer holes.

    Parameters
    ----------
    path
        Any vector file that GDAL reads, or GeoParquet; ``FILE:LAYER`` names a layer, as `layer` does.

    Raises
    ------
    LabelError
        When the file does not exist, cannot be read, holds no geometry column or no features, or several layers of
        which none is named.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mine.gpkg"
    >>> gpd.GeoDataFrame({"rgi_id": ["a"]}, geometry=[shapely.box(0, 0, 600, 600)], crs=32645).to_file(path)
    >>> subject = read_subject(path)
    >>> subject.ids.tolist(), subject.areas_km2.round(2).tolist()
    (['a'], [0.36])
    """
    path, layer = split_layer(Path(path), layer)
    with reading(path, "give a vector file of glacier polygons"):
        frame, layers = _read(path, layer)
    if not isinstance(frame, gpd.GeoDataFrame):
        raise LabelError("has no geometry", where=path, do="give a file of glacier polygons")
    frame, layers = _outlines_of_glims(frame, layers)
    if not len(frame):
        raise LabelError("holds no glacier", where=path, do="give a file of glacier polygons")
    return subject_of(frame.reset_index(drop=True), path=path, layers=layers)


def subject_of(
    frame: gpd.GeoDataFrame, *, path: str | Path = "inventory", layers: Mapping[str, pd.DataFrame] | None = None
) -> Subject:
    """A table of glaciers as what is checked; its columns tell of what convention it is."""
    columns = {str(column).lower(): str(column) for column in reversed(frame.columns)}
    is_own = "glacier_id" in columns and "is_lower_bound" in columns
    order = ("glacier_id", *ID_COLUMNS) if is_own else ID_COLUMNS
    column = next((columns[name.lower()] for name in order if name.lower() in columns), None)
    values = [None] * len(frame) if column is None else frame[column].tolist()
    ids = np.array([id_of(value) or f"feature {n}" for n, value in enumerate(values)], dtype=object)
    return Subject(Path(path), frame, ids, column, dict(layers or {}), is_own)


def _read(path: Path, layer: str | None) -> tuple[Any, dict[str, pd.DataFrame]]:
    if is_parquet(path):
        return gpd.read_parquet(path), {}
    names = [str(name) for name, _ in pyogrio.list_layers(path)]
    drawn = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
    if layer is None and len(drawn) > 1:
        layer = next((name for name in ("glaciers", "outlines") if name in drawn), None)
        if layer is None:
            raise LabelError(f"has several layers: {' '.join(drawn)}", where=path, do=f"name one: {path}:{drawn[0]}")
    frame = pyogrio.read_dataframe(path, layer=layer, force_2d=True, on_invalid="ignore")
    others = [name for name in _LAYERS if name in names and (layer or drawn[0]) == "glaciers"]
    return frame, {name: pyogrio.read_dataframe(path, layer=name, on_invalid="ignore") for name in others}


def _outlines_of_glims(
    frame: gpd.GeoDataFrame, layers: dict[str, pd.DataFrame]
) -> tuple[gpd.GeoDataFrame, dict[str, pd.DataFrame]]:
    if "line_type" not in frame.columns:
        return frame, layers
    line_type = frame["line_type"].astype("str").str.lower()
    rock = frame[(line_type == "intrnl_rock").to_numpy()]
    if len(rock):  # GLIMS keeps outlines whole and draws rock beside them: cut out, as area_km2 means it
        glaciers = frame[(line_type == "glac_bound").to_numpy()].copy()
        inner = shapely.union_all(shapely.make_valid(np.asarray(rock.geometry.array, dtype=object)))
        shapes = np.asarray(glaciers.geometry.array, dtype=object).copy()
        valid = shapely.is_valid(shapes)
        shapes[valid] = shapely.difference(shapes[valid], inner)
        return glaciers.set_geometry(gpd.GeoSeries(shapes, index=glaciers.index, crs=glaciers.crs)), layers
    return frame[(line_type == "glac_bound").to_numpy()], layers
