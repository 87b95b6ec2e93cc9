"""`firnline scenes check`: what a scene really is, and whether a model may be used on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from firnline.errors import SceneError

if TYPE_CHECKING:
    from firnline.preflight.finding import Preflight


def command(
    scene: str = typer.Argument(help="A raster with named bands, or a name that GDAL knows (/vsizip/...)."),
    dem: Path | None = typer.Option(None, help="Elevation in metres, any grid."),
    bands: str | None = typer.Option(None, help="Band names in file order, as blue,green,red."),
    sidecar: Path | None = typer.Option(None, help="What the raster does not say (docs/scenes.md)."),
    sensor: str | None = typer.Option(None, help="landsat5, landsat7, landsat8, landsat9 or sentinel2."),
    as_json: bool = typer.Option(False, "--json", help="Print the findings as JSON."),
) -> None:
    """Check level, scale, band order, units, snow, cloud and DEM of SCENE; exit code 2 if `map` would refuse it."""
    from firnline.cli.choices import scene_source
    from firnline.preflight.check import check_scene

    found = check_scene(scene_source(scene, dem=dem, bands=bands, sidecar=sidecar, sensor=sensor))
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    else:
        _tell(found)
    if found.is_refused:
        checks = ", ".join(dict.fromkeys(finding.check for finding in found.refusals))
        raise SceneError(
            f"would mislead a model ({checks})",
            where=found.scene,
            do="correct what is named above; `map` and `train` refuse it without --force",
        )


def _tell(found: Preflight) -> None:
    for finding in found.sorted():
        typer.echo(f"{finding.severity:<8} {finding.check}: {finding.what}")
        if finding.do:
            typer.echo(f"{'':<8}   do: {finding.do}")
    typer.echo(f"looked at {found.blocks} blocks, {found.sampled_share:.0%} of the pixels")
    for mark in found.marks:
        typer.echo(f"mark     {mark}")
