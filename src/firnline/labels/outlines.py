"""Outlines: polygons of glaciers and of their parts, read from any vector file as its convention means them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray

from firnline.errors import LabelError
from firnline.grid import Grid
from firnline.labels.dates import find_date_column, parse_date
from firnline.labels.vectors import id_of, is_parquet, mended, reading, split_layer

_KEPT_AREA: Final = 1e-3
"""A repaired polygon may differ by this share of its area: rings that touch themselves are repaired without
any, while a ring that truly crosses itself (a bow tie) has no area that one could know."""

_NAMED_AT_MOST: Final = 5


class Role(StrEnum):
    """What a polygon outlines: a whole glacier, or the clean or debris-covered part of one."""

    GLACIER = "glacier"
    CLEAN = "clean ice"
    DEBRIS = "debris"
    ROCK = "rock"


CLASS_COLUMNS: Final = ("line_type", "Glaciers", "class")
"""Columns that say what a polygon outlines: of GLIMS, of ICIMOD's 2010 HKH inventory, of firnline."""

ID_COLUMNS: Final = ("rgi_id", "RGIId", "glims_id", "GLIMSId", "glac_id", "glacier_id")
"""Columns with the id of a glacier, which all parts of it share: of RGI 7, of RGI 5 and 6, of GLIMS and ICIMOD."""

_MEANINGS: Final = {
    **dict.fromkeys(("clean ice", "clean", "ice", "1"), Role.CLEAN),
    **dict.fromkeys(("debris covered", "debris covered ice", "debris cov", "debris", "2"), Role.DEBRIS),
    "supraglacial debris": Role.DEBRIS,
    **dict.fromkeys(("glacier", "glac bound"), Role.GLACIER),
    **dict.fromkeys(("intrnl rock", "internal rock"), Role.ROCK),
}
_GLIMS_OTHERS: Final = frozenset(
    ("basin bnd", "centerline", "debris lim", "ice div", "pro lake", "snowline", "supra lake", "surge bnd", "term")
)
"""GLIMS line types that outline neither ice nor rock on it."""


@dataclass(frozen=True, eq=False)
class Outlines:
    """Polygons with a role and, where the files tell, a glacier's id and the date of the image they were drawn on.

    `frame` has the columns ``role`` (a `Role`), ``id`` (str or None), ``date`` (`datetime.date` or None), ``dated``
    (whether its file has dates) and ``geometry``; its index holds the feature ids of the file. No role is
    `Role.ROCK`: rock was cut out of the ice as holes.
    """

    frame: gpd.GeoDataFrame
    paths: tuple[Path, ...]
    """The files that they were read from."""
    roles: frozenset[Role]
    """The roles that occur in the files, on the grid or elsewhere."""
    date_column: str | None = None
    id_column: str | None = None
    repaired: tuple[int, ...] = ()
    """Ids of features whose invalid geometry was repaired."""
    elsewhere: int = 0
    """How many features of the files do not touch the grid."""
    skipped: int = 0
    """How many features outline something else (GLIMS snow lines, lakes)."""

    def of(self, role: Role) -> Outlines:
        """The polygons of one role."""
        kept = (self.frame["role"] == role).to_numpy()
        return replace(self, frame=self.frame[kept], roles=self.roles & {role})

    @property
    def where(self) -> str:
        """The files, for messages and records."""
        return " and ".join(str(path) for path in self.paths)


def joined(several: Iterable[Outlines]) -> Outlines:
    """Outlines of several files as one set. A file without dates beside one that has them stays without."""
    several = list(several)
    if len(several) == 1:
        return several[0]
    return Outlines(
        frame=pd.concat([each.frame for each in several]),
        paths=tuple(dict.fromkeys(path for each in several for path in each.paths)),
        roles=frozenset().union(*(each.roles for each in several)),
        date_column=next((each.date_column for each in several if each.date_column), None),
        id_column=next((each.id_column for each in several if each.id_column), None),
        repaired=tuple(feature for each in several for feature in each.repaired),
        elsewhere=sum(each.elsewhere for each in several),
        skipped=sum(each.skipped for each in several),
    )


