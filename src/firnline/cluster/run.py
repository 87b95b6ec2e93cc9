"""A run over a list of scenes: hands tasks to workers, notes what comes back, and carries on when workers die."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from firnline.cluster.connect import Workers
from firnline.cluster.outcome import Outcome
from firnline.cluster.scene_list import ListedScene
from firnline.cluster.tasks import (
    RULES_HASH,
    ChangedError,
    Done,
    Job,
    Plan,
    WorkerError,
    compute_part,
    done_before,
    finish_scene,
    map_whole,
    plan_scene,
)
from firnline.errors import FirnlineError
from firnline.files import only_one
from firnline.grid import Lattice
from firnline.inference.band_tasks import Receipt, receipts
from firnline.inference.journal import Journal, clear, identity_of, open_journal
from firnline.inference.open_model import RULE_WINDOW, RULES
from firnline.map_record import what_it_depends_on
from firnline.mapping import WORK, MapSettings, cut_of
from firnline.models.bundle import load_bundle

NOTES: Final = ".cluster"
"""Where receipts of finished scenes lie, in the folder of all results."""
_TASKS_A_THREAD: Final = 3
"""So many tasks for each thread even out their different lengths at the end of a run."""
_WHOLE_BELOW: Final = 4_000_000
"""Scenes of fewer pixels are one task each: opening them takes longer than what would be gained."""
_RETRIES: Final = 3
"""How often a task is given out again after the scheduler has seen it kill its workers."""
_MOST_BEGUN: Final = 400
"""Scenes that are begun at one time; each large one holds a lock, which is an open file."""


@dataclass
class _Scene:
    """A scene that is being worked on."""

    job: Job
    number: int
    lattice: Lattice
    parts: int
    plan: Plan | None = None
    journal: Journal | None = None
    missing: set[int] = field(default_factory=set)
    seconds: float = 0.0
    futures: set[Any] = field(default_factory=set)
    held: ExitStack = field(default_factory=ExitStack)


@dataclass(frozen=True)
class _Task:
    scene: _Scene
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    retries: int = _RETRIES


def map_scenes(
    scenes: Sequence[ListedScene],
    model: str | Path,
    out_dir: Path,
    workers: Workers,
    settings: MapSettings,
    *,
    bands_a_task: int | None = None,
    step: Callable[[int, int], None] = lambda _done, _all: None,
) -> tuple[Outcome, ...]:
    """Map scenes on many machines, each into a folder of its id in `out_dir`.

    Scenes are tasks; large ones are several, of neighbouring row bands, when there are more workers than scenes keep
    busy. A worker that dies costs what it was computing. A scene that fails does not stop the others. Interrupted
    work goes on when the same is asked for again; scenes that are done stay as they are.

    Parameters
    ----------
    scenes
        Which; their files, the model and `out_dir` lie where all workers find them under the same names.
    model
        ``ratio``, or a bundle's folder.
    out_dir
        For the results.
    workers
        See `firnline.cluster.connect.connected`.
    settings
        As for a single machine.
    bands_a_task
        Row bands in a task; by the number of scenes and workers without it.
    step
        Called with (row bands done, all of them).

    Returns
    -------
    What became of each scene, in their order.

    Raises
    ------
    ModelError
        When the model is none.
    WorkerError
        When a worker sees other files, weights or versions.
    OutputError
        When another run works on `out_dir`.
    """
    with only_one(out_dir / NOTES):
        return _Run(scenes, model, out_dir, workers, settings, bands_a_task, step).outcomes()


class _Run:
    def __init__(
        self,
        scenes: Sequence[ListedScene],
        model: str | Path,
        out_dir: Path,
        workers: Workers,
        settings: MapSettings,
        bands_a_task: int | None,
        step: Callable[[int, int], None],
    ) -> None:
        self._scenes, self._out_dir = scenes, out_dir.absolute()
        self._workers, self._settings, self._bands_a_task, self._step = workers, settings, bands_a_task, step
        self._model = str(model) if str(model) == RULES else str(Path(model).absolute())
        is_rules = self._model == RULES
        bundle = None if is_rules else load_bundle(self._model)
        self._weights = RULES_HASH if bundle is None else bundle.description.weights_sha256
        self._window = settings.window or (RULE_WINDOW if bundle is None else bundle.description.window)
        self._session = secrets.token_hex(4)  # no task is taken for one of a run before
        self._tasks: dict[str, _Task] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._bands: dict[int, list[int]] = {}
        """Row bands of each scene by its number: done, and all."""
        self._given = 0

    def outcomes(self) -> tuple[Outcome, ...]:
        """Do it."""
        from distributed import as_completed

        self._waiting = list(self._to_do())
        self._waiting.reverse()
        self._coming: Any = as_completed()  # type: ignore[no-untyped-call]
        running: list[_Scene] = []
        try:
            self._begin_more(running)
            for future in self._coming:
                task = self._tasks.pop(future.key)
                task.scene.futures.discard(future)
                self._take(task, future)
                running = [scene for scene in running if scene.number not in self._outcomes]
                self._begin_more(running)
        finally:
            for scene in running:
                self._drop(scene)
        return tuple(self._outcomes[number] for number in range(len(self._scenes)))

    def _to_do(self) -> Iterator[_Scene]:
        """The scenes that are not done yet, opened here: what cannot be opened has failed."""
        opened = []
        for number, listed in enumerate(self._scenes):
            folder = self._out_dir / listed.id
            try:
                source = listed.open()
                cut = cut_of(source.scene, self._window, self._settings, is_rules=self._model == RULES)
                lattice = Lattice(source.scene.grid.shape, cut.window, cut.overlap)
                job = self._job(listed, folder, what_it_depends_on(source))
            except (FirnlineError, OSError) as error:
                self._fail(number, listed, error)
                continue
            self._bands[number] = [0, lattice.band_count]
            if self._settings.restart:
                self._forget(job)
            done = done_before(job)
            if done is not None:
                self._outcomes[number] = Outcome(listed, folder, done, stood_already=True)
                self._bands[number][0] = lattice.band_count
                continue
            opened.append((number, job, lattice))
        for number, job, lattice in opened:
            yield _Scene(job, number, lattice, self._parts(lattice, len(opened)))
        self._tell()

    def _job(self, listed: ListedScene, folder: Path, depends_on: dict[str, Any]) -> Job:
        receipt = self._out_dir / NOTES / f"{listed.id}.json"
        # Forgotten is here, once; a task that is run again goes on.
        settings = replace(self._settings, restart=False)
        return Job(listed, self._model, self._weights, folder, receipt, settings, depends_on, self._workers.shares)

    def _forget(self, job: Job) -> None:
        job.receipt.unlink(missing_ok=True)
        if (job.out_dir / WORK).is_dir():
            with only_one(job.out_dir / WORK):
                clear(job.out_dir / WORK)

    def _parts(self, lattice: Lattice, scenes: int) -> int:
        """Into how many tasks a scene's row bands go."""
        bands = lattice.band_count
        if self._bands_a_task is not None:
            return -(-bands // self._bands_a_task)
        if lattice.shape[0] * lattice.shape[1] < _WHOLE_BELOW:
            return 1
        return min(bands, -(-_TASKS_A_THREAD * self._workers.threads // scenes))

    def _begin_more(self, running: list[_Scene]) -> None:
        """Keep enough scenes going for all workers."""
        most = min(_MOST_BEGUN, max(4, _TASKS_A_THREAD * self._workers.threads))
        while self._waiting and len(running) < most:
            scene = self._waiting.pop()
            running.append(scene)
            self._give(_Task(scene, map_whole if scene.parts == 1 else plan_scene, (scene.job,)))

    def _give(self, task: _Task) -> None:
        self._given += 1
        key = f"{task.function.__name__}-{self._session}-{self._given}"
        # Scenes are finished in their order; what ends one goes first.
        priority = -task.scene.number + (len(self._scenes) if task.function is finish_scene else 0)
        future = self._workers.client.submit(task.function, *task.arguments, key=key, pure=False, priority=priority)
        self._tasks[key] = task
        task.scene.futures.add(future)
        self._coming.add(future)

    def _take(self, task: _Task, future: Any) -> None:
        """What a task came to."""
        scene = task.scene
        if scene.number in self._outcomes:
            return  # of a scene that has failed meanwhile
        try:
            if future.status == "finished":
                self._go_on(scene, future.result())
            else:
                self._not_finished(task, future)
        except (ChangedError, WorkerError) as error:
            self._require_changed_here(scene, error)
            self._end(scene, error)
        except (FirnlineError, OSError) as error:
            self._end(scene, error)

    def _not_finished(self, task: _Task, future: Any) -> None:
        from distributed import KilledWorker

        if future.status != "error":
            raise WorkerError(
                "the scheduler is gone, or has dropped the work", do="run the same command again, to go on"
            )
        error = future.exception()
        if not isinstance(error, KilledWorker):
            if isinstance(error, FirnlineError):
                raise error
            raise FirnlineError(f"{type(error).__name__}: {error}")
        if task.retries == 0:
            raise FirnlineError(
                f"workers died at it again and again (the last was {error.last_worker.address})",
                where=task.scene.job.listed.scene,
                do="look at their logs; each may need more memory",
            )
        self._give(replace(task, retries=task.retries - 1))

    def _go_on(self, scene: _Scene, result: Done | Plan | tuple[Receipt, ...]) -> None:
        if isinstance(result, Done):
            self._outcomes[scene.number] = Outcome(scene.job.listed, scene.job.out_dir, result)
            self._bands[scene.number][0] = scene.lattice.band_count
            self._drop(scene)
        elif isinstance(result, Plan):
            self._split(scene, result)
        else:
            self._note(scene, result)
        self._tell()

    def _split(self, scene: _Scene, plan: Plan) -> None:
        """Give out the row bands that are not there yet."""
        work = scene.job.out_dir / WORK
        scene.held.enter_context(only_one(work))
        scene.plan, scene.journal, scene.seconds = plan, open_journal(work, plan.depends_on), plan.seconds
        done = scene.journal.done()
        for receipt in receipts(work, identity_of(plan.depends_on), set(range(plan.band_count)) - done):
            scene.journal.note(receipt.band, receipt.crc32)  # of a run that was cut off before it could note it
            scene.seconds += receipt.seconds
            done.add(receipt.band)
        scene.missing = set(range(plan.band_count)) - done
        size = -(-plan.band_count // scene.parts)
        for first in range(0, plan.band_count, size):
            bands = tuple(band for band in range(first, min(first + size, plan.band_count)) if band in scene.missing)
            if bands:
                self._give(_Task(scene, compute_part, (scene.job, plan, bands)))
        self._finish_when_whole(scene)

    def _note(self, scene: _Scene, noted: tuple[Receipt, ...]) -> None:
        assert scene.journal is not None
        for receipt in noted:
            scene.journal.note(receipt.band, receipt.crc32)
            scene.missing.discard(receipt.band)
            scene.seconds += receipt.seconds
        self._finish_when_whole(scene)

    def _finish_when_whole(self, scene: _Scene) -> None:
        assert scene.plan is not None
        self._bands[scene.number][0] = scene.plan.band_count - len(scene.missing)
        if not scene.missing:
            self._give(_Task(scene, finish_scene, (scene.job, scene.plan, scene.seconds)))

    def _require_changed_here(self, scene: _Scene, error: FirnlineError) -> None:
        """A file that is as it was here differs for a worker: the fault is the worker's, and stops all."""
        if isinstance(error, ChangedError):
            now = what_it_depends_on(scene.job.listed.open())
            if now != scene.job.depends_on:
                return
            raise WorkerError(str(error), do="give all workers the same files, with the same times")
        raise error

    def _fail(self, number: int, listed: ListedScene, error: Exception) -> None:
        self._outcomes[number] = Outcome(
            listed, self._out_dir / listed.id, reason=" ".join(str(error).split()) or type(error).__name__
        )

    def _end(self, scene: _Scene, error: Exception) -> None:
        self._fail(scene.number, scene.job.listed, error)
        self._drop(scene)

    def _drop(self, scene: _Scene) -> None:
        """No more of a scene's tasks; its lock is free."""
        self._workers.client.cancel(list(scene.futures))
        scene.held.close()

    def _tell(self) -> None:
        counts = self._bands.values()
        self._step(sum(done for done, _ in counts), sum(all_of_them for _, all_of_them in counts))
