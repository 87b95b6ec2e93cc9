"""`firnline inventory make`: from a finished map to an inventory of glaciers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import typer

from firnline.cli.scenes_choice import parse_dates
from firnline.errors import ConfigError


def command(
    folder: Path = typer.Argument(help="The folder of a finished map (`firnline map -o`)."),
    out: Path = typer.Option(..., "--output", "-o", help="The inventory to write (GeoPackage)."),
    dem: Path | None = typer.Option(None, help="Heights in metres; what the scene was mapped with, without it."),
    dem_source: str | None = typer.Option(
        None, help="What the DEM is called, as COPDEM30; its file name without it."
    ),
    dem_date: str | None = typer.Option(None, help="When its heights were measured, as 2000-02-11 or 2011/2015."),
    dates: str | None = typer.Option(
        None, help="First and last day of the images, as 2018-08-01/2018-09-30, or a day; the scene's without it."
    ),
    reference: Path | None = typer.Option(
        None, help="Outlines of whole glaciers (RGI, GLIMS, an earlier inventory): its ice divides are kept."
    ),
    reference_id: str | None = typer.Option(None, help="Its column of ids, where that is none of the known ones."),
    flow: bool = typer.Option(True, help="Divide by flow what no reference divides, where heights are known."),
    minimum_area: float = typer.Option(0.01, min=0.0, help="Smallest glacier, km2 (RGI 0.01, ICIMOD 0.02)."),
    simplify: float | None = typer.Option(None, min=0.0, help="Simplify outlines by this tolerance, metres."),
    lakes: bool = typer.Option(True, help="Outline the lakes on and at the glaciers, where the scene tells water."),
    attributes: Path | None = typer.Option(
        None, help="A table of what nothing here can know, by glacier_id or rgi_id (docs/inventory-attributes.md)."
    ),
) -> None:
    """Make an inventory of the map in FOLDER: glaciers divided and described, with their parts, holes and lakes."""
    from firnline.inventory.lakes import LakeSettings
    from firnline.inventory.make import InventorySettings, make_inventory
    from firnline.inventory.map_folder import open_map

    settings = InventorySettings(
        minimum_area_km2=minimum_area,
        dem=dem,
        dem_source=dem_source,
        dem_date=dem_date,
        dates=None if dates is None else _days(dates),
        reference=reference,
        reference_id=reference_id,
        divide_by_flow=flow,
        simplify_m=simplify,
        attributes=attributes,
        lakes=LakeSettings() if lakes else None,
    )
    made = make_inventory(open_map(folder), out, settings)
    for line in made.lines():
        typer.echo(line)
    typer.echo(f"written  {out}")


def _days(text: str) -> tuple[dt.date, dt.date]:
    first, last = parse_dates(text)
    if first is None or last is None:
        raise ConfigError(f"'{text}' is open at an end", where="--dates", do="write both days")
    return first, last
