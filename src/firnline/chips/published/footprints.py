"""The published footprints: how they were drawn, and the scene's grid that can be worked out from them.

The authors' code spread the scene's bounds over its pixels with ``linspace(left, right, width)`` and drew patch
(i, j) from coordinate ``506 j`` to ``506 (j + 1)``, rows counted from the bottom. So its pixels are
``30 width / (width - 1)`` metres wide: the excess over 30 m tells the scene's width, likewise its height, and with
the patch's place in its list the scene's corner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from typing import Any, Final

import geopandas
import pyogrio
import pyproj
from affine import Affine
from pyogrio.errors import DataSourceError
from pyproj.exceptions import ProjError
from rasterio.crs import CRS

from firnline.chips.published.patches import SIZE, STRIDE, Patch, parse_patch, window_of
from firnline.chips.published.scenes import SCENES, PublishedScene
from firnline.errors import LabelError
from firnline.grid import Grid

_PIXEL: Final = 30.0
_NEAR_WHOLE: Final = 0.02
"""How far from a whole number the width found may be: coordinates were kept to a nanometre, which is 1e-6."""
_NEAR_CORNER: Final = 0.01
"""Metres; Landsat's corners lie at multiples of 15 m."""
_FROM_NOMINAL: Final = 150e3
"""Metres between a scene's centre and the nominal one of its path and row; the next zone is 500 km away."""
_ZONES: Final = range(41, 49)

_WGS84: Final = pyproj.Geod(ellps="WGS84")

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Footprint:
    """A row of ``slices.geojson``; bounds are (left, bottom, right, top) as they stand there."""

    patch: Patch
    source: str
    """The name of its scene's file."""
    bounds: Bounds
    means: tuple[float, ...]
    """``mask_mean_0`` and so on."""


@dataclass(frozen=True)
class Footprints:
    """What ``slices.geojson`` says."""

    path: Path
    crs: CRS | None
    rows: tuple[Footprint, ...]
    nameless: int
    """Rows that name no patch or have no polygon."""

    def of_scene(self, number: int) -> list[Footprint]:
        """The rows of a scene."""
        return [row for row in self.rows if row.patch.scene == number]


def read_footprints(path: Path) -> Footprints:
    """Read ``slices.geojson``.

    Raises
    ------
    LabelError
        When it cannot be read, or lacks the columns ``img_slice`` and ``img_source``.
    """
    try:
        frame = pyogrio.read_dataframe(path)
    except (DataSourceError, ValueError, OSError) as error:
        reason = str(error).partition("; ")[0]
        raise LabelError(f"cannot be read as GeoJSON ({reason})", where=path, do="get it again") from None
    if not isinstance(frame, geopandas.GeoDataFrame) or not {"img_slice", "img_source"} <= set(frame.columns):
        raise LabelError("has no columns img_slice and img_source with geometry", where=path, do="get it again")
    rows = [row for row in (_footprint(record) for record in frame.to_dict("records")) if row is not None]
    crs = None if frame.crs is None else CRS.from_user_input(frame.crs.to_wkt())
    return Footprints(path, crs, tuple(rows), len(frame) - len(rows))


def _footprint(record: dict[Any, Any]) -> Footprint | None:
    named = parse_patch(_base_name(record["img_slice"]))
    geometry = record["geometry"]
    if named is None or named[0].scene >= len(SCENES) or geometry is None or geometry.is_empty:
        return None
    means = tuple(float(record[f"mask_mean_{i}"]) for i in range(3) if record.get(f"mask_mean_{i}") is not None)
    return Footprint(named[0], _base_name(record["img_source"]), geometry.bounds, means)


def _base_name(path: object) -> str:
    """The name at the end of a path of another machine, whichever way its slashes lean."""
    return str(path).replace("\\", "/").rpartition("/")[2]


@dataclass(frozen=True)
class Recovered:
    """The grid of a scene as its published footprints imply it, and the patches whose footprints imply another."""

    grid: Grid
    agreeing: int
    odd: tuple[Patch, ...]
    from_nominal_m: float
    """Distance of its centre from the nominal one of its path and row."""


