"""Rasters from finished row bands: cloud-optimised GeoTIFFs that appear whole or not at all."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
import rasterio.windows
from numpy.typing import NDArray

from firnline.classes import SCHEME_TAG, UNKNOWN, Classes, LabelScheme
from firnline.errors import OutputError
from firnline.files import replaced
from firnline.grid import Grid, Lattice
from firnline.inference.journal import Journal
from firnline.inference.predict import PROBABILITY_SCALE
from firnline.report.colours import CLASS_COLOURS, rgb

Strip = tuple[int, NDArray[np.uint8]]
Colours = Mapping[int, tuple[int, int, int, int]]

_STRIP = 512
"""Rows that are written at once."""

_PALE_GREY = (242, 242, 242, 255)
"""Background has a colour, so that it is not taken for unknown, which has none."""


def write_class_map(path: Path, classes: Classes, grid: Grid, scheme: LabelScheme, tags: Mapping[str, str]) -> None:
    """Write a class raster (row, column) as a COG, with its scheme in a tag and its colours in a table.

    The colours are those of outlines and report; unknown is transparent.
    """
    strips = ((row, classes[None, row : row + _STRIP]) for row in range(0, grid.shape[0], _STRIP))
    tags = {**tags, SCHEME_TAG: str(scheme)}
    _write_cog(path, strips, grid, ("class",), tags, "mode", colours=_colours(scheme))


def write_probability_map(
    path: Path, journal: Journal, lattice: Lattice, grid: Grid, scheme: LabelScheme, tags: Mapping[str, str]
) -> None:
    """Write the probabilities of the finished bands as a COG of one band a class, scaled bytes, 255 unknown."""
    _write_layers(path, journal, lattice, grid, scheme.class_names, 1, tags)


def write_uncertainty_map(
    path: Path,
    journal: Journal,
    lattice: Lattice,
    grid: Grid,
    scheme: LabelScheme,
    names: tuple[str, ...],
    tags: Mapping[str, str],
) -> None:
    """Write what the finished bands hold after the probabilities (`names`) as a COG, scaled bytes, 255 unknown."""
    _write_layers(path, journal, lattice, grid, names, 1 + scheme.class_count, tags)


def _write_layers(
    path: Path,
    journal: Journal,
    lattice: Lattice,
    grid: Grid,
    names: tuple[str, ...],
    first: int,
    tags: Mapping[str, str],
) -> None:
    """Write as many layers of the finished bands as there are names, from the layer `first` on."""
    part = slice(first, first + len(names))
    strips = ((lattice.rows_of(band)[0], journal.read(band)[part]) for band in range(lattice.band_count))
    _write_cog(path, strips, grid, names, tags, "average", scale=PROBABILITY_SCALE)


def write_decision_map(
    path: Path, classes: Classes, grid: Grid, scheme: LabelScheme, tags: Mapping[str, str]
) -> None:
    """Write what was decided in the form of a probability map: 1 for the class of a pixel, 0 for the others."""
    values = np.arange(scheme.class_count, dtype=np.uint8)[:, None, None]

    def decided(rows: Classes) -> NDArray[np.uint8]:
        certain = np.where(rows == values, np.uint8(round(1 / PROBABILITY_SCALE)), np.uint8(0))
        certain[:, rows == UNKNOWN] = UNKNOWN
        return certain

    strips = ((row, decided(classes[row : row + _STRIP])) for row in range(0, grid.shape[0], _STRIP))
    _write_cog(path, strips, grid, scheme.class_names, dict(tags), "average", scale=PROBABILITY_SCALE)


def _colours(scheme: LabelScheme) -> Colours:
    named = {value: CLASS_COLOURS.get(name) for value, name in enumerate(scheme.class_names)}
    classes = {value: _PALE_GREY if colour is None else (*rgb(colour), 255) for value, colour in named.items()}
    return {**classes, UNKNOWN: (0, 0, 0, 0)}


def _write_cog(
    path: Path,
    strips: Iterator[Strip],
    grid: Grid,
    names: tuple[str, ...],
    tags: Mapping[str, str],
    resampling: str,
    scale: float = 1.0,
    colours: Colours | None = None,
) -> None:
    """Write strips of rows to a plain tiled file beside `path`, then let GDAL's COG driver copy it."""
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": len(names), "nodata": UNKNOWN, "crs": grid.crs,
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
            plain, final, driver="COG", compress="deflate", blocksize=512, overview_resampling=resampling,
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
