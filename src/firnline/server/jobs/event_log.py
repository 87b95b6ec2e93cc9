"""What happened, in order, as pages are told of it: kept in the database, so that nobody misses anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from firnline.server.jobs.tables import events
from firnline.server.store.database import Database

KEPT: Final = 20_000
"""Events that are kept when the server starts; a page that was away for longer loads everything anew."""


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Parameters
    ----------
    id
        Grows, and is never given twice.
    kind
        ``job``, ``band`` or ``layer``.
    data
        What a page is told, as JSON holds it.
    """

    id: int
    kind: str
    data: Mapping[str, Any]


class EventLog:
    """Events of a project.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> log = EventLog(Database(Path(tempfile.mkdtemp()) / "project.sqlite"))
    >>> first = log.append("layer", {"layer": "0123456789ab", "revision": 1})
    >>> second = log.append("layer", {"layer": "0123456789ab", "revision": 2})
    >>> [event.data["revision"] for event in log.after(first)], log.last == second
    ([2], True)
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def append(self, kind: str, data: Mapping[str, Any], subject: str = "") -> int:
        """Note an event, by `subject` the id of what it speaks of; its number."""
        with self.database.write() as connection:
            return note(connection, kind, data, subject)

    def layer_changed(self, layer_id: str, revision: int) -> None:
        """Tell that a layer has a new revision: what `Store` calls on each change."""
        self.append("layer", {"layer": layer_id, "revision": revision}, layer_id)

    def after(self, number: int, limit: int = 500) -> list[Event]:
        """The next events after a number, the first first."""
        found = sa.select(events).where(events.c.id > number).order_by(events.c.id).limit(limit)
        with self.database.read() as connection:
            return [_event(row) for row in connection.execute(found).mappings()]

    def of(self, kind: str, subject: str) -> list[Event]:
        """All events of a kind that speak of one thing."""
        found = sa.select(events).where(events.c.kind == kind, events.c.subject == subject).order_by(events.c.id)
        with self.database.read() as connection:
            return [_event(row) for row in connection.execute(found).mappings()]

    @property
    def last(self) -> int:
        """The number of the last event; 0 before the first."""
        with self.database.read() as connection:
            return int(connection.execute(sa.select(sa.func.max(events.c.id))).scalar() or 0)

    def drop_old(self, kept: int = KEPT) -> None:
        """Drop all but the last events."""
        with self.database.write() as connection:
            last = connection.execute(sa.select(sa.func.max(events.c.id))).scalar() or 0
            connection.execute(sa.delete(events).where(events.c.id <= last - kept))


def note(connection: sa.Connection, kind: str, data: Mapping[str, Any], subject: str) -> int:
    """Note an event in a transaction that is open; its number."""
    row = {"kind": kind, "subject": subject, "data": dict(data)}
    made = connection.execute(sa.insert(events).values(row)).inserted_primary_key
    assert made is not None
    return int(made[0])


def _event(row: sa.RowMapping) -> Event:
    return Event(row["id"], row["kind"], row["data"])
