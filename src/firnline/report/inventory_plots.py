"""Plots of an inventory: area by height, by aspect and by size."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import rasterio.features
from affine import Affine
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.projections.polar import PolarAxes
from numpy.typing import NDArray
from rasterio.crs import CRS

from firnline.errors import GridError
from firnline.grid import Grid
from firnline.report.canvas import INK, encoded
from firnline.report.colours import CLASS_COLOURS, HATCHED, UNCLASSED
from firnline.report.content import Picture
from firnline.report.inventory_facts import InventoryFacts
from firnline.terrain import open_dem

BAND_M: Final = 50
SECTORS: Final = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
SIZES_KM2: Final = (0.0, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 50.0, 100.0, np.inf)
"""Limits of the classes of size."""
_CELLS: Final = 1200
"""Cells along the longer side of a region on which heights are taken by class."""

Bands = dict[str, pd.Series]
"""Area in km2 by the lower end of a band of 50 m, for each class ("" where classes are not told apart)."""


def hypsometry(facts: InventoryFacts, dem: Path | None) -> Picture:
    """Area by height of the region: by class where a DEM is given, else of the table of the inventory."""
    bands = None if dem is None else areas_by_class(facts, dem)
    words = "by class, from the DEM given" if bands else "from the hypsometry of the inventory"
    if bands is None:
        bands = areas_of_table(facts)
    figure, axes = _plot(5.0, 4.4)
    total = float(sum(series.sum() for series in bands.values()))
    if total == 0:
        _say(axes, "no heights are known")
    else:
        _draw_bands(axes, bands)
        axes.set_xlabel("area, km²", fontsize=9, color=INK)
        if len(bands) > 1:
            _name(axes, list(bands))
    missing = facts.sums.area_km2 - total
    without = (
        f" No heights are known of {missing:.2f} km²." if missing > 0.005 * max(facts.sums.area_km2, 0.01) else ""
    )
    return Picture(
        "Area by height", f"In bands of {BAND_M} m, {words}.{without}", encoded(figure, "png"), "image/png"
    )


def sheet_hypsometry(facts: InventoryFacts, row: int) -> Picture:
    """Area by height of one glacier, in bands of 50 m."""
    glacier = facts.glaciers.iloc[row]
    table = facts.hypsometry[facts.hypsometry["glacier_id"] == glacier["glacier_id"]]
    figure, axes = _plot(5.0, 3.6)
    if table.empty:
        _say(axes, "heights are not known")
    else:
        area = table["per_mille"].to_numpy(float) / 1000 * float(glacier["area_km2"])
        _draw_bands(axes, {"": pd.Series(area, index=table["from_m"].to_numpy())})
        axes.set_xlabel("area, km²", fontsize=9, color=INK)
        if pd.notna(glacier.get("zmed_m")):
            axes.axhline(float(glacier["zmed_m"]), color=INK, linewidth=1, linestyle=(0, (4, 2)))
            axes.annotate("median", (1.0, float(glacier["zmed_m"])), xycoords=("axes fraction", "data"), ha="right",
                          va="bottom", fontsize=8, color=INK)  # fmt: skip
    return Picture(f"Area by height of {glacier['glacier_id']}", "", encoded(figure, "png"), "image/png")


def aspect_rose(facts: InventoryFacts) -> Picture:
    """Area by the sector that glaciers face on average."""
    sectors = facts.glaciers["aspect_sec"]
    area = np.array([float(facts.glaciers.loc[(sectors == n).fillna(False), "area_km2"].sum()) for n in range(1, 9)])
    figure = Figure(figsize=(5.0, 4.4), dpi=150)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.1, 0.08, 0.8, 0.82), projection="polar")
    assert isinstance(axes, PolarAxes)
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    angles = np.radians(np.arange(8) * 45.0)
    axes.bar(angles, area, width=np.radians(41), color=UNCLASSED, edgecolor="white", linewidth=0.8, zorder=3)
    axes.set_xticks(angles, SECTORS, fontsize=10, color=INK)
    axes.tick_params(axis="y", labelsize=8, labelcolor="#5a6876")
    axes.set_rlabel_position(22.5)
    axes.grid(color="#dde3e8", linewidth=0.8)
    axes.spines["polar"].set_color("#dde3e8")
    axes.set_rmax(max(float(area.max()) * 1.05, 1e-6))
    none = facts.sums.area_km2 - float(area.sum())
    without = f" {none:.2f} km² have no aspect, or none is known." if none > 0.005 else ""
    return Picture(
        "Area by aspect", f"km² of glaciers by the sector that they face on average.{without}",
        encoded(figure, "png"), "image/png",
    )  # fmt: skip


def size_distribution(facts: InventoryFacts) -> Picture:
    """Number and area of glaciers by classes of size."""
    area = facts.glaciers["area_km2"].to_numpy(float)
    place = np.digitize(area, SIZES_KM2[1:-1])
    used = slice(int(place.min()), int(place.max()) + 1) if len(place) else slice(0, 1)
    count = np.bincount(place, minlength=len(SIZES_KM2) - 1)[used]
    sums = np.bincount(place, weights=area, minlength=len(SIZES_KM2) - 1)[used]
    names = [
        f"< {high:g}" if low == 0 else f"> {low:g}" if np.isinf(high) else f"{low:g} to {high:g}"
        for low, high in pairwise(SIZES_KM2)
    ][used]
    figure = Figure(figsize=(10.0, 3.0), dpi=130)
    FigureCanvasAgg(figure)
    for number, (values, title, form) in enumerate(((count, "glaciers", "{:.0f}"), (sums, "km²", "{:.2f}"))):
        axes = figure.add_axes((0.05 + 0.5 * number, 0.2, 0.43, 0.66))
        _tidy(axes)
        bars = axes.bar(names, values, color=UNCLASSED, width=0.75)
        axes.bar_label(
            bars, [form.format(value) if value else "" for value in values], fontsize=8, color=INK, padding=1
        )
        axes.set_title(title, loc="left", fontsize=9.5, color=INK)
        axes.set_xlabel("size of the glacier, km²", fontsize=9, color=INK)
        axes.yaxis.set_visible(False)
        axes.spines["left"].set_visible(False)
    return Picture(
        "Sizes", "Number and area of glaciers by their size.", encoded(figure, "png"), "image/png", wide=True
    )


def areas_of_table(facts: InventoryFacts) -> Bands:
    """Area by height from per mille and area of each glacier."""
    area = facts.glaciers.set_index("glacier_id")["area_km2"]
    table = facts.hypsometry
    own = table["per_mille"].to_numpy(float) / 1000 * area.reindex(table["glacier_id"]).to_numpy(float)
    return {"": pd.Series(own, index=table["from_m"].to_numpy()).groupby(level=0).sum()}


def areas_by_class(facts: InventoryFacts, dem: Path) -> Bands | None:
    """Area by height and class, on at most 1200 x 1200 cells over the region; None where the DEM does not reach.

    Cells that have their centre in a part stand for its class; their areas are scaled so that those of a class whose
    heights are known make up that share of the class's true area.
    """
    if facts.parts.empty:
        return None
    left, lower, right, upper = facts.parts.total_bounds
    size = max(right - left, upper - lower) / _CELLS
    shape = (max(1, int(np.ceil((upper - lower) / size))), max(1, int(np.ceil((right - left) / size))))
    grid = Grid(CRS.from_user_input(str(facts.parts.crs)), Affine(size, 0, left, 0, -size, upper), shape)
    try:
        with open_dem(dem, grid) as opened:
            heights = opened.read(grid.window)
    except GridError:
        return None
    found: Bands = {}
    for name in CLASS_COLOURS:
        own = facts.parts[facts.parts["class"] == name]
        if own.empty:
            continue
        inside = rasterio.features.geometry_mask(own.geometry, shape, grid.transform, invert=True)
        known = heights[inside & np.isfinite(heights)]
        if known.size:
            each = float(own["area_km2"].sum()) / int(inside.sum())
            bands, counts = np.unique(np.floor(known / BAND_M).astype(int) * BAND_M, return_counts=True)
            found[name] = pd.Series(counts * each, index=bands)
    return found or None


def _draw_bands(axes: Axes, bands: Mapping[str, pd.Series]) -> None:
    lowest = min(int(series.index.min()) for series in bands.values())
    highest = max(int(series.index.max()) for series in bands.values())
    at = np.arange(lowest, highest + BAND_M, BAND_M)
    base: NDArray[np.float64] = np.zeros(len(at))
    for name, series in bands.items():
        values = series.reindex(at, fill_value=0.0).to_numpy(float)
        hatch: dict[str, Any] = {"hatch": "////", "edgecolor": "white"} if name in HATCHED else {}
        colour = CLASS_COLOURS.get(name, UNCLASSED)
        axes.barh(at + BAND_M / 2, values, height=0.92 * BAND_M, left=base, color=colour, linewidth=0, **hatch)
        base += values
    axes.set_ylabel("height, m", fontsize=9, color=INK)
    axes.set_ylim(lowest - BAND_M / 2, highest + 1.5 * BAND_M)
    axes.set_xlim(0, max(float(base.max()) * 1.05, 1e-6))


def _plot(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=150)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.13, 0.13, 0.84, 0.84))
    _tidy(axes)
    axes.grid(axis="x", color="#dde3e8", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _tidy(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#b6c0c9")
    axes.tick_params(labelsize=8.5, labelcolor=INK, color="#b6c0c9")


def _say(axes: Axes, words: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", fontsize=11, color="#5a6876")


def _name(axes: Axes, names: list[str]) -> None:
    handles = [
        Patch(facecolor=CLASS_COLOURS[name], edgecolor="white", hatch="////" if name in HATCHED else None, label=name)
        for name in names
    ]
    axes.legend(handles=handles, loc="upper right", frameon=False, fontsize=9, labelcolor=INK)
