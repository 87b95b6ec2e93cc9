"""`firnline scenes fetch`: from a catalogue to analysis-ready scenes."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from firnline.cli import ready_choice as ready
from firnline.cli import scenes_choice as choice
from firnline.errors import ConfigError


def command(
    aoi: Path | None = choice.AOI,
    out: Path = typer.Option(
        ..., "--output", "-o", help="The scene to write (GeoTIFF); flags and records beside it."
    ),
    dates: str | None = choice.DATES,
    sensor: str | None = choice.SENSOR,
    max_cloud: float | None = choice.MAX_CLOUD,
    ids: Path | None = choice.IDS,
    id_: list[str] | None = choice.ID,
    search: Path | None = choice.SEARCH,
    catalogue: str | None = choice.CATALOGUE,
    api: str | None = choice.API,
    collection: str | None = choice.COLLECTION,
    best: int | None = typer.Option(None, min=1, help="How many of the best dates (1; all of --id and --ids)."),
    bands: str | None = typer.Option(None, help="Bands to fetch: green,red,nir08,swir16 (those for glaciers)."),
    dem: Path | None = typer.Option(None, help="A DEM of your own, heights in metres."),
    no_dem: bool = typer.Option(False, "--no-dem", help="No elevation and slope."),
    dem_catalogue: str | None = typer.Option(None, help="Another catalogue to take the DEM from."),
    dem_collection: str | None = typer.Option(None, help="The DEM's collection there."),
    composite: str = typer.Option("single", help="One scene of all dates: least-cloud or minimum-snow."),
    fill_stripes: bool = typer.Option(False, help="Fill Landsat 7 stripes of the best date from the others."),
    cloud: str = ready.CLOUD,
    cloud_buffer: int = ready.CLOUD_BUFFER,
    keep_cloud_over_ice: bool = ready.KEEP_CLOUD_OVER_ICE,
    cirrus: bool = ready.CIRRUS,
    shadow: str = ready.SHADOW,
    resolution: float | None = ready.RESOLUTION,
    resampling: str = ready.RESAMPLING,
    jobs: int = typer.Option(4, min=1, max=16, help="How many files to copy at once."),
    keep_parts: bool = typer.Option(False, "--keep-parts", help="Keep the copies in OUT.parts."),
) -> None:
    """Copy the area out of the best scenes of a catalogue, and make analysis-ready scenes of it.

    An interrupted fetch goes on where it stopped when it is run again.
    """
    from firnline.acquire.catalogue.catalogues import choose_catalogue
    from firnline.acquire.fetching.fetch import FetchOptions, fetch
    from firnline.acquire.ready.settings import Dem
    from firnline.cli.progress import progress_bar

    if aoi is None:
        raise ConfigError("is missing", where="--aoi", do="give the area to fetch")
    if dem is not None and not dem.is_file():
        raise ConfigError("does not exist", where=dem, do="give a raster of heights, or leave out --dem")
    settings = ready.ready_settings(
        "scenes fetch",
        composite=composite,
        fill_stripes=fill_stripes,
        cloud=cloud,
        cloud_buffer=cloud_buffer,
        keep_cloud_over_ice=keep_cloud_over_ice,
        cirrus=cirrus,
        shadow=shadow,
        resolution=resolution,
        resampling=resampling,
    )
    options = FetchOptions(
        bands=ready.names(bands),
        dem=None if dem is None else Dem(dem),
        with_dem=not no_dem,
        dem_catalogue=None if dem_catalogue is None else choose_catalogue(dem_catalogue, None),
        dem_collection=dem_collection,
        settings=settings,
        jobs=jobs,
        keep_parts=keep_parts,
    )
    asked = choice.Asked(aoi, dates, sensor, max_cloud, ids, id_, catalogue, api, collection, search)
    chosen = choice.choose(asked)
    assert chosen.aoi is not None
    for each in chosen.found.left_out:
        sys.stderr.write(f"left out: {each.id} {each.why}\n")
    named = best is None and (ids is not None or bool(id_))
    passes = chosen.passes if named else chosen.passes[: best or 1]
    with progress_bar("fetching") as bar:  # first files that are copied, then blocks of the scenes
        scenes = fetch(chosen.found, passes, out, chosen.aoi, options, copying=bar.update, making=bar.update)
    for scene in scenes:
        ready.tell(scene)
