"""`firnline models quantise`: a bundle in fewer bits, let pass by the gate or not at all."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    bundle: Path = typer.Argument(help="A model bundle's folder."),
    calibrate: list[Path] = typer.Option([], help="A scene like those to be mapped; may be repeated. For int8."),
    validate: Path = typer.Option(..., "--validate", help="A scene that the model was not trained on."),
    truth: Path = typer.Option(..., "--truth", help="Its class raster."),
    precision: str = typer.Option("int8", help="int8, or bf16, for which nothing is calibrated."),
    runtime: str = typer.Option("auto", help="auto, openvino, or torch (bf16)."),
    dem: Path | None = typer.Option(None, help="Elevation in metres under all of the scenes."),
) -> None:
    """Make BUNDLE ready to map in int8 or bf16, and refuse where glaciers would change by more than the limits."""
    from firnline.cli.choices import one_of, scene_source
    from firnline.inference.quantise import quantise
    from firnline.inference.runtime import RUNTIMES, Precision

    fewer: tuple[Precision, ...] = ("int8", "bf16")
    chosen_precision = one_of(precision, fewer, "--precision", "a precision of fewer bits")
    chosen_runtime = one_of(runtime, RUNTIMES, "--runtime", "a runtime")
    sources = [scene_source(path, dem=dem, bands=None, sidecar=None, sensor=None) for path in (*calibrate, validate)]
    result = quantise(
        bundle,
        sources[:-1],
        sources[-1],
        truth,
        precision=chosen_precision,
        runtime=chosen_runtime,
    )
    for each in result.classes:
        typer.echo(
            f"{each.name:<22} IoU {each.iou_f32:.3f} to {each.iou:.3f}  area {each.area_change:+.2%}  "
            f"changed {each.changed:.2%}"
        )
    typer.echo(f"accepted in {precision}")
