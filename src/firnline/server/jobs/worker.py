"""The worker process of one job: ``python -m firnline.server.jobs.worker STATE_FOLDER JOB_ID``."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firnline.errors import FirnlineError
from firnline.files import in_turn
from firnline.server.jobs.event_log import EventLog
from firnline.server.jobs.folder import JobFolder
from firnline.server.jobs.job import Job
from firnline.server.jobs.job_store import JobStore
from firnline.server.project import Project
from firnline.server.store.database import FILE, Database
from firnline.server.store.store import Store

if TYPE_CHECKING:
    from firnline.server.jobs.delivery import Delivery
    from firnline.server.jobs.prediction import Prediction

_NICE: Final = 5
"""The server and the browser go before."""


def work(state: Path, job_id: str) -> int:
    """Do a job; 0 when it ended as jobs should, well or with a user's mistake that is told."""
    database = Database(state / FILE)
    jobs, folder = JobStore(database), JobFolder.of(state, job_id)
    with in_turn(folder.lock):  # after a worker whose server died, should it be still at work
        job = jobs.job(job_id)
        if job.state != "running":
            return 0
        layers = Store(database, EventLog(database).layer_changed)
        try:
            _task(job)(Project(state.parent), job, folder, jobs, layers).run()
        except FirnlineError as error:
            traceback.print_exc()
            folder.drop_unfinished()
            jobs.fail(job_id, error.placeless)
    return 0


def _task(job: Job) -> type[Prediction | Delivery]:
    """What does a job; only that is imported."""
    if job.kind == "export":
        from firnline.server.jobs.delivery import Delivery

        return Delivery
    from firnline.server.jobs.prediction import Prediction

    return Prediction


def end_with_the_server() -> None:
    """End this process when its standard input closes: the server holds the other end, and is gone."""

    def watch() -> None:
        while os.read(0, 4096):  # not sys.stdin, whose lock a thread must not hold at the end of the process
            pass
        os._exit(3)  # everything on the disk is whole at any moment: nothing is to be tidied up

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """What the process does."""
    end_with_the_server()
    if hasattr(os, "nice"):
        os.nice(_NICE)
    sys.exit(work(Path(sys.argv[1]), sys.argv[2]))


if __name__ == "__main__":
    main()
