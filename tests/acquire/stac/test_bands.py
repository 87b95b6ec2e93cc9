"""Bands of items are named, and their numbers explained, as each public catalogue writes them."""

from __future__ import annotations

from typing import Any

import pytest

from firnline.acquire.catalogue.stac_bands import bands_of
from firnline.acquire.catalogue.stac_items import Item, ItemError, parse_item
from firnline.acquire.source import QualityConvention
from firnline.bands import Level

TIFF = "image/tiff; application=geotiff; profile=cloud-optimized"
SURFACE, TOP, UNKNOWN = Level.SURFACE_REFLECTANCE, Level.TOP_OF_ATMOSPHERE, Level.UNKNOWN
BOX = {"type": "Polygon", "coordinates": [[[86, 27], [87, 27], [87, 28], [86, 28], [86, 27]]]}


def item(name: str, assets: dict[str, Any], **properties: Any) -> Item:
    filled = {key: {"href": f"https://example.org/{key}", "type": TIFF, **asset} for key, asset in assets.items()}
    given = {"datetime": "2022-10-05T04:30:00Z", **properties}
    return parse_item({"id": name, "collection": "c", "geometry": BOX, "properties": given, "assets": filled})


def landsat(name: str, common: str, scale: float | None = 2.75e-05, offset: float | None = -0.2) -> dict[str, Any]:
    raster = {} if scale is None else {"raster:bands": [{"nodata": 0, "scale": scale, "offset": offset}]}
    return {"eo:bands": [{"name": name, "common_name": common}], **raster}


def named(of: Item, **more: Any) -> dict[str, tuple[str, float, float, Level]]:
    return {band.name: (band.key, band.scale, band.offset, band.level) for band in bands_of(of, **more).bands}


def test_landsat_7_of_the_planetary_computer() -> None:
    """Keys and descriptions after an item of stactools-landsat, which made them: ``qa`` is no quality band."""
    of = item(
        "LE07_L2SP_021030_20100109_02_T1",
        {
            "blue": landsat("SR_B1", "blue"),
            "nir08": landsat("SR_B4", "nir08"),
            "swir22": landsat("SR_B7", "swir22"),
            "lwir": landsat("ST_B6", "lwir", 0.00341802, 149.0),
            "atmos_opacity": {"raster:bands": [{"nodata": -9999, "scale": 0.001}]},
            "trad": {},
            "qa": {},
            "qa_pixel": {},
            "qa_radsat": {},
            "cloud_qa": {},
            "mtl.json": {"type": "application/json"},
            "thumbnail": {"type": "image/jpeg"},
        },
        platform="landsat-7",
    )
    assert named(of) == {
        "blue": ("blue", 2.75e-05, -0.2, SURFACE),
        "nir08": ("nir08", 2.75e-05, -0.2, SURFACE),
        "swir22": ("swir22", 2.75e-05, -0.2, SURFACE),
        "lwir11": ("lwir", 0.00341802, 149.0, Level.SURFACE_TEMPERATURE),
    }
    quality = bands_of(of).quality
    assert quality is not None
    assert (quality.key, quality.convention) == ("qa_pixel", QualityConvention.LANDSAT_C2_PIXEL)
    assert quality.saturation == "https://example.org/qa_radsat"


def test_landsat_of_usgs_says_no_scale_and_has_the_products() -> None:
    of = item(
        "LE07_L2SP_044033_20210329_20210424_02_T1_SR",
        {"red": landsat("B3", "red", None), "swir16": landsat("B5", "swir16", None)},
        platform="LANDSAT_7",
    )
    assert named(of)["swir16"] == ("swir16", 2.75e-05, -0.2, SURFACE)
    raw = item("LE07_L1TP_044033_20210329_02_T1", {"red": landsat("B3", "red", None)}, platform="landsat-7")
    assert named(raw)["red"] == ("red", 1.0, 0.0, UNKNOWN)
    assert "red: scale 1 and offset 0" in bands_of(raw).notes[0]
    numbered = item("LC08_L2SP_044033_20210329_02_T1", {"SR_B4": {}, "ST_B10": {}})
    assert [band.name for band in bands_of(numbered).bands] == ["red", "lwir11"]


def earth_search(**properties: Any) -> Item:
    raster = {"raster:bands": [{"nodata": 0, "scale": 0.0001, "offset": -0.1}]}
    keys = ("coastal", "blue", "nir", "nir08", "nir09", "rededge1", "swir16")
    assets = {key: {"eo:bands": [{"name": key, "common_name": key.rstrip("123")}], **raster} for key in keys}
    visual = {"eo:bands": [{"name": "red"}, {"name": "green"}, {"name": "blue"}], "roles": ["visual"]}
    return item(
        "S2A_29UNU_20221005_0_L2A", {**assets, "scl": {}, "visual": visual}, platform="sentinel-2a", **properties
    )


