"""The record of a mapping: what a result depends on, and where it comes from."""

from __future__ import annotations

import datetime as dt
import platform
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

import firnline
from firnline.errors import SceneError
from firnline.features import FeatureSource
from firnline.files import sha256_of
from firnline.inference.open_model import OpenedModel
from firnline.preflight.finding import Preflight
from firnline.scene import Scene


def what_it_depends_on(source: FeatureSource) -> dict[str, Any]:
    """What must be the same for interrupted work to go on: files as they were, and how they are read."""
    scene = source.scene
    return {
        "files": [_stamp(path) for path in _files(source)],
        "bands": [repr(band) for band in scene.bands],
        "unknown_where": repr(scene.unknown_where),
        "versions": versions(),
    }


def guard(source: FeatureSource) -> Callable[[], None]:
    """A check, quick enough for every row band, that a scene's files are still those that they are now.

    Raises
    ------
    SceneError
        When it is called and a file has changed or gone.
    """
    stamps = {path: _stamp(path) for path in _files(source)}

    def require_unchanged() -> None:
        for path, stamp in stamps.items():
            if _stamp(path) != stamp:
                what = (
                    "changed while it was being mapped" if path.is_file() else "went away while it was being mapped"
                )
                do = "put it back as it was and run again to go on, or begin anew with --restart"
                raise SceneError(what, where=path, do=do)

    return require_unchanged


def provenance(
    source: FeatureSource, model: str | Path, opened: OpenedModel, settings: Mapping[str, Any], found: Preflight
) -> dict[str, Any]:
    """Where a result comes from: inputs with their checksums, how they were read, model, settings, versions, date."""
    scene = source.scene
    return {
        "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "inputs": [_described(path) for path in _files(source)],
        "scene": {
            "file": scene.gdal_name or str(scene.path.resolve()),
            "sidecar": None if scene.sidecar is None else str(scene.sidecar.resolve()),
            "dem": None if source.dem is None else str(source.dem.resolve()),
            "band_names": list(scene.band_names),
            "sensor": scene.sensor,
            "date": None if scene.date is None else scene.date.isoformat(),
            "crs": scene.grid.crs.to_string(),
            "resolution_m": scene.grid.resolution,
            "rows_columns": list(scene.grid.shape),
            "unknown_where": scene.unknown_where,
            "is_synthetic": scene.is_synthetic,
            "note": scene.note,
        },
        "bands": {name: _band(source, name) for name in opened.mapper.bands},
        "model_argument": str(model),
        "model": opened.record,
        "settings": dict(settings),
        "marks": list(found.marks),
        "check": {**found.as_json(), "forced": found.is_refused},
    }


def raster_tags(scene: Scene, record: Mapping[str, Any]) -> dict[str, str]:
    """What the rasters themselves say of where they come from."""
    date = {} if scene.date is None else {"DATE": scene.date.isoformat()}
    # Who meets the raster without its report learns at least this.
    forced = ["refused by the check of the scene"] if record["check"]["forced"] else []
    quality = "; ".join([*record["marks"], *forced])
    return {
        **date,
        **({"QUALITY": quality} if quality else {}),
        "SCENE": scene.path.name,
        "MODEL": str(record["model"]["model"]),
        "SOFTWARE": f"firnline {firnline.__version__}",
        "MADE": str(record["made"]),
    }


def _band(source: FeatureSource, name: str) -> dict[str, Any]:
    said: dict[str, Any] = {"level": str(source.level_of(name)), "origin": source.origin_of(name)}
    if said["origin"] == "stored":
        band = source.scene.band(name)
        said |= {"scale": band.scale, "offset": band.offset, "nodata": _plain(band.nodata)}
    return said


def _plain(nodata: float | None) -> float | str | None:
    """JSON has no NaN."""
    return "nan" if nodata is not None and np.isnan(nodata) else nodata


def _files(source: FeatureSource) -> Iterator[Path]:
    """Every file that a scene is read from: of a VRT its sources too; the sidecar; the DEM."""
    scene = source.scene
    with rasterio.open(scene.gdal_name or scene.path) as dataset:
        yield from dict.fromkeys([scene.path, *(Path(name) for name in dataset.files)])
    if scene.sidecar is not None:
        yield scene.sidecar
    if source.dem is not None:
        yield source.dem


def _stamp(path: Path) -> list[str | int]:
    """What tells that a file is still the one that was begun with; a GDAL name that is no file is only named."""
    if not path.is_file():
        return [str(path)]
    stat = path.stat()
    return [str(path.resolve()), stat.st_size, stat.st_mtime_ns]


def _described(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {"file": str(path)}
    return {"file": str(path), "bytes": path.stat().st_size, "sha256": sha256_of(path)}


def versions() -> dict[str, str]:
    """The versions of what reads and writes."""
    return {
        "firnline": firnline.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "rasterio": rasterio.__version__,
        "gdal": rasterio.__gdal_version__,
    }
