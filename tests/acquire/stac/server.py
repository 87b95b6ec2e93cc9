"""Servers on loopback: files with byte ranges, and answers that go wrong as a script says."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What a server says; after `break_after` bytes of the body it hangs up, and a silent one never answers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    break_after: int | None = None
    silent: bool = False

    @classmethod
    def of(cls, content: Any, status: int = 200) -> Answer:
        return cls(status, json.dumps(content).encode(), {"Content-Type": "application/geo+json"})


Route = Callable[[Request], Answer]


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Clients hang up when they have read enough."""


class LoopbackServer:
    """A server on a free port: `files` by path, with ranges and ETags; `routes`; `script`ed answers go first."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.routes: dict[str, Route] = {}
        self.scripts: dict[str, deque[Answer | None]] = {}
        self.requests: list[Request] = []
        self.bytes_sent = 0
        self.ranges = True
        self.etags = True
        self.if_range = True
        """Whether ``If-Range`` is minded."""
        self.closing = threading.Event()
        self._http = _Quiet(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    def script(self, path: str, *answers: Answer | None) -> None:
        """The next answers for a path, in order; None is what would be said anyway."""
        self.scripts[path] = deque(answers)

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    def answer(self, request: Request) -> Answer:
        waiting = self.scripts.get(request.path)
        scripted = waiting.popleft() if waiting else None
        if scripted is not None and not (scripted.break_after is not None and not scripted.body):
            return scripted
        if request.path in self.routes:
            return self.routes[request.path](request)
        plain = self._file(request)
        if scripted is not None:  # the file itself, broken off
            return Answer(plain.status, plain.body, plain.headers, scripted.break_after)
        return plain

    def _file(self, request: Request) -> Answer:
        content = self.files.get(request.path)
        if content is None:
            return Answer(404, b"no such file")
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        headers = {"ETag": etag} if self.etags else {}
        if self.ranges:
            headers["Accept-Ranges"] = "bytes"
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        changed = self.if_range and request.headers.get("if-range", etag) != etag
        if not self.ranges or span is None or changed:
            return Answer(200, content, headers)
        start, stop = int(span[1]), min(int(span[2] or len(content)) + 1, len(content))
        if start >= len(content):
            return Answer(416, b"", {**headers, "Content-Range": f"bytes */{len(content)}"})
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        return Answer(206, content[start:stop], headers)


def _handler(server: LoopbackServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, parts.path, parts.query, headers, body)
            server.requests.append(request)
            answer = server.answer(request)
            if answer.silent:
                server.closing.wait(10)
                self.close_connection = True
                return
            self._send(answer)

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "HEAD":
                return
            body = answer.body if answer.break_after is None else answer.body[: answer.break_after]
            self.wfile.write(body)
            server.bytes_sent += len(body)
            if answer.break_after is not None:
                self.close_connection = True

        do_GET = do_POST = do_HEAD = _serve  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@contextmanager
def loopback_server() -> Iterator[LoopbackServer]:
    server = LoopbackServer()
    try:
        yield server
    finally:
        server.close()
