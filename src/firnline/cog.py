"""Cloud-optimised GeoTIFFs, written strip by strip, that appear whole or not at all."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
import rasterio.windows
from numpy.typing import NDArray

from firnline.classes import UNKNOWN
from firnline.errors import OutputError
from firnline.files import replaced
from firnline.grid import Grid

Strip = tuple[int, NDArray[np.generic]]
Colours = Mapping[int, tuple[int, int, int, int]]


def write_cog(
    path: Path,
    strips: Iterable[Strip],
    grid: Grid,
    names: tuple[str, ...],
    tags: Mapping[str, str],
    resampling: str,
    scale: float = 1.0,
    colours: Colours | None = None,
    dtype: str = "uint8",
    nodata: float = UNKNOWN,
    blocksize: int = 512,
) -> None:
    """Write strips of rows to a plain tiled file beside `path`, then let GDAL's COG driver copy it.

    Parameters
    ----------
    path
        Where it shall be; it appears whole or not at all.
    strips
        (first row, (band, row, column) of `dtype`), from the top down.
    grid
        Where the pixels lie.
    names
        The bands' names.
    tags
        GeoTIFF tags.
    resampling
        How overviews are made: ``mode`` for classes, ``average`` for amounts.
    scale
        Of the stored bytes.
    colours
        Red, green, blue and opacity by value, for a file of one band.
    dtype, nodata
        Of all bands.
    blocksize
        Pixels on a side of the file's tiles.

    Raises
    ------
    OutputError
        When it cannot be written, or does not read back as it was written.

    Examples
    --------
    >>> import tempfile
    >>> from affine import Affine
    >>> grid = Grid(rasterio.CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), (1, 2))
    >>> path = Path(tempfile.mkdtemp()) / "masks.tif"
    >>> write_cog(path, [(0, np.array([[[0, 1]]], np.uint8))], grid, ("water",), {}, "mode")
    >>> with rasterio.open(path) as file:
    ...     file.descriptions, file.read(1).tolist()
    (('water',), [[0, 1]])
    """
    profile = {
        "driver": "GTiff", "dtype": dtype, "count": len(names), "nodata": nodata, "crs": grid.crs,
        "transform": grid.transform, "height": grid.shape[0], "width": grid.shape[1], "tiled": True,
        "blockxsize": 512, "blockysize": 512, "compress": "deflate", "zlevel": 1, "bigtiff": "if_safer",
        "interleave": "band",
    }  # fmt: skip
    with replaced(path) as final:
        plain = final.with_name(f"{final.name}.plain.tif")  # removed together with `final` when anything fails
        checksum, rows = 0, []
        with rasterio.open(plain, "w", **profile) as file:
            if colours is not None:
                file.write_colormap(1, colours)  # before any pixel: TIFF cannot take it later
            for row, values in strips:
                file.write(values, window=_rows(row, values.shape[1], grid))
                checksum = zlib.crc32(values.tobytes(), checksum)
                rows.append((row, values.shape[1]))
            file.descriptions = names
            file.scales = [scale] * len(names)
            file.update_tags(**tags)
        rasterio.shutil.copy(
            plain, final, driver="COG", compress="deflate", blocksize=blocksize, overview_resampling=resampling,
            bigtiff="if_safer",
        )  # fmt: skip
        plain.unlink()
        _require_whole(path, final, rows, checksum, grid)


def _rows(row: int, height: int, grid: Grid) -> rasterio.windows.Window:
    return rasterio.windows.Window(0, row, grid.shape[1], height)


def _require_whole(path: Path, written: Path, rows: list[tuple[int, int]], checksum: int, grid: Grid) -> None:
    """Read the file back: GDAL writes its last blocks on closing, and a full disk then goes without a word."""
    found = 0
    with rasterio.open(written) as file:
        for row, height in rows:
            found = zlib.crc32(file.read(window=_rows(row, height, grid)).tobytes(), found)
    if found != checksum:
        raise OutputError("does not read back as it was written", where=path, do="free space on the disk")
