"""What was worked out is kept in memory, the least used thrown away first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Results, at most so much of them; two threads that ask for one at once have it made once.

    Parameters
    ----------
    limit
        How much is kept: results, or what `weigh` says of them together.
    weigh
        What a result counts; 1 without it.

    Examples
    --------
    >>> kept: Kept[str, int] = Kept(2)
    >>> kept.get("a", lambda: 1), kept.get("a", lambda: 2)
    (1, 1)
    >>> _ = kept.get("b", lambda: 3), kept.get("c", lambda: 4)
    >>> kept.get("a", lambda: 2)
    2
    """

    def __init__(self, limit: int, weigh: Callable[[Value], int] = lambda _: 1) -> None:
        self._limit, self._weigh = limit, weigh
        self._found: OrderedDict[Key, Value] = OrderedDict()
        self._weight = 0
        self._making: dict[Key, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """What was made for the key; made now where it is not kept. What fails is not kept."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._found:
                    return self._found[key]
            try:
                value = make()
                with self._lock:
                    self._found[key] = value
                    self._weight += self._weigh(value)
                    while self._weight > self._limit:
                        self._weight -= self._weigh(self._found.popitem(last=False)[1])
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return value
