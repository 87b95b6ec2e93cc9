"""Scenes: named bands on one grid, read window by window as float32 with NaN for unknown."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from firnline.bands import BANDS, Kind, Level, Sensor, band_name, is_numbered
from firnline.errors import BandError, GridError, SceneError
from firnline.grid import Grid, Window
from firnline.product import date_of, level_of, published_layout, sensor_of
from firnline.sidecar import BandNote, Fill, Sidecar, find_sidecar, read_sidecar


@dataclass(frozen=True)
class SceneBand:
    """One band of a scene: where it is stored, and how stored values become values in its unit.

    ``value = stored * scale + offset``, unknown where stored equals `nodata` or is not finite, and where the file's
    own mask says so (`has_mask`).
    """

    name: str
    index: int
    scale: float
    offset: float
    nodata: float | None
    level: Level
    has_mask: bool = False

    @property
    def kind(self) -> Kind:
        """What the band measures."""
        return BANDS[self.name].kind if self.name in BANDS else Kind.OTHER

    @property
    def unit(self) -> str:
        """The unit of values once read."""
        if self.level == Level.DIGITAL_NUMBER:
            return "DN"
        known = self.name in BANDS and self.level != Level.UNKNOWN
        return BANDS[self.name].unit if known else "unknown"


@dataclass(frozen=True)
class Scene:
    """A raster of named bands on one grid, with sensor and date where they are known.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "LC08_scene_20200901.tif"
    >>> profile = dict(driver="GTiff", count=1, dtype="uint16", width=4, height=3, crs="EPSG:32645", nodata=0,
    ...                transform=rasterio.Affine(30, 0, 478005, 0, -30, 3108145))
    >>> with rasterio.open(path, "w", **profile) as file:
    ...     file.descriptions = ["SR_B3"]
    ...     file.scales, file.offsets = [2.75e-05], [-0.2]
    ...     file.write(np.full((1, 3, 4), 20000, np.uint16))
    >>> scene = open_scene(path)
    >>> scene.band_names, str(scene.date), scene.band("green").level.value
    (('green',), '2020-09-01', 'surface reflectance')
    >>> scene.read(["green"], Window(0, 0, 1, 2)).round(3).tolist()
    [[[0.3499999940395355, 0.3499999940395355]]]
    """

    path: Path
    grid: Grid
    bands: tuple[SceneBand, ...]
    sensor: Sensor | None
    date: dt.date | None
    fill: tuple[int, float] | None = None
    """(band index, stored value): pixels unknown in every band."""
    alpha: int | None = None
    """Index of the alpha band: pixels are unknown in every band where it is 0."""
    note: str = ""
    sidecar: Path | None = None
    """The sidecar that it was read by."""
    is_synthetic: bool = False
    """Whether the file says that it is made up (tag ``SYNTHETIC``)."""
    gdal_name: str = ""
    """What GDAL opens where that is no path, as ``NETCDF:"f.nc":var``; `path` then serves for messages alone."""
    driver: str | None = None
    """The only GDAL driver that may read its files; None for all of them."""

    @property
    def band_names(self) -> tuple[str, ...]:
        """The bands' names, in file order."""
        return tuple(band.name for band in self.bands)

    @property
    def unknown_where(self) -> tuple[tuple[int, float], ...]:
        """(band index, stored value) that make a pixel unknown in every band."""
        alpha = None if self.alpha is None else (self.alpha, 0.0)
        return tuple(pair for pair in (self.fill, alpha) if pair is not None)

    @property
    def resolution(self) -> float:
        """Pixel size in metres; GridError that names the file when the CRS is not projected in metres."""
        try:
            return self.grid.resolution
        except GridError as error:
            raise GridError(error.what, where=self.path, do=error.do) from None

    def band(self, name: str) -> SceneBand:
        """The band of that name; BandError when the scene lacks it."""
        for band in self.bands:
            if band.name == name:
                return band
        raise BandError(f"has no band '{name}'", where=self.path, do=f"it has {' '.join(self.band_names)}")

    @contextmanager
    def reader(self) -> Iterator[SceneReader]:
        """Open the file for many reads."""
        with opened_by(self.gdal_name or self.path, self.driver) as dataset:
            yield SceneReader(self, dataset)

    def read(self, names: Sequence[str], window: Window | None = None) -> NDArray[np.float32]:
        """Read bands once; see `SceneReader.read`."""
        with self.reader() as reader:
            return reader.read(names, window)


