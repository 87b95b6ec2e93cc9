"""Downloads that go on where they stopped and are checked before they get their name."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final

import requests

from firnline.acquire.network import (
    PATIENCE,
    Patience,
    RemoteError,
    reason,
    require_good,
    require_http,
    session,
    without_query,
)
from firnline.errors import OutputError
from firnline.files import hold, sha256_of

_CHUNK: Final = 1 << 16
"""What a break costs at most: the piece that was on its way."""
_logger = logging.getLogger(__name__)
_RANGE: Final = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")

Progress = Callable[[int, int], None]
"""Called with (bytes there, bytes in all); both are the same while the server does not say how many there are."""


class ChecksumError(RemoteError):
    """A download that is whole and is not the file it should be."""


@dataclass(frozen=True)
class _Version:
    """Which version of a file the part on disk is of, as the server tells versions apart."""

    url: str
    etag: str | None = None
    modified: str | None = None
    size: int | None = None

    @property
    def validator(self) -> str | None:
        """What ``If-Range`` takes: a strong ETag, else the date of the last change."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


def download(
    url: str, to: Path, *, sha256: str | None = None, progress: Progress | None = None, patience: Patience = PATIENCE
) -> Path:
    """Download a file; an interrupted download goes on where it stopped.

    Bytes are gathered in ``NAME.part`` beside the final path, with ``NAME.part.json`` that says of which version
    of the file they are. When the server has another version by now, or cannot give a part of a file, the
    download starts again. The file gets its name when it is whole and, where `sha256` is given, its checksum is
    right; a whole file with a wrong checksum is kept as ``NAME.wrong`` (a former one is replaced), so that the
    next call starts again.

    A file that is at `to` already is taken when its checksum is right, or none is given.

    Parameters
    ----------
    url
        An address, ``http`` or ``https``.
    to
        The file to write.
    sha256
        Its checksum, 64 hexadecimal digits.
    progress
        Called with (bytes there, bytes in all).
    patience
        How often and how long to try again after a break, a silence, or an answer of 429 or 5xx. Attempts are
        counted anew whenever something more has come.

    Raises
    ------
    RemoteError
        When the server refuses or keeps failing; what came so far is kept.
    ChecksumError
        When the file is not the one that the checksum is of.
    OutputError
        When it cannot be written, there is no room for it, or another process is downloading it.
    """
    require_http(url, "download")
    _require_checksum(sha256)
    if to.is_dir():
        raise OutputError("is a folder", where=to, do="name a file")
    if to.exists():
        return _taken(to, sha256)
    part, state = to.with_name(f"{to.name}.part"), to.with_name(f"{to.name}.part.json")
    with _writing(to):
        to.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as file, alone(file, to):
            if to.exists():  # another process has just ended
                return _taken(to, sha256)
            _Transfer(url, file, state, patience, progress, trusts_size=sha256 is not None).run()
        _require_sum(part, sha256, url, to, state)
        part.replace(to)
        state.unlink(missing_ok=True)
    return to


