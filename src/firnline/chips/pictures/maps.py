"""Maps of a table of chips: on which side of the split each lies, and how densely it is covered by each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from firnline.chips.pictures.map_frame import INK, canvas, extent_of, save, write_legend, write_title
from firnline.chips.table import SPLITS, ChipTable
from firnline.errors import ConfigError
from firnline.labels import read_border

SPLIT_COLOURS: Final = {"train": "#009E73", "validation": "#E69F00", "test": "#6A3D9A"}
"""Told apart by readers of every colour vision, also in grey; none is the colour of a class."""
_NO_SPLIT: Final = "#c9c9c9"
_SCENE, _LAND = "#8c8c8c", "#f1ede4"
_DENSITY_COLOURS: Final = {"clean": "YlGnBu", "debris": "YlOrBr", "glacier": "YlGnBu"}
"""Sequential scales of ColorBrewer (Harrower and Brewer 2003): pale where there is nothing, steadily darker with
the share, and told apart by readers of every colour vision."""
_DENSITY_TITLES: Final = {
    "clean": "clean ice",
    "debris": "debris-covered ice",
    "glacier": "glacier of any kind",
}


def draw_split_map(table: ChipTable, path: Path, outlines: Path | None = None) -> Path:
    """Draw where the chips lie, coloured by their side of the split, as in the paper's Figure 8a.

    Longitude and latitude, with a degree of each as long as it is in the middle of the map; frames are the extents
    of each scene's chips. The title says how the split was made and whether it leaks.

    Parameters
    ----------
    table
        The chips.
    path
        A PNG.
    outlines
        Polygons to draw below (a border, glaciers).

    Raises
    ------
    LabelError
        When `outlines` cannot be read.
    OutputError
        When the map cannot be written.
    """
    _require_chips(table)
    frame, extent = table.frame, extent_of(table.frame)
    below = _below(outlines)
    splits = frame["split"].to_numpy(object)
    sides = [(side, colour, splits == side) for side, colour in SPLIT_COLOURS.items() if side in set(splits)]
    none = ~np.isin(splits.astype(str), SPLITS)
    figure, (axes,) = canvas(extent, 1)
    _draw_below(axes, below)
    _draw_scenes(axes, frame)
    handles: list[Patch | Line2D] = []
    # Those in no split lie below the others: a chip of another date may lie on the same place.
    for side, colour, chosen in [*([("in no split", _NO_SPLIT, none)] if none.any() else []), *sides]:
        _draw_chips(axes, frame.geometry.to_numpy()[chosen], facecolors=colour, edgecolors=colour, alpha=0.8)
        handles.append(Patch(facecolor=colour, label=f"{side}: {_chips(int(chosen.sum()))}"))
    handles.append(_scene_handle(frame))
    write_title(figure, f"{table.path.name}: {_chips(len(frame))} by split", _split_in_words(table))
    write_legend(figure, handles)
    return save(figure, path)


def draw_density_map(table: ChipTable, path: Path, outlines: Path | None = None, cell: float | None = None) -> Path:
    """Draw which share of each chip's known pixels is clean ice and debris-covered ice (the paper's Figure 8b).

    Where the table tells neither, the share of glaciers of any kind is drawn. Colours are spaced by the square
    root of the share, as most chips hold little.

    Parameters
    ----------
    table
        The chips.
    path
        A PNG.
    outlines
        Polygons to draw below.
    cell
        Side in degrees of cells over which chips are averaged, weighted by their known pixels; without it each
        chip is drawn as it lies.

    Raises
    ------
    ConfigError
        When the table tells no share.
    LabelError
        When `outlines` cannot be read.
    OutputError
        When the map cannot be written.
    """
    _require_chips(table)
    if cell is not None and not 0 < cell <= 90:
        raise ConfigError(f"cannot be {cell:g} degrees", where="--cell", do="give more than 0, at most 90")
    frame, extent = table.frame, extent_of(table.frame)
    columns = [key for key in ("clean", "debris") if frame[key].notna().any()]
    columns = columns or [key for key in ("glacier",) if frame[key].notna().any()]
    if not columns:
        raise ConfigError("tells no share of any class", where=table.path, do="make it again with truth")
    below = _below(outlines)
    figure, panels = canvas(extent, len(columns), bar=True)
    for axes, column in zip(panels, columns, strict=True):
        _draw_below(axes, below)
        _draw_scenes(axes, frame)
        _draw_shares(figure, axes, frame, column, cell)
    by = "chip" if cell is None else f"cell of {cell:g}°"
    known = _known_pixels(frame)
    overall = ", ".join(_overall(frame, column, known) for column in columns)
    write_title(figure, f"{table.path.name}: density of classes by {by}", f"Of all known pixels: {overall}.")
    is_told = all(np.isfinite(_shares(frame, column)).all() for column in columns)
    handles: list[Patch | Line2D] = [] if is_told else [Patch(facecolor=_NO_SPLIT, label="nothing known")]
    write_legend(figure, [*handles, _scene_handle(frame)])
    return save(figure, path)


def _overall(frame: gpd.GeoDataFrame, column: str, known: NDArray[np.float64]) -> str:
    share = _shares(frame, column)
    told = np.isfinite(share)
    total = float(known[told].sum())
    mean = float((share[told] * known[told]).sum()) / total if total else float("nan")
    return f"{_DENSITY_TITLES[column]} {100 * mean:.2f} %"


def _shares(frame: gpd.GeoDataFrame, column: str) -> NDArray[np.float64]:
    """The share of a class in each chip; NaN where no pixel is known."""
    shares = frame[column].to_numpy(float, na_value=np.nan)
    return np.where(frame["valid"].to_numpy(float) > 0, shares, np.nan)


def _known_pixels(frame: gpd.GeoDataFrame) -> NDArray[np.float64]:
    pixels: NDArray[np.float64] = (frame["valid"] * frame["height"] * frame["width"]).to_numpy(float)
    return pixels


def _require_chips(table: ChipTable) -> None:
    if not len(table):
        raise ConfigError("holds no chips", where=table.path, do="make one with chips, with milder filters")


def _chips(count: int) -> str:
    """A number of chips, in words.

    Examples
    --------
    >>> _chips(1), _chips(14190)
    ('1 chip', '14,190 chips')
    """
    return f"{count:,} chip{'' if count == 1 else 's'}"


def _split_in_words(table: ChipTable) -> str:
    is_split = table.frame["split"].notna().any() or table.frame["fold"].notna().any()
    unsaid = "How it was split is not recorded." if is_split else "The table is not split."
    how = f"Split: {table.about.split}." if table.about.split else unsaid
    if not table.about.leaks:
        return how
    return f"{how} THIS SPLIT LEAKS: {'; '.join(table.about.leaks)}."


def _below(outlines: Path | None) -> gpd.GeoSeries | None:
    return None if outlines is None else read_border(outlines).frame.geometry.to_crs(4326)


def _draw_below(axes: Axes, below: gpd.GeoSeries | None) -> None:
    if below is None:
        return
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(below.to_numpy())]
    holes = shapely.get_parts(below.to_numpy())
    outer = [shapely.get_coordinates(shapely.get_exterior_ring(polygon)) for polygon in holes]
    axes.add_collection(PolyCollection(outer, facecolors=_LAND, edgecolors="none", zorder=0.2))
    axes.add_collection(LineCollection(rings, colors="#a39b8b", linewidths=0.4, zorder=1.5))


def _draw_scenes(axes: Axes, frame: gpd.GeoDataFrame) -> None:
    """A frame around the chips of each scene, straight in the scene's own CRS."""
    axes.add_collection(LineCollection(_scene_frames(frame), colors=_SCENE, linewidths=0.7, zorder=4))


