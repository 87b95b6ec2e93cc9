"""Exports of Earth Engine: one GeoTIFF of named bands, which does not say how its numbers are to be read."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from rasterio.io import DatasetReader
from rasterio.windows import Window

from firnline.acquire.landsat_ids import SLC_FAILED, parse_landsat_id
from firnline.acquire.products.places import Place, file_of
from firnline.acquire.sentinel2_ids import parse_sentinel2_id
from firnline.acquire.source import QualityBand, QualityConvention, SourceBand, SourceProduct
from firnline.bands import BANDS, Kind, Level, Sensor, band_name, is_numbered
from firnline.errors import BandError, SceneError
from firnline.product import date_of, level_of, sensor_of
from firnline.sidecar import BandNote, Sidecar, find_sidecar, read_sidecar

_C2_REFLECTANCE = (2.75e-05, -0.2)
_C2_TEMPERATURE = (0.00341802, 149.0)
_SHORT_WAVE_INFRARED = ("swir16", "swir22")
_C2_SHORT_WAVE = 6500
"""Landsat Collection 2 stores reflectance 0 as 7273, so that half of a scene is above this in the short-wave
infrared, snow included (7,500 to 8,500 in winter scenes of Zanskar). Reflectance times 10000 would have to be 0.65
there, which no land is."""
_C2_BRIGHT = 20000
"""Reflectance 0.35 in Collection 2; reflectance times 10000 would be 2."""
_SENTINEL2_ONLY = {"B8A", "B11", "B12", "QA60", "SCL"}
_HARMONISED = re.compile(r"S2(_SR)?_HARMONI[SZ]ED", re.IGNORECASE)
_QUALITY = {
    "QA_PIXEL": QualityConvention.LANDSAT_C2_PIXEL,
    "PIXEL_QA": QualityConvention.LANDSAT_C1_PIXEL_QA,
    "BQA": QualityConvention.LANDSAT_C1_BQA,
    "SCL": QualityConvention.SENTINEL2_SCL,
    "QA60": QualityConvention.SENTINEL2_QA60,
}
"""In the order in which they are preferred."""


def read_earth_engine(
    place: Place, name: str, dataset: DatasetReader, href: str, told: Level | None = None
) -> SourceProduct | None:
    """Read an export of Earth Engine; None where its bands have no product's names.

    The names of the bands tell which collection they may be of, but not whether it was scaled, nor, for Sentinel-2,
    whether the offset of 1000 was taken off. What can be told is told; for the rest the level stays unknown and a
    note says what would settle it: `told`, or a sidecar beside the file.

    - Landsat ``SR_B*`` and ``ST_B*`` as unsigned 16-bit integers without a scale are Collection 2 as delivered, if
      the pixels bear it out.
    - Integers of Sentinel-2 are read only where the file's name has ``S2_SR_HARMONIZED`` or ``S2_HARMONIZED`` in it,
      or a sidecar gives scale and offset.
    - Floats are values as they are, of the level that is told.

    Parameters
    ----------
    place, name, href
        Where the file lies, its name there, and how GDAL opens it.
    dataset
        The file, open.
    told
        The level of its optical bands, where the user knows it.

    Raises
    ------
    SceneError, BandError
        When the sensor or the day cannot be told, or a band is there twice.
    """
    note_path = find_sidecar(place.path / name) if place.path.is_dir() else None
    note = read_sidecar(note_path) if note_path is not None else Sidecar()
    names = note.names or tuple(text or "" for text in dataset.descriptions)
    if not any(is_numbered(raw) or raw.upper() in _QUALITY for raw in names) and note_path is None:
        return None
    where = place.where(name)
    sensor = note.sensor or _sensor(name, names, dataset, where)
    export = _Export(where, file_of(name), href, dataset, sensor, note, told or note.level, names)
    notes: list[str] = []
    bands = export.bands(notes)
    if not bands:
        return None
    return SourceProduct(
        id=file_of(name).rpartition(".")[0],
        sensor=sensor,
        moment=_moment(name, dataset, note, where, notes),
        bands=bands,
        quality=_quality(names, href, notes),
        metadata=_about(name),
        notes=tuple(dict.fromkeys(notes)),
        fill=_fill(note, bands, sensor, where),
    )


@dataclass(frozen=True)
class _Export:
    """What is known of the file while its bands are read."""

    where: str
    file: str
    href: str
    dataset: DatasetReader
    sensor: Sensor
    note: Sidecar
    told: Level | None
    names: tuple[str, ...]

    def bands(self, notes: list[str]) -> tuple[SourceBand, ...]:
        """The bands whose names are known; the others are noted."""
        if len(self.names) != self.dataset.count:
            raise BandError(
                f"its sidecar names {len(self.names)} bands; it has {self.dataset.count}", where=self.where
            )
        found: dict[str, SourceBand] = {}
        for index, raw in enumerate(self.names, start=1):
            noted = self.note.bands.get(raw, BandNote())
            name = noted.name or band_name(raw, self.sensor)
            if name is None or name not in BANDS:
                notes.append(f"band {index} is left out: its name {raw!r} is not known")
            elif name in found:
                raise BandError(f"has two bands that are {name}", where=self.where, do="export it once")
            elif BANDS[name].kind != Kind.QUALITY:
                found[name] = self._band(name, raw, index, noted, notes)
        return tuple(found.values())

    def _band(self, name: str, raw: str, index: int, noted: BandNote, notes: list[str]) -> SourceBand:
        scale, offset, level = self._radiometry(name, raw, index, noted, notes)
        integer = np.issubdtype(np.dtype(self.dataset.dtypes[index - 1]), np.integer)
        nodata = self.dataset.nodatavals[index - 1]
        if noted.nodata is not None:
            nodata = noted.nodata
        elif nodata is None and integer and BANDS[name].kind in (Kind.OPTICAL, Kind.THERMAL):
            nodata = 0.0  # Earth Engine writes masked pixels of integer images as 0
        return SourceBand(name, self.href, scale, offset, nodata, level, index)

    def _radiometry(
        self, name: str, raw: str, index: int, noted: BandNote, notes: list[str]
    ) -> tuple[float, float, Level]:
        """Scale, offset and level: as noted, as stored, as the name and type of the band tell; else unknown."""
        stored = self.dataset.scales[index - 1], self.dataset.offsets[index - 1]
        level = noted.level or self.told
        if noted.scale is not None or noted.offset is not None or stored != (1.0, 0.0):
            scale = noted.scale if noted.scale is not None else stored[0]
            offset = noted.offset if noted.offset is not None else stored[1]
            return scale, offset, noted.level or level_of(name, scale, offset, level, None)
        if BANDS[name].kind not in (Kind.OPTICAL, Kind.THERMAL):
            return 1.0, 0.0, Level.NOT_RADIOMETRIC
        if level == Level.DIGITAL_NUMBER:
            return 1.0, 0.0, level
        if not np.issubdtype(np.dtype(self.dataset.dtypes[index - 1]), np.integer):
            return 1.0, 0.0, _level_of_floats(name, raw, level, notes)
        if self.sensor == Sensor.SENTINEL2:
            return self._sentinel2_integers(level, notes)
        return self._landsat_integers(raw, index, level, notes)

    def _sentinel2_integers(self, level: Level | None, notes: list[str]) -> tuple[float, float, Level]:
        match = _HARMONISED.search(self.file)
        if match is None:
            notes.append(
                "integers of Sentinel-2: whether the offset of 1000 was taken off is not told; give scale and "
                "offset of the bands in a sidecar, or have S2_SR_HARMONIZED or S2_HARMONIZED in the file's name"
            )
            return 1.0, 0.0, Level.UNKNOWN
        named = Level.SURFACE_REFLECTANCE if match[1] else Level.TOP_OF_ATMOSPHERE
        if level not in (None, named):
            raise SceneError(f"its name says {named}, but {level} was told", where=self.where)
        return 0.0001, 0.0, named

    def _landsat_integers(
        self, raw: str, index: int, level: Level | None, notes: list[str]
    ) -> tuple[float, float, Level]:
        unsigned = self.dataset.dtypes[index - 1] == "uint16"
        prefix = raw.upper()[:3]
        if unsigned and prefix == "SR_" and level in (None, Level.SURFACE_REFLECTANCE):
            if self.is_collection2:
                return *_C2_REFLECTANCE, Level.SURFACE_REFLECTANCE
            notes.append(
                f"{raw} is named as Landsat Collection 2 surface reflectance, but its numbers are of another scale"
            )
        elif unsigned and prefix == "ST_" and self.is_collection2 and level in (None, Level.SURFACE_REFLECTANCE):
            return *_C2_TEMPERATURE, Level.SURFACE_TEMPERATURE
        else:
            notes.append(f"{raw}: the scale of its integers is not told; give it in a sidecar")
        return 1.0, 0.0, Level.UNKNOWN

    @cached_property
    def is_collection2(self) -> bool:
        """Whether the numbers of the ``SR_`` bands can only be Landsat Collection 2's."""
        named = {index: raw for index, raw in enumerate(self.names, start=1) if raw.upper().startswith("SR_B")}
        short_wave = [index for index, raw in named.items() if band_name(raw, self.sensor) in _SHORT_WAVE_INFRARED]
        if short_wave:
            return all(self._percentile(index, 50) >= _C2_SHORT_WAVE for index in short_wave)
        return any(self._percentile(index, 95) >= _C2_BRIGHT for index in named)

    def _percentile(self, index: int, percent: float) -> float:
        """Of the values that are there, in five windows spread over the image; NaN where there are none."""
        height, width = self.dataset.shape
        size = min(256, height, width)
        values = []
        for down, right in ((0.5, 0.5), (0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75)):
            window = Window(int((width - size) * right), int((height - size) * down), size, size)
            block = self.dataset.read(index, window=window)
            values.append(block[block != (self.dataset.nodatavals[index - 1] or 0)])
        there = np.concatenate(values)
        return float(np.percentile(there, percent)) if there.size else float("nan")


