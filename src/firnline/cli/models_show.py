"""`firnline models show`: the card of a bundle."""

from __future__ import annotations

from pathlib import Path

import typer


def command(bundle: Path = typer.Argument(help="A model bundle's folder.")) -> None:
    """Show what a model maps, from which bands, how it was trained, how well it does, and what it was accepted in."""
    from firnline.models.card import read_card

    typer.echo("\n".join(read_card(bundle).lines()))
