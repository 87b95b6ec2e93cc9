"""The manifest of a scene: what came from where, and how it was put together."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import rasterio

from firnline import __version__
from firnline.acquire.ready.contents import Contents
from firnline.acquire.ready.settings import Dem, ReadySettings
from firnline.acquire.source import SourceProduct
from firnline.files import sha256_of
from firnline.grid import Grid

_CHEAP: Final = 512 * 1024 * 1024
"""Bytes: larger files are named with their size and time alone."""


def make_manifest(
    products: Sequence[SourceProduct],
    contents: Contents,
    grid: Grid,
    settings: ReadySettings,
    dem: Dem | None,
    methods: Mapping[str, Sequence[str]],
    lines: Sequence[str],
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    """The manifest as JSON; `methods` says for each product how each band came onto the grid."""
    files = _Files()
    return {
        "made_by": f"firnline {__version__}",
        "gdal": rasterio.__gdal_version__,
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "settings": settings.model_dump(mode="json"),
        "grid": {
            "crs": grid.crs.to_string(),
            "transform": list(grid.transform[:6]),
            "shape": list(grid.shape),
        },
        "bands": {
            band.name: {"scale": band.encoding.scale, "offset": band.encoding.offset, "level": band.encoding.level}
            for band in contents.out
        },
        "products": [_product(product, methods[product.id], contents, files) for product in products],
        "dem": None if dem is None else {"name": dem.name, "date": dem.date, **files.facts(str(dem.path))},
        "report": list(lines),
        "provenance": dict(provenance),
    }


def _product(product: SourceProduct, methods: Sequence[str], contents: Contents, files: _Files) -> dict[str, Any]:
    how = dict(zip(contents.read, methods, strict=True))
    quality = product.quality
    return {
        "id": product.id,
        "sensor": str(product.sensor),
        "moment": product.moment.isoformat(),
        "cloud_cover": product.cloud_cover,
        "metadata": dict(product.metadata),
        "notes": list(product.notes),
        "bands": [
            {
                **{"name": band.name, "index": band.index, "scale": band.scale, "offset": band.offset},
                **{"nodata": None if band.nodata is None else str(band.nodata), "level": str(band.level)},
                **{"onto_the_grid": how.get(band.name, "resampled")},
                **files.facts(band.href),
            }
            for band in product.bands
            if band.name in contents.read or band.name in contents.own_terrain
        ],
        "quality": None
        if quality is None
        else {"convention": str(quality.convention), "index": quality.index, **files.facts(quality.href)},
    }


class _Files:
    """Facts of files, each looked up once."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def facts(self, href: str) -> dict[str, Any]:
        """Name, and for a file at hand its size and, where that is cheap, its checksum."""
        if href not in self._known:
            self._known[href] = {"href": href, **_facts(Path(href))}
        return self._known[href]


def _facts(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():
            return {}
        stat = path.stat()
        facts: dict[str, Any] = {"bytes": stat.st_size}
        if stat.st_size > _CHEAP:
            modified = dt.datetime.fromtimestamp(stat.st_mtime, dt.UTC)
            return {**facts, "modified": modified.isoformat(timespec="seconds")}
        return {**facts, "sha256": sha256_of(path)}
    except OSError as error:
        return {"unreadable": os.strerror(error.errno or 0)}