@dataclass(frozen=True)
class SceneReader:
    """An open scene."""

    scene: Scene
    dataset: DatasetReader

    def read(
        self, names: Sequence[str], window: Window | None = None, shape: tuple[int, int] | None = None
    ) -> NDArray[np.float32]:
        """Read named bands in a window (the whole scene without one).

        Parameters
        ----------
        names
            The bands.
        window
            Which pixels.
        shape
            (rows, columns) to thin them to, nearest neighbours of the file's overviews; all pixels without one.

        Returns
        -------
        float32 array (band, row, column) in each band's unit, NaN where unknown.

        Raises
        ------
        BandError
            When the scene lacks a band.
        SceneError
            When the file is damaged.
        """
        bands = [self.scene.band(name) for name in names]
        window = self.scene.grid.window if window is None else window
        shape = window.shape if shape is None else shape
        values = np.empty((len(bands), *shape), np.float32)
        at = {"window": window.to_rasterio(), "out_shape": shape}
        with self._told_where(window):
            stored = self._stored([band.index for band in bands], at)
            for value, raw, band in zip(values, stored, bands, strict=True):
                np.multiply(raw, band.scale, out=value, casting="unsafe", dtype=np.float64)
                value += np.float32(band.offset)
                if band.nodata is not None:
                    value[raw == band.nodata] = np.nan
                if band.has_mask:
                    value[self.dataset.read_masks(band.index, **at) == 0] = np.nan
                value[~np.isfinite(value)] = np.nan
            for index, unknown in self.scene.unknown_where:
                values[:, self.dataset.read(index, **at) == unknown] = np.nan
        return values

    def _stored(self, indexes: Sequence[int], at: Mapping[str, Any]) -> list[NDArray[np.generic]]:
        """Stored values, a band each: in one go where all are of one type, as an array has only one."""
        if len({self.dataset.dtypes[index - 1] for index in indexes}) == 1:
            shape = (len(indexes), *at["out_shape"])
            return list(self.dataset.read(indexes, window=at["window"], out_shape=shape))
        return [self.dataset.read(index, **at) for index in indexes]

    @contextmanager
    def _told_where(self, window: Window) -> Iterator[None]:
        try:
            yield
        except RasterioError as error:
            raise SceneError(
                f"cannot be read at row {window.row}, column {window.column}: the file is damaged or cut off "
                f"({error})",
                where=self.scene.path,
                do="get it again",
            ) from None


@contextmanager
def opened_by(name: str | Path, driver: str | None = None) -> Iterator[DatasetReader]:
    """Open a raster for reading, by no other GDAL driver than the one named (by any without a name).

    What a file is called tells GDAL nothing: a name keeps out drivers that follow links to other files or into the
    network, as VRT does.

    Raises
    ------
    SceneError
        When it does not read it.
    """
    try:
        dataset = rasterio.open(name, driver=driver)
    except RasterioError as error:
        raise SceneError(_why_not_open(name, error), where=name, do="give a GeoTIFF or another GDAL raster") from None
    with dataset:
        yield dataset


_GDAL_NAME = re.compile(r"/vsi|[a-z0-9_+]{2,}:", re.IGNORECASE)
"""How names begin that GDAL opens and that are no paths: ``/vsizip/``, ``NETCDF:``, ``zip+https://``."""


def gdal_name_of(name: str | Path) -> str:
    """The name as given where GDAL has to take it apart, which a `Path` would change (``//``); empty for a path."""
    return str(name) if _GDAL_NAME.match(str(name)) and not Path(name).exists() else ""


def _why_not_open(name: str | Path, error: Exception) -> str:
    path = Path(name)
    if not path.exists() and not gdal_name_of(name):
        return "does not exist"
    return "is a folder" if path.is_dir() else f"is not a raster that GDAL reads, or is cut off ({error})"


def open_scene(
    path: str | Path,
    *,
    bands: Sequence[str] | None = None,
    sidecar: str | Path | None = None,
    sensor: Sensor | None = None,
    driver: str | None = None,
) -> Scene:
    """Find out what a raster is: bands by name, units, levels, sensor and date.

    Names come from `bands` (in file order), else the sidecar's, else the raster's band descriptions. A sidecar
    is `sidecar`, or the file ``<name>.firnline.yaml`` beside the raster. An alpha band is not named: it tells where
    pixels are unknown.

    Parameters
    ----------
    path
        A file, or a name that GDAL knows: ``/vsizip/scene.zip/scene.tif``, ``NETCDF:"scene.nc":red`` (as a string).
    bands
        Names of the bands, in file order.
    sidecar
        The sidecar, where it does not lie beside the raster.
    sensor
        The sensor, where neither says it.
    driver
        The only GDAL driver that may read it, now and later; any where none is named.

    Raises
    ------
    SceneError
        When it is not a raster.
    BandError
        When bands have no names, or two have the same.
    GridError
        When it has no CRS or is not north up.
    ConfigError
        When the sidecar is wrong.
    """
    gdal_name, path = gdal_name_of(path), Path(path)
    with opened_by(gdal_name or path, driver) as dataset:
        _require_numbers(dataset, path)
        notes_at = Path(sidecar) if sidecar is not None else find_sidecar(path)
        notes = read_sidecar(notes_at) if notes_at is not None else published_layout(dataset) or Sidecar()
        tags = dataset.tags()
        sensor = sensor or notes.sensor or sensor_of(path, tags)
        raw_names, alpha = _raw_names(dataset, bands or notes.names, path)
        unknown = sorted(set(notes.bands) - set(raw_names.values()))
        if unknown:
            raise BandError(f"the sidecar speaks of bands that are not there: {' '.join(unknown)}", where=path)
        found = tuple(_scene_band(dataset, index, raw, notes, sensor, path) for index, raw in raw_names.items())
        _require_distinct(found, path)
        grid = Grid.of(dataset)
        return Scene(
            path=path,
            grid=grid,
            bands=found,
            sensor=sensor,
            date=notes.date or date_of(path, tags),
            fill=_fill(notes.fill, raw_names, path),
            alpha=alpha,
            note=notes.note,
            sidecar=notes_at,
            is_synthetic=tags.get("SYNTHETIC", "").lower() in ("true", "yes", "1"),
            gdal_name=gdal_name,
            driver=driver,
        )


