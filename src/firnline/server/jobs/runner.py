"""Worker processes: one for each job, a few at a time, never longer than the server lives."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from firnline.server.jobs.event_log import EventLog
from firnline.server.jobs.folder import JobFolder
from firnline.server.jobs.job import Job, Kind
from firnline.server.jobs.job_store import JobStore
from firnline.server.store.database import Database

log = logging.getLogger(__name__)

_LOOK_S: Final = 5.0
"""How often it is looked for jobs that nobody told of."""
_PATIENCE_S: Final = 5.0
"""How long a worker may take to end when it is told to, before it is made to."""

_FILES_KEPT: Final = timedelta(days=7)


class Runner:
    """Runs the jobs of a project.

    Every job is a process of its own: a network that fails or takes all memory takes nobody's work with it. What a
    worker tells it writes to the database. Its standard input is a pipe from this process; when that closes, as it
    does however the server ends, the worker ends too.

    Parameters
    ----------
    state
        The folder in which the tool keeps what is its own.
    database
        Where jobs and events are kept.
    workers
        How many predictions may run at once. One export goes beside them: nobody waits for a file until a scene is
        mapped.
    """

    def __init__(self, state: Path, database: Database, workers: int = 1) -> None:
        self.state, self.store, self.events = state, JobStore(database), EventLog(database)
        self._turn = threading.Condition()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._halt = threading.Event()
        kinds: list[Kind] = ["export"]
        kinds += ["predict"] * workers
        self._threads = [threading.Thread(target=self._work, args=(kind,), daemon=True) for kind in kinds]

    def start(self) -> None:
        """Begin to work, first on what was running when the server ended."""
        self.events.drop_old()
        self._drop_old_files()
        self.store.requeue()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the workers; their jobs go on when the server starts again."""
        with self._turn:
            self._halt.set()
            processes = list(self._running.values())
            self._turn.notify_all()
        for process in processes:
            _end(process)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_PATIENCE_S)

    @property
    def _is_stopping(self) -> bool:
        return self._halt.is_set()

    def folder(self, job_id: str) -> JobFolder:
        """Where the results of a job lie."""
        return JobFolder.of(self.state, job_id)

    def submit(self, *what: Any) -> Job:
        """Have something done; see `JobStore.create`."""
        job = self.store.create(*what)
        with self._turn:
            self._turn.notify_all()  # one of them does what is of its kind
        return job

    def cancel(self, job_id: str) -> Job | None:
        """End a job and drop what it has made; None where it has ended already."""
        job = self.store.cancel(job_id)
        if job is None:
            return None
        with self._turn:
            process = self._running.get(job_id)
        if process is not None:
            _end(process)
        shutil.rmtree(self.folder(job_id).path, ignore_errors=True)
        return job

    def _drop_old_files(self) -> None:
        """Drop what was exported long ago: it was downloaded, and can be made anew."""
        last = (datetime.now(UTC) - _FILES_KEPT).isoformat()
        for job in self.store.jobs():
            if job.kind == "export" and job.ended_at is not None and job.ended_at < last:
                shutil.rmtree(self.folder(job.id).path, ignore_errors=True)

    def _work(self, kind: Kind) -> None:
        while not self._is_stopping:
            try:
                with self._turn:
                    started = self._started(kind)
                    if started is None:
                        self._turn.wait(timeout=_LOOK_S)
                        continue
                job, process = started
                process.wait()
                with self._turn:
                    del self._running[job.id]
                assert process.stdin is not None
                process.stdin.close()
                if not self._is_stopping:
                    self._settle(job, process.returncode)
            except Exception:  # of the database or the disk: the next job may go well
                log.exception("a job could not be run")
                self._halt.wait(_LOOK_S)

    def _started(self, kind: Kind) -> tuple[Job, subprocess.Popen[bytes]] | None:
        """The next job of a kind and its process, begun; None where none waits."""
        job = None if self._is_stopping else self.store.claim(kind)
        if job is None:
            return None
        try:
            self._running[job.id] = process = self._begin(job)
        except OSError as error:
            self.store.fail(job.id, f"no worker could be started ({error.strerror}); free memory or disk space")
            raise
        return job, process

    def _begin(self, job: Job) -> subprocess.Popen[bytes]:
        folder = self.folder(job.id)
        folder.path.mkdir(parents=True, exist_ok=True)
        # -P: a folder that happens to be called like a package is not imported from where the server was started.
        command = [sys.executable, "-P", "-m", "firnline.server.jobs.worker", str(self.state), job.id]
        group = 0 if os.name == "posix" else None
        with folder.log.open("ab") as file:
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=file, stderr=file, process_group=group)

    def _settle(self, job: Job, code: int) -> None:
        """What a worker could not tell itself: that it was killed, or failed in a way that nobody foresaw."""
        now = self.store.job(job.id)
        if now.state == "cancelled":  # what it wrote while it was being cancelled
            shutil.rmtree(self.folder(job.id).path, ignore_errors=True)
        if now.state != "running":
            return
        said = _why(code)
        log.error("job %s failed: %s", job.id, said)
        self.folder(job.id).drop_unfinished()  # before it is told: who hears of it finds nothing half-written
        self.store.fail(job.id, f"{said}; its log is {self.folder(job.id).log.relative_to(self.state.parent)}")


def _why(code: int) -> str:
    if code == -signal.SIGKILL:
        return "the worker was killed, as happens where memory runs out"
    if code < 0:
        return f"the worker was ended by {signal.Signals(-code).name}"
    return "the worker failed"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a worker and what it started: told first, then made to."""
    _send(process, signal.SIGTERM)
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        _send(process, signal.SIGKILL)
        process.wait()


def _send(process: subprocess.Popen[bytes], what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, what)