def _scene_frames(frame: gpd.GeoDataFrame) -> list[NDArray[np.float64]]:
    bounds = frame.groupby(["scene", "crs"], sort=True).agg(
        {"left": "min", "bottom": "min", "right": "max", "top": "max"}
    )
    frames = []
    for crs, part in bounds.reset_index().groupby("crs"):
        boxes = shapely.box(part["left"], part["bottom"], part["right"], part["top"])
        side = max(float((part["right"] - part["left"]).max()) / 20, 1e-9)
        edges = gpd.GeoSeries(shapely.segmentize(boxes, side), crs=str(crs)).to_crs(4326)
        frames += [shapely.get_coordinates(box) for box in edges]
    return frames


def _scene_handle(frame: gpd.GeoDataFrame) -> Line2D:
    count = frame["scene"].nunique()
    label = f"extent of a scene's chips ({count} scene{'' if count == 1 else 's'})"
    return Line2D([], [], color=_SCENE, linewidth=0.9, label=label)


def _draw_chips(axes: Axes, footprints: NDArray[np.object_], **style: Any) -> PolyCollection:
    # An edge in its own colour: chips that are less than a dot wide would not show without.
    rings = [shapely.get_coordinates(footprint) for footprint in footprints]
    collection = PolyCollection(rings, linewidths=0.5, zorder=2, **style)
    axes.add_collection(collection)
    return collection


