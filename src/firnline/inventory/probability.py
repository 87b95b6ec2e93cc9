"""How sure the model was of each outline: the mean probability of its class over its pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import rasterio
import rasterio.features
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from firnline.errors import BandError, SceneError
from firnline.grid import Grid

_BLOCK_ROWS: Final = 512


def mean_probability(outlines: gpd.GeoDataFrame, probabilities: str | Path | None) -> NDArray[np.float64]:
    """Average the probability of its own class over the pixels of each outline.

    Reads the probability map in blocks of rows, so memory does not grow with the scene's height. A pixel belongs
    to the outline that holds its centre; outlines that come from the same grid so get back their own pixels.

    Parameters
    ----------
    outlines
        A table of outlines with a column ``class``, in the CRS of the probability map.
    probabilities
        A raster of one band a class, described by the class's name, with scale, offset and nodata on its bands;
        None for a model that has no probabilities (a rule).

    Returns
    -------
    float64 (outline,), 0 to 1; NaN where nothing is known, and everywhere without probabilities.

    Raises
    ------
    SceneError
        When the map cannot be read.
    BandError
        When the map has no band for a class that is in the table.

    Examples
    --------
    >>> mean_probability(gpd.GeoDataFrame({"class": []}, geometry=[], crs="EPSG:32645"), None).tolist()
    []
    """
    sums, counts = np.zeros(len(outlines)), np.zeros(len(outlines))
    if probabilities is not None and len(outlines):
        path = Path(probabilities)
        try:
            with rasterio.open(path) as dataset:
                _accumulate(outlines, dataset, path, sums, counts)
        except RasterioError as error:
            raise SceneError(f"cannot be read as a probability map ({error})", where=path) from None
    means = np.full(len(outlines), np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def _accumulate(
    outlines: gpd.GeoDataFrame,
    dataset: DatasetReader,
    path: Path,
    sums: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> None:
    grid = Grid.of(dataset)
    classes = outlines["class"].to_numpy()
    bands = {name: _band_of(name, dataset, path) for name in dict.fromkeys(classes)}
    for window in grid.strips(_BLOCK_ROWS):
        numbers = _burnt(outlines, grid.of_window(window))
        for name, band in bands.items():
            own = np.concatenate([[False], classes == name])[numbers]
            stored = dataset.read(band, window=window.to_rasterio(), masked=True)
            own &= ~np.ma.getmaskarray(stored)
            values = stored.data[own] * dataset.scales[band - 1] + dataset.offsets[band - 1]
            index = numbers[own] - 1
            sums += np.bincount(index, weights=values, minlength=len(sums))
            counts += np.bincount(index, minlength=len(counts))


def _band_of(name: str, dataset: DatasetReader, path: Path) -> int:
    names = [str(description) for description in dataset.descriptions]
    if name not in names:
        raise BandError(f"has no probabilities of '{name}'", where=path, do=f"its bands are: {', '.join(names)}")
    return names.index(name) + 1


def _burnt(outlines: gpd.GeoDataFrame, grid: Grid) -> NDArray[np.int32]:
    """The number (from 1) of the outline at each pixel's centre, 0 where there is none."""
    near = np.sort(outlines.sindex.query(grid.footprint()))
    numbers = np.zeros(grid.shape, np.int32)
    if near.size:
        shapes = ((outlines.geometry.iloc[index], int(index) + 1) for index in near)
        rasterio.features.rasterize(shapes, out=numbers, transform=grid.transform)
    return numbers
