"""`firnline scenes search`: what a catalogue has of an area, the best for mapping glaciers first."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer

from firnline.cli import scenes_choice as choice
from firnline.errors import ConfigError


def command(
    aoi: Path | None = choice.AOI,
    dates: str | None = choice.DATES,
    sensor: str | None = choice.SENSOR,
    max_cloud: float | None = choice.MAX_CLOUD,
    ids: Path | None = choice.IDS,
    id_: list[str] | None = choice.ID,
    catalogue: str | None = choice.CATALOGUE,
    api: str | None = choice.API,
    collection: str | None = choice.COLLECTION,
    look: bool = typer.Option(False, help="Judge snow and cloud over the area from small pictures (reads pixels)."),
    limit: int = typer.Option(20, min=1, help="How many dates to list, and to look at."),
    as_json: bool = typer.Option(False, "--json", help="JSON instead of a table; scenes fetch --search takes it."),
) -> None:
    """Find scenes, ranked for glacier mapping.

    By area and dates, or by ids of any collection.
    """
    asked = choice.Asked(aoi, dates, sensor, max_cloud, ids, id_, catalogue, api, collection)
    chosen = choice.choose(asked)
    passes = chosen.passes[:limit]
    if look:
        from firnline.acquire.catalogue.overview import look as look_at_pixels

        if chosen.aoi is None:
            raise ConfigError("needs an area", where="--look", do="give --aoi")
        passes = look_at_pixels(chosen.found, passes, chosen.aoi)
    more = len(chosen.passes) - len(passes)
    chosen = choice.Chosen(chosen.found, passes, chosen.aoi)
    for each in chosen.found.left_out:
        sys.stderr.write(f"left out: {each.id} {each.why}\n")
    if as_json:
        typer.echo(json.dumps(choice.as_json(chosen), indent=1))
        return
    _table(chosen)
    notes = [*chosen.found.notes, *([f"{more} more dates (--limit)"] if more > 0 else [])]
    typer.echo("\n".join([f"{chosen.found.catalogue.name}, {chosen.found.collection}", *notes]))


def _table(chosen: choice.Chosen) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    looked = any(each.look is not None for each in chosen.passes)
    for name in ("score", "date", "sensor", "area", "cloud", *(("snow",) if looked else ()), "season", "items"):
        table.add_column(name, justify="right" if name in ("score", "area", "cloud", "snow") else "left")
    for each in chosen.passes:
        cloud = "?" if each.cloud_cover is None else f"{each.cloud_cover:.0f} %"
        if each.look is not None and each.look.clear is not None:
            cloud = f"{100 * (1 - each.look.clear):.0f} %"
        snow = () if not looked else ("" if each.look is None else f"{100 * each.look.snow:.0f} %",)
        striped = ", stripes" if each.parts.stripes < 1 else ""
        table.add_row(
            f"{each.score:.2f}",
            each.date.isoformat(),
            str(each.sensor),
            f"{100 * each.parts.coverage:.0f} %",
            cloud,
            *snow,
            each.season + striped,
            escape("\n".join(item.id for item in each.items)),  # a catalogue's words are no markup
        )
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        console.width = 160  # a file has no width; ids shall stay whole
    console.print(table)
