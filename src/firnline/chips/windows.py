"""Where chips lie in a scene, and the windows in which a scene is read once from end to end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import rasterio

from firnline.grid import Window
from firnline.scene import Scene

Remainders = Literal["cover", "drop"]

_VALUES_AT_ONCE = 16_000_000
"""Values (pixels times bands) of a window that is read at once: 64 MB as float32."""


_CACHE_MB = 64
"""GDAL keeps blocks up to a twentieth of the machine's memory; what is read once need not be kept."""


def single_reading() -> rasterio.Env:
    """In this context GDAL keeps few blocks: for readings that come to each block once."""
    return rasterio.Env(GDAL_CACHEMAX=_CACHE_MB)


def chip_windows(area: Window, size: int, stride: int, remainders: Remainders = "cover") -> Iterator[Window]:
    """Square windows over an area, row by row from its upper left corner, `stride` pixels apart.

    With ``cover``, a last row and column of windows end at the area's edge, shifted inward where the area is no
    whole number of strides; with ``drop`` there are none. A window larger than the area starts at its corner and
    reaches beyond it.

    Examples
    --------
    >>> [window.column for window in chip_windows(Window(0, 0, 4, 11), 4, 3)]
    [0, 3, 6, 7]
    >>> [window.column for window in chip_windows(Window(0, 0, 4, 11), 4, 3, "drop")]
    [0, 3, 6]
    """
    for row in _starts(area.height, size, stride, remainders):
        for column in _starts(area.width, size, stride, remainders):
            yield Window(area.row + row, area.column + column, size, size)


def _starts(length: int, size: int, stride: int, remainders: Remainders) -> list[int]:
    last = max(length - size, 0)
    starts = list(range(0, last + 1, stride))
    return [*starts, last] if remainders == "cover" and starts[-1] != last else starts


def reading_windows(scene: Scene, area: Window, bands: int) -> Iterator[Window]:
    """Cut an area into windows along the file's own blocks, so that each block is read once.

    Parameters
    ----------
    scene
        The scene; its file is opened to learn its blocks.
    area
        What to cover. Where its edges lie in the middle of blocks, windows there are smaller.
    bands
        How many bands are read together: a window holds about 16 million values.
    """
    with rasterio.open(scene.gdal_name or scene.path) as file:
        block_rows, block_columns = file.block_shapes[0]
    limit = max(1, _VALUES_AT_ONCE // max(1, bands))
    if block_columns >= scene.grid.shape[1]:  # strips
        columns = scene.grid.shape[1]
    else:
        columns = block_columns * max(1, min(1024, int(limit**0.5)) // block_columns)
    rows = block_rows * max(1, min(1024, limit // columns) // block_rows)
    for row in range(area.row - area.row % rows, area.stop_row, rows):
        for column in range(area.column - area.column % columns, area.stop_column, columns):
            inside = Window(row, column, rows, columns).intersection(area)
            if inside is not None:
                yield inside