def _level_of_floats(name: str, raw: str, level: Level | None, notes: list[str]) -> Level:
    if level is None:
        notes.append("values are floats, of which level is not told; say it in a sidecar")
        return Level.UNKNOWN
    if BANDS[name].kind == Kind.OPTICAL:
        return level
    if level == Level.TOP_OF_ATMOSPHERE:
        return Level.BRIGHTNESS_TEMPERATURE
    return Level.SURFACE_TEMPERATURE if raw.upper().startswith("ST_") else Level.UNKNOWN


def _sensor(name: str, names: tuple[str, ...], dataset: DatasetReader, where: str) -> Sensor:
    sensor = sensor_of(Path(file_of(name)), dataset.tags())
    if sensor is None and (parse_sentinel2_id(name) or _SENTINEL2_ONLY & {raw.upper() for raw in names} - {"B11"}):
        return Sensor.SENTINEL2  # B11 is a thermal band of Landsat 8 as well
    if sensor is None:
        do = "put the Landsat id (LC08_139041_20200901) into its name, or `sensor: landsat8` into a sidecar"
        raise SceneError("the sensor cannot be told from its name or its bands", where=where, do=do)
    return sensor


def _moment(name: str, dataset: DatasetReader, note: Sidecar, where: str, notes: list[str]) -> dt.datetime:
    landsat, sentinel2 = parse_landsat_id(file_of(name)), parse_sentinel2_id(file_of(name))
    named = landsat.date if landsat is not None else sentinel2.date if sentinel2 is not None else None
    day = note.date or named or date_of(Path(file_of(name)), dataset.tags())
    if day is None:
        do = "put it into its name (20200901), or `date: 2020-09-01` into a sidecar"
        raise SceneError("does not say which day it is of", where=where, do=do)
    notes.append("the time of day and where the sun stood are not known")
    return dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)


