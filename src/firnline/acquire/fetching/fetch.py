"""From items of a catalogue to analysis-ready scenes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from firnline.acquire.aoi import Aoi
from firnline.acquire.catalogue.catalogues import Catalogue
from firnline.acquire.catalogue.ranking import Pass, unique_names
from firnline.acquire.catalogue.search import Found
from firnline.acquire.catalogue.signing import Signer
from firnline.acquire.catalogue.stac_bands import ItemBands, bands_of, baseline_of
from firnline.acquire.catalogue.stac_items import Item
from firnline.acquire.download import alone
from firnline.acquire.fetching.dem_tiles import fetch_dem
from firnline.acquire.fetching.parts import Part, Step, Wanted, copy_parts
from firnline.acquire.landsat_ids import parse_landsat_id
from firnline.acquire.network import PATIENCE, Patience, without_query
from firnline.acquire.ready.make import ReadyScene, make_ready
from firnline.acquire.ready.places import require_places
from firnline.acquire.ready.settings import Composite, Dem, ReadySettings
from firnline.acquire.sentinel2_ids import parse_sentinel2_id
from firnline.acquire.source import QualityBand, SourceBand, SourceProduct
from firnline.bands import Sensor
from firnline.errors import BandError, ConfigError, OutputError

_LOCK: Final = ".lock"
DEFAULT_BANDS: Final = ("blue", "green", "red", "nir08", "swir16", "swir22", "lwir11")
"""What glacier mapping uses; an item need not have all of them."""


@dataclass(frozen=True)
class FetchOptions:
    """What to fetch, and how.

    `bands` are firnline's names; None is those of `DEFAULT_BANDS` that an item has. `dem` is a file of one's own;
    without it the catalogue's tiles are fetched, unless `with_dem` is False.
    """

    bands: tuple[str, ...] | None = None
    dem: Dem | None = None
    with_dem: bool = True
    dem_catalogue: Catalogue | None = None
    """Where the DEM's tiles are, if not in the catalogue of the items."""
    dem_collection: str | None = None
    settings: ReadySettings = field(default_factory=ReadySettings)
    jobs: int = 4
    keep_parts: bool = False


@dataclass(frozen=True)
class _Job:
    """A scene to be made: which items go into it, and where it goes."""

    out: Path
    items: tuple[Item, ...]


def fetch(
    found: Found,
    passes: Sequence[Pass],
    out: Path,
    aoi: Aoi,
    options: FetchOptions = FetchOptions(),
    *,
    patience: Patience = PATIENCE,
    copying: Step = lambda _done, _all: None,
    making: Step = lambda _done, _all: None,
) -> tuple[ReadyScene, ...]:
    """Copy the area out of every raster that is needed, and make analysis-ready scenes of the copies.

    One scene a pass: `out` for one, ``NAME_YYYYMMDD.tif`` beside it for several; with a composite, or stripes to
    fill, one scene of all passes. Copies lie in ``OUT.parts`` until all scenes are whole; a call that was
    interrupted goes on with what is missing.

    Parameters
    ----------
    copying, making
        Called with (steps done, all of them).

    Raises
    ------
    ConfigError, BandError
        When nothing is to be fetched, or a band that is asked for is missing.
    RemoteError
        When the catalogue or a server of pixels fails; what was copied is kept.
    GridError, SceneError, OutputError
        As `make_ready` does.
    """
    if not passes:
        raise ConfigError("nothing is chosen", where="scenes fetch", do="choose items, or --best N")
    jobs = _jobs(passes, out, options.settings)
    items = [item for job in jobs for item in job.items]
    offers = {item.id: _offer(item, found.catalogue, options.bands) for item in items}
    folder = out.with_name(f"{out.name}.parts")
    signer = Signer(found.catalogue, patience)
    wanted = [each for item in items for each in _rasters(item, offers[item.id], found.collection)]
    for job in jobs:
        require_places(job.out)
    with _only_one(folder, out):
        dem, tiles = _dem(found.catalogue, aoi, folder, signer, options, patience)
        copies = copy_parts(wanted, folder, aoi, signer, jobs=options.jobs, patience=patience, step=copying)
        scenes = []
        for job in jobs:
            products = [_product(item, offers[item.id], found.collection, copies) for item in job.items]
            touching = _require_some(products, job, aoi)
            provenance = _provenance(found, job, copies, tiles)
            scenes.append(
                make_ready(
                    *(touching, job.out),
                    settings=options.settings,
                    aoi=aoi,
                    dem=dem,
                    provenance=provenance,
                    step=making,
                )
            )
        if not options.keep_parts:
            shutil.rmtree(folder, ignore_errors=True)
    return tuple(scenes)


