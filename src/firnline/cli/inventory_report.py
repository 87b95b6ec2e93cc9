"""`firnline inventory report`: the page of an inventory."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    file: Path = typer.Argument(help="An inventory that `firnline inventory make` wrote (GeoPackage)."),
    out: Path = typer.Option(..., "--output", "-o", help="The page to write (HTML, one file)."),
    scene: str | None = typer.Option(None, help="The scene that was mapped, to lie beneath the maps."),
    dem: Path | None = typer.Option(None, help="Heights: hillshade beneath the maps, area by height and class."),
    bands: str | None = typer.Option(None, help="Band names of the scene in file order, as blue,green,red."),
    sidecar: Path | None = typer.Option(None, help="What the scene does not say (docs/scenes.md)."),
    sensor: str | None = typer.Option(None, help="landsat5, landsat7, landsat8, landsat9 or sentinel2."),
    title: str | None = typer.Option(None, help="The heading; the file's name without it."),
    sheets: int = typer.Option(12, min=0, help="How many of the largest glaciers get a sheet."),
) -> None:
    """Write a page about an inventory: limits, sums, maps, plots, a table, sheets of the largest glaciers."""
    from firnline.cli.choices import scene_source
    from firnline.inventory.inventory import read_inventory
    from firnline.inventory.report_facts import facts_of
    from firnline.report.inventory_page import write_inventory_report

    inventory = read_inventory(file)
    source = None
    if scene is not None:
        source = scene_source(scene, dem=None, bands=bands, sidecar=sidecar, sensor=sensor)
    facts = facts_of(inventory, title or f"Glacier inventory {file.stem}")
    write_inventory_report(out, facts, None if source is None else source.scene, dem, sheets=sheets)
    typer.echo(f"written: {out}")
