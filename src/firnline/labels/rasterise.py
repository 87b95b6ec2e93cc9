"""Outlines to class rasters on a scene's grid: which pixel is ice, which is debris, and which is not known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage

from firnline.classes import BACKGROUND, CLEAN_ICE, DEBRIS, UNKNOWN, Classes, LabelScheme
from firnline.errors import ConfigError, LabelError
from firnline.grid import Grid
from firnline.labels.dates import FirmDates
from firnline.labels.outlines import Outlines
from firnline.labels.report import LabelReport
from firnline.labels.truth import DebrisOnly, Glaciers, GlaciersWithDebris, Parts, Truth

Mask = NDArray[np.bool_]

_TOUCHING: Mask = np.ones((3, 3), np.bool_)


@dataclass(frozen=True, eq=False)
class LabelResult:
    """A class raster (uint8, in the grid's shape, 255 unknown), its scheme, and what was decided on the way."""

    classes: Classes
    scheme: LabelScheme
    report: LabelReport


def rasterise(
    grid: Grid,
    truth: Truth,
    *,
    border: Outlines | None = None,
    all_touched: bool = False,
    firm_dates: FirmDates | None = None,
    unknown_rim: int = 0,
) -> LabelResult:
    """Turn outlines into a class raster. Holes stay holes.

    Parameters
    ----------
    grid
        The scene's grid; `truth` and `border` were read for it (`read_outlines(path, grid=grid)`).
    truth
        What the outlines say; see `firnline.labels.truth`.
    border
        The region that was mapped: outside of it nothing is known. It always follows the pixel-centre rule.
    all_touched
        Burn every pixel that a polygon touches, else those whose centre lies in it.
    firm_dates
        First and last date on which outlines are firm. The area of those dated otherwise, or not to the day, is
        unknown. A file without dates beside one that has them is taken as firm.
    unknown_rim
        Pixels this near to a boundary between classes (in rows and in columns) become unknown.

    Raises
    ------
    LabelError
        When no outline touches the grid, or the border does not, or `firm_dates` are given and no outline is dated.

    Examples
    --------
    >>> import tempfile, geopandas, shapely
    >>> from pathlib import Path
    >>> from affine import Affine
    >>> from rasterio.crs import CRS
    >>> from firnline.labels import read_outlines, truth_of
    >>> grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 0, 0, -30, 60), (2, 4))
    >>> path = Path(tempfile.mkdtemp()) / "parts.gpkg"
    >>> boxes = [shapely.box(0, 0, 60, 60), shapely.box(60, 30, 90, 60)]
    >>> geopandas.GeoDataFrame({"class": ["clean ice", "debris"]}, geometry=boxes, crs=32645).to_file(path)
    >>> rasterise(grid, truth_of(read_outlines(path, grid=grid))).classes.tolist()
    [[1, 1, 2, 0], [1, 1, 0, 0]]
    """
    _require_usable(grid, truth, border, firm_dates, unknown_rim)
    burner = _Burner(grid, all_touched, firm_dates)
    classes, debris_apart = _classes(truth, burner)
    outside_glaciers = classes == UNKNOWN
    not_firm = burner.not_firm
    classes[not_firm] = UNKNOWN
    rim = _rim(classes, unknown_rim)
    classes[rim] = UNKNOWN
    outside_border = np.zeros(grid.shape, np.bool_) if border is None else ~_Burner(grid, False, None).mask(border)
    classes[outside_border] = UNKNOWN
    report = LabelReport.of(
        classes,
        truth,
        grid,
        not_firm_outlines=burner.not_firm_outlines,
        masks={
            "outside_border": outside_border,
            "outside_glaciers": outside_glaciers & ~not_firm,
            "not_firm": not_firm,
            "rim": rim,
            "debris_apart": debris_apart,
        },
    )
    return LabelResult(classes, truth.scheme, report)


@dataclass(eq=False)
class _Burner:
    """Turns outlines into masks by one rule, and gathers the area of those that are not firm."""

    grid: Grid
    all_touched: bool
    firm_dates: FirmDates | None
    not_firm: Mask = field(init=False)
    not_firm_outlines: int = 0

    def __post_init__(self) -> None:
        self.not_firm = np.zeros(self.grid.shape, np.bool_)

    def mask(self, outlines: Outlines) -> Mask:
        """Pixels of the firm outlines; those of the others are added to `not_firm`."""
        geometry = np.asarray(outlines.frame.geometry.array, dtype=object)
        firm = self._is_firm(outlines)
        self.not_firm |= self._burnt(geometry[~firm])
        self.not_firm_outlines += int((~firm).sum())
        return self._burnt(geometry[firm])

    def _is_firm(self, outlines: Outlines) -> Mask:
        if self.firm_dates is None or outlines.date_column is None:
            return np.ones(len(outlines.frame), np.bool_)
        start, end = self.firm_dates
        return np.array([date is not None and start <= date <= end for date in outlines.frame["date"]], np.bool_)

    def _burnt(self, geometry: NDArray[np.object_]) -> Mask:
        if not len(geometry):
            return np.zeros(self.grid.shape, np.bool_)
        burnt = rasterize(
            geometry.tolist(),
            out_shape=self.grid.shape,
            transform=self.grid.transform,
            all_touched=self.all_touched,
            dtype=np.uint8,
        )
        return np.asarray(burnt, np.bool_)


def _classes(truth: Truth, burner: _Burner) -> tuple[Classes, Mask]:
    """Class values, and the debris that does not touch clean ice; unknown is debris outside every glacier."""
    classes = np.full(burner.grid.shape, BACKGROUND, np.uint8)
    apart = np.zeros(burner.grid.shape, np.bool_)
    match truth:
        case Parts():
            clean, debris = burner.mask(truth.clean), burner.mask(truth.debris)
            classes[clean] = CLEAN_ICE
            classes[debris] = DEBRIS
            apart = _apart(debris, clean)
        case GlaciersWithDebris():
            glaciers, debris = burner.mask(truth.glaciers), burner.mask(truth.debris)
            classes[glaciers] = CLEAN_ICE
            classes[debris] = UNKNOWN
            classes[debris & glaciers] = DEBRIS
        case Glaciers():
            classes[burner.mask(truth.glaciers)] = 1
        case DebrisOnly():
            classes[burner.mask(truth.debris)] = 1
    return classes, apart


def _apart(debris: Mask, clean: Mask) -> Mask:
    """Connected debris that no clean ice touches: wholly covered glaciers, or a slip of the pen."""
    labelled, count = ndimage.label(debris, structure=_TOUCHING)
    touched = np.zeros(count + 1, np.bool_)
    touched[np.unique(labelled[ndimage.binary_dilation(clean, structure=_TOUCHING)])] = True
    touched[0] = True
    return np.asarray(~touched[labelled], np.bool_)


def _rim(classes: Classes, pixels: int) -> Mask:
    """Known pixels with a pixel of another known class within `pixels` rows and columns."""
    if pixels == 0:
        return np.zeros(classes.shape, np.bool_)
    known = classes != UNKNOWN
    size = 2 * pixels + 1
    highest = ndimage.maximum_filter(np.where(known, classes, 0), size, mode="nearest")
    lowest = ndimage.minimum_filter(classes, size, mode="nearest")  # unknown is the highest value
    return np.asarray(known & (highest != lowest), np.bool_)


def _require_usable(
    grid: Grid, truth: Truth, border: Outlines | None, firm_dates: FirmDates | None, unknown_rim: int
) -> None:
    if unknown_rim < 0:
        raise ConfigError(f"{unknown_rim} is not a number of pixels", where="--unknown-rim", do="give 0 or more")
    for each in [truth.outlines] if border is None else [truth.outlines, (border,)]:
        if not any(len(outlines.frame) for outlines in each):
            raise LabelError(
                f"does not touch the scene ({grid.crs.to_string()}, bounds {_rounded(grid.bounds)})",
                where=" and ".join(sorted({str(outlines.path) for outlines in each})),
                do="give outlines of the same place, and check that the CRS it says is true",
            )
    if firm_dates is not None and not any(outlines.date_column for outlines in truth.outlines):
        raise LabelError(
            "has no dates, so none of it can be told to be firm",
            where=" and ".join(sorted({str(outlines.path) for outlines in truth.outlines})),
            do="name the --date-column",
        )


def _rounded(bounds: tuple[float, float, float, float]) -> str:
    return " ".join(f"{value:.10g}" for value in bounds)
