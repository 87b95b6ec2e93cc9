"""Class rasters on disk: uint8 GeoTIFFs that say which label scheme they follow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from firnline.classes import SCHEME_TAG, UNKNOWN, Classes, LabelScheme, require_values
from firnline.errors import GridError, LabelError, SceneError
from firnline.files import replaced
from firnline.grid import Grid

_SCHEME_NAMES = frozenset(str(scheme) for scheme in LabelScheme)


class ClassRaster(NamedTuple):
    """Class values (uint8, row and column), where their pixels lie, and what they mean."""

    classes: Classes
    grid: Grid
    scheme: LabelScheme


def write_classes(
    path: str | Path,
    classes: Classes,
    grid: Grid,
    scheme: LabelScheme,
    tags: Mapping[str, str] | None = None,
) -> Path:
    """Write a class raster as a tiled GeoTIFF, with its scheme in a tag and as the band's description.

    Parameters
    ----------
    path
        Where it shall be; a file that is there is replaced once the new one is whole.
    classes
        uint8 (row, column), in the grid's shape; 255 is unknown, and is written as the file's nodata.
    grid
        Where the pixels lie.
    scheme
        What the values mean.
    tags
        More GeoTIFF tags: inputs, versions, settings, date.

    Returns
    -------
    The path.

    Raises
    ------
    LabelError
        When `classes` holds a value that the scheme does not have.
    GridError
        When `classes` is not in the grid's shape.
    OutputError
        When it could not be written.

    Examples
    --------
    >>> import tempfile
    >>> from affine import Affine
    >>> from rasterio.crs import CRS
    >>> grid = Grid(CRS.from_epsg(32645), Affine(30, 0, 478005, 0, -30, 3108145), (1, 3))
    >>> path = Path(tempfile.mkdtemp()) / "classes.tif"
    >>> _ = write_classes(path, np.array([[0, 2, 255]], np.uint8), grid, LabelScheme.CLASS)
    >>> back = read_classes(path)
    >>> back.classes.tolist(), str(back.scheme), back.grid == grid
    ([[0, 2, 255]], 'class', True)
    """
    path = Path(path)
    if classes.shape != grid.shape:
        raise GridError(f"the classes are {classes.shape} pixels, the grid {grid.shape}", where=path)
    require_values(classes, scheme, str(path))
    profile = {
        **{"driver": "GTiff", "dtype": "uint8", "count": 1, "height": grid.shape[0], "width": grid.shape[1]},
        **{"crs": grid.crs, "transform": grid.transform, "nodata": UNKNOWN},
        **{"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate"},
    }
    names = ", ".join(f"{value} {name}" for value, name in enumerate(scheme.class_names))
    own_tags = {SCHEME_TAG: str(scheme), "CLASSES": f"{names}, {UNKNOWN} unknown"}
    with replaced(path) as temporary:
        with rasterio.open(temporary, "w", **profile) as file:
            file.write(classes.astype(np.uint8, copy=False), 1)
            file.set_band_description(1, str(scheme))
            file.update_tags(**{**(tags or {}), **own_tags})
        _require_whole(temporary, classes)
    return path


def _require_whole(path: Path, classes: Classes) -> None:
    """Read the file back: GDAL writes its last blocks on closing, and a full disk then goes without a word."""
    try:
        with rasterio.open(path) as file:
            whole = np.array_equal(file.read(1), classes)
    except RasterioError:
        whole = False
    if not whole:
        raise OSError("the disk did not keep all of it")


def read_grid(path: str | Path) -> Grid:
    """The grid of any raster, whatever its bands are called.

    Raises
    ------
    SceneError
        When it is not a raster.
    GridError
        When it has no CRS or is not north up.
    """
    path = Path(path)
    try:
        with rasterio.open(path) as file:
            return Grid.of(file)
    except RasterioError as error:
        what = f"is not a raster that GDAL reads ({error})" if path.exists() else "does not exist"
        raise SceneError(what, where=path, do="give a GeoTIFF or another GDAL raster") from None


def read_classes(path: str | Path, scheme: LabelScheme | None = None) -> ClassRaster:
    """Read a class raster whole, with its label scheme.

    The scheme is `scheme` where given, else what the file's tag says, else its band description (``class``,
    ``glacier`` or ``debris``). The file's own nodata value becomes 255, unknown.

    Returns
    -------
    (classes, grid, scheme): uint8 (row, column), 255 unknown.

    Raises
    ------
    LabelError
        When it is not a raster of whole numbers in one band, holds values that the scheme does not have, does not
        say its scheme, or says another one than `scheme`.
    GridError
        When it has no CRS or is not north up.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise LabelError(what, where=path, do="give a class raster (GeoTIFF)")
    try:
        with rasterio.open(path) as file:
            if file.count != 1 or np.dtype(file.dtypes[0]).kind not in "iu":
                raise LabelError(
                    f"is not a class raster: {file.count} band(s) of {file.dtypes[0]}",
                    where=path,
                    do="give one band of whole numbers (uint8)",
                )
            grid, meant, nodata = Grid.of(file), _scheme_of(file, scheme, path), file.nodata
            values = file.read(1)
    except RasterioError as error:
        raise LabelError(
            f"is not a raster that GDAL reads, or is cut off ({error})",
            where=path,
            do="give a class raster (GeoTIFF)",
        ) from None
    return ClassRaster(_as_classes(values, nodata, meant, path), grid, meant)


def _scheme_of(file: DatasetReader, given: LabelScheme | None, path: Path) -> LabelScheme:
    said = file.tags().get(SCHEME_TAG) or str(file.descriptions[0] or "").strip().lower()
    found = LabelScheme(said) if said in _SCHEME_NAMES else None
    if found is not None and given is not None and found != given:
        raise LabelError(f"says its label scheme is '{found}', not '{given}'", where=path, do=f"name it '{found}'")
    scheme = found if given is None else given
    if scheme is None:
        raise LabelError(
            "does not say what its values mean",
            where=path,
            do="name its label scheme (class, glacier, debris or clean)",
        )
    return scheme


def _as_classes(values: np.ndarray, nodata: float | None, scheme: LabelScheme, path: Path) -> Classes:
    unknown = np.zeros(values.shape, np.bool_) if nodata is None else values == nodata
    known = values[~unknown]
    if known.size and (known.min() < 0 or known.max() > UNKNOWN):
        raise LabelError(
            f"holds values from {known.min()} to {known.max()}, which are not classes", where=path, do="use 0 to 255"
        )
    classes = np.where(unknown, UNKNOWN, values).astype(np.uint8)
    require_values(classes, scheme, str(path))
    return classes
