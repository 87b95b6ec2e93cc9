"""`firnline train`: train a model from a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from firnline.training.loop import EpochReport


def command(
    config: Path = typer.Argument(help="The configuration, YAML."),
    out_dir: Path | None = typer.Option(None, "-o", "--out", help="For the bundle and logs; runs/NAME by default."),
    seed: int | None = typer.Option(None, min=0, help="Instead of the configuration's."),
    epochs: int | None = typer.Option(None, min=1, help="Instead of the configuration's."),
    threads: int | None = typer.Option(None, min=1, help="CPU threads."),
    restart: bool = typer.Option(False, "--restart", help="Forget an unfinished run."),
    force: bool = typer.Option(
        False, "--force", help="Train on scenes that `firnline scenes check` refuses; the bundle says so."
    ),
) -> None:
    """Train a model; an interrupted run goes on where it stopped."""
    from firnline.cli.progress import progress_bar
    from firnline.training.config import read_config
    from firnline.training.loop import train

    given = {"seed": seed, "epochs": epochs, "threads": threads}
    settings = read_config(config).model_copy(
        update={key: value for key, value in given.items() if value is not None}
    )
    out_dir = out_dir or Path("runs") / settings.name
    with progress_bar("training") as bar:

        def tell(report: EpochReport) -> None:
            bar.say(_line(report))

        def warn(line: str) -> None:
            bar.say(f"warning: {line}")

        bundle = train(
            settings,
            config.parent,
            out_dir,
            restart=restart,
            force=force,
            report=tell,
            step=bar.update,
            warn=warn,
        )
    typer.echo(f"model {bundle}")


def _line(report: EpochReport) -> str:
    scores = [
        f"{name} IoU {iou:.3f}"
        for named in report.scores.values()
        for name, iou in list(named.items())[1:]
        if iou is not None
    ]
    best = "  best so far" if report.best and scores else ""
    took = f"{report.seconds:.0f} s"
    return f"epoch {report.epoch}/{report.epochs}  loss {report.loss:.3f}  {'  '.join(scores)}  {took}{best}"
