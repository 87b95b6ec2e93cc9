"""`firnline models export`: a bundle for other programs."""

from __future__ import annotations

from pathlib import Path

import typer

from firnline.errors import ConfigError


def command(
    bundle: Path = typer.Argument(help="A model bundle's folder."),
    onnx: Path | None = typer.Option(
        None, "--onnx", help="The ONNX file to write, as QGIS's plugin Deepness reads it."
    ),
    level: str | None = typer.Option(None, help="The level of the values, where bands were learnt at several."),
) -> None:
    """Write BUNDLE as an ONNX file with its normalisation, classes, resolution and windows in the metadata."""
    from firnline.bands import Level
    from firnline.cli.choices import chosen
    from firnline.inference.export import export_onnx
    from firnline.models.bundle import load_bundle

    if onnx is None:
        raise ConfigError("nothing to export to", where="firnline models export", do="name a file with --onnx")
    export_onnx(load_bundle(bundle), onnx, None if level is None else chosen(Level, level, "--level"))
    typer.echo(f"onnx {onnx}")
