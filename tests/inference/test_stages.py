"""Three stages at once: in order, with little between them, and a failure of any of them is the failure of all."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

import pytest

from firnline.inference.stages import run_stages


class BrokenError(Exception):
    """What a stage raises here."""


def numbers(count: int, closed: list[bool] | None = None) -> Generator[int, None, None]:
    try:
        yield from range(count)
    finally:
        if closed is not None:
            closed.append(True)


def test_results_come_in_order_and_the_stages_work_at_the_same_time() -> None:
    """Each stage waits for the other two: without threads this would never end."""
    meet = threading.Barrier(3, timeout=20)
    written: list[int] = []

    def read() -> Generator[int, None, None]:
        for number in range(6):
            if number == 3:
                meet.wait()
            yield number

    def compute(number: int) -> int:
        if number == 2:
            meet.wait()
        return number * 10

    def write(results: Iterator[int]) -> None:
        for result in results:
            if result == 10:
                meet.wait()
            written.append(result)

    run_stages(read, compute, write)
    assert written == [0, 10, 20, 30, 40, 50]


def test_no_more_is_read_than_fits_between() -> None:
    """When the first item is computed, as many wait behind it as may, and one is in the reader's hand."""
    begun: list[int] = []
    first_is_written = threading.Event()

    def read() -> Generator[int, None, None]:
        for number in range(100):
            begun.append(number)
            yield number

    def write(results: Iterator[int]) -> None:
        next(results)
        first_is_written.wait(0.3)  # the stages before it fill up meanwhile
        first_is_written.set()
        assert len(begun) <= 1 + 2 + 1 + 2 + 1
        for _ in results:
            pass

    run_stages(read, lambda number: number, write, ahead=2)
    assert len(begun) == 100


@pytest.mark.parametrize("stage", ["read", "compute", "write"])
@pytest.mark.parametrize("error", [BrokenError("as it was"), KeyboardInterrupt()])
def test_what_any_stage_raises_comes_out_as_it_was_and_ends_all(stage: str, error: BaseException) -> None:
    closed: list[bool] = []

    def fail_at(here: str, number: int) -> int:
        if here == stage and number == 20:
            raise error
        return number

    def read() -> Generator[int, None, None]:
        try:
            for number in range(1000):
                yield fail_at("read", number)
        finally:
            closed.append(True)

    def write(results: Iterator[int]) -> None:
        for number in results:
            fail_at("write", number)

    before = threading.active_count()
    with pytest.raises(type(error)) as caught:
        run_stages(read, lambda number: fail_at("compute", number), write)
    assert caught.value is error
    assert closed == [True], "the scene is closed"
    assert threading.active_count() == before


def test_nothing_to_read_is_nothing_to_write() -> None:
    written: list[int] = []
    run_stages(lambda: numbers(0), lambda number: number, written.extend)
    assert written == []
