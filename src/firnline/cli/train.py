"""`firnline train`: train a model from a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from firnline.training.config import TrainingConfig
    from firnline.training.loop import EpochReport


def command(
    config: Path = typer.Argument(help="The configuration, YAML."),
    out_dir: Path | None = typer.Option(
        None, "--output", "-o", help="For the bundle and logs; runs/NAME by default."
    ),
    fold: str | None = typer.Option(None, help="The fold of the table that validates, or 'all' for an ensemble."),
    seed: list[int] = typer.Option(
        [], min=0, help="Instead of the configuration's; given several times, an ensemble."
    ),
    epochs: int | None = typer.Option(None, min=1, help="Instead of the configuration's."),
    threads: int | None = typer.Option(None, min=1, help="CPU threads."),
    restart: bool = typer.Option(False, "--restart", help="Forget an unfinished run."),
    force: bool = typer.Option(
        False, "--force", help="Train on scenes that `firnline scenes check` refuses; the bundle says so."
    ),
) -> None:
    """Train a model; an interrupted run goes on where it stopped. Under torchrun, processes train it together."""
    from firnline.cli.progress import Bar, progress_bar
    from firnline.training.config import read_config
    from firnline.training.processes import joined
    from firnline.training.train import train

    settings = _changed(read_config(config), config, fold, seed, epochs, threads)
    out_dir = out_dir or Path("runs") / settings.name

    def run(bar: Bar | None) -> Path:
        say = (lambda _: None) if bar is None else bar.say
        return train(
            settings,
            config.parent,
            out_dir,
            restart=restart,
            force=force,
            report=lambda report: say(_line(report)),
            step=(lambda _done, _all: None) if bar is None else bar.update,
            warn=lambda line: say(f"warning: {line}"),
        )

    with joined() as processes:
        if not processes.is_first:
            run(None)
            return
        with progress_bar("training") as bar:
            bundle = run(bar)
        typer.echo(f"model {bundle}")


def _changed(
    settings: TrainingConfig,
    path: Path,
    fold: str | None,
    seeds: list[int],
    epochs: int | None,
    threads: int | None,
) -> TrainingConfig:
    """The settings with what the command line says, held to the same rules as the file."""
    from firnline.training.config import config_of

    content: dict[str, Any] = settings.model_dump(exclude_unset=True)
    if seeds:
        content = {key: value for key, value in content.items() if key not in ("seed", "seeds")}
        content |= {"seed": seeds[0]} if len(seeds) == 1 else {"seeds": seeds}
    given = {"fold": int(fold) if fold is not None and fold.isdecimal() else fold}
    given |= {"epochs": epochs, "threads": threads}
    return config_of(content | {key: value for key, value in given.items() if value is not None}, path)


def _line(report: EpochReport) -> str:
    scores = [
        f"{name} IoU {iou:.3f}"
        for named in report.scores.values()
        for name, iou in list(named.items())[1:]
        if iou is not None
    ]
    member = f"{report.member}  " if report.member else ""
    best = "  best so far" if report.best and scores else ""
    early = "  no gain any more: stopped" if report.is_last and report.epoch < report.epochs else ""
    took = f"{report.seconds:.0f} s"
    if report.loss is None:
        return f"{member}fitted to {report.drawn} samples  {'  '.join(scores)}  {took}"
    epoch = f"epoch {report.epoch}/{report.epochs}  loss {report.loss:.3f}"
    return f"{member}{epoch}  {'  '.join(scores)}  {took}{best}{early}"
