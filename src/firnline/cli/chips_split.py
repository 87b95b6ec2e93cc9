"""`firnline chips split`: sides or folds for a table that exists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from firnline.errors import ConfigError

_SIDES = ("train", "validation", "test", "none")


def command(
    table: Path = typer.Argument(help="A table of chips (GeoParquet)."),
    config: Path | None = typer.Argument(None, help="The split as YAML (keys as below), instead of options."),
    out: Path = typer.Option(..., "--output", "-o", help="The table to write; name the same file to replace it."),
    kind: str | None = typer.Option(None, help="random, scene, block, region or glacier."),
    shares: str | None = typer.Option(
        None, help="train/validation/test or train/validation/test/none, adding to 1 or 100."
    ),
    preset: str | None = typer.Option(None, help="random: paper-text (70/10/10) or paper-code (70/10/20)."),
    stratified: bool | None = typer.Option(
        None, "--stratified", help="random: each side its share of ice and debris."
    ),
    together: str | None = typer.Option(None, help="scene: keep nothing, overlapping or touching scenes together."),
    block_km: float | None = typer.Option(None, help="block: side of a block, km."),
    buffer: float | None = typer.Option(None, help="block, region, glacier: least distance between sides, m."),
    region: Path | None = typer.Option(None, help="region: a file of polygons."),
    column: str | None = typer.Option(None, help="region: its column that names the side."),
    overlaps: str | None = typer.Option(None, help="glacier: chips that share pixels go together, or drop one."),
    folds: int | None = typer.Option(None, help="So many folds, instead of sides."),
    seed: int | None = typer.Option(None, help="Of every random choice."),
) -> None:
    """Split a table of chips into training, validation and test, or into folds, and tell what leaks."""
    options = {
        "kind": kind,
        "shares": None if shares is None else _shares(shares),
        "preset": preset,
        "stratified": stratified,
        "together": together,
        "block_km": block_km,
        "buffer_m": buffer,
        "file": None if region is None else region.absolute(),
        "column": column,
        "overlaps": overlaps,
        "folds": folds,
        "seed": seed,
    }
    given = {key: value for key, value in options.items() if value is not None}
    if (config is None) == (kind is None) or (config is not None and given):
        raise ConfigError("these options do not say how to split", do="give --kind and its options, or a YAML file")
    _split(
        table, given if config is None else _read(config), Path() if config is None else config.parent, out, config
    )


def _split(table: Path, values: dict[str, Any], folder: Path, out: Path, config: Path | None) -> None:
    from firnline.chips.splitting.audit import audit
    from firnline.chips.splitting.audit_text import audit_lines
    from firnline.chips.splitting.split_settings import split_settings
    from firnline.chips.splitting.splits import split_table
    from firnline.chips.table import read_table, require_table_name, write_table

    require_table_name(out)
    done = split_table(read_table(table), split_settings(values, where=config), folder)
    write_table(done.moved(out))
    typer.echo("\n".join([done.about.split, *audit_lines(audit(done)), f"written: {out}"]))


def _shares(text: str) -> dict[str, float]:
    try:
        numbers = [float(part) for part in text.split("/")]
    except ValueError:
        numbers = []
    if not 3 <= len(numbers) <= len(_SIDES):
        raise ConfigError(f"'{text}' is not three or four numbers", where="--shares", do="write 70/10/20")
    whole = 100 if sum(numbers) > 2 else 1
    return dict(zip(_SIDES, (number / whole for number in numbers), strict=False))


def _read(config: Path) -> dict[str, Any]:
    import yaml

    try:
        values = yaml.safe_load(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=config) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError("is not YAML: " + " ".join(str(error).split()), where=config) from None
    if not isinstance(values, dict):
        raise ConfigError("must be keys with values", where=config, do="begin with kind: block")
    return values
