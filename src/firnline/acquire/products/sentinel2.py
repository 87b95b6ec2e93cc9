"""Sentinel-2 products as ESA delivers them (SAFE, Level 1C and 2A), unpacked or zipped."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from firnline.acquire.products.landsat import REQUIRED
from firnline.acquire.products.landsat_metadata import finite
from firnline.acquire.products.places import Place, check_rasters, file_of, folder_of
from firnline.acquire.products.xml import read_xml
from firnline.acquire.sentinel2_ids import parse_sentinel2_id
from firnline.acquire.source import QualityBand, QualityConvention, SourceBand, SourceProduct
from firnline.bands import Level, Sensor, band_name
from firnline.errors import SceneError

_IMAGE = re.compile(r"_(?P<band>B\d{2}|B8A|SCL)(?:_(?P<metres>10|20|60)m)?$")
_NATIVE = {
    **dict.fromkeys(("B02", "B03", "B04", "B08"), 10),
    **dict.fromkeys(("B05", "B06", "B07", "B8A", "B11", "B12", "SCL"), 20),
    **dict.fromkeys(("B01", "B09", "B10"), 60),
}
"""The pixel size in metres that each band is taken at; coarser and finer copies are resampled from it."""
_BAND_IDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
"""Bands in the order of ``band_id``, by which ESA's metadata names them."""
_OFFSET_SINCE = (4, 0)
"""Processing baseline from which on an offset is stored (ESA, Sentinel-2 Products Specification Document 14.9)."""
_SUFFIXES = (".jp2", ".tif", ".tiff")
_AGAIN = "download the product again"


def read_sentinel2(place: Place, mtd: str) -> SourceProduct:
    """Read a Sentinel-2 product by its ``MTD_MSIL2A.xml`` or ``MTD_MSIL1C.xml``.

    Reflectance is (DN + offset) / quantification, both as the product's metadata says. From processing baseline
    04.00 on the offset is -1000; a product of such a baseline that does not state it is refused, for a wrong guess
    would be 0.1 off. Each band is taken at its native pixel size.

    Parameters
    ----------
    place
        Where its files lie.
    mtd
        The name of its metadata there; its folder is the product's.

    Raises
    ------
    SceneError
        When the metadata is not whole, or a required band is missing or broken.
    """
    metadata = _Metadata(place.where(mtd), _xml(place.read(mtd), place.where(mtd)))
    notes: list[str] = []
    images = _images(place, folder_of(mtd), metadata, notes)
    scaling = _Scaling.read(metadata, notes)
    hrefs = place.hrefs(images.values())
    check_rasters(place, hrefs)
    scene_classes = images.pop("SCL", None)
    quality = None
    if scene_classes is not None:
        quality = QualityBand(hrefs[scene_classes], QualityConvention.SENTINEL2_SCL)
    else:
        notes.append("cloud is not known: the product has no scene classification (Level 1C has none)")
    return SourceProduct(
        id=metadata.product_id,
        sensor=Sensor.SENTINEL2,
        moment=metadata.moment,
        bands=tuple(scaling.band(band, hrefs[file]) for band, file in images.items()),
        quality=quality,
        cloud_cover=metadata.optional("Cloud_Coverage_Assessment"),
        metadata=_about(metadata) | _tile(place, folder_of(mtd), notes),
        notes=tuple(notes),
    )


