"""`firnline scenes build`: products on disk to one analysis-ready scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from firnline.cli import ready_choice as ready
from firnline.errors import ConfigError


def command(
    products: list[Path] = typer.Argument(
        help="Products: Landsat folders or tars, Sentinel-2 SAFE, Earth Engine exports."
    ),
    out: Path = typer.Option(
        ..., "--output", "-o", help="The scene to write (GeoTIFF); flags and records beside it."
    ),
    dem: Path | None = typer.Option(None, help="A DEM, heights in metres, in any CRS and resolution."),
    dem_name: str = typer.Option("", help="What the DEM is called."),
    dem_date: str = typer.Option("", help="When its heights were measured."),
    aoi: Path | None = typer.Option(None, help="Crop to the box around these polygons."),
    like: Path | None = typer.Option(None, help="Take the grid of this raster."),
    bands: str | None = typer.Option(None, help="Bands of the scene: green,red,nir08,swir16,ndsi,... (all)."),
    resolution: float | None = ready.RESOLUTION,
    resampling: str = ready.RESAMPLING,
    composite: str = typer.Option("single", help="Of several days: least-cloud or minimum-snow."),
    cloud: str = ready.CLOUD,
    cloud_buffer: int = ready.CLOUD_BUFFER,
    keep_cloud_over_ice: bool = ready.KEEP_CLOUD_OVER_ICE,
    cirrus: bool = ready.CIRRUS,
    shadow: str = ready.SHADOW,
    fill_stripes: bool = typer.Option(False, help="Fill Landsat 7 stripes from the other days."),
    level: str | None = typer.Option(None, help="Of exports that do not tell it: dn, toa or surface."),
    unpack: Path | None = typer.Option(None, help="Keep what compressed tars hold in this folder."),
) -> None:
    """Build one analysis-ready scene from products as they are downloaded."""
    from firnline.acquire.aoi import read_aoi
    from firnline.acquire.products import read_products
    from firnline.acquire.ready.make import make_ready
    from firnline.acquire.ready.settings import Dem
    from firnline.classraster import read_grid
    from firnline.cli.progress import progress_bar

    settings = ready.ready_settings(
        "scenes build",
        bands=ready.names(bands),
        resolution=resolution,
        resampling=resampling,
        composite=composite,
        cloud=cloud,
        cloud_buffer=cloud_buffer,
        keep_cloud_over_ice=keep_cloud_over_ice,
        cirrus=cirrus,
        shadow=shadow,
        fill_stripes=fill_stripes,
    )
    if like is not None and (aoi is not None or resolution is not None):
        raise ConfigError("--like says the whole grid", do="leave out --aoi and --resolution")
    if dem is None and (dem_name or dem_date):
        raise ConfigError("speak of a DEM that is not given", where="--dem-name and --dem-date", do="give --dem")
    meant = _level(level)
    found = [product for path in products for product in read_products(path, level=meant, unpack=unpack)]
    with progress_bar("building") as bar:
        scene = make_ready(
            found,
            out,
            settings=settings,
            grid=None if like is None else read_grid(like),
            aoi=None if aoi is None else read_aoi(aoi),
            dem=None if dem is None else Dem(dem, dem_name, dem_date),
            provenance={"command": "scenes build", "products": [str(path) for path in products]},
            step=bar.update,
        )
    ready.tell(scene)


def _level(word: str | None) -> Any:
    from firnline.bands import Level

    levels = {"dn": Level.DIGITAL_NUMBER, "toa": Level.TOP_OF_ATMOSPHERE, "surface": Level.SURFACE_REFLECTANCE}
    if word is not None and word not in levels:
        raise ConfigError(f"'{word}' is no level", where="--level", do=f"say {', '.join(levels)}")
    return None if word is None else levels[word]
