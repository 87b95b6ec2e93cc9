"""Requests to servers that may be slow, busy or broken: how often to try again, how long to wait, what to say."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry

from firnline import __version__
from firnline.errors import FirnlineError

TRY_AGAIN: Final = (429, 500, 502, 503, 504)
"""Answers that may be another one in a while: too many requests, and servers that fail."""


class RemoteError(FirnlineError):
    """A server that does not answer, refuses, or sends what cannot be used."""


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for.

    A request is tried `attempts` times, with pauses of `first_wait` seconds that double each time, or as long as
    the server asks (``Retry-After``), never more than `longest_wait`. `timeout` is how long it may be silent,
    seconds.
    """

    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 120.0
    timeout: float = 60.0

    def wait(self, attempt: int) -> float:
        """The pause before the next attempt, seconds; attempts count from 1.

        Examples
        --------
        >>> [Patience(longest_wait=5).wait(attempt) for attempt in (1, 2, 3, 4)]
        [1.0, 2.0, 4.0, 5]
        """
        return min(self.first_wait * 2.0 ** (attempt - 1), self.longest_wait)


PATIENCE: Final = Patience()
_logger = logging.getLogger(__name__)


class _Retry(Retry):
    """urllib3's own, which would wait six hours when it is asked to."""

    longest_wait: float = PATIENCE.longest_wait

    def new(self, **kwargs: object) -> Self:
        fresh = super().new(**kwargs)
        fresh.longest_wait = self.longest_wait
        return fresh

    def increment(
        self, method: str | None = None, url: str | None = None, response: Any = None, *more: Any, **named: Any
    ) -> Self:
        fresh = super().increment(method, url, response, *more, **named)
        pool = named.get("_pool", more[1] if len(more) > 1 else None)
        said = f"answered {response.status}" if response is not None else "does not answer"
        if response is None or response.status in TRY_AGAIN:  # the others are redirects
            _logger.warning("%s %s, asking again", getattr(pool, "host", "a server"), said)
        return fresh

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        asked = super().get_retry_after(response)
        return None if asked is None else min(asked, self.longest_wait)


def retry(patience: Patience) -> Retry:
    """The policy as urllib3 takes it; the last answer is given back, not turned into an exception."""
    policy = _Retry(
        total=patience.attempts - 1,
        status_forcelist=TRY_AGAIN,
        allowed_methods=None,  # a search is a POST that changes nothing
        backoff_factor=patience.first_wait / 2,  # urllib3 doubles it before the second pause
        backoff_max=patience.longest_wait,
        raise_on_status=False,
    )
    policy.longest_wait = patience.longest_wait
    return policy


def session(patience: Patience) -> requests.Session:
    """A session that tries again as `patience` says."""
    made = requests.Session()
    for scheme in ("http://", "https://"):
        made.mount(scheme, HTTPAdapter(max_retries=retry(patience)))
    made.headers["User-Agent"] = f"firnline/{__version__}"
    return made


def gdal_options(patience: Patience) -> dict[str, str]:
    """GDAL's options for reading over HTTP with the same patience; nothing beside a file is asked for.

    A block that breaks off, or a server that stays silent, is an error after the last attempt, never zeros.
    """
    seconds = str(max(1, math.ceil(patience.timeout)))  # GDAL takes whole ones, and 0 for no limit
    return {
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_HTTP_MAX_RETRY": str(patience.attempts - 1),
        "GDAL_HTTP_RETRY_DELAY": f"{patience.first_wait:g}",
        "GDAL_HTTP_CONNECTTIMEOUT": seconds,
        "GDAL_HTTP_LOW_SPEED_TIME": seconds,
        "GDAL_HTTP_LOW_SPEED_LIMIT": "1",
        "GDAL_HTTP_USERAGENT": f"firnline/{__version__}",
        "GDAL_HTTP_MULTIRANGE": "YES",
    }


def without_query(url: str) -> str:
    """An address without what may be secret in it: signature, token, user and password.

    Examples
    --------
    >>> without_query("https://user:word@host.org:8080/scene/B4.tif?sig=secret#part")
    'https://host.org:8080/scene/B4.tif'
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def require_http(url: str, where: str) -> None:
    """Raise RemoteError unless `url` is an address on the web."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise RemoteError(f"'{url}' is not an address on the web", where=where, do="write http://... or https://...")


def require_good(response: requests.Response, *, what: str) -> None:
    """Raise RemoteError when a server's answer is not a good one, saying what it means."""
    if response.status_code < 400:
        return
    code = response.status_code
    do = {
        401: "it needs an account or a token",
        403: "it needs an account or a token, or the address has run out",
        404: "check the address",
        410: "check the address",
        429: "it is asked too often; try again later",
    }.get(code, "try again later" if code >= 500 else "check the address and the options")
    raise RemoteError(
        f"{what}: the server answered {code} {response.reason or ''}".rstrip(),
        where=without_query(response.url),
        do=do,
    )


def reason(error: BaseException) -> str:
    """What went wrong on the way, in a few words.

    Examples
    --------
    >>> reason(requests.ConnectTimeout("..."))
    'it did not answer in time'
    """
    text = str(error)
    if isinstance(error, requests.Timeout) or "timed out" in text.lower():
        return "it did not answer in time"
    if "NameResolution" in text or "resolve" in text.lower():
        return "its name is not known"
    if "refused" in text.lower():
        return "the connection was refused"
    if isinstance(error, requests.exceptions.ChunkedEncodingError) or "Connection broken" in text:
        return "the connection broke off"
    if isinstance(error, requests.ConnectionError):
        return "the connection failed"
    return re.sub(r"\S*(://|\?)\S*", "...", " ".join(text.split()))[:200]  # an address may be signed
