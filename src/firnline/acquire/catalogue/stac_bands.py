"""Assets of a STAC item to named bands: what each is called, and how its numbers become values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from firnline.acquire.catalogue.stac_items import Item, ItemError
from firnline.acquire.source import QualityConvention
from firnline.bands import BANDS, Kind, Level, Sensor, band_name, is_numbered

LANDSAT_REFLECTANCE: Final = (2.75e-05, -0.2)
LANDSAT_TEMPERATURE: Final = (0.00341802, 149.0)
"""USGS, Landsat 8-9 Collection 2 Level 2 Science Product Guide; the same for Landsat 4 to 7."""
SENTINEL2_SCALE: Final = 1e-4
SENTINEL2_OFFSET: Final = -0.1
"""ESA: reflectance = (DN - 1000) / 10000 from processing baseline 04.00 on (25 January 2022, and all that was
reprocessed since), DN / 10000 before."""
_OFFSET_SINCE: Final = (4, 0)

_SENTINEL2_COMMON: Final = {
    **{name: name for name in ("coastal", "blue", "green", "red", "nir09", "cirrus", "swir16", "swir22")},
    "nir": "nir08",
    "nir08": "nir08_narrow",  # the common name of B8A; firnline's nir08 is B8
    "rededge1": "rededge071",
    "rededge2": "rededge075",
    "rededge3": "rededge078",
    "rededge071": "rededge071",
    "rededge075": "rededge075",
    "rededge078": "rededge078",
}
_LANDSAT_COMMON: Final = {"lwir": "lwir11"}  # the one thermal band of Landsat 5 and 7 in Level 2
_BASELINE: Final = re.compile(r"_N(\d{2})(\d{2})_")


@dataclass(frozen=True)
class AssetBand:
    """A band of an item; `href` as the catalogue gives it, unsigned."""

    name: str
    key: str
    href: str
    scale: float
    offset: float
    nodata: float | None
    level: Level


@dataclass(frozen=True)
class AssetQuality:
    """The quality band of an item; `saturation` is Landsat's QA_RADSAT."""

    key: str
    href: str
    convention: QualityConvention
    saturation: str | None = None


@dataclass(frozen=True)
class ItemBands:
    """What an item offers: bands by firnline's names, and its quality band."""

    bands: tuple[AssetBand, ...]
    quality: AssetQuality | None
    notes: tuple[str, ...]


def bands_of(item: Item, *, keeps_sentinel2_offset: bool | None = None) -> ItemBands:
    """Name the bands of an item, and say what their numbers mean.

    Names come from the band descriptions (``eo:bands``, or ``bands`` from STAC 1.1 on), else from the keys of the
    assets. Scale and offset come from ``raster:bands``, else from what is fixed for the product. A level that does
    not follow from them is unknown, and a note says why.

    Raises
    ------
    ItemError
        When its sensor is not known, or it has no band that is.
    """
    if item.sensor is None:
        raise ItemError("does not say by which sensor it was taken", where=item.id)
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for key, asset in item.assets.items():
        name = _name(key, asset, item.sensor)
        if name is not None and (name not in found or _is_finer(asset, found[name][1])):
            found[name] = (key, asset)
    if not found:
        raise ItemError(f"has no band that is known ({', '.join(sorted(item.assets))[:200]})", where=item.id)
    scaling = _Sentinel2(item, keeps_sentinel2_offset) if item.sensor == Sensor.SENTINEL2 else _Landsat(item)
    bands = [scaling.band(name, key, asset) for name, (key, asset) in found.items()]
    order = {name: place for place, name in enumerate(BANDS)}
    return ItemBands(tuple(sorted(bands, key=lambda band: order[band.name])), _quality(item), tuple(scaling.notes))