def test_sentinel_2_of_earth_search() -> None:
    found = named(earth_search(**{"earthsearch:boa_offset_applied": True, "s2:processing_baseline": "04.00"}))
    assert {name: key for name, (key, *_) in found.items()} == {
        "coastal": "coastal",
        "blue": "blue",
        "rededge071": "rededge1",
        "nir08": "nir",
        "nir08_narrow": "nir08",
        "nir09": "nir09",
        "swir16": "swir16",
    }
    assert found["blue"] == ("blue", 1e-4, 0.0, SURFACE)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"s2:processing_baseline": "05.10", "earthsearch:boa_offset_applied": True}, (0.0, SURFACE)),
        ({"s2:processing_baseline": "02.14", "earthsearch:boa_offset_applied": False}, (0.0, SURFACE)),
        ({"s2:processing_baseline": "02.14"}, (0.0, SURFACE)),
        ({"s2:processing_baseline": "05.10", "earthsearch:boa_offset_applied": False}, (0.0, UNKNOWN)),
        ({"s2:processing_baseline": "05.10"}, (-0.1, SURFACE)),
        ({"sentinel:boa_offset_applied": True, "sentinel:processing_baseline": "04.00"}, (0.0, SURFACE)),
        ({}, (0.0, UNKNOWN)),
        ({"s2:product_uri": "S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454.SAFE"}, (-0.1, SURFACE)),
    ],
)
def test_the_sentinel_2_offset_is_told_or_unknown(properties: dict[str, Any], expected: tuple[float, Level]) -> None:
    found = bands_of(earth_search(**properties))
    band = next(band for band in found.bands if band.name == "blue")
    assert (band.offset, band.level) == expected
    assert bool(found.notes) == (expected[1] == UNKNOWN)


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1.0, -1000.0), (0.0001, -1000.0), (0.0001, 0.1)])
def test_sentinel_2_of_another_scale_is_not_called_reflectance(scale: float, offset: float) -> None:
    """Some catalogues write the offset in digital numbers, or a scale that is none."""
    raster = {"raster:bands": [{"nodata": 0, "scale": scale, "offset": offset}]}
    said = {"platform": "sentinel-2a", "s2:processing_baseline": "05.10"}
    of = item("S2A_29UNU_20221005_0_L2A", {"blue": {"eo:bands": [{"name": "B02"}], **raster}}, **said)
    assert named(of)["blue"][3] == UNKNOWN
    assert "of Sentinel-2" in bands_of(of).notes[0]


def planetary(baseline: str | None) -> Item:
    name = "S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531"
    bands = {"B02": "blue", "B08": "nir", "B8A": "rededge", "B05": "rededge", "B11": "swir16"}
    assets = {key: {"eo:bands": [{"name": key, "common_name": common}]} for key, common in bands.items()}
    said = {} if baseline is None else {"s2:processing_baseline": baseline}
    return item(name, {**assets, "SCL": {}}, platform="Sentinel-2B", **said)


def test_sentinel_2_of_the_planetary_computer_keeps_what_esa_added() -> None:
    assert set(named(planetary("02.12"))) == {"blue", "rededge071", "nir08", "nir08_narrow", "swir16"}
    assert named(planetary("02.12"), keeps_sentinel2_offset=True)["blue"][2:] == (0.0, SURFACE)
    assert named(planetary("04.00"), keeps_sentinel2_offset=True)["blue"][1:] == (1e-4, -0.1, SURFACE)
    assert named(planetary("04.00"))["blue"][2:] == (0.0, UNKNOWN)
    assert named(planetary(None), keeps_sentinel2_offset=True)["blue"][3] == UNKNOWN
    quality = bands_of(planetary("02.12")).quality
    assert quality is not None
    assert quality.convention == QualityConvention.SENTINEL2_SCL


def test_stac_1_1_with_bands_at_several_resolutions() -> None:
    """As the Copernicus Data Space writes it."""

    def asset(band: str, metres: int, sampling: str) -> dict[str, Any]:
        said = {"raster:scale": 0.0001, "raster:offset": -0.1, "nodata": 0, "gsd": metres}
        return {"bands": [{"name": band, "eo:common_name": "x"}], "roles": ["data", f"sampling:{sampling}"], **said}

    of = item(
        "S2C_MSIL2A_20250330T100051_N0511_R122_T33UWP_20250330T145914",
        {
            "B01_20m": asset("B01", 20, "upsampled"),
            "B01_60m": asset("B01", 60, "original"),
            "B02_60m": asset("B02", 60, "downsampled"),
            "B02_10m": asset("B02", 10, "original"),
            "AOT_10m": {"roles": ["data"]},
            "SCL_20m": {},
        },
        platform="sentinel-2c",
        **{"processing:version": "05.11"},
    )
    assert named(of) == {"coastal": ("B01_60m", 1e-4, -0.1, SURFACE), "blue": ("B02_10m", 1e-4, -0.1, SURFACE)}


def test_level_1c_is_top_of_atmosphere() -> None:
    of = item("S2A_MSIL1C_20180912T045701_N0206_R119_T45RVL_20180912T080531", {"B04": {}})
    assert named(of)["red"] == ("B04", 1e-4, 0.0, TOP)


def test_items_without_sensor_or_bands_are_told() -> None:
    with pytest.raises(ItemError, match="by which sensor"):
        bands_of(item("scene", {"red": {}}))
    with pytest.raises(ItemError, match=r"no band that is known \(qa\)"):
        bands_of(item("LC08_L2SP_044033_20210329_02_T1", {"qa": {}}))
