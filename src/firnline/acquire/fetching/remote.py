"""Rasters on a server: opened with patience, read in windows, and in one line what went wrong."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import rasterio
import requests
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from firnline.acquire.network import (
    PATIENCE,
    Patience,
    RemoteError,
    gdal_options,
    reason,
    require_good,
    session,
    without_query,
)

_READS: Final = 3
"""How often a raster is opened anew when a read fails: GDAL waits for servers that are busy, and takes a body that
breaks off for a damaged file."""

_DRIVERS: Final = ("GTiff", "JP2OpenJPEG")
"""A catalogue shall not lead GDAL to a VRT, which may lead anywhere."""

Result = TypeVar("Result")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Version:
    """Which version of a file a server has; None is what it does not say."""

    size: int | None = None
    etag: str | None = None
    modified: str | None = None


def ask_version(url: str, patience: Patience = PATIENCE) -> Version:
    """Ask a server for the version of a file, by its first byte: signatures often forbid HEAD.

    Raises
    ------
    RemoteError
        When it does not answer, or has no such file.
    """
    _require_web(url)
    headers = {"Range": "bytes=0-0", "Accept-Encoding": "identity"}
    try:
        with (
            session(patience) as ask,
            ask.get(url, headers=headers, timeout=patience.timeout, stream=True) as response,
        ):
            require_good(response, what="cannot be read")
            total = response.headers.get("Content-Range", "").rpartition("/")[2]
            length = total if response.status_code == 206 else response.headers.get("Content-Length", "")
            size = int(length) if length.isdigit() else None
            return Version(size, response.headers.get("ETag"), response.headers.get("Last-Modified"))
    except requests.RequestException as error:
        raise _stopped(url, reason(error)) from None


def _require_web(url: str) -> None:
    """A catalogue shall not lead to files of this machine, or to what GDAL's other file systems reach."""
    if not url.startswith(("http://", "https://")):
        raise RemoteError(
            "is not on the web",
            where=without_query(url) or url,
            do="choose a catalogue whose files are (--catalogue)",
        )


@contextmanager
def opened(url: str, patience: Patience = PATIENCE) -> Iterator[DatasetReader]:
    """Open a raster on a server; nothing of it is cached beyond the block. Read from it with `pixels`.

    Raises
    ------
    RemoteError
        When it cannot be opened.
    """
    _require_web(url)
    path = f"/vsicurl/{url}"
    options = {**gdal_options(patience), "CPL_VSIL_CURL_NON_CACHED": path}
    with rasterio.Env(**options):
        try:
            dataset = rasterio.open(path, sharing=False)
        except RasterioError as error:
            raise unreadable(url, error) from None
        with dataset:
            if dataset.driver not in _DRIVERS:
                raise _stopped(url, f"it is {dataset.driver}, neither GeoTIFF nor JPEG 2000")
            yield dataset


def pixels(dataset: DatasetReader, **what: Any) -> NDArray[Any]:
    """Read from a raster on a server, as rasterio's ``read`` does.

    Raises
    ------
    RemoteError
        When that fails: a file that ends too early, a body that breaks off, a server that stays silent.
    """
    try:
        values: NDArray[Any] = dataset.read(**what)
        return values
    except RasterioError as error:
        raise unreadable(address_of(dataset), error) from None


def address_of(dataset: DatasetReader) -> str:
    """The address of an open raster, as it was given."""
    return str(dataset.name).removeprefix("/vsicurl/")


def read_remote(url: str, read: Callable[[DatasetReader], Result], patience: Patience = PATIENCE) -> Result:
    """What `read` makes of a raster on a server; opened anew and read from the start when that fails.

    Raises
    ------
    RemoteError
        When it fails again and again.
    """
    for attempt in range(1, _READS + 1):
        try:
            with opened(url, patience) as dataset:
                return read(dataset)
        except RemoteError as error:
            if attempt == _READS or not url.startswith("http"):
                raise
            _logger.warning("%s: %s, asking again", error.where, error.what)
            time.sleep(patience.wait(attempt))
    raise AssertionError


def unreadable(url: str, error: RasterioError) -> RemoteError:
    """The failure of a read, in words without what is secret in the address."""
    return _stopped(url, f"it cannot be read ({_words(error)})")


def _stopped(url: str, what: str) -> RemoteError:
    do = "run it again later: what has been copied is kept"
    return RemoteError(f"copy stopped: {what}", where=without_query(url), do=do)


def _words(error: BaseException) -> str:
    """What GDAL said last, without the address, which may be signed."""
    while error.__cause__ is not None:
        error = error.__cause__
    words = [word for word in str(error).split() if "://" not in word]
    return " ".join(words)[:160].rstrip(".:")