def _quality(names: tuple[str, ...], href: str, notes: list[str]) -> QualityBand | None:
    upper = [raw.upper() for raw in names]
    found = next((raw for raw in _QUALITY if raw in upper), None)
    if found is None:
        notes.append("cloud is not known: the export has no quality band (QA_PIXEL, SCL, QA60)")
        return None
    if found == "QA60":
        notes.append(
            "QA60 is empty in Earth Engine between 2022-01-25 and 2024-02-28: no cloud there may mean not known"
        )
    bits = "RADSAT_QA" if found == "PIXEL_QA" else "QA_RADSAT"  # of Collection 1 and 2; their bits differ
    saturation = upper.index(bits) + 1 if bits in upper else None
    return QualityBand(
        href,
        _QUALITY[found],
        index=upper.index(found) + 1,
        saturation=href if saturation is not None else None,
        saturation_index=saturation or 1,
    )


def _about(name: str) -> dict[str, str | float]:
    landsat, sentinel2 = parse_landsat_id(file_of(name)), parse_sentinel2_id(file_of(name))
    if landsat is not None:
        slc_off = landsat.sensor == Sensor.LANDSAT7 and landsat.date > SLC_FAILED
        return {"product_id": landsat.text, "path": landsat.path, "row": landsat.row, "slc_off": slc_off}
    if sentinel2 is not None:
        return {"product_id": sentinel2.text, "tile": sentinel2.tile}
    return {}


def _fill(note: Sidecar, bands: tuple[SourceBand, ...], sensor: Sensor, where: str) -> SourceBand | None:
    if note.fill is None:
        return None
    wanted = band_name(note.fill.band, sensor)
    for band in bands:
        if band.name == wanted:
            return replace(band, nodata=note.fill.value)
    raise BandError(f"its sidecar's fill names a band that it has not: {note.fill.band}", where=where)
