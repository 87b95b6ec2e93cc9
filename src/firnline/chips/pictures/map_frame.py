"""The frame of a map: its extent, degrees along its edges, a scale bar, title and legend."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Final

import geopandas as gpd
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from firnline.files import replaced

INK, FAINT = "#222222", "#666666"
_WIDTH, _HIGHEST, _NARROWEST, _LEFT = 10.0, 7.0, 6.5, 0.75
"""Inches: of a figure, of a map, of the narrowest figure (its title needs room), and left of a map."""
_WIDE: Final = 0.55
"""Maps that are higher than this share of their width go side by side."""
_DOTS: Final = 180
_KM_A_DEGREE: Final = 111.195
"""Of latitude, on a sphere of 6371 km."""


@dataclass(frozen=True)
class Extent:
    """The part of the world that is shown, degrees."""

    west: float
    south: float
    east: float
    north: float

    @property
    def aspect(self) -> float:
        """How many times longer a degree of latitude is than one of longitude, in the middle."""
        return float(1 / np.cos(np.radians((self.south + self.north) / 2)))

    @property
    def height(self) -> float:
        """Height of the map when it is one wide."""
        return (self.north - self.south) * self.aspect / (self.east - self.west)


def extent_of(frame: gpd.GeoDataFrame) -> Extent:
    """The chips with a margin; at least as wide as high by half, and the reverse, so that maps stay maps."""
    west, south, east, north = (float(value) for value in frame.total_bounds)
    stretch = 1 / np.cos(np.radians((south + north) / 2))
    width, height = (east - west) / stretch, north - south
    width, height = max(width, height / 1.1), max(height, width / 4)
    x, y = (west + east) / 2, (south + north) / 2
    half_x, half_y = 0.53 * width * stretch, 0.53 * height
    return Extent(x - half_x, y - half_y, x + half_x, y + half_y)


def canvas(extent: Extent, panels: int, *, bar: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure with maps, side by side where the region is not wide, else one below the other.

    `bar` leaves room for a colour bar at the right of each.
    """
    left, right, head, foot, between = _LEFT, 0.95 if bar else 0.35, 0.95, 0.85, 0.55
    columns = panels if extent.height > _WIDE else 1
    rows = panels // columns
    across = min(_WIDTH / columns - left - right, _HIGHEST / extent.height)
    high = across * extent.height
    width = max(columns * (left + across + right), _NARROWEST)
    height = head + rows * high + (rows - 1) * between + foot
    figure = Figure(figsize=(width, height), dpi=_DOTS)  # not pyplot's, which would keep it
    FigureCanvasAgg(figure)
    maps = []
    for number in range(panels):
        row, column = divmod(number, columns)
        x, y = column * (left + across + right) + left, height - head - (row + 1) * high - row * between
        axes = figure.add_axes((x / width, y / height, across / width, high / height))
        _furnish(axes, extent, across)
        maps.append(axes)
    return figure, maps


def _furnish(axes: Axes, extent: Extent, inches: float) -> None:
    """Degrees along the edges, a graticule, and a scale bar true in the middle of the map."""
    axes.set_xlim(extent.west, extent.east)
    axes.set_ylim(extent.south, extent.north)
    axes.set_aspect(extent.aspect)
    axes.xaxis.set_major_locator(MaxNLocator(max(2, int(inches / 1.1)), steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(max(2, int(inches * extent.height / 0.9)), steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _degrees(value, "EW")))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _degrees(value, "NS")))
    axes.tick_params(labelsize=8, colors=INK, width=0.6, length=3)
    axes.grid(color="#dddddd", linewidth=0.5, zorder=0.5)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set(linewidth=0.6, color=INK)
    _draw_scale(axes, extent)


def _draw_scale(axes: Axes, extent: Extent) -> None:
    kilometres = (extent.east - extent.west) * _KM_A_DEGREE / extent.aspect
    length = _nice(kilometres / 5)
    x, share = 0.025, length / kilometres
    label = f"{length:g} km" if length >= 1 else f"{1000 * length:g} m"
    bar = Line2D([x, x + share], [0.05] * 2, color=INK, linewidth=3, solid_capstyle="butt", transform=axes.transAxes)
    bar.set_zorder(6)
    axes.add_line(bar)
    text = axes.text(x, 0.065, label, fontsize=8, color=INK, va="bottom", transform=axes.transAxes, zorder=6)
    text.set_bbox({"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 1})


def _nice(length: float) -> float:
    """The largest of 1, 2 or 5 times a power of ten that is not longer than `length`."""
    power = 10.0 ** np.floor(np.log10(length))
    return float(max(number * power for number in (1, 2, 5) if number * power <= length * (1 + 1e-9)))


def _degrees(value: float, letters: str) -> str:
    """An angle for people.

    Examples
    --------
    >>> _degrees(86.5, "EW"), _degrees(-28.0, "NS"), _degrees(0.0, "NS")
    ('86.5° E', '28° S', '0°')
    """
    value = round(value, 6)
    return "0°" if value == 0 else f"{abs(value):g}° {letters[0] if value > 0 else letters[1]}"


def write_title(figure: Figure, title: str, words: str) -> None:
    """Put a title above the maps, and at most two lines below it."""
    width, height = figure.get_size_inches()
    figure.text(_LEFT / width, 1 - 0.16 / height, title, fontsize=12, weight="bold", color=INK, va="top")
    lines = wrap(words, int(13.5 * (width - _LEFT)))
    shown = lines if len(lines) <= 2 else [lines[0], f"{lines[1]} …"]
    figure.text(
        *(_LEFT / width, 1 - 0.42 / height, "\n".join(shown)), fontsize=8.5, color=FAINT, va="top", linespacing=1.3
    )


def write_legend(figure: Figure, handles: list[Patch | Line2D]) -> None:
    """Put a legend below the maps."""
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(_LEFT / figure.get_figwidth(), 0.12 / figure.get_figheight()),
        ncols=len(handles),
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
        borderaxespad=0.0,
        handlelength=1.4,
        columnspacing=1.6,
    )


def save(figure: Figure, path: Path) -> Path:
    """Write a PNG, whole or not at all."""
    with replaced(path) as temporary:
        figure.savefig(temporary, format="png", facecolor="white")
    return path
