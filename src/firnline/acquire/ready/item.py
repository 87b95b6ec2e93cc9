"""A STAC item beside a scene: what any catalogue or GIS reads of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pystac
import rasterio.warp
import shapely
from rasterio.crs import CRS

from firnline import __version__
from firnline.acquire.ready.writer import OutBand
from firnline.acquire.source import SourceProduct
from firnline.bands import BANDS, Kind, Sensor
from firnline.grid import Grid

EXTENSIONS: Final = (
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
)
_INSTRUMENT: Final = {
    Sensor.LANDSAT5: ("landsat-5", "tm"),
    Sensor.LANDSAT7: ("landsat-7", "etm+"),
    Sensor.LANDSAT8: ("landsat-8", "oli"),
    Sensor.LANDSAT9: ("landsat-9", "oli"),
    Sensor.SENTINEL2: ("sentinel-2", "msi"),
}


def make_item(
    scene: Path, flags: Path, grid: Grid, bands: Sequence[OutBand], products: Sequence[SourceProduct], main: int
) -> dict[str, Any]:
    """The item as JSON, with assets named relative to it.

    Its time is that of the product that most pixels are from; where there are several, it spans all of them.
    """
    product = products[main]
    moments = sorted(each.moment.astimezone(dt.UTC) for each in products)
    outline = rasterio.warp.transform_geom(
        grid.crs, CRS.from_epsg(4326), shapely.geometry.mapping(grid.footprint().segmentize(_edge(grid))), precision=7
    )
    platform, instrument = _INSTRUMENT[product.sensor]
    properties: dict[str, Any] = {
        "platform": platform,
        "instruments": [instrument],
        "gsd": grid.resolution,
        **_projection(grid),
        "processing:software": {"firnline": __version__},
        "firnline:products": [each.id for each in products],
    }
    if product.cloud_cover is not None:
        properties["eo:cloud_cover"] = round(float(product.cloud_cover), 2)
    if len(moments) > 1:
        properties |= {"start_datetime": _text(moments[0]), "end_datetime": _text(moments[-1])}
    item = pystac.Item(
        id=scene.stem,
        geometry=outline,
        bbox=list(shapely.geometry.shape(outline).bounds),
        datetime=product.moment.astimezone(dt.UTC),
        properties=properties,
        stac_extensions=list(EXTENSIONS),
    )
    tiff = pystac.MediaType.GEOTIFF
    described = {"bands": [_band(band) for band in bands]}
    item.add_asset("scene", pystac.Asset(f"./{scene.name}", media_type=tiff, roles=["data"], extra_fields=described))
    beside = {"bands": [{"name": "flags", "data_type": "uint8", "description": "bits, see firnline.flags.Flag"}]}
    item.add_asset("flags", pystac.Asset(f"./{flags.name}", media_type=tiff, roles=["metadata"], extra_fields=beside))
    return dict(item.to_dict(include_self_link=False))


def _projection(grid: Grid) -> dict[str, Any]:
    code = grid.crs.to_authority()
    named: dict[str, Any] = (
        {"proj:code": ":".join(code)} if code else {"proj:code": None, "proj:wkt2": grid.crs.to_wkt()}
    )
    return {**named, "proj:shape": list(grid.shape), "proj:transform": list(grid.transform[:6])}


def _edge(grid: Grid) -> float:
    """Edges of the footprint are cut into pieces so long before they are bent into longitude and latitude."""
    left, bottom, right, top = grid.bounds
    return max(right - left, top - bottom) / 8


def _band(band: OutBand) -> dict[str, Any]:
    encoding = band.encoding
    known = BANDS.get(band.name)
    told: dict[str, Any] = {
        "name": band.name,
        "data_type": encoding.dtype,
        "nodata": 0 if encoding.dtype == "uint16" else "nan",
        "raster:scale": encoding.scale,
        "raster:offset": encoding.offset,
        "firnline:level": str(encoding.level),
    }
    if known is not None:
        told |= {"description": known.meaning, "unit": known.unit}
        if known.kind in (Kind.OPTICAL, Kind.THERMAL) and band.name in _COMMON_NAMES:
            told["eo:common_name"] = band.name
    return told


_COMMON_NAMES: Final = frozenset(
    (
        *("coastal", "blue", "green", "red", "rededge071", "rededge075", "rededge078", "nir08", "nir09", "cirrus"),
        *("swir16", "swir22", "lwir11", "lwir12", "pan"),
    )
)
"""Of the `eo` extension; Sentinel-2's narrow near infrared and Landsat 7's two thermal gains have none."""


def _text(moment: dt.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