def _descriptions(asset: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    for key in ("eo:bands", "bands"):
        bands = asset.get(key)
        if isinstance(bands, list) and bands and all(isinstance(band, Mapping) for band in bands):
            return bands
    return []


def _name(key: str, asset: Mapping[str, Any], sensor: Sensor) -> str | None:
    """The firnline name of an asset; None for pictures, quality and everything with several bands."""
    kind = str(asset.get("type") or "")
    if kind and not kind.startswith(("image/tiff", "image/vnd.stac.geotiff", "image/jp2", "image/x.geotiff")):
        return None
    described = _descriptions(asset)
    if len(described) > 1 or {"overview", "thumbnail", "visual"} & {str(role) for role in asset.get("roles") or ()}:
        return None
    one = described[0] if described else {}
    common = str(one.get("common_name") or one.get("eo:common_name") or "").lower()
    numbered = [text for text in (str(one.get("name") or ""), _without_resolution(key)) if is_numbered(text)]
    if sensor == Sensor.SENTINEL2:  # B8A's common name is nir08 here and rededge there: its number is clear
        by_number = band_name(numbered[0], sensor) if numbered else None
        return by_number or _SENTINEL2_COMMON.get(key.lower()) or _SENTINEL2_COMMON.get(common)
    if common:
        return _measured(_LANDSAT_COMMON.get(common, common))
    if numbered:
        return _measured(band_name(numbered[0], sensor))
    return _measured(_LANDSAT_COMMON.get(key.lower(), key))


def _measured(name: str | None) -> str | None:
    known = None if name is None else band_name(name)
    return known if known is not None and BANDS[known].kind in (Kind.OPTICAL, Kind.THERMAL) else None


def _without_resolution(key: str) -> str:
    return re.sub(r"[_-]\d+m$", "", key, flags=re.IGNORECASE)


def _is_finer(asset: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Of one band at several resolutions the one as it was measured is wanted."""

    def rank(of: Mapping[str, Any]) -> tuple[bool, float]:
        size = of.get("gsd")
        original = "sampling:original" in (of.get("roles") or ())
        return not original, float(size) if isinstance(size, (int, float)) else np.inf

    return rank(asset) < rank(other)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _said(asset: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
    """Scale, offset and nodata, as far as the asset says them (raster extension 1, or STAC 1.1)."""
    bands = asset.get("raster:bands") or asset.get("bands")
    one = bands[0] if isinstance(bands, list) and bands and isinstance(bands[0], Mapping) else {}

    def first(*keys: str) -> float | None:
        values = (_number(of.get(key)) for of in (one, asset) for key in keys)
        return next((value for value in values if value is not None), None)

    return first("scale", "raster:scale"), first("offset", "raster:offset"), first("nodata")


class _Landsat:
    """Collection 2 Level 2 has one scale for reflectance and one for temperature; all else is unknown."""

    def __init__(self, item: Item) -> None:
        self.notes: list[str] = []
        correction = str(item.properties.get("landsat:correction") or item.properties.get("processing:level") or "")
        collection = str(item.properties.get("landsat:collection_number") or "")
        by_id = re.match(r"L[COTE]0\d_(L2S[PR])_\d{6}_\d{8}_(?:\d{8}_)?(02)_", item.id)
        self._is_level_2 = by_id is not None or (correction in ("L2SP", "L2SR") and collection == "02")

    def band(self, name: str, key: str, asset: Mapping[str, Any]) -> AssetBand:
        thermal = BANDS[name].kind == Kind.THERMAL
        fixed = LANDSAT_TEMPERATURE if thermal else LANDSAT_REFLECTANCE
        level = Level.SURFACE_TEMPERATURE if thermal else Level.SURFACE_REFLECTANCE
        scale, offset, nodata = _said(asset)
        if scale is None and offset is None and self._is_level_2:
            scale, offset = fixed
        scale, offset = 1.0 if scale is None else scale, 0.0 if offset is None else offset
        if not np.allclose((scale, offset), fixed, rtol=1e-6):
            self.notes.append(f"{name}: scale {scale:g} and offset {offset:g} are not those of Collection 2 Level 2")
            level = Level.UNKNOWN
        return AssetBand(name, key, str(asset["href"]), scale, offset, 0.0 if nodata is None else nodata, level)


class _Sentinel2:
    """Level 2A, and whether the 1000 that were added from baseline 04.00 on are still in the pixels."""

    def __init__(self, item: Item, keeps_offset: bool | None) -> None:
        self.notes: list[str] = []
        self._keeps = keeps_offset
        flags = (item.properties.get(f"{prefix}:boa_offset_applied") for prefix in ("earthsearch", "sentinel"))
        self._taken_off = next((flag for flag in flags if isinstance(flag, bool)), None)
        self._baseline = baseline_of(item)
        self._level = _sentinel2_level(item)
        if self._level == Level.UNKNOWN:
            self.notes.append("it does not say whether it is Level 1C or 2A")

    def band(self, name: str, key: str, asset: Mapping[str, Any]) -> AssetBand:
        scale, said, nodata = _said(asset)
        offset, why = self._offset(said)
        if scale is not None and not np.isclose(scale, SENTINEL2_SCALE, rtol=1e-6):
            offset, why = None, f"scale {scale:g} is not that of Sentinel-2"
        if why and why not in self.notes:
            self.notes.append(why)
        level = self._level if offset is not None else Level.UNKNOWN
        return AssetBand(
            name,
            key,
            str(asset["href"]),
            SENTINEL2_SCALE if scale is None else scale,
            0.0 if offset is None else offset,
            0.0 if nodata is None else nodata,
            level,
        )

    def _offset(self, said: float | None) -> tuple[float | None, str]:
        """The offset, or None where it cannot be told, and what there is to say about it."""
        baseline = self._baseline
        if self._taken_off:
            return 0.0, ""
        if baseline is not None and baseline < _OFFSET_SINCE:
            return 0.0, ""
        number = "unknown" if baseline is None else f"{baseline[0]:02d}.{baseline[1]:02d}"
        if self._taken_off is False:
            return None, (
                f"processing baseline {number}, and the catalogue says that the offset of 1000 is still in them: "
                "of many such items that is not so, so the level is unknown"
            )
        if baseline is None:
            return None, "the processing baseline is not known, so neither is the offset"
        if self._keeps:
            return SENTINEL2_OFFSET, ""
        if said is not None and np.isclose((0.0, SENTINEL2_OFFSET), said, rtol=1e-6).any():
            return said, ""
        if said is not None:
            return None, f"offset {said:g} is none of Sentinel-2 (0 or {SENTINEL2_OFFSET:g})"
        return None, f"processing baseline {number}, and the catalogue does not say whether the offset of 1000 is in"


def baseline_of(item: Item) -> tuple[int, int] | None:
    """ESA's processing baseline of a Sentinel-2 item: from its properties, or out of a product's name.

    A name is asked last: it may be that of a product before it was processed again.
    """
    for key in ("s2:processing_baseline", "sentinel:processing_baseline", "processing:version"):
        match = re.fullmatch(r"0?(\d)\.(\d{2})", str(item.properties.get(key) or ""))
        if match:
            return int(match[1]), int(match[2])
    names = [str(item.properties.get(key) or "") for key in ("s2:product_uri", "sentinel:product_id")]
    for text in (*names, item.id):
        match = _BASELINE.search(text)
        if match:
            return int(match[1]), int(match[2])
    return None


def _sentinel2_level(item: Item) -> Level:
    texts = [str(item.properties.get(key) or "") for key in ("s2:product_type", "processing:level", "s2:product_uri")]
    text = " ".join((*texts, item.id, item.collection)).upper()
    is_2a, is_1c = re.search(r"MSI_?2A|MSIL2A|L2A|LEVEL-2A", text), re.search(r"MSI_?1C|MSIL1C|L1C|LEVEL-1C", text)
    if bool(is_2a) == bool(is_1c):
        return Level.UNKNOWN
    return Level.SURFACE_REFLECTANCE if is_2a else Level.TOP_OF_ATMOSPHERE


def _quality(item: Item) -> AssetQuality | None:
    """The quality band; Landsat's ``qa`` is the uncertainty of the temperature, not that."""
    by_key = {key.lower(): key for key in item.assets}

    def href(key: str) -> str:
        return str(item.assets[by_key[key]]["href"])

    if item.sensor == Sensor.SENTINEL2:
        for key in ("scl", "scl_20m"):
            if key in by_key:
                return AssetQuality(by_key[key], href(key), QualityConvention.SENTINEL2_SCL)
        return None
    if "qa_pixel" not in by_key:
        return None
    saturation = href("qa_radsat") if "qa_radsat" in by_key else None
    return AssetQuality(by_key["qa_pixel"], href("qa_pixel"), QualityConvention.LANDSAT_C2_PIXEL, saturation)
