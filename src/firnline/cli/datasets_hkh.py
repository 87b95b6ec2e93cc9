"""`firnline datasets hkh`: the paper's published data set, taken as it is."""

from __future__ import annotations

from pathlib import Path

import typer

from firnline.errors import ConfigError

_SHA256 = "627dff4b0a9635cdb5d7868495552a707bb718fa33905d1bd7a4d96c3705e935"
"""Of the published archive, 74 GB."""


def command(
    root: Path = typer.Option(..., help="The folder that holds the archive, or glacier_data itself."),
    out: Path = typer.Option(Path("hkh.parquet"), "--output", "-o", help="The table of chips to write (GeoParquet)."),
    only: str | None = typer.Option(None, help="Numbers of the scenes to take, as in the patches' names: 6,14."),
    download: str | None = typer.Option(
        None, help="Get the archive from this address first, and unpack it in --root."
    ),
    sha256: str = typer.Option(_SHA256, help="The checksum that the download must have."),
) -> None:
    """Take the HKH Glacier Mapping data set as it was published, and put right what is wrong in it.

    Footprints and CRSs are worked out anew, patches get scene and date, masks their meaning, outlines their holes.
    Any part of the archive will do. Class rasters and a report are written beside the table.
    """
    from firnline.chips.published import adopt
    from firnline.chips.table import require_table_name
    from firnline.cli.progress import progress_bar

    numbers = None if only is None else _numbers(only)
    require_table_name(out)
    if download is not None:
        _get(download, root, sha256)
    with progress_bar("scenes") as bar:
        adopted = adopt(root, out, only=numbers, progress=bar.update)
    lines = [*adopted.report.lines(), f"written: {out} and {adopted.report_path}"]
    typer.echo("\n".join(lines))


def _get(url: str, root: Path, sha256: str) -> None:
    """Download the archive into the root, or go on where that stopped, and unpack it there."""
    from firnline.acquire.download import download
    from firnline.chips.published.unpack import unpack
    from firnline.cli.progress import progress_bar

    name = url.partition("?")[0].rstrip("/").rpartition("/")[2] or "hkh-archive"
    with progress_bar("download") as bar:
        archive = download(url, root / name, sha256=sha256, progress=bar.update)
    with progress_bar("unpack") as bar:
        unpack(archive, root, bar.update)


def _numbers(text: str) -> frozenset[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) < 35 for part in parts):
        raise ConfigError(f"'{text}' is no list of scenes", where="--only", do="give numbers of 0 to 34: 6,14")
    return frozenset(int(part) for part in parts)
