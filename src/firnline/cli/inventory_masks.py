"""`firnline inventory masks`: water, shadow and snow in a scene, as a raster."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    scene: str = typer.Argument(help="A raster with named bands, or a name that GDAL knows."),
    out: Path = typer.Option(..., "--output", "-o", help="The raster to write (GeoTIFF: bands water, shadow, snow)."),
    dem: Path | None = typer.Option(None, help="Heights in metres; with the scene's sun they tell cast shadow."),
    bands: str | None = typer.Option(None, help="Band names in file order, as blue,green,red."),
    sidecar: Path | None = typer.Option(None, help="What the raster does not say (docs/scenes.md)."),
    sensor: str | None = typer.Option(None, help="landsat5, landsat7, landsat8, landsat9 or sentinel2."),
    ndwi: float | None = typer.Option(None, help="Water: index above; without it by the scene's level."),
    water_nir: float | None = typer.Option(None, help="Water: near infrared below."),
    ndsi: float | None = typer.Option(None, help="Snow and ice: index above (0.4)."),
    snow_nir: float | None = typer.Option(None, help="Snow and ice: near infrared above (reflectance 0.11)."),
    dark: float | None = typer.Option(None, help="Shadow without a sun: every optical band below (0.11)."),
) -> None:
    """Write masks of water, shadow and snow: 0 no, 1 yes, 255 where nothing tells it (docs/masks-and-lakes.md)."""
    from firnline.cli.choices import scene_source
    from firnline.inventory.mask_rules import MaskThresholds
    from firnline.inventory.masks import masks_of, write_masks

    source = scene_source(scene, dem=dem, bands=bands, sidecar=sidecar, sensor=sensor)
    masks = masks_of(source, MaskThresholds(ndwi, water_nir, ndsi, snow_nir, dark))
    shares = write_masks(out, masks)
    if masks.level:
        typer.echo(f"level    {masks.level}")
    for name, said in masks.told_by.items():
        found = shares[name]
        share = f"{100 * found.share:.1f} % of the {100 * found.known:.0f} % that is known" if found.known else ""
        typer.echo(f"{name:8} {share}{': ' if share else ''}{said}")
    typer.echo(f"written  {out}")