def _require_numbers(dataset: DatasetReader, path: Path) -> None:
    if dataset.count == 0:
        raise SceneError("holds no bands of its own", where=path, do="name one of its subdatasets (gdalinfo)")
    if any("complex" in dtype for dtype in dataset.dtypes):
        raise SceneError("holds complex numbers", where=path, do="give reflectance, or digital numbers")


def _raw_names(dataset: DatasetReader, given: Sequence[str] | None, path: Path) -> tuple[dict[int, str], int | None]:
    """Names by band index, and the index of the alpha band, if there is one."""
    indexes = list(dataset.indexes)
    alpha = _alpha(dataset)
    if alpha is not None and (given is None or len(given) == dataset.count - 1):
        indexes.remove(alpha)
    else:
        alpha = None
    if given is not None:
        if len(given) != len(indexes):
            raise BandError(f"has {dataset.count} bands, and {len(given)} names are given", where=path)
        if not all(name.strip() for name in given):
            raise BandError("one of the band names given is empty", where=path, do="name every band, in file order")
        return dict(zip(indexes, given, strict=True)), alpha
    described = {index: dataset.descriptions[index - 1] for index in indexes}
    missing = [str(index) for index, name in described.items() if not name]
    if missing:
        raise BandError(
            f"bands without a name: {' '.join(missing)}",
            where=path,
            do="name them with --bands blue,green,... in file order, or in a sidecar",
        )
    return {index: str(name) for index, name in described.items()}, alpha


def _alpha(dataset: DatasetReader) -> int | None:
    """The index of the alpha band.

    GDAL takes the fourth of four bands of bytes for alpha unless told otherwise; where it has a name of its own it
    is what its name says.
    """
    for index, meaning, name in zip(dataset.indexes, dataset.colorinterp, dataset.descriptions, strict=True):
        if meaning == ColorInterp.alpha and (name or "alpha").lower() == "alpha":
            return int(index)
    return None


def _scene_band(
    dataset: DatasetReader, index: int, raw: str, notes: Sidecar, sensor: Sensor | None, path: Path
) -> SceneBand:
    note = notes.bands.get(raw, BandNote())
    wanted = note.name or raw
    name = band_name(wanted, sensor)
    if name is None:
        if is_numbered(wanted):
            known = "the sensor is not known" if sensor is None else f"{sensor} has no such band"
            raise BandError(f"what band is '{wanted}'? {known}", where=path, do="say --sensor, or name the bands")
        name = wanted.lower()
    position = index - 1
    scale = dataset.scales[position] if note.scale is None else note.scale
    offset = dataset.offsets[position] if note.offset is None else note.offset
    nodata = dataset.nodatavals[position] if note.nodata is None else note.nodata
    tags, own = dataset.tags(), dataset.tags(index)
    level = note.level or level_of(name, scale, offset, notes.level, tags.get("LEVEL"), own.get("LEVEL"))
    return SceneBand(name, index, scale, offset, nodata, level, _has_mask(dataset.mask_flag_enums[position]))


def _has_mask(flags: Sequence[MaskFlags]) -> bool:
    """Whether a band has a mask beside its values: not made of nodata or an alpha band, which are read as such."""
    if MaskFlags.all_valid in flags or MaskFlags.alpha in flags:
        return False
    return MaskFlags.per_dataset in flags or MaskFlags.nodata not in flags


def _require_distinct(bands: Sequence[SceneBand], path: Path) -> None:
    names = [band.name for band in bands]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BandError(f"two bands are called {' '.join(twice)}", where=path, do="rename one in a sidecar")


def _fill(fill: Fill | None, raw_names: Mapping[int, str], path: Path) -> tuple[int, float] | None:
    if fill is None:
        return None
    for index, name in raw_names.items():
        if name == fill.band:
            return index, fill.value
    raise BandError(f"the sidecar's fill speaks of a band that is not there: {fill.band}", where=path)
