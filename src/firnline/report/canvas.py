"""What all pictures of maps share: the canvas, what stands around it, and their form as files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from firnline.grid import Grid
from firnline.report.content import latitude_longitude

INK: Final = "#333333"
_NICE: Final = (1, 2, 5)


@dataclass(frozen=True)
class Frame:
    """Where a picture lies: its grid at full resolution, its width in inches, dots an inch, and line width."""

    grid: Grid
    inches: float
    dots: int
    line_width: float = 1.2


def canvas(image: NDArray[np.uint8], frame: Frame, *, legend: bool) -> tuple[Figure, Axes]:
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


def rings(polygons: NDArray[np.object_]) -> list[NDArray[np.float64]]:
    """All rings of polygons, (vertex, x and y) each."""
    return [shapely.get_coordinates(ring) for ring in shapely.get_rings(polygons)]


def furnish(axes: Axes, frame: Frame) -> None:
    """Put corner coordinates, a scale bar and a north arrow around the image."""
    rows, columns = frame.grid.shape
    inch = columns / (frame.inches * rows)
    text: dict[str, Any] = {"fontsize": 8.5, "color": INK, "transform": axes.transAxes}
    upper = degrees(*latitude_longitude(frame.grid, 0, 0))
    lower = degrees(*latitude_longitude(frame.grid, rows, columns))
    axes.text(0.003, 1 + 0.06 * inch, upper, ha="left", va="bottom", **text)
    axes.text(0.997, -0.06 * inch, lower, ha="right", va="top", **text)
    width = columns * frame.grid.transform.a
    length = nice_length(width / 5)
    label = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    axes.text(0.003, -0.22 * inch, label, ha="left", va="bottom", **text)
    ends = [0.003, 0.003 + length / width]
    bar = Line2D(ends, [-0.28 * inch] * 2, color=INK, linewidth=2.5, solid_capstyle="butt", transform=axes.transAxes)
    bar.set_clip_on(False)
    axes.add_artist(bar)
    axes.text(0.962, 1 + 0.06 * inch, "N", ha="center", va="bottom", **text)
    axes.annotate(
        "",
        xy=(0.985, 1 + 0.27 * inch),
        xytext=(0.985, 1 + 0.02 * inch),
        xycoords="axes fraction",
        arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.2},
        annotation_clip=False,
    )


def nice_length(metres: float) -> float:
    """The largest of 1, 2 or 5 times a power of ten that is not longer than `metres`."""
    power = 10.0 ** np.floor(np.log10(metres))
    return float(max(number * power for number in _NICE if number * power <= metres))


def degrees(latitude: float, longitude: float) -> str:
    """A place in words.

    Examples
    --------
    >>> degrees(27.9881, 86.925)
    '27.988° N, 86.925° E'
    """
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.3f}° {north}, {abs(longitude):.3f}° {east}"


def encoded(figure: Figure, kind: str) -> bytes:
    """A figure as the content of a file: jpg for images, png for flat colours."""
    buffer = io.BytesIO()
    quality = {"quality": 88, "optimize": True} if kind == "jpg" else None
    figure.savefig(buffer, format=kind, facecolor="white", pil_kwargs=quality)
    return buffer.getvalue()
