"""Which products lie in a place, told by the names of files, or of a lone raster by the names of its bands."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import rasterio
from rasterio.errors import RasterioError

from firnline.acquire.products.archive import temporary_folder
from firnline.acquire.products.earth_engine import read_earth_engine
from firnline.acquire.products.espa import BAND, read_espa
from firnline.acquire.products.landsat import read_landsat
from firnline.acquire.products.mosaic import group_tiles, mosaic_tiles
from firnline.acquire.products.places import Place, file_of, folder_of
from firnline.acquire.products.published import read_published
from firnline.acquire.products.sentinel2 import read_sentinel2
from firnline.acquire.source import SourceProduct
from firnline.bands import Level
from firnline.errors import SceneError

LOOKED_FOR = (
    "Landsat of Collection 1 or 2 (..._MTL.txt, .xml or .json with its bands, or ..._sr_band1.tif), Sentinel-2 "
    "(MTD_MSIL2A.xml or MTD_MSIL1C.xml), GeoTIFFs of Earth Engine (bands named SR_B2, B2, ...) or of the HKH data "
    "set (15 bands), and .tar, .tar.gz, .tgz or .zip of these"
)
"""For the message when there is none."""

_MTL = re.compile(r"^(?P<product>.+)_MTL\.(?P<form>txt|xml|json)$", re.IGNORECASE)
_LANDSAT_BAND = re.compile(r"^L[TEOC].*_(SR_|ST_)?B\d{1,2}(_VCID_[12])?\.tiff?$", re.IGNORECASE)
_SENTINEL2_BAND = re.compile(r"_B(\d{2}|8A)(_[126]0m)?\.jp2$", re.IGNORECASE)
_MTD = re.compile(r"^MTD_MSIL(1C|2A)\.xml$", re.IGNORECASE)
_RASTER = (".tif", ".tiff")
_FORMS = ("txt", "xml", "json")
"""In the order in which they are read where a product has more than one."""


def products_in(
    place: Place, *, level: Level | None = None, unpack: Path | None = None, only: str | None = None
) -> list[SourceProduct]:
    """Read the products that lie in a place, in no order; archives in it are not looked into.

    Parameters
    ----------
    place
        The folder or archive.
    level
        The level of exports that do not tell it.
    unpack
        Where the small file goes that joins the tiles of an export.
    only
        Read no other product than that of this metadata file.

    Raises
    ------
    SceneError
        When a product is broken.
    """
    safes = [name for name in place.names if _MTD.match(file_of(name))]
    landsat = _landsat(place)
    espa = _espa(place)
    products = [read_sentinel2(place, name) for name in safes]
    for (folder, product), mtl in landsat.items():
        if (folder, product) not in espa:
            products.append(read_landsat(place, mtl))
    products += [read_espa(place, folder, product) for folder, product in espa]
    if only is None:
        products += _lone_rasters(place, _unclaimed(place, safes, [*landsat, *espa]), level, unpack)
    return products


def what_to_do(names: Iterable[str]) -> str:
    """What to do where no product was found among files of these names: often only its metadata is missing.

    Examples
    --------
    >>> what_to_do(["LC08_L2SP_139041_20200901_20200906_02_T1_SR_B4.TIF"])
    'Landsat bands lie there without their _MTL.txt: download it beside them'
    """
    files = [file_of(name) for name in names]
    if any(_LANDSAT_BAND.match(file) for file in files):
        return "Landsat bands lie there without their _MTL.txt: download it beside them"
    if any(_SENTINEL2_BAND.search(file) for file in files):
        return "Sentinel-2 bands lie there without MTD_MSIL2A.xml: download the whole .SAFE"
    return f"firnline looks for {LOOKED_FOR}"


def _landsat(place: Place) -> dict[tuple[str, str], str]:
    """The MTLs, one a product, by folder and product."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name in place.names:
        match = _MTL.match(file_of(name))
        if match is not None:
            found.setdefault((folder_of(name), match["product"]), {})[match["form"].lower()] = name
    return {key: next(forms[form] for form in _FORMS if form in forms) for key, forms in found.items()}


def _espa(place: Place) -> list[tuple[str, str]]:
    """The products of ESPA, by folder and id; the MTL beside one tells of the Level 1 product that it was made of."""
    matches = ((folder_of(name), BAND.match(file_of(name))) for name in place.names)
    return sorted(
        {(folder, match["product"]) for folder, match in matches if match and match["kind"].lower() == "sr"}
    )


def _unclaimed(place: Place, safes: list[str], products: list[tuple[str, str]]) -> list[str]:
    """The rasters that are neither in a SAFE folder nor named as files of a Landsat product that was found."""
    starts = [f"{folder}/" if folder else "" for folder in map(folder_of, safes)]
    starts += [f"{folder}/{product}_" if folder else f"{product}_" for folder, product in products]
    rasters = (name for name in place.names if name.lower().endswith(_RASTER))
    return [name for name in rasters if not name.startswith(tuple(starts))]


def _lone_rasters(place: Place, names: list[str], level: Level | None, unpack: Path | None) -> list[SourceProduct]:
    """Products that are one raster, or the tiles of one."""
    tiles = group_tiles(names)
    tiled = {name for group in tiles.values() for name in group}
    hrefs = place.hrefs(names)
    whole = {name: href for name, href in hrefs.items() if name not in tiled}
    for name, group in tiles.items():
        key = hashlib.sha256("\n".join(hrefs[tile] for tile in group).encode()).hexdigest()[:12]
        target = (unpack or temporary_folder()) / f"{Path(file_of(name)).stem}-{key}.vrt"
        whole[name] = str(mosaic_tiles(group, hrefs, target).absolute())
    found = (_lone_raster(place, name, href, level) for name, href in sorted(whole.items()))
    return [product for product in found if product is not None]


def _lone_raster(place: Place, name: str, href: str, level: Level | None) -> SourceProduct | None:
    try:
        dataset = rasterio.open(href)
    except RasterioError:
        raise SceneError("cannot be opened as a raster", where=place.where(name), do="download it again") from None
    with dataset:
        published = read_published(place, name, dataset, href)
        return published if published is not None else read_earth_engine(place, name, dataset, href, level)
