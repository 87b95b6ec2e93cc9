"""Who may call: pages of this server alone, at an address of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firnline.server.problems import answer

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")

_POLICY: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "worker-src 'self' blob:",  # geotiff.js decodes in workers that it makes of blobs
    "font-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
_IMAGES: Final = "img-src 'self' blob: data:"

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
}


def policy(pictures: Sequence[str] = ()) -> str:
    """The content security policy of every page.

    Parameters
    ----------
    pictures
        Origins elsewhere from which pictures may come: those of the basemaps that are offered.

    Examples
    --------
    >>> policy(["https://tile.example.org"]).split("; ")[-1]
    "img-src 'self' blob: data: https://tile.example.org"
    """
    return "; ".join((*_POLICY, " ".join((_IMAGES, *sorted(set(pictures))))))


class Guard:
    """Refuses what a foreign page or a foreign name could send, and sets the headers of safety.

    A page elsewhere can make a browser send requests to 127.0.0.1. Its requests carry its own ``Origin`` (or
    ``Sec-Fetch-Site: cross-site``); a page that had its own name point to 127.0.0.1 (DNS rebinding) carries that name
    in ``Host``. Both are refused, reading too: scenes may be confidential.

    Parameters
    ----------
    app
        What it guards.
    hosts
        Host names that are answered.
    pictures
        See `policy`.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str] = LOOPBACK, pictures: Sequence[str] = ()) -> None:
        self.app, self.hosts = app, frozenset(hosts)
        self.headers = {"Content-Security-Policy": policy(pictures), **_HEADERS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        why = self._refused(Headers(scope=scope))
        if why:
            await answer(HTTPStatus.FORBIDDEN, why)(scope, receive, sending)
        else:
            await self.app(scope, receive, sending)

    def _refused(self, headers: Headers) -> str:
        host = headers.get("host", "")
        if _name_of(host) not in self.hosts:
            return "this server answers to addresses of this machine alone"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return "a page of another site may not call this server"
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "a page of another site may not call this server"
        return ""


def _name_of(host: str) -> str:
    """A host without its port.

    Examples
    --------
    >>> _name_of("127.0.0.1:8770"), _name_of("[::1]:80"), _name_of("localhost")
    ('127.0.0.1', '[::1]', 'localhost')
    """
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
