"""Miniature products in the structure that their makers give them: names, groups and keys are those of real ones."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine

LEFT, TOP = 478005.0, 3108165.0
SIZE = 4

ETM_L2 = {
    **{f"{n}": f"SR_B{n}" for n in (1, 2, 3, 4, 5, 7)},
    "ST_B6": "ST_B6",
}
ETM_L1 = {**{f"{n}": f"B{n}" for n in (1, 2, 3, 4, 5, 7, 8)}, "6_VCID_1": "B6_VCID_1", "6_VCID_2": "B6_VCID_2"}
OLI_L2 = {**{f"{n}": f"SR_B{n}" for n in range(1, 8)}, "ST_B10": "ST_B10"}
OLI_L1 = {f"{n}": f"B{n}" for n in range(1, 12)}
TM_L1 = {f"{n}": f"B{n}" for n in range(1, 8)}


def raster(path: Path, values: NDArray[np.generic], metres: float = 30.0, names: tuple[str, ...] = ()) -> None:
    """Write bands (or one) as a GeoTIFF or, by its name, a lossless JPEG 2000."""
    bands = values if values.ndim == 3 else values[None]
    path.parent.mkdir(parents=True, exist_ok=True)
    jp2 = {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES"}
    profile = {
        **(jp2 if path.suffix == ".jp2" else {"driver": "GTiff"}),
        "count": len(bands),
        "dtype": bands.dtype.name,
        "width": bands.shape[2],
        "height": bands.shape[1],
        "crs": "EPSG:32645",
        "transform": Affine(metres, 0, LEFT, 0, -metres, TOP),
    }
    with rasterio.open(path, "w", **profile) as file:
        file.write(bands)
        if names:
            file.descriptions = names


def digital_numbers(
    seed: int, dtype: str = "uint16", low: int = 1, high: int = 60000, size: int = SIZE
) -> NDArray[np.generic]:
    """Random digital numbers with a pixel of fill (0) at the top left."""
    values = np.random.default_rng(seed).integers(low, high, (size, size)).astype(dtype)
    values[0, 0] = 0
    return values


def odl(groups: dict[str, dict[str, str]], root: str) -> str:
    """An MTL as text; values are written as they are, quotes and all."""
    lines = [f"GROUP = {root}"]
    for name, values in groups.items():
        lines += [f"  GROUP = {name}", *(f"    {key} = {value}" for key, value in values.items())]
        lines.append(f"  END_GROUP = {name}")
    return "\n".join([*lines, f"END_GROUP = {root}", "END", ""])


def xml(groups: dict[str, dict[str, str]]) -> str:
    """The same as XML."""
    inside = "".join(
        f"<{name}>"
        + "".join(f"<{key}>{value.strip(chr(34))}</{key}>" for key, value in values.items())
        + f"</{name}>"
        for name, values in groups.items()
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<LANDSAT_METADATA_FILE>{inside}</LANDSAT_METADATA_FILE>'


def image_attributes(spacecraft: str, instrument: str, **more: str) -> dict[str, str]:
    """IMAGE_ATTRIBUTES, with the values of a real scene of 2007-09-22."""
    return {
        "SPACECRAFT_ID": f'"{spacecraft}"',
        "SENSOR_ID": f'"{instrument}"',
        "WRS_PATH": "134",
        "WRS_ROW": "040",
        "DATE_ACQUIRED": "2007-09-22",
        "SCENE_CENTER_TIME": '"04:01:59.7380207Z"',
        "CLOUD_COVER": "6.00",
        "SUN_AZIMUTH": "141.02833170",
        "SUN_ELEVATION": "51.97087390",
        **more,
    }


def level1_factors(bands: dict[str, str], thermal: tuple[str, ...]) -> dict[str, str]:
    """RADIOMETRIC_RESCALING: another factor for each band, so that a mix-up shows."""
    values = {f"RADIANCE_MULT_BAND_{b}": f"{(i + 1) * 3.3e-2:.4E}" for i, b in enumerate(bands)}
    values |= {f"RADIANCE_ADD_BAND_{b}": f"{-0.1 - i:.5f}" for i, b in enumerate(bands)}
    values |= {
        f"REFLECTANCE_MULT_BAND_{b}": f"{(i + 1) * 1.1e-3:.4E}" for i, b in enumerate(bands) if b not in thermal
    }
    return values | {
        f"REFLECTANCE_ADD_BAND_{b}": f"{-0.01 * (i + 1):.6f}" for i, b in enumerate(bands) if b not in thermal
    }


def landsat_c2(
    folder: Path,
    product: str,
    bands: dict[str, str],
    attributes: dict[str, str],
    *,
    form: str = "txt",
    thermal: tuple[str, ...] = ("6_VCID_1", "6_VCID_2", "6", "10", "11"),
    dtype: str = "uint16",
) -> dict[str, NDArray[np.generic]]:
    """Write a Collection 2 product; gives the digital numbers by the MTL's band."""
    level = product.split("_")[1]
    contents = {
        "ORIGIN": '"Image courtesy of the U.S. Geological Survey"',
        "LANDSAT_PRODUCT_ID": f'"{product}"',
        "PROCESSING_LEVEL": f'"{level}"',
        "COLLECTION_NUMBER": "02",
        "COLLECTION_CATEGORY": '"T1"',
        **{f"FILE_NAME_BAND_{band}": f'"{product}_{file}.TIF"' for band, file in bands.items()},
        "FILE_NAME_QUALITY_L1_PIXEL": f'"{product}_QA_PIXEL.TIF"',
        "FILE_NAME_QUALITY_L1_RADIOMETRIC_SATURATION": f'"{product}_QA_RADSAT.TIF"',
    }
    level1 = {band.removeprefix("ST_B"): file for band, file in bands.items()}
    groups = {
        "PRODUCT_CONTENTS": contents,
        "IMAGE_ATTRIBUTES": attributes,
        "PROJECTION_ATTRIBUTES": {"MAP_PROJECTION": '"UTM"'},
    }
    if level.startswith("L2"):
        optical = [band for band in bands if not band.startswith("ST_")]
        groups["LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"] = {
            **{f"REFLECTANCE_MULT_BAND_{band}": "2.75e-05" for band in optical},
            **{f"REFLECTANCE_ADD_BAND_{band}": "-0.2" for band in optical},
        }
        groups["LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"] = {
            **{f"TEMPERATURE_MULT_BAND_{band}": "0.00341802" for band in bands if band.startswith("ST_")},
            **{f"TEMPERATURE_ADD_BAND_{band}": "149.0" for band in bands if band.startswith("ST_")},
        }
    groups["LEVEL1_PROCESSING_RECORD"] = {
        "LANDSAT_SCENE_ID": '"LE71340402007265EDC00"',
        "LANDSAT_PRODUCT_ID": '"LE07_L1TP_134040_20070922_20200913_02_T1"',
        "PROCESSING_LEVEL": '"L1TP"',
    }
    quantize = {f"QUANTIZE_CAL_MAX_BAND_{band}": "255" if dtype == "uint8" else "65535" for band in level1}
    groups["LEVEL1_MIN_MAX_PIXEL_VALUE"] = quantize
    groups["LEVEL1_RADIOMETRIC_RESCALING"] = level1_factors(level1, thermal)
    groups["LEVEL1_THERMAL_CONSTANTS"] = {
        **{f"K1_CONSTANT_BAND_{band}": "666.09" for band in level1 if band in thermal},
        **{f"K2_CONSTANT_BAND_{band}": "1282.71" for band in level1 if band in thermal},
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = odl(groups, "LANDSAT_METADATA_FILE") if form == "txt" else xml(groups)
    if form == "json":
        import json

        plain = {name: {key: value.strip('"') for key, value in values.items()} for name, values in groups.items()}
        text = json.dumps({"LANDSAT_METADATA_FILE": plain})
    (folder / f"{product}_MTL.{form}").write_text(text)
    high = 255 if dtype == "uint8" else 60000
    values = {}
    for seed, (band, file) in enumerate(bands.items()):
        pan = file == "B8"
        values[band] = digital_numbers(seed, dtype, 1, high, 2 * SIZE if pan else SIZE)
        raster(folder / f"{product}_{file}.TIF", values[band], 15.0 if pan else 30.0)
    raster(folder / f"{product}_QA_PIXEL.TIF", np.full((SIZE, SIZE), 21824, "uint16"))
    raster(folder / f"{product}_QA_RADSAT.TIF", np.zeros((SIZE, SIZE), "uint16"))
    return values


def landsat_c1(
    folder: Path, product: str, bands: dict[str, str], attributes: dict[str, str]
) -> dict[str, NDArray[np.generic]]:
    """Write a Collection 1 Level 1 product of 8 bits, as Landsat 5 and 7 have them."""
    keys = ("CLOUD_COVER", "SUN_AZIMUTH", "SUN_ELEVATION")
    groups = {
        "METADATA_FILE_INFO": {
            "LANDSAT_SCENE_ID": '"LE71340402007265EDC00"',
            "LANDSAT_PRODUCT_ID": f'"{product}"',
            "COLLECTION_NUMBER": "01",
        },
        "PRODUCT_METADATA": {
            "DATA_TYPE": '"L1TP"',
            "COLLECTION_CATEGORY": '"T1"',
            **{key: value for key, value in attributes.items() if key not in keys},
            **{f"FILE_NAME_BAND_{band}": f'"{product}_{file}.TIF"' for band, file in bands.items()},
            "FILE_NAME_BAND_QUALITY": f'"{product}_BQA.TIF"',
        },
        "IMAGE_ATTRIBUTES": {key: attributes[key] for key in keys},
        "MIN_MAX_PIXEL_VALUE": {f"QUANTIZE_CAL_MAX_BAND_{band}": "255" for band in bands},
        "RADIOMETRIC_RESCALING": level1_factors(bands, ("6", "6_VCID_1", "6_VCID_2")),
        "THERMAL_CONSTANTS": {f"K1_CONSTANT_BAND_{band}": "666.09" for band in bands if band[0] == "6"}
        | {f"K2_CONSTANT_BAND_{band}": "1282.71" for band in bands if band[0] == "6"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{product}_MTL.txt").write_text(odl(groups, "L1_METADATA_FILE"))
    values = {}
    for seed, (band, file) in enumerate(bands.items()):
        pan = file == "B8"
        values[band] = digital_numbers(seed, "uint8", 1, 255, 2 * SIZE if pan else SIZE)
        raster(folder / f"{product}_{file}.TIF", values[band], 15.0 if pan else 30.0)
    raster(folder / f"{product}_BQA.TIF", np.full((SIZE, SIZE), 672, "uint16"))
    return values


def packed(folder: Path, archive: Path, mode: str = "w", inside: str = "") -> Path:
    """Pack the files of a folder into a tar, flat as USGS does or `inside` a folder."""
    with tarfile.open(archive, mode) as tar:  # type: ignore[call-overload]
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                tar.add(file, arcname=f"{inside}{file.relative_to(folder).as_posix()}")
    return archive


SENTINEL2_BANDS = {
    **dict.fromkeys(("B02", "B03", "B04", "B08"), 10),
    **dict.fromkeys(("B05", "B06", "B07", "B8A", "B11", "B12"), 20),
    **dict.fromkeys(("B01", "B09"), 60),
}


def sentinel2(
    root: Path, product: str, *, offset: int | None = -1000, baseline: str = "04.00", level: str = "2A"
) -> tuple[Path, dict[str, NDArray[np.generic]]]:
    """Write a SAFE folder in the compact form; gives it and the digital numbers by band."""
    tile, stamp = product.split("_")[5], product.split("_")[2]
    safe, granule = root / f"{product}.SAFE", f"GRANULE/L{level}_{tile}_A038058_{stamp}"
    files: list[str] = []
    values = {}
    bands = SENTINEL2_BANDS | ({"B10": 60} if level == "1C" else {})
    for seed, (band, metres) in enumerate(bands.items()):
        values[band] = digital_numbers(seed, "uint16", 900, 12000, {10: 12, 20: 6, 60: 2}[metres])
        where = f"{granule}/IMG_DATA/" + (
            f"R{metres}m/{tile}_{stamp}_{band}_{metres}m" if level == "2A" else f"{tile}_{stamp}_{band}"
        )
        files.append(where)
        raster(safe / f"{where}.jp2", values[band], metres)
    if level == "2A":
        for name, metres, size in (("SCL", 20, 6), ("SCL", 60, 2), ("B02", 20, 6), ("B02", 60, 2)):
            where = f"{granule}/IMG_DATA/R{metres}m/{tile}_{stamp}_{name}_{metres}m"
            files.append(where)
            raster(safe / f"{where}.jp2", np.full((size, size), 4, "uint8" if name == "SCL" else "uint16"), metres)
        files.append(f"{granule}/IMG_DATA/R10m/{tile}_{stamp}_TCI_10m")
    key, quantification = ("BOA", "BOA_QUANTIFICATION_VALUE") if level == "2A" else ("RADIO", "QUANTIFICATION_VALUE")
    offsets = "".join(f'<{key}_ADD_OFFSET band_id="{n}">{offset}</{key}_ADD_OFFSET>' for n in range(13))
    listing = "".join(f"<IMAGE_FILE>{file}</IMAGE_FILE>" for file in files)
    snow = "<SNOW_ICE_PERCENTAGE>6.46E-4</SNOW_ICE_PERCENTAGE>" if level == "2A" else ""
    (safe / f"MTD_MSIL{level}.xml").write_text(f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-{level}_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{level}.xsd">
 <n1:General_Info>
  <Product_Info>
   <PRODUCT_START_TIME>2022-10-05T11:54:11.024Z</PRODUCT_START_TIME>
   <PRODUCT_URI>{product}.SAFE</PRODUCT_URI>
   <PROCESSING_LEVEL>Level-{level}</PROCESSING_LEVEL>
   <PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
   <GENERATION_TIME>2022-10-05T16:44:54.000000Z</GENERATION_TIME>
   <Product_Organisation>
    <Granule_List><Granule imageFormat="JPEG2000">{listing}</Granule></Granule_List>
   </Product_Organisation>
  </Product_Info>
  <Product_Image_Characteristics>
   <QUANTIFICATION_VALUES_LIST><{quantification} unit="none">10000</{quantification}></QUANTIFICATION_VALUES_LIST>
   {f"<{key}_ADD_OFFSET_VALUES_LIST>{offsets}</{key}_ADD_OFFSET_VALUES_LIST>" if offset is not None else ""}
  </Product_Image_Characteristics>
 </n1:General_Info>
 <n1:Quality_Indicators_Info>
  <Cloud_Coverage_Assessment>59.769726</Cloud_Coverage_Assessment>
  <Image_Content_QI><NODATA_PIXEL_PERCENTAGE>40.4</NODATA_PIXEL_PERCENTAGE>{snow}</Image_Content_QI>
 </n1:Quality_Indicators_Info>
</n1:Level-{level}_User_Product>""")
    (safe / granule / "MTD_TL.xml").write_text(f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-{level}_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-{level}_Tile_Metadata.xsd">
 <n1:Geometric_Info><Tile_Angles metadataLevel="Standard">
  <Mean_Sun_Angle>
   <ZENITH_ANGLE unit="deg">57.25</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">168.5</AZIMUTH_ANGLE>
  </Mean_Sun_Angle>
 </Tile_Angles></n1:Geometric_Info>
</n1:Level-{level}_Tile_ID>""")
    return safe, values
