"""Display copies: a scene as a COG that a browser reads well, made once and kept beside the project's state."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from firnline.errors import OutputError, SceneError
from firnline.files import in_turn, replaced
from firnline.grid import Grid
from firnline.server.images import opened
from firnline.server.project import Project, SceneEntry

COGS: Final = "cogs"
_SMALL: Final = 1024
"""Pixels on a side up to which a file needs no overviews."""
_COMPRESSIONS: Final = (None, "DEFLATE", "LZW")
"""What geotiff.js decodes without WebAssembly."""
_DTYPES: Final = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
_ROWS: Final = 256


@dataclass(frozen=True)
class Step:
    """How far a file that is being made is.

    Parameters
    ----------
    said
        What is being done.
    share
        How much of that is done, 0 to 1; None where it is not known.
    began
        When the file was begun, seconds of `time.monotonic`.
    """

    said: str
    share: float | None
    began: float


_steps: dict[Path, Step] = {}
"""Of the files that are being made in this process."""


def image_of(project: Project, entry: SceneEntry) -> Path:
    """The file whose bytes a browser reads as the scene: its own where that will do, else its display copy.

    A copy has the scene's stored numbers, scale, offset, nodata and names of bands, tiles of 256 x 256 pixels and
    averaged overviews. What is unknown by a rule of the sidecar (`Scene.fill`) is masked in it.

    Raises
    ------
    SceneError
        When the scene is damaged.
    OutputError
        When the copy cannot be written.
    """
    return entry.path if _is_sent_itself(entry) else made_once(project, entry, "", lambda path: _copy(entry, path))


def step_of(project: Project, entry: SceneEntry) -> Step | None:
    """How far the display copy is that `image_of` would give; None where nothing has to be waited for.

    Raises
    ------
    SceneError
        When the scene is damaged.
    """
    path = _place(project, entry, "")
    if path.is_file() or _is_sent_itself(entry):
        return None
    return _steps.get(path) or Step("waits", None, time.monotonic())


def _is_sent_itself(entry: SceneEntry) -> bool:
    with opened(entry.path) as dataset:
        return is_read_well(dataset) and entry.scene.fill is None


def is_read_well(dataset: DatasetReader) -> bool:
    """Whether geotiff.js reads a GeoTIFF well: tiles, overviews unless it is small, plain packing, one file."""
    blocks = set(dataset.block_shapes)
    is_tiled = len(blocks) == 1 and all(max(block) <= _SMALL and block[1] != dataset.width for block in blocks)
    is_small = max(dataset.shape) <= _SMALL
    has_overviews = all(dataset.overviews(index) for index in dataset.indexes)
    is_plain = dataset.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION") in _COMPRESSIONS
    is_whole_bytes = all("NBITS" not in dataset.tags(index, ns="IMAGE_STRUCTURE") for index in dataset.indexes)
    return (
        (is_small or (is_tiled and has_overviews))
        and is_plain
        and is_whole_bytes
        and set(dataset.dtypes) <= set(_DTYPES)
        and len(dataset.files) == 1
    )


def made_once(project: Project, entry: SceneEntry, kind: str, make: Callable[[Path], None]) -> Path:
    """A file made from a scene, once for each state of it; who asks while it is being made waits.

    Parameters
    ----------
    project, entry
        The scene.
    kind
        What is made, a word for its name; empty for the display copy.
    make
        Writes it, whole or not at all.

    Returns
    -------
    Where it is. What was made from an earlier state of the scene is removed.
    """
    path, stem = _place(project, entry, kind), _stem(entry, kind)
    if not path.is_file():
        with in_turn(path.with_name(f"{stem}lock")):
            if not path.is_file():
                make(path)
                for old in path.parent.glob(f"{stem}{'[0-9a-f]' * 16}.tif"):
                    if old != path:
                        old.unlink(missing_ok=True)
    return path


def _place(project: Project, entry: SceneEntry, kind: str) -> Path:
    return project.state / COGS / f"{_stem(entry, kind)}{state_of(entry)}.tif"


def _stem(entry: SceneEntry, kind: str) -> str:
    """How the names of all files of a kind begin that were made of a scene, whatever state it was in."""
    return f"{entry.id}{kind and f'-{kind}'}-"


def state_of(entry: SceneEntry) -> str:
    """16 hexadecimal digits that change when the scene, its sidecar or its heights do.

    Raises
    ------
    SceneError
        When the scene is gone.
    """
    files = [path for path in (entry.path, entry.scene.sidecar, entry.dem) if path is not None]
    try:
        said = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    except OSError:
        raise SceneError("is gone", where=entry.path, do="reload the page") from None
    return blake2b(repr(said).encode(), digest_size=8).hexdigest()


def _copy(entry: SceneEntry, path: Path) -> None:
    began = time.monotonic()

    def tell(said: str, share: float | None = None) -> None:
        _steps[path] = Step(said, share, began)

    try:
        _copied(entry, path, tell)
    finally:
        _steps.pop(path, None)


def _copied(entry: SceneEntry, path: Path, tell: Callable[[str, float | None], None]) -> None:
    with opened(entry.path) as dataset:
        try:
            checksum = _checksum(dataset, lambda share: tell("reads the file", share))
        except RasterioError:
            raise SceneError("is damaged or cut off", where=entry.path, do="get it again") from None
        with replaced(path) as final, _display_source(dataset, entry.scene.fill, final) as source:
            tell("writes a copy that the browser reads well", None)
            rasterio.shutil.copy(
                source, final, driver="COG", compress="deflate", level=1, num_threads="ALL_CPUS", predictor="yes",
                blocksize=256, overview_resampling="average", bigtiff="if_safer",
            )  # fmt: skip
            with opened(final) as copy:
                # GDAL writes its last blocks on closing, and a full disk then goes without a word.
                if _checksum(copy, lambda share: tell("reads the copy back", share)) != checksum:
                    raise OutputError("does not read back as it was written", where=path, do="free space on the disk")


@contextmanager
def _display_source(dataset: DatasetReader, fill: tuple[int, float] | None, final: Path) -> Iterator[DatasetReader]:
    """The scene, or a plain copy beside `final` in which the sidecar's unknown pixels are masked."""
    if fill is None:
        yield dataset
        return
    index, value = fill
    plain = final.with_name(f"{final.name}.plain.tif")  # removed together with `final` when anything fails
    profile = dataset.profile | {"driver": "GTiff", "compress": "deflate", "zlevel": 1, "bigtiff": "if_safer"}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(plain, "w", **profile) as file:
        file.descriptions, file.scales, file.offsets = dataset.descriptions, dataset.scales, dataset.offsets
        file.update_tags(**dataset.tags())
        for window, stored in _strips(dataset):
            file.write(stored, window=window)
            file.write_mask(stored[index - 1] != value, window=window)
    with opened(plain) as masked:
        yield masked
    plain.unlink()


def _strips(dataset: DatasetReader) -> Iterator[tuple[Any, NDArray[np.generic]]]:
    for strip in Grid.of(dataset).strips(_ROWS):
        yield strip.to_rasterio(), dataset.read(window=strip.to_rasterio())


def _checksum(dataset: DatasetReader, tell: Callable[[float], None]) -> int:
    found = 0
    for window, stored in _strips(dataset):
        found = zlib.crc32(stored.tobytes(), found)
        tell((window.row_off + window.height) / dataset.height)
    return found