def read_outlines(
    path: str | Path,
    *,
    grid: Grid | None = None,
    layer: str | None = None,
    role: Role | None = None,
    class_column: str | None = None,
    classes: Mapping[str, Role] | None = None,
    date_column: str | None = None,
    lenient: bool = False,
) -> Outlines:
    """Read polygons from a vector file, and what they outline.

    What a polygon outlines stands in a class column: `class_column`, else that of a known convention
    (`CLASS_COLUMNS`; names are compared without regard to case, spaces, ``-`` and ``_``). A file without one
    holds `role`, and whole glaciers (RGI) unless it is given. Rock (GLIMS ``intrnl_rock``) is cut out.

    Parameters
    ----------
    path
        Any file that GDAL reads, or GeoParquet. ``FILE:LAYER`` names a layer, as `layer` does.
    grid
        Reproject to its CRS, and keep only what touches it.
    role
        What the polygons outline, where no column tells.
    class_column
        The column that tells.
    classes
        What further values of that column mean.
    date_column
        The column with the dates of the images; else RGI's and GLIMS's are known.
    lenient
        Mend invalid polygons even where that changes their area: a person is going to look at them.

    Raises
    ------
    LabelError
        When it is no vector file or has no CRS, polygons or such a column; when a geometry is missing, empty,
        not a polygon, or invalid and not to be repaired without changing its area; when a class is not known.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "inventory.gpkg"
    >>> boxes = [shapely.box(0, 0, 600, 600), shapely.box(600, 0, 900, 600)]
    >>> gpd.GeoDataFrame({"Glaciers": ["Clean Ice", "Debris covered"]}, geometry=boxes, crs=32645).to_file(path)
    >>> outlines = read_outlines(path)
    >>> [str(role) for role in outlines.frame["role"]]
    ['clean ice', 'debris']
    """
    path, layer = split_layer(Path(path), layer)
    frame = _read_frame(path, layer)
    roles = _roles(frame, role, class_column, classes or {}, path)
    return _outlines(frame, roles, find_date_column(frame.columns, date_column, path), grid, path, lenient)


def read_border(path: str | Path, *, grid: Grid | None = None, layer: str | None = None) -> Outlines:
    """Read the region that was mapped: all polygons of a file, whatever its columns say.

    Raises
    ------
    LabelError
        As `read_outlines` does.
    """
    path, layer = split_layer(Path(path), layer)
    frame = _read_frame(path, layer)
    return _outlines(frame, pd.Series(Role.GLACIER, index=frame.index, dtype=object), None, grid, path)


def _outlines(
    frame: gpd.GeoDataFrame,
    roles: pd.Series,
    date_column: str | None,
    grid: Grid | None,
    path: Path,
    lenient: bool = False,
) -> Outlines:
    is_area = roles.notna().to_numpy()
    id_column = _id_column(frame)
    dates = [None] * len(frame) if date_column is None else [parse_date(value) for value in frame[date_column]]
    ids = [None] * len(frame) if id_column is None else [id_of(value) for value in frame[id_column]]
    columns = {
        "role": roles,
        "id": pd.Series(ids, index=frame.index, dtype=object),
        "date": pd.Series(dates, index=frame.index, dtype=object),
        "dated": date_column is not None,
    }
    frame = gpd.GeoDataFrame(columns, geometry=frame.geometry)[is_area]
    _require_polygons(frame, path)
    held, found = frozenset(frame["role"]) - {Role.ROCK}, len(frame)
    if not held:
        raise LabelError("outlines rock only", where=path, do="give a file with polygons of ice")
    if grid is not None:
        frame = _near(_reprojected(frame, grid, path), grid)
    geometry, repaired = _repaired(frame.geometry, path, lenient)
    frame = frame.set_geometry(geometry)
    if grid is not None:
        frame = frame[frame.intersects(grid.footprint())]
        repaired = tuple(feature for feature in repaired if feature in frame.index)
    return Outlines(
        frame=_without_rock(frame),
        paths=(path,),
        roles=held,
        date_column=date_column,
        id_column=id_column,
        repaired=repaired,
        elsewhere=found - len(frame),
        skipped=int((~is_area).sum()),
    )


