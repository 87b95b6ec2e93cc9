"""Landsat products as USGS delivers them: one file a band, and an MTL that says how to read them."""

from __future__ import annotations

import math

from firnline.acquire.products.landsat_metadata import LandsatMetadata, read_landsat_metadata
from firnline.acquire.products.places import Place, check_rasters, folder_of
from firnline.acquire.source import QualityBand, QualityConvention, SourceBand, SourceProduct
from firnline.bands import BANDS, Kind, Level, band_name
from firnline.errors import SceneError

REQUIRED = ("blue", "green", "red", "nir08", "swir16", "swir22")
"""Bands without which a product is of no use here; others that are missing are noted."""

_QUALITY = (
    ("FILE_NAME_QUALITY_L1_PIXEL", QualityConvention.LANDSAT_C2_PIXEL),
    ("FILE_NAME_BAND_QUALITY", QualityConvention.LANDSAT_C1_BQA),
)
_SATURATION = "FILE_NAME_QUALITY_L1_RADIOMETRIC_SATURATION"


def read_landsat(place: Place, mtl: str) -> SourceProduct:
    """Read a Landsat product of Collection 1 (Level 1) or 2 (Levels 1 and 2) by its MTL.

    Level 2 is surface reflectance and temperature by the factors in the MTL. Level 1 is top-of-atmosphere reflectance
    corrected for the sun's elevation at the scene's centre, (mult * DN + add) / sin(elevation) (USGS, Landsat 8-9
    Data Users Handbook, chapter 5). Thermal bands of Level 1 stay digital numbers, because brightness temperature
    is not linear in them; ``<band>_radiance_mult``, ``_radiance_add``, ``_k1`` and ``_k2`` in the metadata give it:
    k2 / ln(k1 / (mult * DN + add) + 1).

    Parameters
    ----------
    place
        Where its files lie.
    mtl
        The name of its MTL there; the bands lie beside it.

    Raises
    ------
    SceneError
        When the MTL is not whole, the satellite is not known, or a required band is missing or broken.
    """
    metadata = read_landsat_metadata(place.read(mtl), place.where(mtl))
    names = _band_names(metadata)
    files = {band: place.find(folder_of(mtl), file) for band, file in metadata.files().items() if band in names}
    notes = _missing(metadata, names, files)
    quality_file, convention = _quality_file(place, folder_of(mtl), metadata, notes)
    saturation = metadata.text(_SATURATION, group="PRODUCT_CONTENTS")
    saturation_file = place.find(folder_of(mtl), saturation) if saturation else None
    wanted = [name for name in (*files.values(), quality_file, saturation_file) if name is not None]
    hrefs = place.hrefs(wanted)
    check_rasters(place, hrefs)
    quality = None
    if quality_file is not None and convention is not None:
        saturated = hrefs[saturation_file] if saturation_file is not None else None
        quality = QualityBand(hrefs[quality_file], convention, saturation=saturated)
    rescaling = _Rescaling(metadata, notes)
    found = {names[band]: (band, hrefs[name]) for band, name in files.items() if name is not None}
    return SourceProduct(
        id=metadata.product_id,
        sensor=metadata.sensor,
        moment=metadata.moment,
        bands=tuple(rescaling.band(name, band, href) for name, (band, href) in found.items()),
        quality=quality,
        cloud_cover=metadata.cloud_cover,
        metadata={
            **_about(metadata),
            **rescaling.thermal_constants({name: band for name, (band, _) in found.items()}),
        },
        notes=tuple(notes),
    )


def _band_names(metadata: LandsatMetadata) -> dict[str, str]:
    """The names of the product's bands, by those that the MTL gives them."""
    named = {band: band_name(band, metadata.sensor) for band in metadata.files()}
    return {band: name for band, name in named.items() if name is not None}


def _missing(metadata: LandsatMetadata, names: dict[str, str], files: dict[str, str | None]) -> list[str]:
    """Refuse a product that lacks required bands; note the others that it lacks."""
    listed = metadata.files()
    unlisted = [name for name in REQUIRED if name not in names.values()]
    if unlisted:
        raise SceneError(f"its MTL names no file for {', '.join(unlisted)}", where=metadata.where)
    gone = {names[band]: listed[band] for band, file in files.items() if file is None}
    required = [f"{name} ({gone[name]})" for name in REQUIRED if name in gone]
    if required:
        what = f"the product lacks the files of {', '.join(required)}"
        raise SceneError(what, where=metadata.where, do="download them, or the whole product, again")
    return [f"{name} is left out: {file} is missing" for name, file in gone.items()]