@contextmanager
def _only_one(folder: Path, out: Path) -> Iterator[None]:
    """Two fetches into one place would take each other's copies away. A folder that was empty before goes again."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("ab")
    except OSError as error:
        what = f"could not be written: {error.strerror}"
        raise OutputError(what, where=folder, do="write to a folder of your own") from None
    with lock, alone(lock, out):
        try:
            yield
        finally:
            if folder.is_dir() and [path.name for path in folder.iterdir()] == [_LOCK]:
                shutil.rmtree(folder, ignore_errors=True)


def _require_some(products: Sequence[SourceProduct | None], job: _Job, aoi: Aoi) -> list[SourceProduct]:
    """The products that the area touches."""
    touching = [product for product in products if product is not None]
    if not touching:
        names = ", ".join(item.id for item in job.items)
        raise ConfigError(f"the area lies outside of {names}", where=aoi.name or "--aoi", do="choose other items")
    return touching


def _jobs(passes: Sequence[Pass], out: Path, settings: ReadySettings) -> list[_Job]:
    if out.suffix.lower() not in (".tif", ".tiff"):
        raise ConfigError("is no name of a GeoTIFF", where=out, do="name it SCENE.tif")
    if settings.composite != Composite.SINGLE or settings.fill_stripes or len(passes) == 1:
        return [_Job(out, tuple(item for each in passes for item in each.items))]
    names = unique_names([(f"{out.stem}_{each.date:%Y%m%d}", each) for each in passes])
    return [_Job(out.with_name(f"{name}{out.suffix}"), each.items) for name, each in zip(names, passes, strict=True)]


def _offer(item: Item, catalogue: Catalogue, wanted: tuple[str, ...] | None) -> ItemBands:
    """The bands of an item that are to be fetched."""
    offer = bands_of(item, keeps_sentinel2_offset=catalogue.keeps_sentinel2_offset)
    there = {band.name for band in offer.bands}
    missing = [name for name in wanted or () if name not in there]
    if missing:
        raise BandError(f"has no {' '.join(missing)}", where=item.id, do=f"it has {' '.join(sorted(there))}")
    names = wanted or DEFAULT_BANDS
    kept = tuple(band for band in offer.bands if band.name in names)
    if not kept:
        raise BandError(f"has none of {' '.join(names)}", where=item.id, do=f"it has {' '.join(sorted(there))}")
    return ItemBands(kept, offer.quality, offer.notes)


def _rasters(item: Item, offer: ItemBands, collection: str) -> list[Wanted]:
    held = item.collection or collection
    rasters = [Wanted(item.id, band.key, band.href, held) for band in offer.bands]
    if offer.quality is not None:
        rasters.append(Wanted(item.id, offer.quality.key, offer.quality.href, held))
        if offer.quality.saturation is not None:
            rasters.append(Wanted(item.id, "qa_radsat", offer.quality.saturation, held))
    return rasters


def _product(
    item: Item, offer: ItemBands, collection: str, copies: dict[Wanted, Part | None]
) -> SourceProduct | None:
    """The copies of an item as a product; None when the area lies beside it."""
    parts = {each.key: part for each, part in copies.items() if each.item == item.id and part is not None}
    bands = tuple(
        SourceBand(band.name, str(parts[band.key].path), band.scale, band.offset, band.nodata, band.level)
        for band in offer.bands
        if band.key in parts
    )
    if not bands:
        return None
    notes = list(offer.notes)
    quality = None
    if offer.quality is not None and offer.quality.key in parts:
        saturation = parts.get("qa_radsat") if offer.quality.saturation else None
        quality = QualityBand(
            str(parts[offer.quality.key].path),
            offer.quality.convention,
            saturation=None if saturation is None else str(saturation.path),
        )
    else:
        notes.append("no quality band: cloud, shadow and snow are not known")
    assert item.sensor is not None
    return SourceProduct(
        id=item.id,
        sensor=item.sensor,
        moment=item.moment,
        bands=bands,
        quality=quality,
        cloud_cover=item.cloud_cover,
        metadata=_metadata(item, collection),
        notes=tuple(notes),
    )


def _metadata(item: Item, collection: str) -> dict[str, str | float]:
    properties = item.properties
    facts: dict[str, str | float] = {"collection": item.collection or collection}
    azimuth = properties.get("view:sun_azimuth", properties.get("s2:mean_solar_azimuth"))
    elevation, zenith = properties.get("view:sun_elevation"), properties.get("s2:mean_solar_zenith")
    if isinstance(azimuth, (int, float)):
        facts["sun_azimuth"] = float(azimuth)
    if isinstance(elevation, (int, float)):
        facts["sun_elevation"] = float(elevation)
    elif isinstance(zenith, (int, float)):
        facts["sun_elevation"] = 90.0 - float(zenith)
    landsat, tile = parse_landsat_id(item.id), parse_sentinel2_id(item.id)
    if landsat is not None:
        facts |= {"path": f"{landsat.path:03d}", "row": f"{landsat.row:03d}"}
    if tile is not None:
        facts["tile"] = tile.tile
    baseline = baseline_of(item) if item.sensor == Sensor.SENTINEL2 else None
    if baseline is not None:
        facts["processing_baseline"] = f"{baseline[0]:02d}.{baseline[1]:02d}"
    return facts


def _dem(
    catalogue: Catalogue, aoi: Aoi, folder: Path, signer: Signer, options: FetchOptions, patience: Patience
) -> tuple[Dem | None, list[dict[str, Any]]]:
    if options.dem is not None or not options.with_dem:
        return options.dem, []
    if options.dem_catalogue is not None:
        catalogue, signer = options.dem_catalogue, Signer(options.dem_catalogue, patience)
    return fetch_dem(
        catalogue, options.dem_collection, aoi, folder / "dem", signer, jobs=options.jobs, patience=patience
    )


def _provenance(
    found: Found, job: _Job, copies: dict[Wanted, Part | None], tiles: list[dict[str, Any]]
) -> dict[str, Any]:
    """What came from where; addresses have lost their signatures."""
    items = [
        {
            "id": item.id,
            "link": without_query(item.link),
            "datetime": item.moment.isoformat(),
            "assets": [part.record for each, part in copies.items() if each.item == item.id and part is not None],
        }
        for item in job.items
    ]
    return {
        "catalogue": found.catalogue.name,
        "api": without_query(found.catalogue.api),
        "collection": found.collection,
        "items": items,
        "dem_tiles": tiles,
    }
