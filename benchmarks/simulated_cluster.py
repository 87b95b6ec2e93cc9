"""A simulated cluster: how long many scenes take on 10 to 1,000 workers, from the measured times of their tasks.

    python benchmarks/simulated_cluster.py measured.json [--scenes 210] [--workers 10 30 100 300 1000]
        [--rows 7058] [--failures-a-day 1] [--read-mb-s 1000] [--worker-mb-s 100] [--scene-gb 1.0] [--price 0.05]

A discrete-event simulation of what `firnline map --scenes` does (firnline/cluster/run.py): scenes in their order,
whole or in parts of neighbouring row bands; a first look, the parts, the results; whoever is free takes the first
task that is ready. measured.json is of cluster_tasks.py: a row band takes one of its measured times, drawn at random.

- Reading: computing waits for it. A band is read at the rate of a worker; where all workers that are busy would so
  read more than the storage gives, each waits until together they read just that (in the mean over their bands).
- Failures: a worker dies at random (exponential times). The row bands that it had finished stand; the one that it was
  at is lost, the rest of its task is given out again, and the worker is back after --back-s seconds.
- Of a part that is not the first of its scene, the row of windows above it is computed too.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TASKS_A_THREAD = 3
"""As firnline.cluster.run."""


@dataclass(frozen=True)
class Measured:
    """Seconds of CPU, and bytes."""

    plan: float
    bands: tuple[float, ...]
    row_above: float
    finish: float
    band_count: int
    scene_mb: float


@dataclass(frozen=True)
class Storage:
    read_mb_s: float
    """Of the shared storage, to all workers together."""
    worker_mb_s: float


@dataclass(order=True)
class Task:
    """In the order in which they are given out."""

    rank: tuple[int, int]
    kind: str = field(compare=False)
    scene: int = field(compare=False)
    bands: tuple[int, ...] = field(compare=False, default=())


@dataclass
class Outcome:
    """What a simulation came to."""

    hours: float = 0.0
    busy_s: float = 0.0
    """Of all workers, reading included."""
    useful_s: float = 0.0
    """What one machine would have computed."""
    deaths: int = 0
    bands_done: int = 0


class Simulation:
    """One run of all scenes."""

    def __init__(
        self,
        measured: Measured,
        storage: Storage,
        scenes: int,
        workers: int,
        deaths_a_day: float,
        back_s: float,
        seed: int,
    ) -> None:
        self._measured, self._storage, self._scenes, self._workers = measured, storage, scenes, workers
        self._back_s, self._random = back_s, random.Random(seed)
        self._deaths_a_second = deaths_a_day / 86400
        bands = measured.band_count
        self.parts = min(bands, -(-TASKS_A_THREAD * workers // scenes))
        self._seconds = [[self._random.choice(measured.bands) for _ in range(bands)] for _ in range(scenes)]
        self._missing = [bands] * scenes
        self._ready: list[Task] = []
        self._events: list[tuple[float, int, str, Any]] = []
        self._number = 0
        self._outcome = Outcome()
        self._open: dict[int, int] = {}
        """Parts of a scene that are not done."""

    def run(self) -> Outcome:
        """Until all scenes are done."""
        first = "whole" if self.parts == 1 else "plan"
        for scene in range(self._scenes):
            bands = tuple(range(self._measured.band_count)) if first == "whole" else ()
            heapq.heappush(self._ready, Task((1, scene), first, scene, bands))
        idle, now, left = self._workers, 0.0, self._scenes
        while left:
            while idle and self._ready:
                idle -= 1
                self._begin(heapq.heappop(self._ready), now, self._workers - idle)
            now, _, what, task = heapq.heappop(self._events)
            if what == "back":
                idle += 1
            elif what == "died":
                self._outcome.deaths += 1
                self._at(now + self._back_s, "back", None)
                heapq.heappush(self._ready, task)
            else:
                idle += 1
                left -= self._end(task)
        self._outcome.hours = now / 3600
        one = sum(map(sum, self._seconds)) + self._scenes * (self._measured.plan + self._measured.finish)
        self._outcome.useful_s = one
        assert self._outcome.bands_done == self._scenes * self._measured.band_count
        return self._outcome

    def _begin(self, task: Task, now: float, busy: int) -> None:
        """Its end, or its worker's, comes as an event."""
        steps = self._steps(task, busy)
        length = sum(seconds for seconds, _ in steps)
        dies = self._random.expovariate(self._deaths_a_second) if self._deaths_a_second else float("inf")
        if dies >= length:
            self._outcome.busy_s += length
            self._outcome.bands_done += len(task.bands)
            self._missing[task.scene] -= len(task.bands)
            self._at(now + length, "ended", task)
            return
        standing, passed = set(), 0.0
        for seconds, band in steps:
            passed += seconds
            if passed > dies:
                break
            standing.add(band)
        rest = tuple(band for band in task.bands if band not in standing)
        done = len(task.bands) - len(rest)
        self._outcome.busy_s += dies
        self._outcome.bands_done += done
        self._missing[task.scene] -= done
        self._at(now + dies, "died", Task(task.rank, task.kind, task.scene, rest))

    def _steps(self, task: Task, busy: int) -> list[tuple[float, int | None]]:
        """Seconds of each step of a task, with the band that it gives."""
        measured = self._measured
        size = measured.scene_mb / measured.band_count

        def with_reading(seconds: float) -> float:
            own, shared = size / self._storage.worker_mb_s, busy * size / self._storage.read_mb_s
            return max(seconds + own, shared)

        steps: list[tuple[float, int | None]] = []
        if task.kind in ("plan", "whole"):
            steps.append((measured.plan, None))
        if task.bands and task.bands[0] > 0:
            steps.append((with_reading(measured.row_above), None))
        steps += [(with_reading(self._seconds[task.scene][band]), band) for band in task.bands]
        if task.kind in ("finish", "whole"):
            steps.append((measured.finish, None))
        return steps

    def _end(self, task: Task) -> bool:
        """Give out what follows; whether its scene is done."""
        if task.kind in ("finish", "whole"):
            return True
        if task.kind == "plan":
            count = self._measured.band_count
            size = -(-count // self.parts)
            for first in range(0, count, size):
                bands = tuple(range(first, min(first + size, count)))
                heapq.heappush(self._ready, Task((1, task.scene), "part", task.scene, bands))
            self._open[task.scene] = -(-count // size)
            return False
        self._open[task.scene] -= 1
        if self._open[task.scene] == 0:
            heapq.heappush(self._ready, Task((0, task.scene), "finish", task.scene))
        return False

    def _at(self, time: float, what: str, task: Task | None) -> None:
        self._number += 1
        heapq.heappush(self._events, (time, self._number, what, task))


def read_measured(path: Path, rows: int, scene_gb: float) -> Measured:
    """The times of tasks, of a scene of `rows` rows as wide as the one that was measured."""
    said = json.loads(path.read_text())
    return Measured(
        plan=said["plan_s"] * min(4.0, rows / said["rows"]),  # the check looks at a sample; never less than measured
        bands=tuple(said["band_s"][1:]),  # the first has no row of windows above to blend with
        row_above=said["row_above_s"],
        finish=said["finish_s_mpx"] * rows * said["columns"] / 1e6,
        band_count=-(-(rows - (said["window"] - said["stride"])) // said["stride"]),
        scene_mb=scene_gb * 1000,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", type=Path)
    parser.add_argument("--scenes", type=int, default=210)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 10, 30, 100, 300, 1000])
    parser.add_argument("--rows", type=int, default=7058)
    parser.add_argument("--scene-gb", type=float, default=1.0, help="what is read of a scene, GB")
    parser.add_argument("--read-mb-s", type=float, default=1000.0, help="of the storage, for all workers together")
    parser.add_argument("--worker-mb-s", type=float, default=100.0, help="of one worker")
    parser.add_argument("--failures-a-day", type=float, default=1.0, help="of one worker")
    parser.add_argument("--back-s", type=float, default=60.0, help="until a worker that died is back")
    parser.add_argument("--price", type=float, default=0.05, help="of a core hour")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    measured = read_measured(options.measured, options.rows, options.scene_gb)
    storage = Storage(options.read_mb_s, options.worker_mb_s)
    print(f"{options.scenes} scenes of {measured.band_count} row bands; finish {measured.finish:.0f} s each")
    heads = ("workers", "parts", "wall h", "speed-up", "efficiency", "core h", "cost", "deaths")
    print(" ".join(f"{head:>10}" for head in heads))
    for workers in options.workers:
        simulation = Simulation(
            measured, storage, options.scenes, workers, options.failures_a_day, options.back_s, options.seed
        )
        found = simulation.run()
        faster = found.useful_s / 3600 / found.hours
        cores = workers * found.hours
        cells = (
            *(f"{workers}", f"{simulation.parts}", f"{found.hours:.2f}", f"{faster:.1f}", f"{faster / workers:.0%}"),
            *(f"{cores:.0f}", f"{cores * options.price:.2f}", f"{found.deaths}"),
        )
        print(" ".join(f"{cell:>10}" for cell in cells))


if __name__ == "__main__":
    main()