def _quality_file(
    place: Place, folder: str, metadata: LandsatMetadata, notes: list[str]
) -> tuple[str | None, QualityConvention | None]:
    """The quality band, where there is one whose bits are known."""
    if metadata.collection is None:
        notes.append("processed before the collections: its quality band, if it has one, is not read")
        return None, None
    contents = "PRODUCT_CONTENTS" if "PRODUCT_CONTENTS" in metadata.groups else "PRODUCT_METADATA"
    for key, convention in _QUALITY:
        file = metadata.text(key, group=contents)
        if file is not None:
            found = place.find(folder, file)
            if found is None:
                notes.append(f"cloud is not known: {file} is missing")
            return found, convention
    notes.append("cloud is not known: the MTL names no quality band")
    return None, None


def _about(metadata: LandsatMetadata) -> dict[str, str | float]:
    """What is worth keeping of the MTL."""
    about: dict[str, str | float] = {
        "product_id": metadata.product_id,
        "level_of_processing": metadata.processing_level,
        "path": int(metadata.number("WRS_PATH")),
        "row": int(metadata.number("WRS_ROW")),
        "sun_azimuth": metadata.number("SUN_AZIMUTH"),
        "sun_elevation": metadata.sun_elevation,
        "slc_off": metadata.slc_off,
    }
    optional = {"collection": metadata.collection, "tier": metadata.text("COLLECTION_CATEGORY")}
    scene = {"scene_id": metadata.text("LANDSAT_SCENE_ID"), "software": metadata.text("PROCESSING_SOFTWARE_VERSION")}
    return about | {key: value for key, value in (optional | scene).items() if value is not None}


class _Rescaling:
    """Scale, offset and level of a product's bands, from its MTL."""

    def __init__(self, metadata: LandsatMetadata, notes: list[str]) -> None:
        self.metadata = metadata
        modern = "LEVEL1_RADIOMETRIC_RESCALING" in metadata.groups
        self.level1 = "LEVEL1_RADIOMETRIC_RESCALING" if modern else "RADIOMETRIC_RESCALING"
        factors = metadata.groups.get(self.level1, {})
        self.has_reflectance = any(key.startswith("REFLECTANCE_MULT") for key in factors)
        if metadata.is_level2:
            return
        notes.append("thermal bands are digital numbers (Level 1)")
        if not self.has_reflectance:
            notes.append("optical bands stay digital numbers: the MTL gives no factors of reflectance")
        elif metadata.sun_elevation <= 0:
            what = f"was taken with the sun {metadata.sun_elevation:.1f} degrees above the horizon: no reflectance"
            raise SceneError(what, where=metadata.where, do="use a scene taken by day")

    def band(self, name: str, band: str, href: str) -> SourceBand:
        """The band as it is to be read."""
        number = band.removeprefix("ST_").removeprefix("B")
        if self.metadata.is_level2:
            return self._level2(name, band, number, href)
        saturated = self._saturated(number)
        if BANDS[name].kind == Kind.THERMAL or not self.has_reflectance:
            return SourceBand(name, href, level=Level.DIGITAL_NUMBER, saturated=saturated)
        sine = math.sin(math.radians(self.metadata.sun_elevation))
        return SourceBand(
            name,
            href,
            scale=self.metadata.number(f"REFLECTANCE_MULT_BAND_{number}", group=self.level1) / sine,
            offset=self.metadata.number(f"REFLECTANCE_ADD_BAND_{number}", group=self.level1) / sine,
            level=Level.TOP_OF_ATMOSPHERE,
            saturated=saturated,
        )

    def _level2(self, name: str, band: str, number: str, href: str) -> SourceBand:
        thermal = band.startswith("ST_")
        kind, key = ("TEMPERATURE", band) if thermal else ("REFLECTANCE", number)
        group = f"LEVEL2_SURFACE_{kind}_PARAMETERS"
        return SourceBand(
            name,
            href,
            scale=self.metadata.number(f"{kind}_MULT_BAND_{key}", group=group),
            offset=self.metadata.number(f"{kind}_ADD_BAND_{key}", group=group),
            level=Level.SURFACE_TEMPERATURE if thermal else Level.SURFACE_REFLECTANCE,
        )

    def _saturated(self, number: str) -> float | None:
        key = f"QUANTIZE_CAL_MAX_BAND_{number}"
        return self.metadata.number(key) if self.metadata.text(key) is not None else None

    def thermal_constants(self, bands: dict[str, str]) -> dict[str, float]:
        """What turns the digital numbers of Level 1 thermal bands into brightness temperature."""
        if self.metadata.is_level2:
            return {}
        keys = {
            "radiance_mult": "RADIANCE_MULT",
            "radiance_add": "RADIANCE_ADD",
            "k1": "K1_CONSTANT",
            "k2": "K2_CONSTANT",
        }
        found = {}
        for name, band in bands.items():
            if BANDS[name].kind == Kind.THERMAL:
                for ours, theirs in keys.items():
                    key = f"{theirs}_BAND_{band.removeprefix('B')}"
                    if self.metadata.text(key) is not None:
                        found[f"{name}_{ours}"] = self.metadata.number(key)
        return found
