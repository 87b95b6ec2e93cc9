"""`firnline chips make` and `firnline chips statistics`: a table of chips, and the bands in it in numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from firnline.errors import ConfigError

if TYPE_CHECKING:
    from firnline.chips.table import ChipTable


def command(
    config: Path = typer.Argument(help="The configuration, YAML."),
    out: Path | None = typer.Option(None, "--output", "-o", help="The table (GeoParquet); NAME.parquet by default."),
) -> None:
    """Make a table of chips: windows over scenes and what they hold. No pixels are copied."""
    from firnline.chips.make import make_table
    from firnline.chips.make_settings import read_make_settings
    from firnline.cli.progress import progress_bar

    settings = read_make_settings(config)
    with progress_bar("scenes") as bar:
        table = make_table(settings, config.parent, out or Path(f"{settings.name}.parquet"), step=bar.update)
    typer.echo("\n".join([*table.about.notes, *_lines(table), f"written: {table.path}"]))


def statistics(
    table: Path = typer.Argument(help="A table of chips."),
    bands: str = typer.Option(..., help="Bands, indices and terrain by name: blue,green,ndsi,slope."),
    split: str = typer.Option("", help="Only chips of this side; train where the table is split, else all."),
    as_json: bool = typer.Option(False, "--json", help="As JSON."),
) -> None:
    """Mean, deviation and range of bands over all known pixels of a table's chips, each pixel once."""
    from firnline.bands import band_name
    from firnline.chips.table import SPLITS, TRAIN, read_table
    from firnline.chips.table_statistics import table_statistics

    read = read_table(table)
    side = split or (TRAIN if (read.frame["split"] == TRAIN).any() else None)
    if side is not None and side not in SPLITS:
        raise ConfigError(f"'{side}' is no side of a split", where="--split", do=f"choose {', '.join(SPLITS)}")
    given = [name.strip() for name in bands.split(",")]
    if not all(given):
        raise ConfigError(f"'{bands}' names no bands", where="--bands", do="give blue,green,ndsi,slope")
    names = [band_name(name) or name for name in given]
    found = table_statistics(read, names, side).summary()
    if as_json:
        typer.echo(json.dumps({"split": side, "bands": [vars(band) for band in found]}, indent=1))
        return
    typer.echo(f"{'all chips' if side is None else side}\n{'band':<14}" + "".join(f"{n:>14}" for n in _HEAD))
    for band in found:
        values = (band.mean, band.deviation, band.minimum, band.maximum)
        told = "".join(f"{'-' if value is None else format(value, '.6g'):>14}" for value in values)
        typer.echo(f"{band.name:<14}{band.count:>14}{told}")


_HEAD = ("pixels", "mean", "deviation", "minimum", "maximum")


def _lines(table: ChipTable) -> list[str]:
    frame = table.frame
    lines = [f"{len(frame)} chips of {table.about.size} pixels from {frame['scene'].nunique()} scenes"]
    lines += [
        f"{name}: {100 * (frame[name] * frame['valid']).sum() / frame['valid'][frame[name].notna()].sum():.1f} %"
        " of the valid pixels"
        for name in ("glacier", "clean", "debris")
        if frame[name].notna().any()
    ]
    if table.about.split:
        counts = frame["split"].value_counts() if frame["fold"].isna().all() else frame["fold"].value_counts()
        sides = ", ".join(f"{side} {count}" for side, count in sorted(counts.items()))
        lines.append(f"split: {table.about.split}: {sides}")
    return [*lines, *(f"the split leaks: {leak}" for leak in table.about.leaks)]
