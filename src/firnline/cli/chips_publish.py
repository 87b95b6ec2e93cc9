"""`firnline chips publish`: the release that a paper makes of a table of chips."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    table: Path = typer.Argument(help="A table of chips (firnline chips make)."),
    out: Path = typer.Option(..., "--output", "-o", help="Folder of the release; nothing may be there yet."),
    patches: str = typer.Option("tif", help="tif: a GeoTIFF for each chip; none: the table alone, without pixels."),
    bands: str | None = typer.Option(
        None, help="Features of the patches: green,red,ndsi,... (else all stored bands)."
    ),
    outlines: list[Path] = typer.Option([], help="A vector file to go along; may be given several times."),
    licence: str | None = typer.Option(
        None, "--licence", "--license", help="As SPDX names it (CC-BY-4.0), or unknown."
    ),
    title: str = typer.Option("", help="Title of the data set."),
    creator: list[str] = typer.Option([], help="Who made it; may be given several times."),
    description: str = typer.Option("", help="A sentence or two about it."),
    url: str = typer.Option("", help="Where it will be found (a DOI, a landing page)."),
    release: str = typer.Option("1.0.0", help="Version of the data set."),
) -> None:
    """Write a release: patches or the table alone, masks, outlines, data card, metadata and checksums."""
    from firnline.chips.releases.publish import Patches, Terms, publish
    from firnline.chips.table import read_table
    from firnline.cli.choices import chosen
    from firnline.cli.progress import progress_bar

    kind = chosen(Patches, patches, "--patches")
    names = None if bands is None else tuple(dict.fromkeys(name.strip() for name in bands.split(",")))
    terms = Terms(title, tuple(creator), licence, url, release, description)
    whole = read_table(table)
    with progress_bar("publishing") as bar:
        done = publish(whole, out, terms, patches=kind, bands=names, outlines=outlines, progress=bar.update)
    lines = [f"{done.chips} chips in {done.files} files, {done.bytes / 1e6:.1f} MB, licence {done.licence}"]
    if done.licence == "unknown":
        lines.append("NO LICENCE IS STATED: do not redistribute; the data card says so")
    lines += [f"THE SPLIT LEAKS: {leak}" for leak in done.leaks]
    typer.echo("\n".join([*lines, f"written: {done.folder}"]))
