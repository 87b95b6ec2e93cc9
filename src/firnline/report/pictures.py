"""Pictures for the report: the scene with outlines, the classes, and details where the glaciers are."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from firnline.classes import BACKGROUND, DEBRIS, UNKNOWN, Classes, LabelScheme
from firnline.grid import Grid, Window
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
_NICE: Final = (1, 2, 5)
_INK: Final = "#333333"


@dataclass(frozen=True)
class _Frame:
    """Where a picture lies: its grid at full resolution, its width in inches, dots an inch, and line width."""

    grid: Grid
    inches: float
    dots: int
    line_width: float = 1.2


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
    whole, half = _Frame(scene.grid, 10.0, 130, 1.2 if step == 1 else 0.8), _Frame(scene.grid, 5.0, 220)
    return (
        _scene_picture(image, whole, outlines, names, stretch, step),
        _class_picture(image, classes[step // 2 :: step, step // 2 :: step], half, scheme),
        *(
            _detail_picture(number, picture, _Frame(scene.grid.of_window(window), 5.0, 200), outlines)
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
    frame: _Frame,
    outlines: gpd.GeoDataFrame,
    names: Sequence[str],
    stretch: Stretch,
    step: int,
) -> Picture:
    figure, axes = _canvas(image, frame, legend=True)
    _draw_outlines(axes, outlines, frame)
    _furnish(axes, frame)
    _name_classes(axes, frame, names)
    red, green, blue = stretch.bands
    bands = f"grey: {red}" if red == blue else f"red, green and blue: {red}, {green} and {blue}"
    shown = "at full resolution" if step == 1 else f"{step} × {step} pixels averaged to one"
    return Picture(
        "The scene in false colour, with outlines",
        f"Shown as {bands}; each stretched from its 2nd to its 98th percentile, {shown}. Unknown pixels are striped "
        "grey. The arrow points to grid north.",
        _encoded(figure, "jpg"),
        "image/jpeg",
        wide=True,
    )


def _class_picture(image: NDArray[np.uint8], classes: Classes, frame: _Frame, scheme: LabelScheme) -> Picture:
    rows, columns = classes.shape
    picture = class_picture(image[:rows, :columns], classes, scheme)
    figure, axes = _canvas(picture, frame, legend=True)
    _furnish(axes, frame)
    _name_classes(axes, frame, scheme.class_names[1:])
    return Picture(
        "Class raster",
        "What each pixel was mapped as, glaciers below the minimum size included. Pale grey: background.",
        _encoded(figure, "png"),
        "image/png",
    )


def _detail_picture(number: int, image: NDArray[np.uint8], frame: _Frame, outlines: gpd.GeoDataFrame) -> Picture:
    figure, axes = _canvas(image, frame, legend=False)
    _draw_outlines(axes, outlines, frame)
    _furnish(axes, frame)
    rows, columns = frame.grid.shape
    latitude, longitude = latitude_longitude(frame.grid, rows / 2, columns / 2)
    return Picture(
        f"Detail {number}",
        f"{rows} × {columns} pixels at full resolution, around {_degrees(latitude, longitude)}.",
        _encoded(figure, "jpg"),
        "image/jpeg",
    )


def _canvas(image: NDArray[np.uint8], frame: _Frame, *, legend: bool) -> tuple[Figure, Axes]:
    """A figure filled by the image, with margins above and below for what explains it."""
    rows, columns = frame.grid.shape
    top, bottom = 0.3, 0.7 if legend else 0.4
    height = frame.inches * rows / columns
    # A figure of its own, not pyplot's: pyplot keeps figures, and wants a display in some settings.
    figure = Figure(figsize=(frame.inches, height + top + bottom), dpi=frame.dots)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, bottom / (height + top + bottom), 1.0, height / (height + top + bottom)))
    left, _, _, upper = frame.grid.bounds
    step = -(-rows // image.shape[0])
    right = left + image.shape[1] * step * frame.grid.transform.a
    lower = upper + image.shape[0] * step * frame.grid.transform.e
    axes.imshow(image, extent=(left, right, lower, upper), interpolation="nearest" if step == 1 else "antialiased")
    axes.set_xlim(frame.grid.bounds[0], frame.grid.bounds[2])
    axes.set_ylim(frame.grid.bounds[1], frame.grid.bounds[3])
    axes.set_axis_off()
    return figure, axes


def _draw_outlines(axes: Axes, outlines: gpd.GeoDataFrame, frame: _Frame) -> None:
    """Draw rings with a pale casing below, so that they show on dark and on bright ground."""
    near = outlines.iloc[np.sort(outlines.sindex.query(frame.grid.footprint()))]
    geometries, classes = near.geometry.to_numpy(), near["class"].to_numpy()
    casing = LineCollection(_rings(geometries), colors="white", linewidths=2 * frame.line_width, alpha=0.75)
    axes.add_collection(casing)
    # Debris comes last among the colours, so an edge that it shares with clean ice is its own.
    for name, colour in CLASS_COLOURS.items():
        rings = _rings(geometries[classes == name])
        axes.add_collection(LineCollection(rings, colors=colour, linewidths=frame.line_width))


def _rings(polygons: NDArray[np.object_]) -> list[NDArray[np.float64]]:
    return [shapely.get_coordinates(ring) for ring in shapely.get_rings(polygons)]


def _furnish(axes: Axes, frame: _Frame) -> None:
    """Put corner coordinates, a scale bar and a north arrow around the image."""
    rows, columns = frame.grid.shape
    inch = columns / (frame.inches * rows)
    text: dict[str, Any] = {"fontsize": 8.5, "color": _INK, "transform": axes.transAxes}
    upper = _degrees(*latitude_longitude(frame.grid, 0, 0))
    lower = _degrees(*latitude_longitude(frame.grid, rows, columns))
    axes.text(0.003, 1 + 0.06 * inch, upper, ha="left", va="bottom", **text)
    axes.text(0.997, -0.06 * inch, lower, ha="right", va="top", **text)
    width = columns * frame.grid.transform.a
    length = nice_length(width / 5)
    label = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    axes.text(0.003, -0.22 * inch, label, ha="left", va="bottom", **text)
    ends = [0.003, 0.003 + length / width]
    bar = Line2D(ends, [-0.28 * inch] * 2, color=_INK, linewidth=2.5, solid_capstyle="butt", transform=axes.transAxes)
    bar.set_clip_on(False)
    axes.add_artist(bar)
    axes.text(0.962, 1 + 0.06 * inch, "N", ha="center", va="bottom", **text)
    axes.annotate(
        "",
        xy=(0.985, 1 + 0.27 * inch),
        xytext=(0.985, 1 + 0.02 * inch),
        xycoords="axes fraction",
        arrowprops={"arrowstyle": "-|>", "color": _INK, "linewidth": 1.2},
        annotation_clip=False,
    )


def _name_classes(axes: Axes, frame: _Frame, names: Sequence[str]) -> None:
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
        labelcolor=_INK,
        borderaxespad=0.0,
        handlelength=1.4,
    )


def nice_length(metres: float) -> float:
    """The largest of 1, 2 or 5 times a power of ten that is not longer than `metres`."""
    power = 10.0 ** np.floor(np.log10(metres))
    return float(max(number * power for number in _NICE if number * power <= metres))


def _degrees(latitude: float, longitude: float) -> str:
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.3f}° {north}, {abs(longitude):.3f}° {east}"


def _encoded(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    quality = {"quality": 88, "optimize": True} if kind == "jpg" else None
    figure.savefig(buffer, format=kind, facecolor="white", pil_kwargs=quality)
    return buffer.getvalue()
