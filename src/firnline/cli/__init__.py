"""The command line: one thin file a command; nothing heavy is imported before a command runs."""

from __future__ import annotations

import sys

import typer

from firnline import __version__
from firnline.cli import evaluate, labels, map_, synth, train
from firnline.errors import FirnlineError

app = typer.Typer(
    name="firnline",
    help="Map glaciers from Landsat and Sentinel-2 scenes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("map")(map_.command)
app.command("train")(train.command)
app.command("evaluate")(evaluate.command)
app.command("labels")(labels.command)
app.command("synth")(synth.command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"firnline {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def main() -> None:
    """Run the command line; a user's mistake is one line on standard error and exit code 2."""
    try:
        app()
    except FirnlineError as error:
        sys.stderr.write(f"firnline: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("firnline: stopped\n")
        sys.exit(130)
