"""`firnline evaluate`: score maps against the truth, beside the trivial scores."""

from __future__ import annotations

from pathlib import Path

import typer

from firnline.errors import ConfigError


def command(
    prediction: list[Path] = typer.Argument(help="Class rasters, outlines, or folders of `firnline map`."),
    truth: list[Path] = typer.Option(..., help="Class raster or outlines; one for each prediction, in order."),
    scene: list[Path] = typer.Option([], "--scene", "--grid", help="The scenes: for untrained rules, and a grid."),
    dem: Path | None = typer.Option(None, help="Elevation for the untrained rules, where a scene has none."),
    border: Path | None = typer.Option(None, help="The region that was mapped; outlines say nothing beyond it."),
    as_scheme: str | None = typer.Option(None, "--as", help="Compare as glacier or as debris."),
    all_touched: bool = typer.Option(False, help="Burn outlines to every pixel touched."),
    json_file: Path | None = typer.Option(None, "--json", help="Write counts, scores and provenance to this file."),
) -> None:
    """Score maps against the truth, over all pairs as one set."""
    from firnline.classes import LabelScheme
    from firnline.evaluation import Pair, as_text, evaluate, write_record

    if len(truth) != len(prediction) or len(scene) not in (0, len(prediction)):
        raise ConfigError(
            f"{len(prediction)} predictions, {len(truth)} truths and {len(scene)} scenes do not pair up",
            do="give one --truth (and one --scene, or none) for each prediction, in order",
        )
    if as_scheme not in (None, *LabelScheme):
        raise ConfigError(
            f"'{as_scheme}' is not a label scheme", where="--as", do="say class, glacier, debris or clean"
        )
    scenes: list[Path | None] = [*scene] or [None] * len(prediction)
    pairs = [
        Pair(mapped, true, where, dem, border) for mapped, true, where in zip(prediction, truth, scenes, strict=True)
    ]
    result = evaluate(pairs, scheme=LabelScheme(as_scheme) if as_scheme else None, all_touched=all_touched)
    typer.echo(as_text(result))
    if json_file is not None:
        write_record(result, json_file)
