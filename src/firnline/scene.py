"""Scenes: named bands on one grid, read window by window as float32 with NaN for unknown."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from firnline.bands import BANDS, Kind, Level, Sensor, band_name, is_numbered, sensor_from_text
from firnline.errors import BandError, SceneError
from firnline.grid import Grid, Window
from firnline.sidecar import BandNote, Fill, Sidecar, find_sidecar, read_sidecar

_LANDSAT_C2_REFLECTANCE = (2.75e-05, -0.2)
_LANDSAT_C2_TEMPERATURE = (0.00341802, 149.0)
"""Scale and offset by which Landsat Collection 2 Level 2 stores surface reflectance and temperature (USGS,
Landsat 8-9 Collection 2 Level 2 Science Product Guide). They are used for nothing else, so they tell the level."""


@dataclass(frozen=True)
class SceneBand:
    """One band of a scene: where it is stored, and how stored values become values in its unit.

    ``value = stored * scale + offset``, unknown where stored equals `nodata` or is not finite.
    """

    name: str
    index: int
    scale: float
    offset: float
    nodata: float | None
    level: Level

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
    note: str = ""
    sidecar: Path | None = None
    """The sidecar that it was read by."""
    is_synthetic: bool = False
    """Whether the file says that it is made up (tag ``SYNTHETIC``)."""

    @property
    def band_names(self) -> tuple[str, ...]:
        """The bands' names, in file order."""
        return tuple(band.name for band in self.bands)

    def band(self, name: str) -> SceneBand:
        """The band of that name; BandError when the scene lacks it."""
        for band in self.bands:
            if band.name == name:
                return band
        raise BandError(f"has no band '{name}'", where=self.path, do=f"it has {' '.join(self.band_names)}")

    @contextmanager
    def reader(self) -> Iterator[SceneReader]:
        """Open the file for many reads."""
        with _opened(self.path) as dataset:
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

    def read(self, names: Sequence[str], window: Window | None = None) -> NDArray[np.float32]:
        """Read named bands in a window (the whole scene without one).

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
        stored = self._stored([band.index for band in bands], window)
        values = np.empty(stored.shape, np.float32)
        for value, raw, band in zip(values, stored, bands, strict=True):
            np.multiply(raw, band.scale, out=value, casting="unsafe", dtype=np.float64)
            value += np.float32(band.offset)
            if band.nodata is not None:
                value[raw == band.nodata] = np.nan
            value[~np.isfinite(value)] = np.nan
        if self.scene.fill is not None:
            index, fill_value = self.scene.fill
            values[:, self._stored([index], window)[0] == fill_value] = np.nan
        return values

    def _stored(self, indexes: list[int], window: Window) -> NDArray[np.generic]:
        try:
            return np.asarray(self.dataset.read(indexes, window=window.to_rasterio()))
        except RasterioError as error:
            raise SceneError(
                f"cannot be read at row {window.row}, column {window.column}: the file is damaged or cut off "
                f"({error})",
                where=self.scene.path,
                do="get it again",
            ) from None


@contextmanager
def _opened(path: Path) -> Iterator[DatasetReader]:
    try:
        dataset = rasterio.open(path)
    except RasterioError as error:
        raise SceneError(_why_not_open(path, error), where=path, do="give a GeoTIFF or another GDAL raster") from None
    with dataset:
        yield dataset


def _why_not_open(path: Path, error: Exception) -> str:
    if not path.exists():
        return "does not exist"
    return "is a folder" if path.is_dir() else f"is not a raster that GDAL reads, or is cut off ({error})"


def open_scene(
    path: str | Path,
    *,
    bands: Sequence[str] | None = None,
    sidecar: str | Path | None = None,
    sensor: Sensor | None = None,
) -> Scene:
    """Find out what a raster is: bands by name, units, levels, sensor and date.

    Names come from `bands` (in file order), else the sidecar's, else the raster's band descriptions. A sidecar
    is `sidecar`, or the file ``<name>.firnline.yaml`` beside the raster.

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
    path = Path(path)
    with _opened(path) as dataset:
        _require_numbers(dataset, path)
        notes_at = Path(sidecar) if sidecar is not None else find_sidecar(path)
        notes = read_sidecar(notes_at) if notes_at is not None else _published_layout(dataset) or Sidecar()
        tags = dataset.tags()
        sensor = sensor or notes.sensor or _sensor(path, tags)
        raw_names = _raw_names(dataset, bands or notes.names, path)
        unknown = sorted(set(notes.bands) - set(raw_names))
        if unknown:
            raise BandError(f"the sidecar speaks of bands that are not there: {' '.join(unknown)}", where=path)
        found = tuple(
            _scene_band(dataset, index, raw, notes, sensor, path) for index, raw in enumerate(raw_names, start=1)
        )
        _require_distinct(found, path)
        grid = Grid.of(dataset)
        return Scene(
            path=path,
            grid=grid,
            bands=found,
            sensor=sensor,
            date=notes.date or _date(path, tags),
            fill=_fill(notes.fill, raw_names, path),
            note=notes.note,
            sidecar=notes_at,
            is_synthetic=tags.get("SYNTHETIC", "").lower() in ("true", "yes", "1"),
        )


