"""Tiles of a DEM in a catalogue, copied and put together over an area."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
import shapely
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from firnline.acquire.aoi import Aoi
from firnline.acquire.catalogue.catalogues import DEM_DATE, DEM_NAME, Catalogue, Family
from firnline.acquire.catalogue.search import area_of
from firnline.acquire.catalogue.signing import Signer
from firnline.acquire.catalogue.stac_api import StacApi
from firnline.acquire.fetching.parts import Step, Wanted, copy_parts
from firnline.acquire.network import PATIENCE, Patience, RemoteError
from firnline.acquire.ready.settings import Dem
from firnline.errors import GridError
from firnline.files import replaced
from firnline.grid import Window

_KEYS: Final = ("data", "elevation", "dem")
_NO_HEIGHT: Final = -32767.0
"""A height that there is not, for tiles that declare none to mean nothing."""
_STRIP: Final = 512
"""Rows that are held at a time."""
_AROUND: Final = 0.01
"""Degrees around the area that are asked for with it: slopes at its edge need neighbours."""


def fetch_dem(
    catalogue: Catalogue,
    collection: str | None,
    aoi: Aoi,
    folder: Path,
    signer: Signer,
    *,
    jobs: int = 4,
    patience: Patience = PATIENCE,
    step: Step = lambda _done, _all: None,
) -> tuple[Dem, list[dict[str, Any]]]:
    """Copy the tiles of a DEM over an area, and put them together; the records say where they came from.

    Where no tile is, heights are NaN, which stays unknown.

    Raises
    ------
    ConfigError
        When the catalogue has no DEM.
    RemoteError
        When it fails, or has no tile here.
    """
    collection = collection or catalogue.collection(Family.DEM)
    west, south, east, north = area_of(aoi).bounds
    around = (west - _AROUND, south - _AROUND, east + _AROUND, north + _AROUND)
    found = StacApi(catalogue.api, patience).search(collection, bbox=around)
    near = shapely.box(*around)  # a server that does not mind the box would give all tiles of the Earth
    wanted = [each for each in (_wanted(item, collection) for item in found if _touches(item, near)) if each]
    parts = copy_parts(wanted, folder, aoi, signer, jobs=jobs, patience=patience, step=step)
    tiles = [part for part in parts.values() if part is not None]
    if not tiles:
        raise RemoteError(
            f"has no DEM here in {collection}", where=catalogue.name, do="give a DEM of your own (--dem), or --no-dem"
        )
    path = folder / "dem.tif"
    mosaic([part.path for part in tiles], path)
    known = catalogue.collections.get(Family.DEM) == collection
    return Dem(path, DEM_NAME if known else collection, DEM_DATE if known else ""), [part.record for part in tiles]


def _touches(item: Any, near: BaseGeometry) -> bool:
    """Whether a tile's footprint says that it reaches there; one that says nothing may."""
    try:
        return bool(shapely.geometry.shape(item["geometry"]).intersects(near))
    except (ShapelyError, ValueError, TypeError, KeyError, AttributeError, IndexError):
        return True


def _wanted(item: Any, collection: str) -> Wanted | None:
    """The heights of a tile: the asset that is called so, else the only raster; None for what is no tile."""
    assets = item.get("assets") if isinstance(item, dict) else None
    if not isinstance(assets, dict):
        return None
    rasters = {
        key: asset["href"]
        for key, asset in assets.items()
        if isinstance(asset, dict) and isinstance(asset.get("href"), str) and "tiff" in str(asset.get("type"))
    }
    key = next((key for key in _KEYS if key in rasters), next(iter(rasters)) if len(rasters) == 1 else None)
    return None if key is None else Wanted(str(item.get("id")), key, rasters[key], collection)


def mosaic(tiles: Sequence[Path], path: Path) -> None:
    """Put tiles of one CRS together on the pixels of the finest of them; NaN where there is none.

    Copernicus tiles become narrower in columns with latitude; tiles on the same pixels are copied as they are,
    others are taken bilinearly. Where tiles overlap the later one is taken.
    """
    sizes, bounds, systems = [], [], []
    for tile in tiles:
        with rasterio.open(tile) as dataset:
            systems.append(dataset.crs)
            sizes.append((dataset.transform.a, -dataset.transform.e, dataset.transform))
            bounds.append(dataset.bounds)
    if any(crs != systems[0] for crs in systems):
        raise GridError("are in different CRSs", where="the tiles of the DEM", do="warp them to one, and give --dem")
    width, height, lattice = min(sizes, key=lambda size: size[0] * size[1])
    left, top = min(b.left for b in bounds), max(b.top for b in bounds)
    left = lattice.c + math.floor((left - lattice.c) / width + 1e-6) * width
    top = lattice.f - math.floor((lattice.f - top) / height + 1e-6) * height
    columns = math.ceil((max(b.right for b in bounds) - left) / width - 1e-6)
    rows = math.ceil((top - min(b.bottom for b in bounds)) / height - 1e-6)
    transform = rasterio.Affine(width, 0, left, 0, -height, top)
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "nodata": float("nan"), "crs": systems[0]}
    shape = {"height": rows, "width": columns, "transform": transform, "tiled": True, "compress": "zstd"}
    with replaced(path) as temporary, rasterio.open(temporary, "w", **profile, **shape) as dataset:
        for row in range(0, rows, _STRIP):
            heights = np.full((min(_STRIP, rows - row), columns), np.nan, np.float32)
            here = rasterio.Affine(width, 0, left, 0, -height, top - height * row)
            for tile, edge in zip(tiles, bounds, strict=True):
                _place(tile, edge, heights, here)
            dataset.write(heights, 1, window=Window(row, 0, *heights.shape).to_rasterio())


def _place(tile: Path, edge: Any, heights: np.ndarray[Any, Any], transform: rasterio.Affine) -> None:
    """Put a tile where it belongs; what lies between its pixels' edges and those of the lattice stays as it is."""
    t = transform
    left, right = (edge.left - t.c) / t.a, (edge.right - t.c) / t.a
    top, bottom = (edge.top - t.f) / t.e, (edge.bottom - t.f) / t.e
    row, column = max(math.floor(top + 1e-6), 0), max(math.floor(left + 1e-6), 0)
    part = heights[row : max(math.ceil(bottom - 1e-6), 0), column : math.ceil(right - 1e-6)]
    if part.size == 0:
        return
    here = rasterio.Affine(t.a, 0.0, t.c + t.a * column, 0.0, t.e, t.f + t.e * row)
    with (
        rasterio.open(tile) as dataset,
        WarpedVRT(
            dataset,
            crs=dataset.crs,
            transform=here,
            height=part.shape[0],
            width=part.shape[1],
            resampling=Resampling.bilinear,
            dtype="float32",
            src_nodata=_NO_HEIGHT if dataset.nodata is None else dataset.nodata,
            nodata=float("nan"),
        ) as on_lattice,
    ):
        values = on_lattice.read(1)
    np.copyto(part, values, where=np.isfinite(values))