def _read_frame(path: Path, layer: str | None) -> gpd.GeoDataFrame:
    with reading(path, "give a vector file (GeoPackage, shapefile, GeoJSON, ...)"):
        if is_parquet(path):
            frame = gpd.read_parquet(path).reset_index(drop=True)
        else:
            frame = pyogrio.read_dataframe(path, layer=layer or _layer_of(path), fid_as_index=True, force_2d=True)
    if not isinstance(frame, gpd.GeoDataFrame):
        raise LabelError("has no geometry", where=path, do="give a file of polygons")
    if not len(frame):
        raise LabelError("holds no outlines", where=path, do="give a file of polygons")
    if frame.crs is None:
        raise LabelError("has no CRS", where=path, do="assign one (ogr2ogr -a_srs EPSG:... OUT IN)")
    return frame


def _layer_of(path: Path) -> str | None:
    """The layer to read when none is named: firnline's own, else the only one."""
    layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
    if "outlines" in layers or len(layers) < 2:
        return "outlines" if "outlines" in layers else None
    raise LabelError(f"has several layers: {' '.join(layers)}", where=path, do=f"name one: {path.name}:{layers[0]}")


def _roles(
    frame: gpd.GeoDataFrame, role: Role | None, column: str | None, classes: Mapping[str, Role], path: Path
) -> pd.Series:
    """A `Role` for every row; missing where GLIMS outlines something else."""
    found = _class_column(frame, column, path)
    if found is None:
        return pd.Series(role or Role.GLACIER, index=frame.index, dtype=object)
    meanings = {**_MEANINGS, **{_plain(name): meaning for name, meaning in classes.items()}}
    names = frame[found].map(_plain)
    known = set(meanings) | (_GLIMS_OTHERS if found.lower() == "line_type" else set())
    stray = sorted({str(value) for value, name in zip(frame[found], names, strict=True) if name not in known})
    if stray and role is not None and column is None:
        return pd.Series(role, index=frame.index, dtype=object)  # a column that only happens to be called so
    if stray:
        raise LabelError(
            f"column '{found}' has the values {_listed(stray)}, whose class is not known",
            where=path,
            do="say what they mean (--classes 'VALUE=clean,VALUE=debris'), or name another --class-column",
        )
    roles = pd.Series([meanings.get(name) for name in names], index=frame.index, dtype=object)
    _require_role(roles, role, found, path)
    return roles


def _class_column(frame: gpd.GeoDataFrame, wanted: str | None, path: Path) -> str | None:
    columns = [str(column) for column in frame.columns if column != frame.geometry.name]
    if wanted is not None and wanted not in columns:
        raise LabelError(f"has no column '{wanted}'", where=path, do=f"it has {' '.join(columns) or 'none'}")
    by_name = {column.lower(): column for column in reversed(columns)}
    return wanted or next((by_name[known.lower()] for known in CLASS_COLUMNS if known.lower() in by_name), None)


def _id_column(frame: gpd.GeoDataFrame) -> str | None:
    by_name = {str(column).lower(): str(column) for column in reversed(frame.columns)}
    here = [by_name[known.lower()] for known in ID_COLUMNS if known.lower() in by_name]
    return next((name for name in here if frame[name].notna().any()), None)  # firnline's rgi_id may be empty


def _require_role(roles: pd.Series, role: Role | None, column: str, path: Path) -> None:
    # A whole-glacier file may hold debris (GLIMS debris_cov); rock is cut out of anything.
    allowed = {role, Role.ROCK, Role.DEBRIS if role == Role.GLACIER else role}
    others = sorted({str(found) for found in roles.dropna()} - {str(each) for each in allowed})
    if role is not None and others:
        raise LabelError(
            f"is given as {role}, but its column '{column}' says {', '.join(others)} as well",
            where=path,
            do="give it as --outlines",
        )


