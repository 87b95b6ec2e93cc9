"""Made-up products on disk: small, with values that tell where they came from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

from firnline.acquire.source import QualityBand, QualityConvention, SourceBand, SourceProduct
from firnline.bands import BANDS, Kind, Level, Sensor

CORNER = (478005.0, 3108135.0)
"""A corner of a Landsat grid: both at 15 mod 30 m."""

C2 = (2.75e-05, -0.2)


def write_raster(
    path: Path,
    values: NDArray[Any],
    *,
    corner: tuple[float, float] = CORNER,
    pixel: float = 30.0,
    crs: str = "EPSG:32645",
    nodata: float | None = None,
) -> Path:
    """Write one band, or (band, row, column), as a GeoTIFF."""
    planes = values if values.ndim == 3 else values[None]
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=planes.shape[0],
        height=planes.shape[1],
        width=planes.shape[2],
        dtype=planes.dtype,
        crs=crs,
        transform=Affine(pixel, 0, corner[0], 0, -pixel, corner[1]),
        nodata=nodata,
    ) as file:
        file.write(planes)
    return path


MakeProduct = Callable[..., SourceProduct]


@pytest.fixture
def make_product(tmp_path: Path) -> MakeProduct:
    """Write a product of bands by name (uint16 Collection 2 numbers unless told otherwise) and describe it."""

    def make(
        bands: Mapping[str, NDArray[Any]],
        *,
        name: str = "LC08_L2SP_140041_20191024",
        day: str = "2019-10-24",
        sensor: Sensor = Sensor.LANDSAT8,
        level: Level = Level.SURFACE_REFLECTANCE,
        scale: float = C2[0],
        offset: float = C2[1],
        nodata: float | None = 0.0,
        pixels: Mapping[str, float] | None = None,
        corner: tuple[float, float] = CORNER,
        crs: str = "EPSG:32645",
        quality: NDArray[Any] | None = None,
        quality_pixel: float = 30.0,
        convention: QualityConvention = QualityConvention.LANDSAT_C2_PIXEL,
        saturation: NDArray[Any] | None = None,
        **more: Any,
    ) -> SourceProduct:
        folder = tmp_path / name

        def write(band: str, values: NDArray[Any], pixel: float) -> str:
            return str(write_raster(folder / f"{band}.tif", values, corner=corner, pixel=pixel, crs=crs))

        sources = []
        for band, values in bands.items():
            href = write(band, values, (pixels or {}).get(band, 30.0))
            if BANDS[band].kind == Kind.TERRAIN:
                sources.append(SourceBand(band, href, nodata=None, level=Level.NOT_RADIOMETRIC))
            else:
                sources.append(SourceBand(band, href, scale, offset, nodata, level))
        bits = None if saturation is None else write("radsat", saturation, 30.0)
        qa = (
            None if quality is None else QualityBand(write("qa", quality, quality_pixel), convention, saturation=bits)
        )
        moment = dt.datetime.fromisoformat(f"{day}T04:50:00+00:00")
        return SourceProduct(name, sensor, moment, tuple(sources), qa, **more)

    return make


@pytest.fixture
def spectra() -> Callable[..., dict[str, NDArray[np.uint16]]]:
    """Collection 2 numbers of bare rock, with snow where told: green and red, near and short-wave infrared."""

    def make(
        shape: tuple[int, int], snow: NDArray[np.bool_] | None = None, seed: int = 0
    ) -> dict[str, NDArray[np.uint16]]:
        rng = np.random.default_rng(seed)
        is_snow = np.zeros(shape, np.bool_) if snow is None else snow
        values = {}
        for name, (rock, white) in {
            "green": (0.15, 0.8),
            "red": (0.18, 0.78),
            "nir08": (0.22, 0.7),
            "swir16": (0.25, 0.08),
        }.items():
            reflectance = np.where(is_snow, white, rock) + 0.01 * rng.standard_normal(shape)
            values[name] = np.rint((reflectance - C2[1]) / C2[0]).astype(np.uint16)
        return values

    return make
