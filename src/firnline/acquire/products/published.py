"""The HKH data set's scenes (Baraka et al. 2020): one GeoTIFF of 15 bands that says little of itself."""

from __future__ import annotations

import datetime as dt

from rasterio.io import DatasetReader

from firnline.acquire.landsat_ids import SLC_FAILED, parse_landsat_id
from firnline.acquire.products.places import Place, file_of
from firnline.acquire.source import QualityBand, QualityConvention, SourceBand, SourceProduct
from firnline.bands import BANDS, Kind, Level, Sensor, band_name
from firnline.errors import SceneError
from firnline.product import published_layout
from firnline.sidecar import BandNote

_SATURATED = 255.0


def read_published(place: Place, name: str, dataset: DatasetReader, href: str) -> SourceProduct | None:
    """Read a scene in the published layout; None where the bands' names are not the layout's.

    What the layout gets wrong is put right: ``ndsi`` has its sign turned (snow positive), ``ndwi``, which is Gao's,
    is called ndmi, and the pixels outside of the footprint, 0 in clips and NaN in whole scenes, are unknown in all
    bands (the product's `fill`). Spectral bands are 8-bit digital numbers.

    Raises
    ------
    SceneError
        When the file's name does not say path, row and day.
    """
    layout = published_layout(dataset)
    if layout is None or layout.fill is None:
        return None
    landsat = parse_landsat_id(file_of(name))
    if landsat is None or landsat.sensor != Sensor.LANDSAT7:
        what = "has the bands of the HKH data set, but its name is not LE07_PPPRRR_YYYYMMDD"
        raise SceneError(what, where=place.where(name), do="give the file back its name")
    fill = BANDS[band_name(layout.fill.band, Sensor.LANDSAT7) or ""].name
    bands = tuple(
        _band(raw, index, href, layout.bands.get(raw, BandNote()), layout.fill.value)
        for index, raw in enumerate(dataset.descriptions, start=1)
        if raw != "BQA"
    )
    quality = QualityBand(href, QualityConvention.LANDSAT_C1_BQA, index=dataset.descriptions.index("BQA") + 1)
    return SourceProduct(
        id=file_of(name).rpartition(".")[0],
        sensor=Sensor.LANDSAT7,
        moment=dt.datetime.combine(landsat.date, dt.time(), tzinfo=dt.UTC),
        bands=bands,
        quality=quality,
        metadata={
            "product_id": f"LE07_{landsat.path:03}{landsat.row:03}_{landsat.date:%Y%m%d}",
            **{"level_of_processing": "L1", "collection": 1, "path": landsat.path, "row": landsat.row},
            "slc_off": landsat.date > SLC_FAILED,
        },
        notes=(
            layout.note,
            "ndsi had its sign turned (snow is positive here); ndwi is Gao's and is called ndmi here",
            "the time of day and where the sun stood are not known",
            "elevation and slope are SRTM 90 m resampled (Baraka et al. 2020)",
        ),
        fill=next(band for band in bands if band.name == fill),
    )


def _band(raw: str, index: int, href: str, note: BandNote, fill: float) -> SourceBand:
    name = note.name or band_name(raw, Sensor.LANDSAT7) or raw
    if BANDS[name].kind in (Kind.OPTICAL, Kind.THERMAL):
        level = Level.DIGITAL_NUMBER
        return SourceBand(name, href, nodata=fill, level=level, index=index, saturated=_SATURATED)
    scale = note.scale if note.scale is not None else 1.0
    return SourceBand(name, href, scale=scale, nodata=None, level=Level.NOT_RADIOMETRIC, index=index)