def _plain(value: object) -> str:
    """A class name without what conventions differ in: case, spaces, ``-``, ``_``; 1.0 as 1."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str(value).replace("_", " ").replace("-", " ").lower().split())


def _require_polygons(frame: gpd.GeoDataFrame, path: Path) -> None:
    geometry = frame.geometry
    if not len(frame):
        raise LabelError("outlines no glacier", where=path, do="give a file with polygons of ice")
    empty = geometry.isna() | geometry.is_empty
    if empty.any():
        raise LabelError(
            f"has features without a geometry: {_ids(frame.index[empty])}", where=path, do="draw or delete them"
        )
    other = ~geometry.geom_type.isin(("Polygon", "MultiPolygon"))
    if other.any():
        kinds = ", ".join(sorted(set(geometry.geom_type[other])))
        raise LabelError(
            f"has features that are not polygons but {kinds}: {_ids(frame.index[other])}",
            where=path,
            do="give polygons",
        )


def _reprojected(frame: gpd.GeoDataFrame, grid: Grid, path: Path) -> gpd.GeoDataFrame:
    moved = frame.to_crs(grid.crs.to_wkt())
    lost: NDArray[np.bool_] = ~np.isfinite(moved.geometry.bounds.to_numpy()).all(axis=1)
    if lost.all():
        raise LabelError(
            f"cannot be brought into the scene's CRS ({grid.crs.to_string()})",
            where=path,
            do="check that its coordinates are those of the CRS it says",
        )
    return moved[~lost]  # the far side of the globe, for one


def _near(frame: gpd.GeoDataFrame, grid: Grid) -> gpd.GeoDataFrame:
    """Rows whose bounds touch the grid: what lies elsewhere need not be valid."""
    left, bottom, right, top = grid.bounds
    b = frame.geometry.bounds
    near = (b["minx"] <= right) & (b["maxx"] >= left) & (b["miny"] <= top) & (b["maxy"] >= bottom)
    return frame[near.to_numpy()]


def _repaired(geometry: gpd.GeoSeries, path: Path, lenient: bool) -> tuple[gpd.GeoSeries, tuple[int, ...]]:
    whole = np.asarray(geometry.array, dtype=object).copy()
    invalid = ~shapely.is_valid(whole)
    broken, ids = whole[invalid], geometry.index[invalid]
    valid = mended(broken)
    before, after = shapely.area(broken), shapely.area(valid)
    changed = ~(np.abs(after - before) <= _KEPT_AREA * before) | (after == 0)
    if changed.any() and not lenient:
        reason = shapely.is_valid_reason(broken[changed][0]).replace("[", " at ").rstrip("]")
        raise LabelError(
            f"has invalid geometry that cannot be repaired without changing its area: {_ids(ids[changed])} "
            f"({reason})",
            where=path,
            do="mend it by hand (QGIS: Check validity, Fix geometries)",
        )
    whole[invalid] = valid
    return gpd.GeoSeries(whole, index=geometry.index, crs=geometry.crs), tuple(int(feature) for feature in ids)


def _without_rock(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    is_rock = (frame["role"] == Role.ROCK).to_numpy()
    geometry = np.asarray(frame.geometry.array, dtype=object)
    if is_rock.any():
        geometry = shapely.difference(geometry, shapely.union_all(geometry[is_rock]))
    kept = ~is_rock & ~shapely.is_empty(geometry)
    return frame.set_geometry(gpd.GeoSeries(geometry, index=frame.index, crs=frame.crs))[kept]


def _ids(index: Sequence[int] | pd.Index) -> str:
    return f"feature{'s' if len(index) > 1 else ''} {_listed([str(feature) for feature in index])}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