class _Transfer:
    """One file on its way."""

    def __init__(
        self,
        url: str,
        file: IO[bytes],
        state: Path,
        patience: Patience,
        progress: Progress | None,
        *,
        trusts_size: bool,
    ) -> None:
        self._url, self._file, self._state = url, file, state
        self._patience, self._progress, self._trusts_size = patience, progress, trusts_size
        self._session = session(patience)
        self._version = _read_state(state)

    def run(self) -> None:
        """Fetch until the file is whole."""
        failed, most = 0, self._file.tell()
        while True:
            try:
                if self._fetch():
                    return
                what = "the connection broke off"
            except requests.RequestException as error:
                what = reason(error)
            there = self._file.tell()  # less than before where the server begins anew: that is no progress
            failed, most = (1, there) if there > most else (failed + 1, most)
            if failed >= self._patience.attempts:
                raise self._stopped(what)
            _logger.warning("%s: %s at %d bytes, asking again", without_query(self._url), what, there)
            time.sleep(self._patience.wait(failed))

    def _fetch(self) -> bool:
        """One request; whether the file is whole after it."""
        there = self._usable()
        headers = {"Accept-Encoding": "identity"}
        if there:
            headers["Range"] = f"bytes={there}-"
            if self._version.validator:
                headers["If-Range"] = self._version.validator
        with self._answer(headers) as response:
            if response.status_code == 416:
                return self._is_at_end(response, there)
            require_good(response, what="download")
            total = self._prepare(response, there)
            for chunk in response.iter_content(_CHUNK):
                self._file.write(chunk)
                self._tell(total)
        self._file.flush()
        os.fsync(self._file.fileno())
        return total is None or self._file.tell() == total

    def _answer(self, headers: dict[str, str]) -> requests.Response:
        """The server's answer; a session tries again by itself until there is one."""
        try:
            return self._session.get(self._url, headers=headers, stream=True, timeout=self._patience.timeout)
        except requests.RequestException as error:
            raise self._stopped(reason(error)) from None

    def _stopped(self, what: str) -> RemoteError:
        return RemoteError(
            f"download stopped: {what}",
            where=without_query(self._url),
            do="run it again later: it goes on where it stopped",
        )

    def _usable(self) -> int:
        """How many bytes of the part can be built on; a part of who knows what is thrown away."""
        size = self._file.seek(0, 2)
        same = self._version.url == without_query(self._url)
        known = self._version.validator is not None or (self._trusts_size and self._version.size is not None)
        if size and not (same and known):
            self._start_again()
            return 0
        return size

    def _start_again(self) -> None:
        self._file.truncate(0)
        self._file.seek(0)
        self._version = _Version("")

    def _is_at_end(self, response: requests.Response, there: int) -> bool:
        """Nothing is left to send: the part is whole, or longer than the file is now."""
        match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match and match[2] == str(there) and self._is_same(response, there):
            return True
        self._start_again()
        return False

    def _is_same(self, response: requests.Response, total: int | None) -> bool:
        now, before = _version(self._url, response, total), self._version
        pairs = ((now.etag, before.etag), (now.modified, before.modified), (now.size, before.size))
        return all(a == b for a, b in pairs if a is not None and b is not None)

    def _prepare(self, response: requests.Response, there: int) -> int | None:
        """Go to where the body belongs; the size of the whole file."""
        if response.status_code == 206:
            match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
            total = int(match[2]) if match and match[2] != "*" else None
            if match is None or match[1] != str(there) or total is None or not self._is_same(response, total):
                self._start_again()  # a server that answers something else than it was asked
                raise requests.ConnectionError("the server sent another part of the file than it was asked for")
            return total
        if response.status_code != 200:
            raise self._stopped(f"the server answered {response.status_code}, which is no file")
        self._start_again()
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdigit() else None
        self._version = _version(self._url, response, total)
        self._state.write_text(json.dumps(asdict(self._version)), encoding="utf-8")
        _require_room(self._state.parent, total, self._url)
        return total

    def _tell(self, total: int | None) -> None:
        if self._progress is not None:
            there = self._file.tell()
            self._progress(there, there if total is None else total)


def _version(url: str, response: requests.Response, size: int | None) -> _Version:
    headers = response.headers
    return _Version(without_query(url), headers.get("ETag"), headers.get("Last-Modified"), size)


def _read_state(path: Path) -> _Version:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return _Version(**content)
    except (OSError, ValueError, TypeError):
        return _Version("")


def _require_checksum(sha256: str | None) -> None:
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise RemoteError(f"'{sha256}' is no SHA-256", where="download", do="give 64 hexadecimal digits")


def _taken(to: Path, sha256: str | None) -> Path:
    """The file that is there already."""
    if sha256 is not None and sha256_of(to) != sha256.lower():
        raise ChecksumError(
            "is there already, and is another file than the checksum says",
            where=to,
            do="move it away, or name another",
        )
    return to


def _require_sum(part: Path, sha256: str | None, url: str, to: Path, state: Path) -> None:
    if sha256 is None:
        return
    found = sha256_of(part)
    if found != sha256.lower():
        kept = to.with_name(f"{to.name}.wrong")
        part.replace(kept)
        state.unlink(missing_ok=True)
        raise ChecksumError(
            f"came whole ({kept.stat().st_size} bytes) with the SHA-256 {found}, not {sha256.lower()}",
            where=without_query(url),
            do=f"check the address and the checksum; the file is kept as {kept}",
        )


def _require_room(folder: Path, total: int | None, url: str) -> None:
    free = shutil.disk_usage(folder).free
    if total is not None and total > free:
        raise OutputError(
            f"has {free / 1e9:.1f} GB free, and {without_query(url)} takes {total / 1e9:.1f} GB",
            where=folder,
            do="free space, or choose another folder",
        )


@contextlib.contextmanager
def alone(file: IO[bytes], to: Path) -> Iterator[None]:
    """Keep other processes from writing to what comes to `to`, until `file` is closed.

    Raises
    ------
    OutputError
        When another one does so now.
    """
    do = "wait for it, or name another file"
    hold(file, OutputError("is being downloaded by another process", where=to, do=do))
    yield


@contextlib.contextmanager
def _writing(to: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"could not be written: {error.strerror or error}",
            where=to,
            do="free space on the disk, or write somewhere else; what has come is kept",
        ) from None
