"""`firnline models list`: the bundles in a folder."""

from __future__ import annotations

from pathlib import Path

import typer


def command(folder: Path = typer.Argument(Path(), help="Where to look, subfolders included.")) -> None:
    """List the model bundles in FOLDER: what each maps, from which bands, for which sensors and pixels."""
    from firnline.errors import FirnlineError, ModelError
    from firnline.models.card import find_bundles, read_card

    found = find_bundles(folder)
    if not found:
        raise ModelError("holds no model bundle", where=folder, do="train one, or name another folder")
    for path in found:
        try:
            card = read_card(path)
        except FirnlineError as error:
            typer.echo(f"{path}: {error.what}")
            continue
        sensors = " ".join(card.sensors) or "any sensor"
        typer.echo(f"{path}  {card.architecture}  {card.scheme}  {sensors}  {card.pixels}  {card.megabytes:.1f} MB")
