"""Maps of an inventory: the region, and single glaciers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from firnline.report.backdrop import Backdrop, Bounds
from firnline.report.canvas import INK, Frame, canvas, encoded, furnish, rings
from firnline.report.colours import CLASS_COLOURS, HATCHED, LAKE
from firnline.report.content import Picture
from firnline.report.inventory_facts import InventoryFacts

_OVERVIEW, _SHEET = 1300, 560
"""Pixels of the longer side of the image beneath."""
_LEAST_M: Final = 1500.0
"""No map shows less than this across."""
_UNKNOWN: Final = "#6b6b6b"
_HATCH: Final = 0.6
"""Points; the default hides what lies beneath."""
Shapes = NDArray[np.object_]


def overview(facts: InventoryFacts, backdrop: Backdrop) -> Picture:
    """The whole region: clean and debris-covered parts, divides, lakes, unknown holes."""
    bounds = _around(tuple(facts.glaciers.total_bounds), 0.04)
    image, grid = backdrop.image(bounds, _OVERVIEW)
    frame = Frame(grid, 10.0, 130, 0.7)
    metres_per_dot = (bounds[2] - bounds[0]) / (frame.inches * frame.dots)
    with rc_context({"hatch.linewidth": _HATCH}):
        figure, axes = canvas(image, frame, legend=True)
        _draw(axes, facts, None, 0.7, tolerance=metres_per_dot / 2)
        furnish(axes, frame)
        _legend(axes, frame, facts)
        picture = encoded(figure, "jpg")
    caption = (
        "Clean parts are outlined in blue, debris-covered ones in vermilion and hatched. Broken black lines are "
        "divides between glaciers. Cross-hatched grey is ground within a glacier that could not be seen."
    )
    return Picture("Overview", f"{caption} {backdrop.words}".strip(), picture, "image/jpeg", wide=True)


def sheet_map(facts: InventoryFacts, row: int, backdrop: Backdrop) -> Picture:
    """One glacier (by its row) with what lies around it."""
    glacier = facts.glaciers.iloc[row]
    bounds = _around(glacier.geometry.bounds, 0.12)
    image, grid = backdrop.image(bounds, _SHEET)
    frame = Frame(grid, 5.0, 150, 1.1)
    name = str(glacier["glacier_id"])
    with rc_context({"hatch.linewidth": _HATCH}):
        figure, axes = canvas(image, frame, legend=False)
        _draw(axes, facts, bounds, 1.1, tolerance=0.0, own=name)
        furnish(axes, frame)
        return Picture(f"Map of {name}", "", encoded(figure, "jpg"), "image/jpeg")


def _around(bounds: Sequence[float], share: float) -> Bounds:
    left, lower, right, upper = bounds
    side = max(right - left, upper - lower)
    x, y = (left + right) / 2, (lower + upper) / 2
    half_width, half_height = (max(size + 2 * share * side, _LEAST_M) / 2 for size in (right - left, upper - lower))
    # No strip of a map: at most twice as wide as high, or as high as wide.
    half_width, half_height = max(half_width, half_height / 2), max(half_height, half_width / 2)
    return x - half_width, y - half_height, x + half_width, y + half_height


def _draw(
    axes: Axes,
    facts: InventoryFacts,
    bounds: Bounds | None,
    width: float,
    *,
    tolerance: float,
    own: str | None = None,
) -> None:
    """Draw all layers inside `bounds`; with `own`, the others' parts are paler."""
    parts = _near(facts.parts, bounds)
    for name, colour in CLASS_COLOURS.items():
        of_class = parts[parts["class"] == name]
        others = np.zeros(len(of_class), bool) if own is None else (of_class["glacier_id"] != own).to_numpy(bool)
        shapes = _simple(of_class.geometry.to_numpy(), tolerance)
        for chosen, strength in ((~others, 1.0), (others, 0.45)):
            _areas(axes, shapes[chosen], colour, width, strength=strength, hatch="////" if name in HATCHED else None)
    holes = _near(facts.holes, bounds)
    unknown = _simple(holes[holes["kind"] == "unknown"].geometry.to_numpy(), tolerance)
    _areas(axes, unknown, _UNKNOWN, width * 0.6, hatch="xxxx", fill=0.5)
    _areas(axes, _simple(_near(facts.lakes, bounds).geometry.to_numpy(), tolerance), LAKE, width, fill=0.75)
    lines = facts.divides if bounds is None else facts.divides.iloc[facts.divides.sindex.query(shapely.box(*bounds))]
    strokes = [shapely.get_coordinates(line) for line in shapely.get_parts(np.asarray(lines.array, object))]
    axes.add_collection(LineCollection(strokes, colors="white", linewidths=1.8 * width))
    axes.add_collection(LineCollection(strokes, colors="black", linewidths=1.1 * width, linestyles=[(0, (3, 1.6))]))


