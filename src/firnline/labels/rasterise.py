"""Outlines to class rasters on a scene's grid: which pixel is ice, which is debris, and which is not known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from firnline.classes import CLEAN_ICE, DEBRIS, UNKNOWN, Classes, LabelScheme
from firnline.errors import ConfigError, LabelError
from firnline.grid import Grid
from firnline.labels.dates import FirmDates
from firnline.labels.outlines import Outlines
from firnline.labels.report import LabelReport
from firnline.labels.truth import DebrisOnly, Glaciers, GlaciersWithDebris, Parts, Truth

Mask = NDArray[np.bool_]


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
    scene_date: dt.date | None = None,
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
    scene_date
        The day of the scene, for the report of how far the outlines are from it in time.

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
    classes = _classes(truth, burner)
    outside_glaciers = int(np.count_nonzero(classes == UNKNOWN))
    if burner.not_firm is not None:
        outside_glaciers = int(np.count_nonzero((classes == UNKNOWN) & ~burner.not_firm))
        classes[burner.not_firm] = UNKNOWN
    rim = 0
    if unknown_rim:
        near = _rim(classes, unknown_rim)
        rim = int(np.count_nonzero(near))
        classes[near] = UNKNOWN
    outside_border = 0
    if border is not None:
        beyond = ~_Burner(grid, False, None).mask(border)
        outside_border = int(np.count_nonzero(beyond))
        classes[beyond] = UNKNOWN
    report = LabelReport.of(
        classes,
        truth,
        grid,
        not_firm_outlines=burner.not_firm_outlines,
        counts={
            "outside_border": outside_border,
            "outside_glaciers": outside_glaciers,
            "not_firm": 0 if burner.not_firm is None else int(np.count_nonzero(burner.not_firm)),
            "rim": rim,
            "debris_apart": burner.debris_apart,
            "overlap": burner.overlap,
        },
        scene_date=scene_date,
    )
    return LabelResult(classes, truth.scheme, report)


@dataclass(eq=False)
class _Burner:
    """Turns outlines into masks by one rule, and gathers the area of those that are not firm."""

    grid: Grid
    all_touched: bool
    firm_dates: FirmDates | None
    not_firm: Mask | None = None
    """None as long as every outline is firm."""
    not_firm_outlines: int = 0
    debris_apart: int = 0
    """Pixels of debris outlines that touch no clean ice."""
    overlap: int = 0
    """Pixels that a clean and a debris outline both claim."""

    def mask(self, outlines: Outlines) -> Mask:
        """Pixels of the firm outlines; those of the others are added to `not_firm`."""
        geometry = np.asarray(outlines.frame.geometry.array, dtype=object)
        firm = self._is_firm(outlines)
        if not firm.all():
            loose = self._burnt(geometry[~firm])
            self.not_firm = loose if self.not_firm is None else self.not_firm | loose
            self.not_firm_outlines += int((~firm).sum())
        return self._burnt(geometry[firm])

    def count_apart(self, debris: Outlines, clean: Outlines) -> None:
        """Count the pixels of firm debris outlines that neither touch clean ice nor debris that does."""
        near = self.grid.transform.a * 2**0.5  # pixels touch at their corners as well
        geometry = np.asarray(debris.frame.geometry.array, dtype=object)[self._is_firm(debris)]
        ice = np.asarray(clean.frame.geometry.array, dtype=object)[self._is_firm(clean)]
        among = shapely.STRtree(geometry).query(geometry, predicate="dwithin", distance=near)
        touching = np.unique(shapely.STRtree(ice).query(geometry, predicate="dwithin", distance=near)[0])
        links = coo_array((np.ones(among.shape[1]), tuple(among)), shape=(len(geometry), len(geometry)))
        _, group = connected_components(links, directed=False)
        apart = ~np.isin(group, group[touching])
        self.debris_apart = int(np.count_nonzero(self._burnt(geometry[apart])))

    def _is_firm(self, outlines: Outlines) -> Mask:
        if self.firm_dates is None or outlines.date_column is None:
            return np.ones(len(outlines.frame), np.bool_)
        start, end = self.firm_dates
        within = [date is not None and start <= date <= end for date in outlines.frame["date"]]
        undated = ~outlines.frame["dated"].to_numpy(np.bool_)
        return np.asarray(np.array(within, np.bool_) | undated, np.bool_)

    def _burnt(self, geometry: NDArray[np.object_]) -> Mask:
        burnt: NDArray[np.uint8] = np.zeros(self.grid.shape, np.uint8)
        if len(geometry):
            rasterize(geometry.tolist(), out=burnt, transform=self.grid.transform, all_touched=self.all_touched)
        return burnt.view(np.bool_)


def _classes(truth: Truth, burner: _Burner) -> Classes:
    """Class values; unknown is debris outside every glacier."""
    match truth:
        case Parts():
            classes = burner.mask(truth.clean).view(np.uint8)
            debris = burner.mask(truth.debris)
            burner.overlap = int(np.count_nonzero(classes.view(np.bool_) & debris))
            np.putmask(classes, debris, DEBRIS)
            burner.count_apart(truth.debris, truth.clean)
        case GlaciersWithDebris():
            classes = burner.mask(truth.glaciers).view(np.uint8)
            debris = burner.mask(truth.debris)
            classes[debris] = np.where(classes[debris] == CLEAN_ICE, DEBRIS, UNKNOWN)
        case Glaciers():
            classes = burner.mask(truth.glaciers).view(np.uint8)
        case DebrisOnly():
            classes = burner.mask(truth.debris).view(np.uint8)
    return classes


def _rim(classes: Classes, pixels: int) -> Mask:
    """Known pixels with a pixel of another known class within `pixels` rows and columns."""
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
                where=_names(each),
                do="give outlines of the same place, and check that the CRS it says is true",
            )
    if firm_dates is not None and not any(outlines.date_column for outlines in truth.outlines):
        raise LabelError(
            "has no dates, so none of it can be told to be firm",
            where=_names(truth.outlines),
            do="name the --date-column",
        )


def _names(several: Sequence[Outlines]) -> str:
    return " and ".join(sorted({str(path) for outlines in several for path in outlines.paths}))


def _rounded(bounds: tuple[float, float, float, float]) -> str:
    return " ".join(f"{value:.10g}" for value in bounds)
