"""Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_SECONDS_BETWEEN_LINES = 15.0


class Bar:
    """A bar that may also be told things to print; without a terminal it is a line every now and then."""

    def __init__(self, label: str, progress: Progress | None, task: TaskID | None) -> None:
        self._label = label
        self._progress = progress
        self._task = task
        self._began = self._said = time.monotonic()
        self._done = 0

    def update(self, done: int, total: int) -> None:
        """Move to `done` of `total`."""
        now = time.monotonic()
        if done < self._done:
            self._began = now  # the next epoch
        self._done = done
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, total=total)
        elif now - self._said > _SECONDS_BETWEEN_LINES and done:
            self._said = now
            left = (now - self._began) / done * (total - done)
            self.say(f"{self._label}: {done} of {total}, about {left:.0f} s left")

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        if self._progress is not None:
            self._progress.console.print(line, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)


class _Rate(ProgressColumn):
    """Steps a second, or seconds a step."""

    def render(self, task: Task) -> Text:
        """The rate, once it is known."""
        if not task.speed:
            return Text("")
        return Text(f"{task.speed:.1f}/s" if task.speed >= 1 else f"{1 / task.speed:.1f} s each")


@contextmanager
def progress_bar(label: str) -> Iterator[Bar]:
    """Show progress on standard error until the block ends."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Bar(label, None, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bar(label, progress, progress.add_task(label, total=None))
