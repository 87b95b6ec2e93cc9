"""Jobs in the database; every change of one is an event in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from firnline.server.jobs.event_log import note
from firnline.server.jobs.job import Job, Kind, State
from firnline.server.jobs.tables import jobs
from firnline.server.problems import NotFound
from firnline.server.store.database import Database
from firnline.server.store.rows import new_id, now


class JobStore:
    """Jobs of a project, written by the server and by workers, each in its own process.

    A change names the states in which it may be made: a worker that comes late changes nothing of a job that was
    cancelled meanwhile.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> store = JobStore(Database(Path(tempfile.mkdtemp()) / "project.sqlite"))
    >>> job = store.create("predict", "Khumbu", "0123456789ab", "ratio", None, {})
    >>> store.claim("export"), store.claim("predict").id == job.id, store.claim("predict")
    (None, True, None)
    >>> store.finish(job.id, {"inventory": "ba9876543210"}), store.job(job.id).state, store.cancel(job.id)
    (True, 'done', None)
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def create(
        self, kind: Kind, name: str, scene_id: str | None, model_id: str | None, area: Mapping[str, Any] | None,
        settings: Mapping[str, Any],
    ) -> Job:  # fmt: skip
        """Note a job, which waits until there is a worker."""
        made = new_id()
        row = {
            "id": made, "kind": kind, "name": name, "state": "queued", "progress": 0.0, "message": "waits",
            "scene_id": scene_id, "model_id": model_id, "area": area, "settings": dict(settings), "created_at": now(),
        }  # fmt: skip
        with self.database.write() as connection:
            connection.execute(sa.insert(jobs), [row])
            return _told(connection, made)

    def jobs(self) -> list[Job]:
        """All jobs, the newest first."""
        with self.database.read() as connection:
            found = sa.select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id)
            return [_job(row) for row in connection.execute(found).mappings()]

    def job(self, job_id: str) -> Job:
        """One job; NotFound when there is none of that id."""
        with self.database.read() as connection:
            row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).mappings().one_or_none()
        if row is None:
            raise NotFound("job")
        return _job(row)

    def claim(self, kind: Kind) -> Job | None:
        """The job of a kind that has waited longest, which is running from now on."""
        is_next = (jobs.c.state == "queued", jobs.c.kind == kind)
        waiting = sa.select(jobs.c.id).where(*is_next).order_by(jobs.c.created_at, jobs.c.id).limit(1)
        with self.database.write() as connection:
            job_id = connection.execute(waiting).scalar_one_or_none()
            return (
                None
                if job_id is None
                else self._set(connection, job_id, ("queued",), state="running", message="starts")
            )

    def requeue(self) -> list[Job]:
        """Have the jobs wait that were running when the server ended."""
        with self.database.write() as connection:
            found = connection.execute(sa.select(jobs.c.id).where(jobs.c.state == "running")).scalars().all()
            said = "goes on after a restart"
            again = [self._set(connection, job_id, ("running",), state="queued", message=said) for job_id in found]
            return [job for job in again if job is not None]

    def progress(self, job_id: str, progress: float, message: str) -> bool:
        """Tell how far a running job is; False when it is not running any more."""
        with self.database.write() as connection:
            return self._set(connection, job_id, ("running",), progress=progress, message=message) is not None

    def band(self, job_id: str, data: Mapping[str, Any]) -> None:
        """Tell that a row band of a running job is mapped."""
        runs = sa.select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.state == "running")
        with self.database.write() as connection:
            if connection.execute(runs).first() is not None:
                note(connection, "band", data, job_id)

    def finish(self, job_id: str, result: Mapping[str, Any], message: str = "done") -> bool:
        """End a running job well; False when it is not running any more."""
        with self.database.write() as connection:
            said = {"state": "done", "progress": 1.0, "message": message, "result": dict(result), "ended_at": now()}
            return self._set(connection, job_id, ("running",), **said) is not None

    def fail(self, job_id: str, error: str) -> bool:
        """End a running job badly; False when it is not running any more."""
        with self.database.write() as connection:
            said = {"state": "failed", "message": "failed", "error": error, "ended_at": now()}
            return self._set(connection, job_id, ("running",), **said) is not None

    def cancel(self, job_id: str) -> Job | None:
        """End a job that has not ended; None where it has."""
        with self.database.write() as connection:
            said = {"state": "cancelled", "message": "cancelled", "ended_at": now()}
            return self._set(connection, job_id, ("queued", "running"), **said)

    def _set(self, connection: sa.Connection, job_id: str, states: tuple[State, ...], **values: Any) -> Job | None:
        """Change a job that is in one of the states, and tell; None when it is in another."""
        change = sa.update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(states)).values(**values)
        return _told(connection, job_id) if connection.execute(change).rowcount else None


def _told(connection: sa.Connection, job_id: str) -> Job:
    job = _job(connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).mappings().one())
    note(connection, "job", job.as_json(), job.id)
    return job


def _job(row: sa.RowMapping) -> Job:
    return Job(**dict(row))