@dataclass(frozen=True)
class _Metadata:
    """The product's metadata; elements are found by their names, whatever namespace they are in."""

    where: str
    root: ElementTree.Element

    def all(self, *names: str) -> Iterator[ElementTree.Element]:
        return (element for element in self.root.iter() if element.tag.rpartition("}")[2] in names)

    def text(self, *names: str) -> str:
        element = next(self.all(*names), None)
        if element is None or not (element.text or "").strip():
            raise SceneError(f"is not a whole Sentinel-2 product: it has no {names[0]}", where=self.where, do=_AGAIN)
        return (element.text or "").strip()

    def number(self, *names: str) -> float:
        text = self.text(*names)
        value = finite(text)
        if value is None:
            raise SceneError(f"{names[0]} is not a number: {text!r}", where=self.where, do=_AGAIN)
        return value

    def optional(self, name: str) -> float | None:
        return self.number(name) if next(self.all(name), None) is not None else None

    @property
    def product_id(self) -> str:
        return self.text("PRODUCT_URI", "PRODUCT_URI_2A", "PRODUCT_URI_1C").removesuffix(".SAFE")

    @property
    def is_level2(self) -> bool:
        return "2A" in self.text("PROCESSING_LEVEL")

    @property
    def baseline(self) -> str:
        return self.text("PROCESSING_BASELINE")

    @property
    def moment(self) -> dt.datetime:
        text = self.text("PRODUCT_START_TIME")
        try:
            return dt.datetime.fromisoformat(text).astimezone(dt.UTC)
        except ValueError:
            raise SceneError(f"PRODUCT_START_TIME is no time: {text!r}", where=self.where, do=_AGAIN) from None


@dataclass(frozen=True)
class _Scaling:
    """How the product's numbers become reflectance; offsets by ``band_id``, in digital numbers."""

    where: str
    quantification: float
    offsets: dict[int, float]
    level: Level

    @classmethod
    def read(cls, metadata: _Metadata, notes: list[str]) -> _Scaling:
        level2 = metadata.is_level2
        keys = ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE") if level2 else ("QUANTIFICATION_VALUE",)
        quantification = metadata.number(*keys)
        if quantification <= 0:
            raise SceneError(f"{keys[0]} is {quantification:g}", where=metadata.where, do=_AGAIN)
        offsets = {}
        for element in metadata.all("BOA_ADD_OFFSET" if level2 else "RADIO_ADD_OFFSET"):
            band, offset = element.attrib.get("band_id", ""), finite(element.text or "")
            if not band.isdecimal() or offset is None:
                raise SceneError(f"{element.tag} is not readable", where=metadata.where, do=_AGAIN)
            offsets[int(band)] = offset
        baseline = _baseline(metadata)
        if not offsets and baseline >= _OFFSET_SINCE:
            what = f"processing baseline {metadata.baseline} stores an offset, but the metadata does not state it"
            raise SceneError(what, where=metadata.where, do=_AGAIN)
        if offsets and baseline < _OFFSET_SINCE:
            notes.append(f"states an offset although its processing baseline is {metadata.baseline}: used as stated")
        level = Level.SURFACE_REFLECTANCE if level2 else Level.TOP_OF_ATMOSPHERE
        return cls(metadata.where, quantification, offsets, level)

    def band(self, band: str, href: str) -> SourceBand:
        index = _BAND_IDS.index(band)
        if self.offsets and index not in self.offsets:
            raise SceneError(f"states no offset for {band}, but for other bands", where=self.where, do=_AGAIN)
        return SourceBand(
            band_name(band, Sensor.SENTINEL2) or band,
            href,
            scale=1 / self.quantification,
            offset=self.offsets.get(index, 0.0) / self.quantification,
            nodata=0.0,
            level=self.level,
            saturated=65535.0,
        )


def _baseline(metadata: _Metadata) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,2})\.(\d{1,2})", metadata.baseline)
    if match is None:
        what = f"PROCESSING_BASELINE is no number such as 04.00: {metadata.baseline!r}"
        raise SceneError(what, where=metadata.where, do=_AGAIN)
    return int(match[1]), int(match[2])


