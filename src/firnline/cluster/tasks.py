"""What a worker does: a whole scene, or a part of one; every task may be run again."""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from firnline.cluster.scene_list import ListedScene
from firnline.errors import FirnlineError
from firnline.features import FeatureSource
from firnline.files import in_turn, replaced
from firnline.inference.band_tasks import Receipt, compute_bands
from firnline.inference.journal import Journal, identity_of
from firnline.inference.runtime import Runtime, open_runtime
from firnline.map_record import what_it_depends_on
from firnline.mapping import WORK, MapResult, MapSettings, Prepared, finish, map_prepared, prepare
from firnline.models.bundle import Bundle, load_bundle
from firnline.preflight.finding import Preflight

RULES_HASH = ""


class WorkerError(FirnlineError):
    """A worker that sees other files, versions or weights than the others: nothing that it makes can be used."""


class ChangedError(FirnlineError):
    """Files of a scene that are not as they were when its work began."""


@dataclass(frozen=True)
class Job:
    """A scene to map, as workers are told of it; paths are absolute, on storage that all of them share."""

    listed: ListedScene
    model: str
    weights: str
    """The hash of the model's weights; empty for the rules."""
    out_dir: Path
    receipt: Path
    """Where it is noted that the scene is done."""
    settings: MapSettings
    depends_on: dict[str, Any]
    """The files of the scene and the versions, as the client sees them."""
    shares: tuple[tuple[int, ...], ...] = ()
    """Processor cores, shared out among one machine's workers by their number; empty: as workers were started."""

    @property
    def identity(self) -> str:
        """What the scene's results hang on."""
        said = {"model": self.model, "weights": self.weights, "settings": repr(self.settings)}
        return identity_of({**said, "scene": repr(replace(self.listed, at="")), **self.depends_on})


@dataclass(frozen=True)
class Plan:
    """What the first look at a scene found, for the tasks that follow."""

    found: Preflight
    depends_on: dict[str, Any]
    """All that its row bands hang on."""
    band_count: int
    seconds: float


@dataclass(frozen=True)
class Done:
    """A scene that is mapped."""

    areas_km2: dict[str, float]
    unknown_share: float
    marks: tuple[str, ...]
    seconds: float
    """CPU time of the workers on it, without what died."""


