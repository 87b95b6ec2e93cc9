"""Comparing maps with the truth: reading either side, bringing both to one scheme, counting over the whole set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from firnline.classes import UNKNOWN, Classes, LabelScheme, convert
from firnline.classraster import ClassRaster, read_classes, read_grid
from firnline.errors import FirnlineError, GridError, LabelError
from firnline.evaluation.confusion import Confusion, confusion
from firnline.evaluation.scores import ClassScores, by_class
from firnline.evaluation.trial import Trial, summed, try_rules
from firnline.features import FeatureSource
from firnline.flags import IN_FOLDER, Flag, find_flags, read_flags
from firnline.grid import Grid, require_same
from firnline.labels import rasterise, read_border, read_outlines, truth_of
from firnline.scene import open_scene

VECTOR_SUFFIXES: Final = frozenset(
    (".gpkg", ".shp", ".geojson", ".json", ".fgb", ".kml", ".kmz", ".gml", ".zip", ".parquet", ".geoparquet")
)
"""Files with these suffixes are read as outlines, others as class rasters."""

CLASSES_IN_FOLDER: Final = "classes.tif"


@dataclass(frozen=True)
class Pair:
    """A prediction and its truth: class rasters or outlines; a folder stands for the class raster in it.

    `scene` gives the grid where both are outlines, and the features of the untrained rules; `dem` its terrain.
    `border` is the region that was mapped: outside of it the outlines of either side say nothing.
    """

    prediction: Path
    truth: Path
    scene: Path | None = None
    dem: Path | None = None
    border: Path | None = None


@dataclass(frozen=True)
class Compared:
    """What was compared, as the record has it."""

    pair: Pair
    prediction_scheme: LabelScheme
    truth_scheme: LabelScheme
    confusion: Confusion
    pixel_km2: float | None
    filled: int = 0
    """Pixels of known truth that are left out, as the scene has values of another date there."""


@dataclass(frozen=True)
class Evaluation:
    """Counts and scores over a whole set of pairs."""

    scheme: LabelScheme
    confusion: Confusion
    classes: tuple[ClassScores, ...]
    compared: tuple[Compared, ...] = field(repr=False)
    all_touched: bool = False

    @property
    def filled(self) -> int:
        """Pixels of known truth that are left out, as the scenes have values of another date there."""
        return sum(each.filled for each in self.compared)

    @property
    def pixel_km2(self) -> float | None:
        """Area of a pixel, where it is the same in all pairs and known."""
        areas = {each.pixel_km2 for each in self.compared}
        return areas.pop() if len(areas) == 1 else None


def evaluate(pairs: Sequence[Pair], *, scheme: LabelScheme | None = None, all_touched: bool = False) -> Evaluation:
    """Score maps against the truth, over all pairs at once.

    Pixels that the scene's flags call filled (its values there are of another date) are not scored. Flags are those
    in the folder of the map, and those beside the scene.

    Parameters
    ----------
    pairs
        What to compare.
    scheme
        Turn both sides into this label scheme (class to glacier, class to debris); without it they must agree.
    all_touched
        How outlines are burnt: every pixel touched, else those whose centre is inside.

    Raises
    ------
    LabelError
        When the schemes differ, cannot be converted, a side cannot be read, or nothing is known in both.
    GridError
        When both sides are on different grids.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from affine import Affine
    >>> from rasterio.crs import CRS
    >>> from firnline.classraster import write_classes
    >>> folder = Path(tempfile.mkdtemp())
    >>> grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), (1, 4))
    >>> for name, values in {"truth": [0, 1, 1, 255], "map": [1, 1, 0, 0]}.items():
    ...     _ = write_classes(folder / f"{name}.tif", np.array([values], np.uint8), grid, LabelScheme.GLACIER)
    >>> result = evaluate([Pair(folder / "map.tif", folder / "truth.tif")])
    >>> round(result.classes[0].scores.iou, 3), result.confusion.truth_unknown
    (0.333, 1)
    """
    if not pairs:
        raise LabelError("there is nothing to compare", do="give a prediction and a truth")
    target: LabelScheme | None = scheme
    compared: list[Compared] = []
    trials: list[dict[str, Trial]] = []
    for pair in pairs:
        truth, prediction = _sides(pair, scheme, all_touched)
        target = target or truth.scheme
        _require_agreement(pair, truth.scheme, prediction.scheme, target, is_converted=scheme is not None)
        true_classes = _converted(truth, target, pair.truth)
        mapped_classes = _converted(prediction, target, pair.prediction)
        true_classes, filled = _without_filled(pair, truth.grid, true_classes)
        counts = confusion(true_classes, mapped_classes, target.class_count)
        compared.append(Compared(pair, prediction.scheme, truth.scheme, counts, _pixel_km2(truth.grid), filled))
        if pair.scene is not None:
            source = FeatureSource(open_scene(pair.scene), pair.dem)
            require_same(truth.grid, source.scene.grid, pair.truth, pair.scene)
            trials.append(try_rules(source, target, true_classes, mapped_classes))
    assert target is not None
    total = compared[0].confusion
    for each in compared[1:]:
        total = total + each.confusion
    if total.scored == 0:
        raise LabelError(
            "no pixel is known in both prediction and truth",
            where=pairs[0].prediction,
            do="check which value the files call nodata: it is unknown",
        )
    rules = summed(trials) if len(trials) == len(pairs) else {}
    return Evaluation(target, total, by_class(total, target.class_names, rules), tuple(compared), all_touched)


def _sides(pair: Pair, scheme: LabelScheme | None, all_touched: bool) -> tuple[ClassRaster, ClassRaster]:
    """Truth and prediction on one grid: that of the raster among them, else the scene's."""
    paths = pair.truth, _in_folder(pair.prediction)
    rasters = [None if _is_outlines(path) else read_classes(path) for path in paths]
    grid = next((raster.grid for raster in rasters if raster is not None), None)
    if grid is None:
        if pair.scene is None:
            raise GridError(
                "is outlines, as the truth is, and so there is no grid", where=pair.prediction, do="give a --scene"
            )
        grid = read_grid(pair.scene)
    truth, prediction = (
        _burnt(path, grid, pair.border, all_touched) if raster is None else raster
        for path, raster in zip(paths, rasters, strict=True)
    )
    require_same(truth.grid, prediction.grid, paths[0], paths[1])
    return truth, prediction


