"""Products as their makers deliver them: where each band lies and how its numbers become values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from firnline.bands import Level, Sensor


class QualityConvention(StrEnum):
    """How a product's quality band is to be read."""

    LANDSAT_C2_PIXEL = "Landsat Collection 2 QA_PIXEL"
    LANDSAT_C1_BQA = "Landsat Collection 1 BQA"
    LANDSAT_C1_PIXEL_QA = "Landsat Collection 1 pixel_qa"
    SENTINEL2_SCL = "Sentinel-2 scene classification"
    SENTINEL2_QA60 = "Sentinel-2 QA60"


@dataclass(frozen=True)
class SourceBand:
    """One band of a product.

    ``value = stored * scale + offset``, unknown where stored equals `nodata`. `href` is anything that GDAL opens: a
    path, ``/vsitar/...``, ``/vsicurl/...``. `index` counts from 1.
    """

    name: str
    href: str
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = 0.0
    level: Level = Level.UNKNOWN
    index: int = 1
    saturated: float | None = None
    """Stored values from here on were saturated in the sensor, where its maker says so."""


@dataclass(frozen=True)
class QualityBand:
    """The quality band of a product; `saturation` is Landsat's bit field of saturated bands, where there is one."""

    href: str
    convention: QualityConvention
    index: int = 1
    saturation: str | None = None
    saturation_index: int = 1


@dataclass(frozen=True)
class SourceProduct:
    """A product: one sensor, one moment, bands that may lie on grids of their own (10, 20 and 30 m).

    `metadata` holds what its maker says of it and what is worth keeping (processing baseline, collection, path and
    row, tile; sun azimuth and elevation in degrees as ``sun_azimuth`` and ``sun_elevation``).
    """

    id: str
    sensor: Sensor
    moment: dt.datetime
    bands: tuple[SourceBand, ...]
    quality: QualityBand | None = None
    cloud_cover: float | None = None
    """Per cent, as its maker says."""
    metadata: Mapping[str, str | float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What was found wrong or had to be assumed while reading it."""
    fill: SourceBand | None = None
    """A pixel is unknown in every band where the stored value of this one is its `nodata` (stacks without a mask)."""

    @property
    def date(self) -> dt.date:
        """The day, UTC."""
        return self.moment.date()

    @property
    def band_names(self) -> tuple[str, ...]:
        """The bands' names."""
        return tuple(band.name for band in self.bands)
