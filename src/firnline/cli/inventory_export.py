"""`firnline inventory export`: an inventory in a form that others take."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    inventory: Path = typer.Argument(metavar="FILE", help="The inventory (GeoPackage)."),
    to: str = typer.Option(..., help="rgi7, glims, oggm, shp, geojson, geoparquet, fgb or gpkg."),
    out: Path = typer.Option(..., "--output", "-o", help="The folder to make (the file of gpkg); a new one."),
    submission: Path | None = typer.Option(None, help="For glims: who made it, how, from which images (YAML)."),
    region: str | None = typer.Option(None, help="RGI 7 region of glaciers that name none, as 15-03."),
) -> None:
    """Deliver an inventory: as RGI 7 or GLIMS have it, for OGGM, or in common formats."""
    from firnline.cli.choices import chosen
    from firnline.inventory.delivery.deliver import Form, deliver
    from firnline.inventory.delivery.submission import read_submission
    from firnline.inventory.inventory import read_inventory

    form = chosen(Form, to, "--to")
    said = None if submission is None else read_submission(submission)
    paths = deliver(read_inventory(inventory), out, form, submission=said, region=region)
    typer.echo(f"written: {out} ({len(paths)} files)" if len(paths) > 1 else f"written: {out}")
