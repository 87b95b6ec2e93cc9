"""`firnline inventory masks`: water, shadow and snow of a scene."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    scene: str = typer.Argument(help="The scene: a raster with named bands."),
    out: Path = typer.Option(..., "-o", "--out", help="The masks to write (GeoTIFF, bands water, shadow, snow)."),
    dem: Path | None = typer.Option(None, help="Elevation in metres, any grid: water is flat."),
    bands: str | None = typer.Option(None, help="Band names of the scene in file order, as blue,green,red."),
    sidecar: Path | None = typer.Option(None, help="What the scene does not say (docs/scenes.md)."),
    sensor: str | None = typer.Option(None, help="landsat5, landsat7, landsat8, landsat9 or sentinel2."),
) -> None:
    """Write masks of water, shadow and snow of SCENE: 1 yes, 0 no, 255 unknown."""
    from firnline.cli.choices import scene_source
    from firnline.inventory.masks import BANDS, write_masks

    told = write_masks(scene_source(scene, dem=dem, bands=bands, sidecar=sidecar, sensor=sensor), out)
    for name in BANDS:
        typer.echo(f"{name:<7} {getattr(told, name) or 'unknown: the scene cannot tell it'}")
    typer.echo(f"written  {out}")
