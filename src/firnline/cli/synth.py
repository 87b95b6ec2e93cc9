"""`firnline synth`: make a synthetic mountain range with known truth."""

from __future__ import annotations

from pathlib import Path

import typer

from firnline.errors import ConfigError


def command(
    out_dir: Path = typer.Argument(help="Folder to write the range into."),
    size: str = typer.Option("512x512", help="Width x height in pixels."),
    seed: int = typer.Option(0, help="The same seed gives the same range."),
    sensor: str = typer.Option("landsat7", help="landsat7, landsat8 or sentinel2."),
) -> None:
    """Make a mountain range with glaciers whose true outlines are known."""
    from firnline.synthetic import make_range

    width, height = _size(size)
    made = make_range(out_dir, width=width, height=height, seed=seed, sensor=sensor)
    typer.echo(f"scene    {made.scene}\nclasses  {made.classes}\noutlines {made.outlines}\nborder   {made.border}")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise ConfigError(f"'{text}' is not a size", where="--size", do="write it as 512x512")
    return int(width), int(height)
