"""`firnline inventory check`: what is wrong with an inventory of glaciers, ranked."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path

import typer


class _Format(StrEnum):
    TEXT = "text"
    JSON = "json"


def command(
    file: Path = typer.Argument(
        help="An inventory of firnline, or any vector file of glacier polygons (FILE:LAYER)."
    ),
    dem: Path | None = typer.Option(None, help="Elevation in metres, any grid: slopes and heights."),
    reference: Path | None = typer.Option(None, help="Another inventory of the same glaciers, as RGI."),
    scene: str | None = typer.Option(None, help="The scene that was mapped: water, vegetation, its footprint."),
    bands: str | None = typer.Option(None, help="Band names of the scene in file order, as blue,green,red."),
    sidecar: Path | None = typer.Option(None, help="What the scene does not say (docs/scenes.md)."),
    sensor: str | None = typer.Option(None, help="landsat5, landsat7, landsat8, landsat9 or sentinel2."),
    out: Path | None = typer.Option(None, "--output", "-o", help="Write the findings as points (GeoPackage)."),
    format_: str = typer.Option("text", "--format", help="text, or json: one finding a line."),
    most: int = typer.Option(50, min=1, help="How many findings to print as text."),
) -> None:
    """Check an inventory: geometry, table, terrain, surface, holes, and against a reference.

    Exit code 0 without errors (warnings and notes may be there), 1 with errors, 2 for bad input.
    """
    from firnline.cli.choices import chosen, scene_source
    from firnline.inventory.check.check import check_inventory
    from firnline.inventory.check.finding import Severity, write_findings

    wanted = chosen(_Format, format_, "--format")
    source = None
    if scene is not None:
        source = scene_source(scene, dem=None, bands=bands, sidecar=sidecar, sensor=sensor)
    checked = check_inventory(file, dem=dem, reference=reference, scene=source)
    if out is not None:
        write_findings(checked.findings, checked.crs, out)
    if wanted is _Format.JSON:
        for finding in checked.findings:
            typer.echo(json.dumps(finding.as_json(), ensure_ascii=False))
    else:
        for finding in checked.findings[:most]:
            typer.echo(finding.line())
        more = len(checked.findings) - most
        if more > 0:
            typer.echo(f"and {more} more: -o writes all of them, --most prints more")
        typer.echo(checked.summary())
        if out is not None:
            typer.echo(f"written: {out}")
    if checked.count(Severity.ERROR):
        raise typer.Exit(1)
