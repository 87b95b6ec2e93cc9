"""`firnline chips plot`: contact sheets of chips, and maps of their split and density."""

from __future__ import annotations

from pathlib import Path

import typer

from firnline.errors import ConfigError


def command(
    table: Path = typer.Argument(help="A table of chips (firnline chips make)."),
    out: Path = typer.Option(..., "--output", "-o", help="Folder for the pictures (PNG)."),
    ids: str | None = typer.Option(None, help="Draw these chips: ID,ID,..."),
    split: str | None = typer.Option(None, help="Draw chips of this side: train, validation or test."),
    sort: str = typer.Option("random", help="Which first: debris, clean, glacier, valid (largest share), or random."),
    count: int = typer.Option(20, min=0, help="How many chips to draw; 0 draws the maps alone."),
    seed: int = typer.Option(0, help="Of the random choice."),
    bands: str | None = typer.Option(None, help="Features for red, green and blue: swir16,nir08,red."),
    outlines: Path | None = typer.Option(None, help="Polygons to draw below the maps."),
    cell: float | None = typer.Option(None, help="Average densities over cells of so many degrees."),
) -> None:
    """Draw contact sheets (image, classes, unknown), a map of the split and a map of class density."""
    from firnline.chips.pictures.choose import Order, choose
    from firnline.chips.pictures.contact_sheet import draw_sheets
    from firnline.chips.pictures.maps import draw_density_map, draw_split_map
    from firnline.chips.table import read_table
    from firnline.cli.choices import chosen
    from firnline.cli.progress import progress_bar

    colours = _three(bands)
    whole = read_table(table)
    names = [name.strip() for name in ids.split(",") if name.strip()] if ids else []
    if ids is not None and not names:
        raise ConfigError("names no chip", where="--ids", do="give ID,ID,...")
    order = chosen(Order, sort, "--sort")
    shown = choose(whole, ids=names, split=split, order=order, count=count, seed=seed)
    written = []
    if len(shown):
        with progress_bar("drawing chips") as bar:
            written += draw_sheets(shown, out, bands=colours, progress=bar.update)
    written.append(draw_split_map(whole, out / "splits.png", outlines))
    written.append(draw_density_map(whole, out / "density.png", outlines, cell))
    typer.echo("\n".join(f"written: {path}" for path in written))


def _three(bands: str | None) -> tuple[str, str, str] | None:
    if bands is None:
        return None
    names = [name.strip() for name in bands.split(",")]
    if len(names) != 3 or not all(names):
        raise ConfigError(
            f"'{bands}' is not three bands", where="--bands", do="give red, green and blue: swir16,nir08,red"
        )
    red, green, blue = names
    return red, green, blue
