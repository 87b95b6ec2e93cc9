"""`firnline scenes preview`: pictures of what a search found."""

from __future__ import annotations

from pathlib import Path

import typer

from firnline.cli import scenes_choice as choice
from firnline.errors import ConfigError


def command(
    aoi: Path | None = choice.AOI,
    out: Path = typer.Option(..., "--output", "-o", help="The folder for the pictures."),
    dates: str | None = choice.DATES,
    sensor: str | None = choice.SENSOR,
    max_cloud: float | None = choice.MAX_CLOUD,
    ids: Path | None = choice.IDS,
    id_: list[str] | None = choice.ID,
    search: Path | None = choice.SEARCH,
    catalogue: str | None = choice.CATALOGUE,
    api: str | None = choice.API,
    collection: str | None = choice.COLLECTION,
    best: int = typer.Option(8, min=1, help="How many of the best dates."),
    colours: str = typer.Option("false", help="false (short-wave infrared, near infrared, red) or true."),
    side: int = typer.Option(600, min=64, max=4000, help="Pixels of the longer side of the area."),
) -> None:
    """Draw the best scenes over the area, one picture a date and a contact sheet."""
    from firnline.acquire.catalogue.preview import preview

    if aoi is None:
        raise ConfigError("is missing", where="--aoi", do="give the area to draw")
    asked = choice.Asked(aoi, dates, sensor, max_cloud, ids, id_, catalogue, api, collection, search)
    chosen = choice.choose(asked)
    assert chosen.aoi is not None
    written = preview(chosen.found, chosen.passes[:best], out, chosen.aoi, colours=colours, side=side)
    typer.echo("\n".join(f"written: {path}" for path in written))
