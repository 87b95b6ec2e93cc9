"""Runs command lines in children of one warm process, so that importing torch is paid for once and not each time.

Reads one JSON object a line: ``{"arguments": [...], "file_limit": bytes or null, "offline": bool}``; answers with
the child's process id, and when it has ended with ``{"code", "out", "err"}`` (a negative code: the signal).
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import traceback
from typing import Any, NoReturn


def main() -> None:
    for warm in ("firnline.evaluation", "firnline.mapping", "firnline.training.train", "torch._dynamo"):
        importlib.import_module(warm)  # the last is what the first optimiser imports
    for line in sys.stdin:
        ask = json.loads(line)
        out, err = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            _run(ask, out[1], err[1])
        os.close(out[1])
        os.close(err[1])
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        said = [open(end, encoding="utf-8").read() for end in (out[0], err[0])]  # noqa: PTH123, SIM115
        print(json.dumps({"code": os.waitstatus_to_exitcode(status), "out": said[0], "err": said[1]}), flush=True)


def _run(ask: dict[str, Any], out: int, err: int) -> NoReturn:
    from firnline.cli import main as command_line

    # A shell starts background jobs with Ctrl-C ignored, and tests may run in one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(out, 1)
    os.dup2(err, 2)
    sys.argv = ["firnline", *ask["arguments"]]
    if ask["offline"]:
        sys.addaudithook(_refuse_network)
    if ask["file_limit"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (ask["file_limit"], ask["file_limit"]))
    code = 0
    try:
        command_line()
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _refuse_network(event: str, details: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg"):
        print(f"reached for the network: {event} {details[-1]!r}", file=sys.stderr, flush=True)
        raise OSError("no network in this test")


if __name__ == "__main__":
    main()