def _require_numbers(dataset: DatasetReader, path: Path) -> None:
    if dataset.count == 0:
        raise SceneError("holds no bands of its own", where=path, do="name one of its subdatasets (gdalinfo)")
    if any("complex" in dtype for dtype in dataset.dtypes):
        raise SceneError("holds complex numbers", where=path, do="give reflectance, or digital numbers")


def _raw_names(dataset: DatasetReader, given: Sequence[str] | None, path: Path) -> list[str]:
    if given is not None:
        if len(given) != dataset.count:
            raise BandError(f"has {dataset.count} bands, and {len(given)} names are given", where=path)
        if not all(name.strip() for name in given):
            raise BandError("one of the band names given is empty", where=path, do="name every band, in file order")
        return [str(name) for name in given]
    missing = [str(i) for i, name in enumerate(dataset.descriptions, start=1) if not name]
    if missing:
        raise BandError(
            f"bands without a name: {' '.join(missing)}",
            where=path,
            do="name them with --bands blue,green,... in file order, or in a sidecar",
        )
    return [str(name) for name in dataset.descriptions]


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
    level = note.level or _level(name, scale, offset, notes.level, dataset.tags().get("LEVEL"))
    return SceneBand(name, index, scale, offset, nodata, level)


def _level(name: str, scale: float, offset: float, noted: Level | None, tag: str | None) -> Level:
    kind = BANDS[name].kind if name in BANDS else Kind.OTHER
    if kind in (Kind.TERRAIN, Kind.RADAR, Kind.QUALITY, Kind.INDEX):
        return Level.NOT_RADIOMETRIC
    if kind == Kind.OPTICAL:
        if noted is not None:
            return noted
        if np.allclose((scale, offset), _LANDSAT_C2_REFLECTANCE, rtol=1e-6):
            return Level.SURFACE_REFLECTANCE
        return Level(tag) if tag in {str(level) for level in Level} else Level.UNKNOWN
    if kind == Kind.THERMAL:
        if np.allclose((scale, offset), _LANDSAT_C2_TEMPERATURE, rtol=1e-6):
            return Level.SURFACE_TEMPERATURE
        return Level.DIGITAL_NUMBER if noted == Level.DIGITAL_NUMBER else Level.UNKNOWN
    return Level.UNKNOWN


def _require_distinct(bands: Sequence[SceneBand], path: Path) -> None:
    names = [band.name for band in bands]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BandError(f"two bands are called {' '.join(twice)}", where=path, do="rename one in a sidecar")


def _fill(fill: Fill | None, raw_names: Sequence[str], path: Path) -> tuple[int, float] | None:
    if fill is None:
        return None
    if fill.band not in raw_names:
        raise BandError(f"the sidecar's fill speaks of a band that is not there: {fill.band}", where=path)
    return raw_names.index(fill.band) + 1, fill.value


def _sensor(path: Path, tags: dict[str, str]) -> Sensor | None:
    texts = (
        tags.get("SENSOR", ""),
        tags.get("LANDSAT_PRODUCT_ID", ""),
        tags.get("SPACECRAFT_ID", ""),
        path.name,
    )
    return next((sensor for text in texts if (sensor := sensor_from_text(text)) is not None), None)


_DATE = re.compile(r"(?<!\d)((?:19|20)\d{2})-?(\d{2})-?(\d{2})(?!\d{2})")


def _date(path: Path, tags: dict[str, str]) -> dt.date | None:
    for text in (tags.get("DATE", ""), tags.get("DATE_ACQUIRED", ""), path.name):
        for year, month, day in _DATE.findall(text):
            try:
                return dt.date(int(year), int(month), int(day))
            except ValueError:
                continue
    return None


_HKH_LAYOUT = (
    *("B1", "B2", "B3", "B4", "B5", "B6_VCID_1", "B6_VCID_2", "B7", "B8", "BQA"),
    *("ndvi", "ndsi", "ndwi", "elevation", "slope"),
)


def _published_layout(dataset: DatasetReader) -> Sidecar | None:
    """What the paper's published 15-band scenes do not say of themselves.

    Their ndsi is (swir16 - green) / (swir16 + green), snow negative, and their ndwi is Gao's: read as they are
    called, both would mislead. Pixels outside the footprint are 0 in clips and NaN in whole scenes.
    """
    if dataset.descriptions != _HKH_LAYOUT:
        return None
    return Sidecar(
        sensor=Sensor.LANDSAT7,
        level=Level.DIGITAL_NUMBER,
        bands={"ndsi": BandNote(scale=-1.0), "ndwi": BandNote(name="ndmi")},
        fill=Fill(band="B1", value=0),
        note="layout of the HKH data set (Baraka et al. 2020)",
    )