def _images(place: Place, folder: str, metadata: _Metadata, notes: list[str]) -> dict[str, str]:
    """The file of each band, at its native pixel size where that is there."""
    listed: dict[str, dict[int, str]] = {}
    granules = set()
    for element in metadata.all("IMAGE_FILE", "IMAGE_FILE_2A"):
        stem = (element.text or "").strip()
        match = _IMAGE.search(stem)
        if match is not None:
            listed.setdefault(match["band"], {})[int(match["metres"] or _NATIVE[match["band"]])] = stem
            granules.add(folder_of(stem).partition("/IMG_DATA")[0])
    if not listed or len(granules) > 1:
        what = "is not of the compact form that ESA has delivered since December 2016 (one tile a product)"
        raise SceneError(what, where=metadata.where, do="download a reprocessed product")
    found = {}
    for band, stems in listed.items():
        there = {metres: file for metres, stem in stems.items() if (file := _file(place, folder, stem)) is not None}
        native = _NATIVE[band]
        if native in there:
            found[band] = there[native]
        elif there and (coarser := [metres for metres in sorted(there) if metres > native]):
            found[band] = there[coarser[0]]
            notes.append(f"{band} is read at {coarser[0]} m: its file at {native} m is missing")
    _refuse_missing(metadata, listed, found, notes)
    return found


def _refuse_missing(
    metadata: _Metadata, listed: dict[str, dict[int, str]], found: dict[str, str], notes: list[str]
) -> None:
    names = {band_name(band, Sensor.SENTINEL2) or band: band for band in _BAND_IDS}
    required = [f"{name} ({names[name]})" for name in REQUIRED if names[name] not in found]
    if required:
        what = f"the product lacks the files of {', '.join(required)}"
        raise SceneError(what, where=metadata.where, do="download them, or the whole product, again")
    gone = [band for band in listed if band not in found]
    notes += [f"{band} is left out: its file is missing" for band in gone]


def _file(place: Place, folder: str, stem: str) -> str | None:
    """The image of the metadata's list, which names it without its suffix."""
    inside = f"{folder}/{folder_of(stem)}" if folder else folder_of(stem)
    candidates = (place.find(inside, file_of(stem) + suffix) for suffix in _SUFFIXES)
    return next((name for name in candidates if name is not None), None)


def _about(metadata: _Metadata) -> dict[str, str | float]:
    """What is worth keeping of the product's metadata."""
    about: dict[str, str | float] = {
        "product_id": metadata.product_id,
        "processing_baseline": metadata.baseline,
        "level_of_processing": "L2A" if metadata.is_level2 else "L1C",
        "generated": metadata.text("GENERATION_TIME"),
    }
    found = parse_sentinel2_id(metadata.product_id)
    if found is not None:
        about |= {"tile": found.tile, "platform": found.platform or ""}
        about |= {"orbit": found.orbit} if found.orbit is not None else {}
    for key, name in (("snow_cover", "SNOW_ICE_PERCENTAGE"), ("nodata_share", "NODATA_PIXEL_PERCENTAGE")):
        value = metadata.optional(name)
        about |= {key: value} if value is not None else {}
    return about


def _tile(place: Place, folder: str, notes: list[str]) -> dict[str, str | float]:
    """Where the sun stood, from the tile's metadata."""
    start = f"{folder}/GRANULE/" if folder else "GRANULE/"
    name = next((name for name in place.names if name.startswith(start) and file_of(name) == "MTD_TL.xml"), None)
    if name is None:
        notes.append("where the sun stood is not known: MTD_TL.xml is missing")
        return {}
    tile = _Metadata(place.where(name), _xml(place.read(name), place.where(name)))
    sun = next(tile.all("Mean_Sun_Angle"), None)
    if sun is None:
        notes.append("where the sun stood is not known: MTD_TL.xml has no Mean_Sun_Angle")
        return {}
    angles = _Metadata(tile.where, sun)
    return {"sun_elevation": 90 - angles.number("ZENITH_ANGLE"), "sun_azimuth": angles.number("AZIMUTH_ANGLE")}


def _xml(content: bytes, where: str) -> ElementTree.Element:
    try:
        return read_xml(content)
    except ValueError as error:
        raise SceneError(f"cannot be read: {error}", where=where, do=_AGAIN) from None
