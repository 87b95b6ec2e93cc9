"""Polygons that say which ground is on which side of a split."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import geopandas
import numpy as np
import pyogrio
import pyproj
import shapely

from firnline.chips.splitting.places import TOLERANCE, Indices, Places
from firnline.chips.splitting.split_settings import RegionSplit
from firnline.chips.table import SPLITS
from firnline.errors import ConfigError

_ALIASES: Final = {"val": "validation", "valid": "validation", "dev": "validation", "training": "train"}


def read_regions(settings: RegionSplit, folder: Path) -> geopandas.GeoDataFrame:
    """The regions: columns ``name`` and ``geometry``, one row a name; relative paths count from `folder`.

    Raises
    ------
    ConfigError
        When a file cannot be read, has no CRS, no such column or no polygons, or a name is not a side.
    """
    if settings.file is not None:
        path = folder / settings.file
        frame = _read(path)
        if settings.column not in frame.columns:
            has = " ".join(str(name) for name in frame.columns if name != "geometry") or "none"
            raise ConfigError(f"has no column '{settings.column}'", where=path, do=f"name one it has: {has}")
        frame = frame.assign(name=frame[settings.column])
        frame = frame[frame["name"].notna()]
        frame = frame.assign(name=[_name(value, path, settings.folds is not None) for value in frame["name"]])
        parts = {str(name): part for name, part in frame.groupby("name")}
        crs = pyproj.CRS(frame.crs)
    else:
        parts = {side: _read(folder / path) for side, path in (settings.files or {}).items()}
        crs = pyproj.CRS(next(iter(parts.values())).crs)
    names = sorted(parts)
    merged = [shapely.union_all(parts[name].geometry.to_crs(crs).make_valid().to_numpy()) for name in names]
    return geopandas.GeoDataFrame({"name": names}, geometry=merged, crs=crs)


def _read(path: Path) -> geopandas.GeoDataFrame:
    try:
        frame = pyogrio.read_dataframe(path)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as error:
        what = "cannot be read as polygons" if path.exists() else "does not exist"
        raise ConfigError(f"{what} ({error})" if path.exists() else what, where=path) from None
    if not isinstance(frame, geopandas.GeoDataFrame) or not frame.geom_type.isin(["Polygon", "MultiPolygon"]).any():
        raise ConfigError("holds no polygons", where=path, do="give a file of polygons, one or more a side")
    if frame.crs is None:
        raise ConfigError("has no CRS", where=path, do="assign one (ogr2ogr -a_srs EPSG:... OUT IN)")
    return frame[frame.geom_type.isin(["Polygon", "MultiPolygon"])]


def _name(value: object, path: Path, is_free: bool) -> str:
    text = str(value).strip()
    if is_free:
        return text
    side = _ALIASES.get(text.lower(), text.lower())
    if side not in SPLITS:
        raise ConfigError(f"'{text}' is not a side of a split", where=path, do=f"write {', '.join(SPLITS)}")
    return side


def regions_of(places: Places, regions: geopandas.GeoDataFrame) -> Indices:
    """The region in which each place lies whole, and touches no other; -1 for a place that is in none so.

    A region's edges are straight in its own CRS, so outlines of chips are projected into that.
    """
    found = np.full(len(places), -1, dtype=np.intp)
    met = np.zeros(len(places), dtype=np.intp)
    # Drawn in by the tolerance: a chip may share an edge with a region, its own or the next.
    outlines = places.outlines(np.arange(len(places)), pyproj.CRS(regions.crs), drawn_in=TOLERANCE)
    for region, shape in enumerate(regions.geometry):
        shapely.prepare(shape)
        meets = np.asarray(shapely.intersects(shape, outlines), dtype=bool)
        met += meets
        found[meets & np.asarray(shapely.covers(shape, outlines), dtype=bool)] = region
    found[met != 1] = -1
    return found
