"""Reading, computing and writing at the same time: three stages in three threads, with little between them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2
"""How many items may wait between two stages: more would cost memory and gain nothing."""


class _StoppedError(Exception):
    """Another stage ended, so this one has nothing to do any more."""


class _Channel(Generic[Item]):
    """A queue with little room that any thread can stop, so that nobody waits for who is gone."""

    def __init__(self, room: int) -> None:
        self._items: deque[Item] = deque()
        self._room = room
        self._turn = threading.Condition()
        self._has_ended = self._is_stopped = False

    def put(self, item: Item) -> None:
        with self._turn:
            self._turn.wait_for(lambda: self._is_stopped or len(self._items) < self._room)
            if self._is_stopped:
                raise _StoppedError
            self._items.append(item)
            self._turn.notify_all()

    def end(self) -> None:
        """Nothing more will be put."""
        with self._turn:
            self._has_ended = True
            self._turn.notify_all()

    def stop(self) -> None:
        """Nothing more will be put or taken."""
        with self._turn:
            self._is_stopped = True
            self._items.clear()
            self._turn.notify_all()

    def __iter__(self) -> Iterator[Item]:
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._is_stopped or self._has_ended or self._items)
                if self._is_stopped:
                    raise _StoppedError
                if not self._items:
                    return
                item = self._items.popleft()
                self._turn.notify_all()
            yield item
            del item  # not held while waiting for the next


def run_stages(
    read: Callable[[], Generator[Item, None, None]],
    compute: Callable[[Item], Result],
    write: Callable[[Iterator[Result]], None],
    ahead: int = AHEAD,
) -> None:
    """Compute every item that is read, in order, and hand the results on to be written.

    `read` and `write` run in threads of their own, `compute` in the caller's, where Ctrl-C arrives. At most
    `ahead` items wait before it and `ahead` results behind it.

    Parameters
    ----------
    read
        Makes the generator of the items; it is begun, and closed, in the reading thread.
    compute
        Makes a result of an item.
    write
        Takes the results as they come, in order, until there are no more.
    ahead
        How much may wait.

    Raises
    ------
    Exception
        What any stage raised first, as it was raised; the others have ended by then.

    Examples
    --------
    >>> written = []
    >>> run_stages(lambda: (number for number in range(4)), lambda number: number**2, written.extend)
    >>> written
    [0, 1, 4, 9]
    """
    items: _Channel[Item] = _Channel(ahead)
    results: _Channel[Result] = _Channel(ahead)
    failures: list[BaseException] = []

    def stop() -> None:
        items.stop()
        results.stop()

    def in_thread(work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except _StoppedError:
                pass
            except BaseException as error:
                failures.append(error)
                stop()

        thread = threading.Thread(target=run, daemon=True)  # a second Ctrl-C waits for nobody
        thread.start()
        return thread

    def read_all() -> None:
        with closing(read()) as found:
            for item in found:
                items.put(item)
        items.end()

    def write_all() -> None:
        write(iter(results))
        results.stop()

    threads = [in_thread(read_all), in_thread(write_all)]
    try:
        for item in items:
            results.put(compute(item))
        results.end()
        threads[1].join()
    except _StoppedError:
        pass  # told below by who stopped it
    finally:
        stop()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
