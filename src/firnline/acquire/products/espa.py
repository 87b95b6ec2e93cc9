"""Landsat surface reflectance of Collection 1 (USGS's ESPA): ``<product id>_sr_band1.tif``, ``_pixel_qa.tif``."""

from __future__ import annotations

import datetime as dt
import re

from firnline.acquire.landsat_ids import SLC_FAILED, LandsatId, parse_landsat_id
from firnline.acquire.products.landsat import REQUIRED
from firnline.acquire.products.landsat_metadata import LandsatMetadata, read_landsat_metadata
from firnline.acquire.products.places import Place, check_rasters, file_of, folder_of
from firnline.acquire.products.xml import read_xml
from firnline.acquire.source import QualityBand, QualityConvention, SourceBand, SourceProduct
from firnline.bands import Level, Sensor, band_name
from firnline.errors import SceneError

BAND = re.compile(r"^(?P<product>.+)_(?P<kind>sr|bt)_band(?P<number>\d{1,2})\.tif$", re.IGNORECASE)
"""Names of the bands' files."""

_REFLECTANCE = 0.0001
_KELVIN = 0.1
_FILL = -9999.0
_SATURATED = 20000.0
"""Scales, fill and saturation of these products (USGS, Landsat 4-7 and 8 Surface Reflectance Code Product Guides)."""


def read_espa(place: Place, folder: str, product: str) -> SourceProduct:
    """Read a product of Collection 1 surface reflectance by the names of its files.

    The time of day and the sun's angles come from the MTL beside it, or from ESPA's XML; without either the product
    is still read, and a note says what is not known.

    Parameters
    ----------
    place
        Where its files lie.
    folder
        The folder there.
    product
        The product's id, as its files' names begin.

    Raises
    ------
    SceneError
        When the name is no Landsat id, or a required band is missing or broken.
    """
    landsat = parse_landsat_id(product)
    if landsat is None:
        where = place.where(f"{folder}/{product}_sr_band1.tif" if folder else f"{product}_sr_band1.tif")
        raise SceneError("its name does not begin with a Landsat id", where=where, do="keep the names as downloaded")
    if landsat.collection == 2:
        raise SceneError(
            "its files are named as in Collection 1, but its id is of Collection 2", where=place.where(folder)
        )
    files = _files(place, folder, product, landsat.sensor)
    quality = place.find(folder, f"{product}_pixel_qa.tif")
    hrefs = place.hrefs([*files.values(), *([quality] if quality is not None else [])])
    check_rasters(place, hrefs)
    notes = [] if quality is not None else [f"cloud is not known: {product}_pixel_qa.tif is missing"]
    moment, sun = _moment_and_sun(place, folder, product, landsat, notes)
    return SourceProduct(
        id=product,
        sensor=landsat.sensor,
        moment=moment,
        bands=tuple(_band(name, hrefs[file]) for name, file in files.items()),
        quality=QualityBand(hrefs[quality], QualityConvention.LANDSAT_C1_PIXEL_QA) if quality is not None else None,
        metadata={
            **{"product_id": product, "level_of_processing": "sr", "collection": 1},
            **{"path": landsat.path, "row": landsat.row, **sun},
            "slc_off": landsat.sensor == Sensor.LANDSAT7 and landsat.date > SLC_FAILED,
        },
        notes=tuple(notes),
    )


def _files(place: Place, folder: str, product: str, sensor: Sensor) -> dict[str, str]:
    found = {}
    for name in place.names:
        match = BAND.match(file_of(name))
        if folder_of(name) == folder and match is not None and match["product"] == product:
            band = band_name(f"B{match['number']}", sensor)
            if band is not None:
                found[band] = name
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        what = f"the product {product} lacks the files of {', '.join(missing)}"
        raise SceneError(what, where=place.where(folder), do="download them, or the whole product, again")
    return found


def _band(name: str, href: str) -> SourceBand:
    if "_bt_band" in href.lower():
        return SourceBand(name, href, scale=_KELVIN, nodata=_FILL, level=Level.BRIGHTNESS_TEMPERATURE)
    level = Level.SURFACE_REFLECTANCE
    return SourceBand(name, href, scale=_REFLECTANCE, nodata=_FILL, level=level, saturated=_SATURATED)


def _moment_and_sun(
    place: Place, folder: str, product: str, landsat: LandsatId, notes: list[str]
) -> tuple[dt.datetime, dict[str, float]]:
    """When it was taken and where the sun stood, from the MTL, else from ESPA's XML, else the day alone."""
    mtl = place.find(folder, f"{product}_MTL.txt")
    if mtl is not None:
        metadata: LandsatMetadata = read_landsat_metadata(place.read(mtl), place.where(mtl))
        sun = {"sun_azimuth": metadata.number("SUN_AZIMUTH"), "sun_elevation": metadata.sun_elevation}
        return metadata.moment, sun
    xml = place.find(folder, f"{product}.xml")
    if xml is not None:
        return _from_xml(place.read(xml), place.where(xml))
    notes.append("the time of day and where the sun stood are not known: neither MTL nor XML lies beside it")
    return dt.datetime.combine(landsat.date, dt.time(), tzinfo=dt.UTC), {}


def _from_xml(content: bytes, where: str) -> tuple[dt.datetime, dict[str, float]]:
    try:
        found = {element.tag.rpartition("}")[2]: element for element in read_xml(content).iter()}
        day, time = found["acquisition_date"].text or "", (found["scene_center_time"].text or "").rstrip("Z")
        moment = dt.datetime.fromisoformat(f"{day}T{time[:15]}").replace(tzinfo=dt.UTC)
        angles = found["solar_angles"].attrib
        return moment, {"sun_azimuth": float(angles["azimuth"]), "sun_elevation": 90 - float(angles["zenith"])}
    except (ValueError, KeyError) as error:
        raise SceneError(f"is not a whole metadata file of ESPA: {error}", where=where) from None
