"""Parts: exact copies of windows of remote rasters, kept until the scene that is made of them is whole."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, CancelledError, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import DatasetReader

from firnline.acquire.aoi import Aoi
from firnline.acquire.catalogue.signing import Signer
from firnline.acquire.fetching.remote import Version, address_of, ask_version, pixels, read_remote
from firnline.acquire.network import PATIENCE, Patience, without_query
from firnline.errors import GridError
from firnline.files import replaced, sha256_of
from firnline.grid import Grid, Window

_MARGIN: Final = 16
"""Pixels around the area that are copied with it: neighbours for warping and slopes."""
_STRIP: Final = 512
Step = Callable[[int, int], None]


@dataclass(frozen=True)
class Wanted:
    """One raster of an item, of which the area is wanted; `href` as the catalogue gives it."""

    item: str
    key: str
    href: str
    collection: str


@dataclass(frozen=True)
class Part:
    """A window of a remote raster as a file: same pixels, same grid. `record` says where it came from."""

    path: Path
    record: dict[str, Any]


def copy_parts(
    wanted: Sequence[Wanted],
    folder: Path,
    aoi: Aoi,
    signer: Signer,
    *,
    jobs: int = 4,
    patience: Patience = PATIENCE,
    step: Step = lambda _done, _all: None,
) -> dict[Wanted, Part | None]:
    """Copy the area out of several rasters, some of them at once; None where a raster does not touch it.

    A part that is there already is taken when it is of the same address, version and area, and its bytes are as
    they were written. Each appears whole: after an interruption the same call goes on with what is missing.

    Raises
    ------
    RemoteError
        The first failure; the copies that are under way are ended, those not begun are left.
    """
    done: dict[Wanted, Part | None] = {}
    stop = threading.Event()
    pool = ThreadPoolExecutor(max_workers=max(1, jobs))
    futures = {pool.submit(_copy, each, folder, aoi, signer, patience, stop): each for each in wanted}
    try:
        pending = set(futures)
        while pending:
            ready, pending = wait(pending, timeout=0.5, return_when=FIRST_EXCEPTION)
            for future in ready:
                done[futures[future]] = future.result()
            step(len([future for future in futures if future.done()]), len(wanted))
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
    return {each: done[each] for each in wanted}


def _copy(
    wanted: Wanted, folder: Path, aoi: Aoi, signer: Signer, patience: Patience, stop: threading.Event
) -> Part | None:
    path = folder / _safe(wanted.item) / f"{_safe(wanted.key)}.tif"
    url = signer.sign(wanted.href, wanted.collection)
    version = ask_version(url, patience)
    identity = _identity(wanted, version, aoi)
    there = _there(path, identity)
    if there is not None:
        return there
    window = read_remote(url, lambda dataset: _window(dataset, aoi), patience)
    if window is None:
        return None
    with replaced(path) as temporary:
        read_remote(url, lambda dataset: _write(dataset, window, temporary, stop), patience)
    record = {**identity, "window": asdict(window), "sha256": sha256_of(path), "bytes": path.stat().st_size}
    with replaced(_record_of(path)) as temporary:
        temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
    return Part(path, record)


def _safe(name: str) -> str:
    """A name of a catalogue as a file's: nothing leads out of the folder."""
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)[:150].lstrip(".")
    if kept == name:
        return kept
    return f"{kept}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"  # no two names alike


def _record_of(path: Path) -> Path:
    return path.with_suffix(".json")


def _identity(wanted: Wanted, version: Version, aoi: Aoi) -> dict[str, Any]:
    """What a part must be of to be taken instead of a new copy."""
    return {
        "item": wanted.item,
        "asset": wanted.key,
        "href": without_query(wanted.href),
        **asdict(version),
        "area": [round(edge, 9) for edge in aoi.geometry.bounds],
        "area_crs": aoi.crs.to_string(),
    }


def _there(path: Path, identity: dict[str, Any]) -> Part | None:
    try:
        record = json.loads(_record_of(path).read_text(encoding="utf-8"))
        is_same = all(record.get(key) == value for key, value in identity.items())
        is_told = identity["etag"] is not None or identity["modified"] is not None  # a size alone tells no versions
        if is_same and is_told and record["sha256"] == sha256_of(path):
            return Part(path, record)
    except (OSError, ValueError, KeyError, AttributeError):
        pass
    return None


def _window(dataset: DatasetReader, aoi: Aoi) -> Window | None:
    """The pixels that hold the area's bounding box, and a margin; None where it lies elsewhere."""
    grid = _grid(dataset)
    left, bottom, right, top = aoi.bounds_in(grid.crs)
    t = grid.transform
    first_column, last_column = (left - t.c) / t.a, (right - t.c) / t.a
    first_row, last_row = (top - t.f) / t.e, (bottom - t.f) / t.e
    if not np.isfinite((first_column, first_row, last_column, last_row)).all():
        return None
    row, column = int(np.floor(first_row)), int(np.floor(first_column))
    inner = Window(row, column, int(np.ceil(last_row)) - row, int(np.ceil(last_column)) - column)
    if grid.window.intersection(inner) is None:
        return None
    return grid.window.intersection(inner.grown(_MARGIN))


def _grid(dataset: DatasetReader) -> Grid:
    try:
        return Grid(dataset.crs, dataset.transform, (dataset.height, dataset.width))
    except GridError as error:
        raise GridError(error.what, where=without_query(address_of(dataset)), do=error.do) from None


def _write(dataset: DatasetReader, window: Window, path: Path, stop: threading.Event) -> None:
    """Copy a window, strip by strip, values untouched."""
    grid = _grid(dataset)
    t = grid.transform
    transform = rasterio.Affine(t.a, 0.0, t.c + t.a * window.column, 0.0, t.e, t.f + t.e * window.row)
    strips = _strips(dataset, window, stop)
    profile = {
        **{"driver": "GTiff", "count": dataset.count, "dtype": dataset.dtypes[0], "nodata": dataset.nodata},
        **{"height": window.height, "width": window.width, "crs": grid.crs, "transform": transform},
        **{"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "zstd", "zstd_level": 1},
        "bigtiff": "if_safer",
    }
    first = next(strips)  # a server that fails is no disk that fails: read before the file is there
    with rasterio.open(path, "w", **profile) as copy:
        row = 0
        values: NDArray[Any] | None = first
        while values is not None:
            copy.write(values, window=Window(row, 0, values.shape[1], window.width).to_rasterio())
            row += values.shape[1]
            values = next(strips, None)


def _strips(dataset: DatasetReader, window: Window, stop: threading.Event) -> Iterator[NDArray[Any]]:
    for row in range(window.row, window.stop_row, _STRIP):
        if stop.is_set():
            raise CancelledError
        height = min(_STRIP, window.stop_row - row)
        yield pixels(dataset, window=Window(row, window.column, height, window.width).to_rasterio())