def _draw_shares(figure: Figure, axes: Axes, frame: gpd.GeoDataFrame, column: str, cell: float | None) -> None:
    footprints = frame.geometry.to_numpy()
    shares = _shares(frame, column)
    if cell is not None:
        footprints, shares = _cells(frame, shares, cell)
    known = np.isfinite(shares)
    _draw_chips(axes, footprints[~known], facecolors=_NO_SPLIT, edgecolors=_NO_SPLIT)
    order = np.flatnonzero(known)[np.argsort(shares[known], kind="stable")]  # the densest on top
    top = max(float(np.nanmax(shares, initial=0.0)), 1e-3)
    drawn = _draw_chips(axes, footprints[order], array=100 * shares[order], edgecolors="face")
    drawn.set_cmap(_DENSITY_COLOURS[column])
    drawn.set_norm(PowerNorm(0.5, 0, 100 * top))
    box = axes.get_position()
    bar_axes = figure.add_axes(
        (box.x1 + 0.15 / figure.get_figwidth(), box.y0, 0.14 / figure.get_figwidth(), box.height)
    )
    bar = figure.colorbar(drawn, cax=bar_axes, ticks=_ticks(100 * top))
    bar.ax.tick_params(labelsize=8, colors=INK, width=0.6, length=3)
    bar.ax.minorticks_off()
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    bar.outline.set_linewidth(0.6)
    axes.set_title(f"Share of {_DENSITY_TITLES[column]}", fontsize=9.5, color=INK, loc="left", pad=5)


def _ticks(top: float) -> list[float]:
    """Marks for a bar from 0 to `top` per cent that is spaced by the square root."""
    marks = [0, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 40, 50, 60, 80, 100]
    kept, last = [0.0], 0.0
    for mark in marks[1:]:
        if mark <= top and np.sqrt(mark / top) - np.sqrt(last / top) > 0.07:
            kept.append(float(mark))
            last = mark
    return kept


def _cells(
    frame: gpd.GeoDataFrame, shares: NDArray[np.float64], cell: float
) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    """Cells of a grid of degrees that hold the middle of a chip, and the mean share in each."""
    middle = shapely.centroid(frame.geometry.to_numpy())
    at = np.floor(np.column_stack([shapely.get_x(middle), shapely.get_y(middle)]) / cell).astype(np.int64)
    places, number = np.unique(at, axis=0, return_inverse=True)
    known = _known_pixels(frame)
    weight = np.where(np.isfinite(shares), known, 0.0)
    total = np.bincount(number.ravel(), weight, len(places))
    amount = np.bincount(number.ravel(), np.where(weight > 0, shares, 0.0) * weight, len(places))
    mean = np.divide(amount, total, out=np.full(len(places), np.nan), where=total > 0)
    x, y = places[:, 0] * cell, places[:, 1] * cell
    return np.asarray(shapely.box(x, y, x + cell, y + cell), dtype=object), mean
