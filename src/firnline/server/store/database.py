"""The project's database: SQLite in WAL mode, its tables brought up to date by Alembic."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from firnline.errors import OutputError

FILE: Final = "project.sqlite"
_MIGRATIONS: Final = Path(__file__).parents[1] / "migrations"
_WAIT_MS: Final = 10_000


class Database:
    """Connections to the database of a project.

    Reading sees one state of it throughout a connection, and writing does not stand in its way (write-ahead log).

    Parameters
    ----------
    path
        The file; it is made when it is not there.

    Raises
    ------
    OutputError
        When it cannot be opened, is damaged, or was written by a newer firnline.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reading = _engine(path, "BEGIN")
        self._writing = _engine(path, "BEGIN IMMEDIATE")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._bring_up_to_date()
        except (DatabaseError, sqlite3.DatabaseError, OSError) as error:
            self.close()
            said = getattr(error, "orig", error)
            raise OutputError(
                f"cannot be used as a database ({said})", where=path, do="restore a copy of it"
            ) from None

    def _bring_up_to_date(self) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self._writing.connect() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError:
                self.close()
                do = "serve the folder with that version"
                raise OutputError("was written by a newer firnline", where=self.path, do=do) from None
            connection.commit()

    def read(self) -> sa.Connection:
        """A connection for reading; use it in a ``with``."""
        return self._reading.connect()

    def write(self) -> Any:
        """A transaction for writing, committed at the end of its ``with``, or nothing of it."""
        return self._writing.begin()

    def close(self) -> None:
        """Let go of the file."""
        self._reading.dispose()
        self._writing.dispose()


def _engine(path: Path, begin: str) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": _WAIT_MS / 1000})

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions begin where `begun` says so
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
