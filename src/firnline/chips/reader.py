"""Chips read from their scenes: bands and truth of a window, with a bounded number of files open."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.io import DatasetReader

from firnline.chips.table import Chip
from firnline.classes import SCHEME_TAG, UNKNOWN, Classes, LabelScheme, require_values
from firnline.errors import LabelError, SceneError
from firnline.features import FeatureReader, FeatureSource
from firnline.flags import Flag, find_flags
from firnline.grid import Grid, Window, require_same
from firnline.scene import open_scene

Floats = NDArray[np.float32]

_SAME_CORNER = 1e-3
"""Corners within this share of a pixel are the same, as of grids."""


@dataclass(frozen=True)
class Cut:
    """What chips are cut from: a scene, with its DEM and sidecar, and its truth."""

    scene: Path
    truth: Path
    dem: Path | None
    sidecar: Path | None
    scheme: LabelScheme

    @classmethod
    def of(cls, chip: Chip) -> Self:
        """That of a chip."""
        return cls(chip.scene, chip.truth, chip.dem, chip.sidecar, chip.scheme)

    def source(self) -> FeatureSource:
        """The scene with its DEM.

        Raises
        ------
        SceneError
            When the scene is not there.
        """
        if not self.scene.exists():
            raise SceneError("does not exist", where=self.scene, do="it has moved: make the table again")
        return FeatureSource(open_scene(self.scene, sidecar=self.sidecar), self.dem)


@dataclass(frozen=True, eq=False)
class OpenScene:
    """A scene and its truth, open; see `OpenScenes`. Windows may reach beyond it: all is unknown there."""

    cut: Cut
    source: FeatureSource
    features: FeatureReader
    classes: DatasetReader
    flags: DatasetReader | None

    @property
    def grid(self) -> Grid:
        """The scene's grid."""
        return self.source.scene.grid

    def require_in_place(self, chips: Iterable[Chip]) -> None:
        """Raise when chips do not lie on the ground that their table says: what it says of them is of another scene.

        Raises
        ------
        SceneError
            It names the first of them.
        """
        near = _SAME_CORNER * self.grid.transform.a

        @cache
        def same_crs(name: str) -> bool:
            try:
                return bool(CRS.from_user_input(name) == self.grid.crs)
            except CRSError:
                return False

        for chip in chips:
            apart = np.subtract(self.grid.corner(chip.window.row, chip.window.column), chip.corner)
            is_inside = chip.window.intersection(self.grid.window) is not None
            if not is_inside or (np.abs(apart) > near).any() or not same_crs(chip.crs):
                raise SceneError(
                    f"does not hold the chip {chip.id} where its table says: it is not the scene that the table was"
                    " made of",
                    where=self.cut.scene,
                    do="make the table again",
                )

    def bands(self, names: Sequence[str], window: Window) -> Floats:
        """Bands (band, row, column) of a window, float32 in their units, NaN where unknown."""
        inside = window.intersection(self.grid.window)
        if inside == window:
            return self.features.read(names, window)
        values = np.full((len(names), *window.shape), np.nan, np.float32)
        if inside is not None:
            values[(slice(None), *inside.relative_to(window).slices)] = self.features.read(names, inside)
        return values

    def truth(self, window: Window) -> Classes:
        """Truth (row, column) of a window, uint8, 255 where unknown or filled from another date."""
        classes = np.full(window.shape, UNKNOWN, np.uint8)
        inside = window.intersection(self.grid.window)
        if inside is not None:
            classes[inside.relative_to(window).slices] = self._truth_inside(inside)
        return classes

    def _truth_inside(self, window: Window) -> Classes:
        try:
            stored = self.classes.read(1, window=window.to_rasterio())
            filled = None if self.flags is None else self.flags.read(1, window=window.to_rasterio()) & Flag.FILLED
        except RasterioError as error:
            raise LabelError(
                f"cannot be read at row {window.row}, column {window.column}: it or its scene's flags are damaged "
                f"({error})",
                where=self.cut.truth,
                do="make it again",
            ) from None
        unknown = stored == UNKNOWN if self.classes.nodata is None else stored == self.classes.nodata
        values = np.where(unknown, UNKNOWN, stored)
        require_values(values, self.cut.scheme, str(self.cut.truth))  # before 256 becomes 0 in a byte
        classes: Classes = values.astype(np.uint8)
        if filled is not None:
            classes[filled != 0] = UNKNOWN
        return classes


class OpenScenes:
    """Scenes held open for many reads, at most `limit` of them: the one used longest ago is closed.

    A file's own cache of blocks is GDAL's, and bounded by it (``GDAL_CACHEMAX``).
    """

    def __init__(self, limit: int = 32) -> None:
        self._limit = limit
        self._open: OrderedDict[Cut, tuple[OpenScene, ExitStack]] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all."""
        while self._open:
            self._open.popitem()[1][1].close()

    def opened(self, cut: Cut) -> OpenScene:
        """The scene, opened if it is not.

        Raises
        ------
        SceneError, GridError, LabelError
            When the scene, its DEM, its flags or its truth cannot be used together.
        """
        if cut not in self._open:
            while len(self._open) >= self._limit:
                self._open.popitem(last=False)[1][1].close()
            stack = ExitStack()
            try:
                self._open[cut] = (_open(cut, stack), stack)
            except BaseException:
                stack.close()
                raise
        self._open.move_to_end(cut)
        return self._open[cut][0]

    def read(self, chip: Chip, bands: Sequence[str]) -> tuple[Floats, Classes]:
        """Bands (band, row, column; float32, NaN unknown) and truth (row, column; uint8, 255 unknown) of a chip."""
        scene = self.opened(Cut.of(chip))
        scene.require_in_place([chip])
        return scene.bands(bands, chip.window), scene.truth(chip.window)


def _open(cut: Cut, stack: ExitStack) -> OpenScene:
    source = cut.source()
    grid = source.scene.grid
    classes = _raster(cut.truth, stack)
    if classes.count != 1 or np.dtype(classes.dtypes[0]).kind not in "iu":
        raise LabelError("is not a class raster", where=cut.truth, do="give one band of whole numbers (uint8)")
    said = classes.tags().get(SCHEME_TAG, cut.scheme)
    if said != cut.scheme:
        raise LabelError(f"is of the label scheme '{said}', not '{cut.scheme}'", where=cut.truth, do="make it again")
    require_same(grid, Grid.of(classes), cut.scene, cut.truth)
    flags_at = find_flags(cut.scene)
    flags = None if flags_at is None else _raster(flags_at, stack)
    if flags is not None and flags_at is not None:
        require_same(grid, Grid.of(flags), cut.scene, flags_at)
    return OpenScene(cut, source, stack.enter_context(source.reader()), classes, flags)


def _raster(path: Path, stack: ExitStack) -> DatasetReader:
    try:
        return stack.enter_context(rasterio.open(path))
    except RasterioError as error:
        what = f"cannot be read ({error})" if path.exists() else "does not exist"
        raise LabelError(
            what, where=path, do="move it with the table and its scenes, or make the table again"
        ) from None
