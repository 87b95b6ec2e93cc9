"""`firnline experiment`: one of the paper's tables or figures, on the data of a configuration."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    name: str = typer.Argument(
        help="bands, importance, baselines, classes, debris-share, regions, transfer, terrain, errors or gallery."
    ),
    data: Path = typer.Option(..., "--data", help="The experiment's configuration, YAML."),
    out_dir: Path = typer.Option(
        ...,
        "--output",
        "-o",
        help="For the page, tables and figures (in OUTPUT/NAME), and the trials (in OUTPUT/trials).",
    ),
    seed: list[int] = typer.Option([], "--seed", help="Instead of the configuration's seeds; may be repeated."),
    restart: bool = typer.Option(False, "--restart", help="Make trials anew that were made with other settings."),
    force: bool = typer.Option(
        False, "--force", help="Train on scenes that `firnline scenes check` refuses; the bundles say so."
    ),
) -> None:
    """Run an experiment: table, figure and page; what is trained already is not trained again."""
    from firnline.cli.progress import progress_bar
    from firnline.experiments.registry import run_experiment

    with progress_bar(name) as bar:
        page = run_experiment(
            name,
            data,
            out_dir,
            seeds=tuple(seed) or None,
            restart=restart,
            force=force,
            tell=bar.say,
            step=bar.update,
        )
    typer.echo(f"page {page}")
