"""Pictures for the report: the scene with outlines, the classes, and details where the glaciers are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import geopandas as gpd
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Patch
from numpy.typing import NDArray

from firnline.classes import BACKGROUND, DEBRIS, UNKNOWN, Classes, LabelScheme
from firnline.grid import Window
from firnline.report.canvas import INK, Frame, canvas, degrees, encoded, furnish, rings
from firnline.report.colours import CLASS_COLOURS
from firnline.report.content import Picture, latitude_longitude
from firnline.report.falsecolour import (
    Stretch,
    choose_bands,
    class_picture,
    fit_stretch,
    read_decimated,
    step_for,
    to_rgb,
)
from firnline.scene import Scene

_LARGEST: Final = 1200
_DETAILS: Final = 3
_DETAIL_SIDE: Final = 512


def draw_pictures(
    scene: Scene, classes: Classes, scheme: LabelScheme, outlines: gpd.GeoDataFrame
) -> tuple[Picture, ...]:
    """Draw the scene in false colour with outlines, the class raster, and up to three details.

    Parameters
    ----------
    scene
        The scene; it is read in strips and decimated, so it may be of any size.
    classes
        What was mapped, uint8 (row, column) on the scene's grid.
    scheme
        What the values mean.
    outlines
        Outlines with a column ``class``, in the scene's CRS.

    Returns
    -------
    Pictures, the false-colour one first.
    """
    bands, step = choose_bands(scene), step_for(scene.grid.shape, _LARGEST)
    with scene.reader() as reader:
        values = read_decimated(reader, bands, step)
        stretch = fit_stretch(bands, values)
        image = to_rgb(values, stretch)
        details = [(window, to_rgb(reader.read(bands, window), stretch)) for window in detail_windows(classes)]
    names = scheme.class_names[1:]
    whole, half = Frame(scene.grid, 10.0, 130, 1.2 if step == 1 else 0.8), Frame(scene.grid, 5.0, 220)
    return (
        _scene_picture(image, whole, outlines, names, stretch, step),
        _class_picture(image, classes[step // 2 :: step, step // 2 :: step], half, scheme),
        *(
            _detail_picture(number, picture, Frame(scene.grid.of_window(window), 5.0, 200), outlines)
            for number, (window, picture) in enumerate(details, start=1)
        ),
    )


def detail_windows(classes: Classes) -> list[Window]:
    """Up to three windows that show most: those nearest to half glacier, half not, debris counting double.

    Sides are 512 pixels, or a third of a small scene. Windows do not overlap.
    """
    rows, columns = classes.shape
    side = min(_DETAIL_SIDE, max(rows, columns) // 3)
    if side < 32:
        return []
    scored, sample = [], max(1, side // 128)
    for row in range(0, max(1, rows - side + 1), max(1, side // 4)):
        for column in range(0, max(1, columns - side + 1), max(1, side // 4)):
            window = Window(row, column, min(side, rows), min(side, columns))
            part = classes[window.slices][::sample, ::sample]
            glacier = np.mean((part != BACKGROUND) & (part != UNKNOWN))
            debris = np.mean(part == DEBRIS)
            scored.append((float(glacier * (1 - glacier) + 2 * debris * (1 - debris)), window))
    chosen: list[Window] = []
    for score, window in sorted(scored, key=lambda pair: -pair[0]):
        if score > 0 and len(chosen) < _DETAILS and not any(window.intersection(other) for other in chosen):
            chosen.append(window)
    return chosen


def _scene_picture(
    image: NDArray[np.uint8],
    frame: Frame,
    outlines: gpd.GeoDataFrame,
    names: Sequence[str],
    stretch: Stretch,
    step: int,
) -> Picture:
    figure, axes = canvas(image, frame, legend=True)
    _draw_outlines(axes, outlines, frame)
    furnish(axes, frame)
    _name_classes(axes, frame, names)
    red, green, blue = stretch.bands
    bands = f"grey: {red}" if red == blue else f"red, green and blue: {red}, {green} and {blue}"
    shown = "at full resolution" if step == 1 else f"{step} × {step} pixels averaged to one"
    return Picture(
        "The scene in false colour, with outlines",
        f"Shown as {bands}; each stretched from its 2nd to its 98th percentile, {shown}. Unknown pixels are striped "
        "grey. The arrow points to grid north.",
        encoded(figure, "jpg"),
        "image/jpeg",
        wide=True,
    )


def _class_picture(image: NDArray[np.uint8], classes: Classes, frame: Frame, scheme: LabelScheme) -> Picture:
    rows, columns = classes.shape
    picture = class_picture(image[:rows, :columns], classes, scheme)
    figure, axes = canvas(picture, frame, legend=True)
    furnish(axes, frame)
    _name_classes(axes, frame, scheme.class_names[1:])
    return Picture(
        "Class raster",
        "What each pixel was mapped as, glaciers below the minimum size included. Pale grey: background.",
        encoded(figure, "png"),
        "image/png",
    )


def _detail_picture(number: int, image: NDArray[np.uint8], frame: Frame, outlines: gpd.GeoDataFrame) -> Picture:
    figure, axes = canvas(image, frame, legend=False)
    _draw_outlines(axes, outlines, frame)
    furnish(axes, frame)
    rows, columns = frame.grid.shape
    latitude, longitude = latitude_longitude(frame.grid, rows / 2, columns / 2)
    return Picture(
        f"Detail {number}",
        f"{rows} × {columns} pixels at full resolution, around {degrees(latitude, longitude)}.",
        encoded(figure, "jpg"),
        "image/jpeg",
    )


def _draw_outlines(axes: Axes, outlines: gpd.GeoDataFrame, frame: Frame) -> None:
    """Draw rings with a pale casing below, so that they show on dark and on bright ground."""
    near = outlines.iloc[np.sort(outlines.sindex.query(frame.grid.footprint()))]
    geometries, classes = near.geometry.to_numpy(), near["class"].to_numpy()
    casing = LineCollection(rings(geometries), colors="white", linewidths=2 * frame.line_width, alpha=0.75)
    axes.add_collection(casing)
    # Debris comes last among the colours, so an edge that it shares with clean ice is its own.
    for name, colour in CLASS_COLOURS.items():
        own = rings(geometries[classes == name])
        axes.add_collection(LineCollection(own, colors=colour, linewidths=frame.line_width))


def _name_classes(axes: Axes, frame: Frame, names: Sequence[str]) -> None:
    """Put a legend below the scale bar."""
    rows, columns = frame.grid.shape
    handles = [Patch(facecolor=CLASS_COLOURS[name], label=name) for name in names]
    handles.append(Patch(facecolor="#e8e8e8", edgecolor="#b0b0b0", hatch="////", label="unknown"))
    axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.0, -0.42 * columns / (frame.inches * rows)),
        ncols=len(handles),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        borderaxespad=0.0,
        handlelength=1.4,
    )
