"""Pictures of what was found: small, in one stretch for all dates, so that they can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import geopandas
import numpy as np
import shapely
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from firnline.acquire.aoi import Aoi
from firnline.acquire.catalogue.overview import Overviews
from firnline.acquire.catalogue.ranking import Pass, unique_names
from firnline.acquire.catalogue.search import Found
from firnline.acquire.network import PATIENCE, Patience
from firnline.errors import ConfigError
from firnline.files import replaced
from firnline.grid import Grid
from firnline.report.falsecolour import Stretch, to_rgb

COLOURS: Final = {
    "false": Stretch(("swir16", "nir08", "red"), (0.0, 0.0, 0.0), (0.5, 0.9, 0.9)),
    "true": Stretch(("red", "green", "blue"), (0.0, 0.0, 0.0), (0.9, 0.9, 0.9)),
}
"""Bands for red, green and blue, and the reflectance that is full. Ice is blue in false colour, cloud white."""
_INK: Final = "#333333"
_LINE: Final = "#ffd000"


@dataclass(frozen=True)
class _Shot:
    title: str
    image: NDArray[np.uint8]
    grid: Grid


def preview(
    found: Found,
    passes: Sequence[Pass],
    folder: Path,
    aoi: Aoi,
    *,
    colours: str = "false",
    side: int = 600,
    patience: Patience = PATIENCE,
) -> list[Path]:
    """Draw each pass over the area into a PNG file, and all of them together on a contact sheet.

    The stretch is the same for every date. The area is outlined; where nothing is known there are grey stripes.

    Parameters
    ----------
    folder
        Gets ``YYYYMMDD_SENSOR.png`` for each pass and, for several, ``contact-sheet.png``.
    colours
        ``false`` (short-wave infrared, near infrared, red) or ``true``.
    side
        Pixels of the longer side of the area.

    Raises
    ------
    ConfigError
        When there are no such colours.
    RemoteError, ItemError
        When a server fails, or an item lacks a band.
    """
    if colours not in COLOURS:
        raise ConfigError(f"'{colours}' is not known", where="--colours", do=f"choose {' or '.join(COLOURS)}")
    overviews = Overviews.of(found, aoi, patience, side)
    written, shots = [], []
    names = unique_names([(f"{each.date:%Y%m%d}_{each.sensor}", each) for each in passes])
    for name, each in zip(names, passes, strict=True):
        shot = _shot(overviews, each, COLOURS[colours])
        path = folder / f"{name}.png"
        _draw([shot], path, aoi)
        written.append(path)
        shots.append(shot)
    if len(shots) > 1:
        sheet = folder / "contact-sheet.png"
        _draw(shots, sheet, aoi)
        written.append(sheet)
    return written


def _shot(overviews: Overviews, given: Pass, stretch: Stretch) -> _Shot:
    grid = overviews.grid(given.items[0])
    values = overviews.values(given.items, stretch.bands, grid)
    cloud = "cloud not known" if given.cloud_cover is None else f"{given.cloud_cover:.0f} % cloud"
    title = f"{given.date}  {given.sensor}\n{cloud}, {given.season}, score {given.score:.2f}"
    return _Shot(title, to_rgb(values, stretch), grid)


def _draw(shots: Sequence[_Shot], path: Path, aoi: Aoi) -> None:
    columns = min(len(shots), 4)
    rows = -(-len(shots) // columns)
    high, wide = shots[0].image.shape[:2]
    inches = 6.0 if len(shots) == 1 else 3.2
    scale = inches / max(high, wide)
    figure = Figure(figsize=(columns * wide * scale + 0.3, rows * (high * scale + 0.55)), layout="constrained")
    FigureCanvasAgg(figure)
    all_axes: Any = figure.subplots(rows, columns, squeeze=False)
    for axes, shot in zip(all_axes.flat, shots, strict=False):
        left, bottom, right, top = shot.grid.bounds
        axes.imshow(shot.image, extent=(left, right, bottom, top), interpolation="nearest")
        for ring in _rings(aoi, shot.grid):
            axes.plot(*ring, color=_LINE, linewidth=1.2)
        axes.set_title(shot.title, fontsize=8, color=_INK)
    for axes in all_axes.flat:
        axes.set_axis_off()
    with replaced(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _rings(aoi: Aoi, grid: Grid) -> list[Any]:
    moved = geopandas.GeoSeries([aoi.geometry], crs=aoi.crs.to_wkt()).to_crs(grid.crs.to_wkt()).iloc[0]
    polygons = [part for part in shapely.get_parts(moved) if part.geom_type == "Polygon"]
    return [ring.xy for part in polygons for ring in (part.exterior, *part.interiors)]
