"""`firnline chips audit`: what the sides of a split share."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from firnline.errors import ConfigError


def command(
    table: Path = typer.Argument(help="A table of chips (GeoParquet)."),
    as_json: bool = typer.Option(False, "--json", help="Print it as JSON."),
    strict: bool = typer.Option(False, "--strict", help="Fail where the split leaks, or there is none."),
) -> None:
    """Tell what the sides of a split share: pixels, glaciers, scenes, and how far apart they are."""
    from firnline.chips.splitting.audit import audit
    from firnline.chips.splitting.audit_text import audit_lines
    from firnline.chips.table import read_table

    found = audit(read_table(table))
    typer.echo(json.dumps(found.as_dict(), indent=2) if as_json else "\n".join(audit_lines(found)))
    if strict and found.leaks:
        more = f" (and {len(found.leaks) - 1} more)" if len(found.leaks) > 1 else ""
        raise ConfigError(
            f"the split leaks: {found.leaks[0]}{more}", where=table, do="split it with firnline chips split"
        )
    if strict and not found.kind:
        raise ConfigError("is not split", where=table, do="split it with firnline chips split")