def _in_folder(path: Path) -> Path:
    return path / CLASSES_IN_FOLDER if path.is_dir() else path


def _is_outlines(path: Path) -> bool:
    suffix = path.suffix if path.exists() else Path(path.name.partition(":")[0]).suffix  # FILE:LAYER
    return suffix.lower() in VECTOR_SUFFIXES


def _burnt(path: Path, grid: Grid, border: Path | None, all_touched: bool) -> ClassRaster:
    mapped = None if border is None else read_border(border, grid=grid)
    result = rasterise(grid, truth_of(read_outlines(path, grid=grid)), border=mapped, all_touched=all_touched)
    return ClassRaster(result.classes, grid, result.scheme)


def _require_agreement(
    pair: Pair, truth: LabelScheme, prediction: LabelScheme, target: LabelScheme, *, is_converted: bool
) -> None:
    if not is_converted and (truth != prediction or truth != target):
        common = next(
            (each for each in LabelScheme if {truth, prediction} <= {each, "class"}),
            None,
        )
        raise LabelError(
            f"has the label scheme '{prediction}', the truth {pair.truth} has '{truth}'"
            + (f", the set '{target}'" if truth == prediction else ""),
            where=pair.prediction,
            do="there is no scheme for both" if common is None else f"compare them with --as {common}",
        )


def _converted(raster: ClassRaster, target: LabelScheme, path: Path) -> Classes:
    try:
        return convert(raster.classes, raster.scheme, target)
    except FirnlineError as error:
        raise LabelError(error.what, where=path, do="choose another --as, or another file") from None


def _without_filled(pair: Pair, grid: Grid, truth: Classes) -> tuple[Classes, int]:
    """The truth, unknown where the scene was filled from another date, and how many known pixels that took."""
    folder = pair.prediction if pair.prediction.is_dir() else pair.prediction.parent
    beside = None if pair.scene is None else find_flags(pair.scene)
    filled = np.zeros(grid.shape, np.bool_)
    for path in (folder / IN_FOLDER, beside):
        if path is not None and path.is_file():
            filled |= read_flags(path, grid) & Flag.FILLED != 0
    lost = filled & (truth != UNKNOWN)
    return np.where(lost, np.uint8(UNKNOWN), truth), int(lost.sum())


def _pixel_km2(grid: Grid) -> float | None:
    try:
        return grid.pixel_area_km2
    except GridError:
        return None
