"""Scene and flags as files: written window by window, read back, and named only when whole."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import DatasetWriter

from firnline.acquire.ready.encoding import WHOLE, Encoding
from firnline.flags import Flag
from firnline.grid import Grid, Window


@dataclass(frozen=True)
class OutBand:
    """A band of the scene: its name, and how it is stored."""

    name: str
    encoding: Encoding


@dataclass
class SceneWriter:
    """An open scene and its flags."""

    scene: DatasetWriter
    flags: DatasetWriter
    sums: dict[Window, tuple[int, int]] = field(default_factory=dict)

    def write(self, window: Window, values: NDArray[np.generic], flags: NDArray[np.uint8]) -> None:
        """Write a window: (band, row, column) and (row, column)."""
        self.scene.write(values, window=window.to_rasterio())
        self.flags.write(flags, 1, window=window.to_rasterio())
        self.sums[window] = _sum(values), _sum(flags)

    def tag(self, tags: Mapping[str, str]) -> None:
        """Say something of both files."""
        self.scene.update_tags(**tags)
        self.flags.update_tags(**tags)


@contextmanager
def open_writer(scene: Path, flags: Path, grid: Grid, bands: Sequence[OutBand]) -> Iterator[SceneWriter]:
    """Write a scene and its flags, tiled and compressed; both are read back when the block ends.

    Raises
    ------
    OSError
        When the disk did not keep what was written.
    """
    dtype = bands[0].encoding.dtype
    common = {
        **{"driver": "GTiff", "height": grid.shape[0], "width": grid.shape[1], "crs": grid.crs},
        **{"transform": grid.transform, "tiled": True, "blockxsize": 256, "blockysize": 256},
        **{"compress": "zstd", "zstd_level": 1, "bigtiff": "if_safer"},
    }
    predictor = 2 if dtype == WHOLE else 3
    own = {"dtype": dtype, "count": len(bands), "nodata": bands[0].encoding.nodata, "predictor": predictor}
    with (
        rasterio.open(scene, "w", **common, **own, interleave="band") as file,
        rasterio.open(flags, "w", **common, dtype="uint8", count=1) as beside,
    ):
        file.descriptions = [band.name for band in bands]
        file.scales = [band.encoding.scale for band in bands]
        file.offsets = [band.encoding.offset for band in bands]
        for index, band in enumerate(bands, start=1):
            file.update_tags(index, LEVEL=str(band.encoding.level))
        beside.set_band_description(1, "flags")
        beside.update_tags(FLAGS=", ".join(f"{flag.value} {str(flag.name).lower()}" for flag in Flag))
        writer = SceneWriter(file, beside)
        yield writer
    _require_whole(scene, flags, writer.sums)


def _sum(values: NDArray[np.generic]) -> int:
    return zlib.crc32(np.ascontiguousarray(values).view(np.uint8).data)


def _require_whole(scene: Path, flags: Path, sums: Mapping[Window, tuple[int, int]]) -> None:
    """Read both files back: GDAL writes its last blocks on closing, and a full disk then goes without a word."""
    try:
        with rasterio.open(scene) as file, rasterio.open(flags) as beside:
            whole = all(
                (_sum(file.read(window=at.to_rasterio())), _sum(beside.read(1, window=at.to_rasterio()))) == expected
                for at, expected in sums.items()
            )
    except RasterioError:
        whole = False
    if not whole:
        raise OSError("the disk did not keep all of it")
