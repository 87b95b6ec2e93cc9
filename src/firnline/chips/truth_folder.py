"""The folder beside a table that holds the class rasters made for it: they appear with the table, or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firnline.chips.table import require_table_name
from firnline.errors import OutputError


def truth_folder(table: Path) -> Path:
    """Where the class rasters of a table are.

    Examples
    --------
    >>> truth_folder(Path("chips/zanskar.parquet")).as_posix()
    'chips/zanskar-truth'
    """
    return table.with_name(f"{table.stem}-truth")


@contextmanager
def staged(table: Path) -> Iterator[Path]:
    """A folder beside a table for its class rasters until all is whole; it is removed with what is left in it.

    Raises
    ------
    OutputError
        When the table cannot be written there.
    """
    require_table_name(table)
    try:
        table.parent.mkdir(parents=True, exist_ok=True)
        staging = tempfile.TemporaryDirectory(prefix=f".{table.stem}-truth.", dir=table.parent)
    except OSError as error:
        raise OutputError(
            f"could not be written: {error.strerror or error}", where=table, do="write to a folder of your own"
        ) from None
    with staging as name:
        yield Path(name)


def move_into_place(staging: Path, table: Path) -> None:
    """Move staged class rasters into the table's folder, in place of those of the same name.

    Raises
    ------
    OutputError
        When something is in the way.
    """
    folder = truth_folder(table)
    try:
        for made in sorted(staging.iterdir()):
            folder.mkdir(exist_ok=True)
            made.replace(folder / made.name)
    except OSError as error:
        raise OutputError(
            f"could not be written: {error.strerror or error}", where=folder, do="move what is there"
        ) from None
