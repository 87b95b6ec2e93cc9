"""Workers: those of a scheduler that runs somewhere, or processes on this machine."""

from __future__ import annotations

import logging
import multiprocessing
import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from firnline.cluster.tasks import WorkerError, describe_worker
from firnline.errors import ConfigError

_OPTION = "--cluster"
_LOCAL = re.compile(r"local:([1-9]\d{0,3})")
_ADDRESS = re.compile(r"(tcp|tls)://\S+:\d+")
_WAIT_FOR_SCHEDULER, _WAIT_FOR_WORKERS = 20.0, 120.0
"""Seconds."""


@dataclass(frozen=True)
class Workers:
    """A connection to workers that are alike."""

    client: Any
    """distributed.Client"""
    threads: int
    shares: tuple[tuple[int, ...], ...] = ()
    """See `firnline.cluster.tasks.Job`."""
    cpus: tuple[str, ...] = ()
    """The types of CPU among them: between two of them, single pixels may differ."""


@contextmanager
def connected(address: str) -> Iterator[Workers]:
    """Connect to the scheduler at ``tcp://HOST:PORT`` or ``tls://HOST:PORT``, or start ``local:N`` worker processes.

    Local workers have one thread each and listen to this machine alone (127.0.0.1); there is no dashboard. They end
    with the block; a scheduler that was there before stays.

    Raises
    ------
    ConfigError
        When distributed is not installed, the address is none, or nobody answers there.
    WorkerError
        When workers have other versions than this process.
    """
    local = _LOCAL.fullmatch(address)
    if not local and not _ADDRESS.fullmatch(address):
        raise ConfigError(
            f"'{address}' is no cluster", where=_OPTION, do="write tcp://HOST:PORT, tls://HOST:PORT or local:N"
        )
    _require_distributed()
    with ExitStack() as stack:
        # Its warnings are of ports in use and versions that differ; the versions that matter are compared below.
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        for name in ("distributed", "distributed.client", "distributed.scheduler", "distributed.nanny"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        count = int(local[1]) if local else 0
        client = stack.enter_context(_local_client(count) if local else _client(address))
        _wait_for_workers(client, max(count, 1), address)
        found = _described(client)
        _require_alike(found)
        threads = sum(client.nthreads().values())
        cpus = tuple(sorted({said["cpu"] for said in found.values()}))
        yield Workers(client, threads, _shares(count), cpus)


def _require_distributed() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise ConfigError(
            "needs dask.distributed, which is not installed", where=_OPTION, do="pip install 'firnline[cluster]'"
        ) from None


@contextmanager
def _local_client(count: int) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster

    settings: dict[str, object] = {
        "distributed.scheduler.http.routes": [],  # no pages, of which a dashboard is one
        "distributed.worker.http.routes": [],
        **_forking(),
    }
    with (
        tempfile.TemporaryDirectory(prefix="firnline-", ignore_cleanup_errors=True) as scratch,
        dask.config.set(settings),
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit=0,  # a worker holds one scene's strip, not results; it must not be stopped for it
            local_directory=scratch,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        yield client


def _forking() -> dict[str, object]:
    """Workers fork from a process that has imported once what takes each of them seconds; not on Windows."""
    import dask
    from distributed.utils import get_mp_context

    if "forkserver" not in multiprocessing.get_all_start_methods():
        return {}
    method = {"distributed.worker.multiprocessing-method": "forkserver"}
    with dask.config.set(method):
        context = get_mp_context()  # type: ignore[no-untyped-call] # sets its own list first
    context.set_forkserver_preload(["distributed", "firnline.cluster.tasks"])
    return dict(method)


@contextmanager
def _client(address: str) -> Iterator[Any]:
    from distributed import Client

    try:
        client = Client(address, timeout=_WAIT_FOR_SCHEDULER)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(
            f"no scheduler answers there ({reason})", where=address, do="start one: dask scheduler"
        ) from None
    with client:
        yield client


def _wait_for_workers(client: Any, count: int, address: str) -> None:
    try:
        client.wait_for_workers(count, timeout=_WAIT_FOR_WORKERS)
    except TimeoutError:
        raise ConfigError(
            f"no worker has come within {_WAIT_FOR_WORKERS:.0f} s",
            where=address,
            do=f"start some: dask worker {address} --nthreads 1",
        ) from None


def _described(client: Any) -> dict[str, dict[str, str]]:
    """What each worker says of itself, by its address."""
    answers = client.run(describe_worker, on_error="return")
    for address, answer in answers.items():
        if isinstance(answer, BaseException):
            raise WorkerError(
                f"cannot run firnline ({type(answer).__name__}: {' '.join(str(answer).split())})",
                where=f"worker {address}",
                do="install the same firnline there as here",
            )
    return dict(answers)


def _require_alike(found: Mapping[str, Mapping[str, str]]) -> None:
    here = describe_worker()
    for address, said in sorted(found.items()):
        for name, version in here.items():
            if name != "cpu" and said.get(name) != version:
                raise WorkerError(
                    f"has {name} {said.get(name)}, and this process {version}",
                    where=f"worker {address}",
                    do="install the same versions on all",
                )


def _shares(workers: int) -> tuple[tuple[int, ...], ...]:
    """This machine's cores shared out among its workers, where there are enough."""
    if not workers or not hasattr(os, "sched_getaffinity"):
        return ()
    cores = sorted(os.sched_getaffinity(0))
    return tuple(tuple(cores[number::workers]) for number in range(workers)) if len(cores) >= workers else ()