def done_before(job: Job) -> Done | None:
    """What the receipt of a scene says, where its results are those of this job and stand."""
    try:
        said = json.loads(job.receipt.read_text(encoding="utf-8"))
        if said.pop("identity") != job.identity or not all(
            (job.out_dir / name).exists() for name in said.pop("files")
        ):
            return None
        return Done(**{**said, "marks": tuple(said["marks"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def map_whole(job: Job) -> Done:
    """Map a scene as a single machine does."""
    with _worker(job), in_turn(job.receipt.with_suffix(".lock")):
        before = done_before(job)
        if before is not None:
            return before
        began = time.process_time()
        noted: list[Done] = []
        map_prepared(
            _ready(job, None), note=lambda result: noted.append(_note(job, result, time.process_time() - began))
        )
        return noted[0]


def plan_scene(job: Job) -> Plan | Done:
    """Look at a scene before any work: everything that can be refused is refused here."""
    with _worker(job), in_turn(job.receipt.with_suffix(".lock")):
        before = done_before(job)
        if before is not None:
            return before
        began = time.process_time()
        ready = _ready(job, None)
        return Plan(ready.found, ready.depends_on, ready.lattice.band_count, time.process_time() - began)


def compute_part(job: Job, plan: Plan, bands: tuple[int, ...]) -> tuple[Receipt, ...]:
    """Compute some row bands of a scene."""
    with _worker(job):
        ready = _ready(job, plan)
        identity = identity_of(plan.depends_on)
        return compute_bands(
            ready.source,
            ready.opened.mapper,
            ready.cut,
            job.out_dir / WORK,
            identity,
            bands,
            plan.band_count,
            ready.unchanged,
        )


def finish_scene(job: Job, plan: Plan, seconds: float) -> Done:
    """Make the results of a scene whose row bands are all there; `seconds` of CPU went into them."""
    with _worker(job), in_turn(job.receipt.with_suffix(".lock")):
        before = done_before(job)
        if before is not None:
            return before
        began = time.process_time() - seconds
        noted: list[Done] = []
        finish(
            _ready(job, plan),
            Journal(job.out_dir / WORK),
            lambda result: noted.append(_note(job, result, time.process_time() - began)),
        )
        return noted[0]


def describe_worker() -> dict[str, str]:
    """What must be the same on all workers (but for ``cpu``)."""
    from firnline.map_record import versions

    tools = {name: version(name) for name in ("torch", "openvino")}
    return {**versions(), **tools, "cpu": _cpu()}


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


_one_at_a_time = threading.Lock()
"""A runtime is used by one thread; a worker that was started with several takes task after task."""
_kept: dict[str, Prepared] = {}
"""The scene that this process was at last, by the identity of its job."""
_kept_runtimes: dict[tuple[object, ...], Runtime] = {}


@contextmanager
def _worker(job: Job) -> Iterator[None]:
    with _one_at_a_time:
        if job.shares:
            _take_share(job.shares)
        yield


def _take_share(shares: tuple[tuple[int, ...], ...]) -> None:
    """Keep to this worker's cores: a runtime takes all that it may use."""
    from distributed import get_worker

    os.sched_setaffinity(0, shares[int(get_worker().name) % len(shares)])


def _runtimes(bundle: Bundle, *how: object) -> Runtime:
    """A network made ready once in a process, however many scenes it maps."""
    key = (str(bundle.folder), bundle.description.weights_sha256, *how)
    if key not in _kept_runtimes:
        _kept_runtimes[key] = open_runtime(bundle, *how)  # type: ignore[arg-type] # as open_model calls it
    return _kept_runtimes[key]


def _ready(job: Job, plan: Plan | None) -> Prepared:
    """The scene and model of a job, opened once for the tasks of one scene."""
    source = _source(job)
    if job.identity not in _kept:
        _kept.clear()
        found = None if plan is None else plan.found
        _kept[job.identity] = prepare(source, job.model, job.out_dir, job.settings, found=found, runtimes=_runtimes)
    ready = _kept[job.identity]
    if plan is not None:
        _require_equal(plan.depends_on, ready.depends_on, job)
    return ready


def _source(job: Job) -> FeatureSource:
    """The scene, when it, the model and the versions are those that the client sees."""
    where = _address()
    if (
        job.weights != RULES_HASH
        and (found := load_bundle(job.model, lazily=True).description.weights_sha256) != job.weights
    ):
        raise WorkerError(
            f"sees other weights of the model {job.model} ({found[:8]}, not {job.weights[:8]})",
            where=where,
            do="give all workers the same files",
        )
    source = job.listed.open()
    _require_equal(job.depends_on, what_it_depends_on(source), job)
    return source


def _require_equal(expected: dict[str, Any], found: dict[str, Any], job: Job) -> None:
    found = json.loads(json.dumps(found))
    expected = json.loads(json.dumps(expected))
    for key, wanted in expected.items():
        if found.get(key) == wanted:
            continue
        if key in ("files", "bands", "unknown_where"):
            raise ChangedError(
                f"is not the same file for {_address()} as when its work began", where=job.listed.scene
            )
        name, want, have = _difference(key, wanted, found.get(key))
        raise WorkerError(
            f"has another {name} ({have}) than the others ({want})", where=_address(), do="give all workers the same"
        )


def _difference(key: str, wanted: Any, found: Any) -> tuple[str, Any, Any]:
    """The first thing that differs, by name, with both values."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name, value in wanted.items():
            if found.get(name) != value:
                return _difference(name, value, found.get(name))
    return key, wanted, found


def _address() -> str:
    from distributed import get_worker

    try:
        return f"worker {get_worker().address}"
    except ValueError:
        return f"process {os.getpid()}"


def _note(job: Job, result: MapResult, seconds: float) -> Done:
    """Write the scene's receipt, by which it is never mapped again."""
    done = Done(result.areas_km2, result.unknown_share, result.marks, round(seconds, 3))
    files = [path.name for path in (result.classes, result.probabilities, *result.outlines, result.report)]
    with replaced(job.receipt) as temporary:
        said = {"identity": job.identity, "files": files, **asdict(done)}
        temporary.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
    return done
