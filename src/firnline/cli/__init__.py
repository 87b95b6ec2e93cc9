"""The command line: one thin file a command; nothing heavy is imported before a command runs."""

from __future__ import annotations

import signal
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from firnline import __version__
from firnline.cli import (
    chips_audit,
    chips_make,
    chips_plot,
    chips_publish,
    chips_split,
    datasets_hkh,
    evaluate,
    experiment,
    inventory_check,
    inventory_export,
    inventory_make,
    inventory_masks,
    inventory_report,
    labels,
    map_,
    models_export,
    models_list,
    models_quantise,
    models_show,
    scenes_build,
    scenes_check,
    scenes_fetch,
    scenes_preview,
    scenes_search,
    serve,
    synth,
    train,
)
from firnline.errors import FirnlineError


class _StoppedError(Exception):
    """Ctrl-C, or what a scheduler sends before it kills."""


def _stop(*_: object) -> None:
    """SIGTERM ends a command as Ctrl-C does: unfinished files are removed on the way out."""
    raise KeyboardInterrupt


class _Group(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        """Run a command; typer's own way with Ctrl-C differs from version to version, and says nothing."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _StoppedError from None


app = typer.Typer(
    name="firnline",
    cls=_Group,
    help="Map glaciers from Landsat and Sentinel-2 scenes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its boxes would cost the help half a second of imports
)
app.command("map")(map_.command)
app.command("train")(train.command)
app.command("evaluate")(evaluate.command)
app.command("experiment")(experiment.command)
app.command("labels")(labels.command)
app.command("synth")(synth.command)
app.command("serve")(serve.command)

scenes = typer.Typer(help="Find, fetch, build and check scenes.", no_args_is_help=True)
scenes.command("search")(scenes_search.command)
scenes.command("preview")(scenes_preview.command)
scenes.command("fetch")(scenes_fetch.command)
scenes.command("build")(scenes_build.command)
scenes.command("check")(scenes_check.command)
app.add_typer(scenes, name="scenes")

chips = typer.Typer(help="Tables of chips: make, split, audit, plot and publish training data.", no_args_is_help=True)
chips.command("make")(chips_make.command)
chips.command("split")(chips_split.command)
chips.command("audit")(chips_audit.command)
chips.command("statistics")(chips_make.statistics)
chips.command("plot")(chips_plot.command)
chips.command("publish")(chips_publish.command)
app.add_typer(chips, name="chips")

models = typer.Typer(help="Model bundles: list, show, quantise and export.", no_args_is_help=True)
models.command("list")(models_list.command)
models.command("show")(models_show.command)
models.command("quantise")(models_quantise.command)
models.command("export")(models_export.command)
app.add_typer(models, name="models")

inventory = typer.Typer(help="Glacier inventories: make, check and deliver.", no_args_is_help=True)
inventory.command("make")(inventory_make.command)
inventory.command("masks")(inventory_masks.command)
inventory.command("check")(inventory_check.command)
inventory.command("report")(inventory_report.command)
inventory.command("export")(inventory_export.command)
app.add_typer(inventory, name="inventory")

datasets = typer.Typer(help="Published data sets, taken as they are.", no_args_is_help=True)
datasets.command("hkh")(datasets_hkh.command)
app.add_typer(datasets, name="datasets")


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
    signal.signal(signal.SIGTERM, _stop)
    try:
        app(prog_name="firnline")
    except FirnlineError as error:
        sys.stderr.write(f"firnline: {error}\n")
        sys.exit(2)
    except OSError as error:  # a disk or a folder that failed where nothing better could be said
        sys.stderr.write(f"firnline: {_os_words(error)}\n")
        sys.exit(2)
    except (_StoppedError, KeyboardInterrupt):
        sys.stderr.write("firnline: stopped\n")
        sys.exit(130)


def _os_words(error: OSError) -> str:
    what = error.strerror or " ".join(str(error).split())
    return what if error.filename is None else f"{error.filename}: {what}"
