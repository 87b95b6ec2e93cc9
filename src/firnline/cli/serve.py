"""`firnline serve`: the mapping tool in a browser."""

from __future__ import annotations

from pathlib import Path

import typer


def command(
    folder: Path | None = typer.Argument(None, help="Scenes, models and outlines; a demo is made without it."),
    port: int = typer.Option(8770, min=0, max=65535, help="Where to listen on this machine; 0 takes a free one."),
    browser: bool = typer.Option(True, "--browser/--no-browser", help="Open the page."),
) -> None:
    """Serve the mapping tool for FOLDER on this machine alone, and open it in the browser."""
    from firnline.server.demo import make_demo
    from firnline.server.serve import serve

    demo = folder is None
    serve(
        make_demo(say=typer.echo) if folder is None else folder, port=port, browser=browser, demo=demo, say=typer.echo
    )