def _near(layer: gpd.GeoDataFrame, bounds: Bounds | None) -> gpd.GeoDataFrame:
    return layer if bounds is None else layer.iloc[np.sort(layer.sindex.query(shapely.box(*bounds)))]


def _simple(shapes: Shapes, tolerance: float) -> Shapes:
    """Shapes without what no dot of the picture shows."""
    found = shapely.get_parts(shapes)
    if tolerance > 0 and len(found):
        found = shapely.get_parts(shapely.simplify(found, tolerance))
    return np.asarray(shapely.orient_polygons(found), object)


def _areas(
    axes: Axes, shapes: Shapes, colour: str, width: float, *, strength: float = 1.0, hatch: str | None = None,
    fill: float = 0.18,
) -> None:  # fmt: skip
    """Fill shapes thinly, hatch and outline them, with a pale casing so that they show on any ground."""
    outlines = [ring for ring in rings(shapes) if len(ring)]
    if not outlines:
        return
    path = Outline.make_compound_path(*(Outline(ring, closed=True) for ring in outlines))
    axes.add_patch(PathPatch(path, facecolor=colour, edgecolor="none", alpha=fill * strength))
    if hatch is not None:
        axes.add_patch(
            PathPatch(path, facecolor="none", edgecolor=colour, hatch=hatch, linewidth=0, alpha=0.8 * strength)
        )
    axes.add_collection(LineCollection(outlines, colors="white", linewidths=2.2 * width, alpha=0.6 * strength))
    axes.add_collection(LineCollection(outlines, colors=colour, linewidths=width, alpha=strength))


def _legend(axes: Axes, frame: Frame, facts: InventoryFacts) -> None:
    """Name what is drawn, below the scale bar."""
    rows, columns = frame.grid.shape
    names = [name for name in CLASS_COLOURS if (facts.parts["class"] == name).any()]
    handles: list[Patch | Line2D] = [
        Patch(
            facecolor=(*_fraction(CLASS_COLOURS[name]), 0.25),
            edgecolor=CLASS_COLOURS[name],
            hatch="////" if name in HATCHED else None,
            label=name,
        )
        for name in names
    ]
    if len(facts.divides):
        handles.append(Line2D([], [], color="black", linestyle=(0, (3, 1.6)), linewidth=1.4, label="divide"))
    if (facts.holes["kind"] == "unknown").any():
        handles.append(Patch(facecolor="#d0d0d0", edgecolor=_UNKNOWN, hatch="xxxx", label="unknown"))
    if len(facts.lakes):
        handles.append(Patch(facecolor=LAKE, edgecolor=LAKE, label="lake"))
    axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.0, -0.42 * columns / (frame.inches * rows)),
        ncols=len(handles),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        borderaxespad=0.0,
        handlelength=1.8,
    )


def _fraction(colour: str) -> tuple[float, float, float]:
    return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))  # type: ignore[return-value] # three of them