def recover_grid(scene: PublishedScene, rows: Sequence[Footprint]) -> Recovered | None:
    """Work out a scene's grid from its published footprints; None where they do not imply one.

    Nothing is assumed but how they were drawn, and that can be seen: width and height come out whole, the corner
    at a multiple of 15 m, and in one UTM zone alone the scene lies where its path and row do.
    """
    corners = {row.patch: _corner(row) for row in rows}
    votes = Counter(corner for corner in corners.values() if corner is not None)
    if not votes:
        return None
    corner, agreeing = votes.most_common(1)[0]
    if agreeing * 2 <= len(rows):
        return None
    height, width, left, top = corner
    placed = _in_zone(scene, left + width * _PIXEL / 2, top - height * _PIXEL / 2)
    if placed is None:
        return None
    grid = Grid(placed[0], Affine(_PIXEL, 0, left, 0, -_PIXEL, top), (height, width))
    return Recovered(grid, agreeing, tuple(sorted(p for p, c in corners.items() if c != corner)), placed[1])


def _corner(row: Footprint) -> tuple[int, int, float, float] | None:
    """Rows, columns, left and top of the scene that a footprint implies, or None."""
    left, bottom, right, top = row.bounds
    width, height = _pixels((right - left) / STRIDE), _pixels((top - bottom) / STRIDE)
    if width is None or height is None:
        return None
    below, beside = divmod(row.patch.index, polygons_along(width))
    scene_left = _on_lattice(left - beside * STRIDE * _pitch(width))
    scene_bottom = _on_lattice(bottom - below * STRIDE * _pitch(height))
    if scene_left is None or scene_bottom is None or window_of(row.patch.index, (height, width)) is None:
        return None
    return height, width, scene_left, scene_bottom + height * _PIXEL


def polygons_along(pixels: int) -> int:
    """How many footprints the authors drew along a side: one more than patches where 1 to 5 pixels are left over.

    Examples
    --------
    >>> polygons_along(7849), polygons_along(506 * 15 + 3)
    (15, 15)
    """
    return -(-pixels // STRIDE) - 1


def _pitch(pixels: int) -> float:
    return _PIXEL * pixels / (pixels - 1)


def _pixels(pitch: float) -> int | None:
    """How many pixels a side has whose footprints have this pitch."""
    if not _PIXEL < pitch < _pitch(SIZE):
        return None
    pixels = 1 + _PIXEL / (pitch - _PIXEL)
    return round(pixels) if abs(pixels - round(pixels)) < _NEAR_WHOLE else None


def _on_lattice(value: float) -> float | None:
    """The multiple of 15 m that a coordinate is, or None."""
    nearest = round(value / 15) * 15.0
    return nearest if abs(value - nearest) < _NEAR_CORNER else None


def _in_zone(scene: PublishedScene, x: float, y: float) -> tuple[CRS, float] | None:
    """The UTM zone in which a point is near the nominal centre of a scene, and how near, metres."""
    found: list[tuple[float, int]] = []
    for zone in _ZONES:
        longitude, latitude = pyproj.Transformer.from_crs(32600 + zone, 4326, always_xy=True).transform(x, y)
        if abs(latitude) <= 90:
            found.append((_WGS84.inv(longitude, latitude, *scene.centre)[2], zone))
    if not found or min(found)[0] > _FROM_NOMINAL:
        return None
    return CRS.from_epsg(32600 + min(found)[1]), float(min(found)[0])


def moved_m(published: Bounds, declared: CRS | None, true: Bounds, crs: CRS) -> float | None:
    """Metres on the ground from the centre of a published footprint, read as it says, to that of the true one.

    None where the published one lies nowhere in the CRS that it says.
    """
    if declared is None or declared == crs:
        return hypot(*(a - b for a, b in zip(_centre(published), _centre(true), strict=True)))
    try:
        said = pyproj.Transformer.from_crs(declared.to_wkt(), 4326, always_xy=True).transform(*_centre(published))
        is_at = pyproj.Transformer.from_crs(crs.to_wkt(), 4326, always_xy=True).transform(*_centre(true))
    except ProjError:
        return None
    if not (abs(said[0]) <= 360 and abs(said[1]) <= 90):
        return None
    return float(_WGS84.inv(*said, *is_at)[2])


def _centre(bounds: Bounds) -> tuple[float, float]:
    return (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
