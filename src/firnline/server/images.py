"""Raster files over HTTP: opened by one driver only, and sent whole or by ranges of bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import IO, Final

from fastapi import Request
from rasterio.io import DatasetReader
from starlette.responses import Response, StreamingResponse

from firnline.scene import opened_by
from firnline.server.problems import NotFound
from firnline.server.project import DRIVER

GEOTIFF: Final = "image/tiff; application=geotiff"
_PIECE: Final = 1 << 18
"""Bytes that are sent at a time: 256 KB."""
_RANGE: Final = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)


@contextmanager
def opened(path: Path) -> Iterator[DatasetReader]:
    """Open a raster of the server's, as a GeoTIFF whatever it is called.

    The one way in which the server opens rasters itself; scenes keep to the same (`Scene.driver`).

    Raises
    ------
    SceneError
        When it is something else: a VRT would name other files, or addresses on a network.
    """
    with opened_by(path, DRIVER) as dataset:
        yield dataset


def send_file_range(path: Path, request: Request, media_type: str = GEOTIFF) -> Response:
    """Answer GET or HEAD with a file, or with the range of its bytes that was asked for (RFC 9110).

    ``Range`` with one range is answered with 206, one that begins behind the end with 416; several ranges, or none
    that is understood, with the whole file. ``If-Range`` and ``If-None-Match`` are kept. What is sent is one state of
    the file, though another takes its place meanwhile.

    Parameters
    ----------
    path
        A file that the server chose: never a client's words.
    request
        What was asked.
    media_type
        What the file is.

    Raises
    ------
    NotFound
        When it is gone.
    """
    try:
        file = path.open("rb")
    except OSError:
        raise NotFound("file") from None
    try:
        said = os.fstat(file.fileno())
        headers = {
            "ETag": f'"{said.st_mtime_ns:x}-{said.st_size:x}-{said.st_ino:x}"',
            "Last-Modified": formatdate(said.st_mtime, usegmt=True),
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",  # kept, and asked for again with its ETag
        }
        if is_known(request, headers["ETag"]):
            file.close()
            return Response(status_code=304, headers=headers)
        return _bytes_of(file, said.st_size, request, headers, media_type)
    except BaseException:
        file.close()
        raise


def is_known(request: Request, etag: str) -> bool:
    """Whether the client has this state already (If-None-Match)."""
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    return etag in known or known == ["*"]


def _bytes_of(file: IO[bytes], size: int, request: Request, headers: dict[str, str], media_type: str) -> Response:
    first, stop, status = 0, size, 200
    if request.method == "GET" and _may_be_a_part(request, headers):
        match = _RANGE.fullmatch(request.headers.get("range", "").strip())
        span = _span(match[1], match[2], size) if match else None
        if span is not None and span[0] >= span[1]:
            file.close()
            return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
        if span is not None:
            first, stop, status = *span, 206
            headers["Content-Range"] = f"bytes {first}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - first)
    if request.method == "HEAD" or stop - first <= _PIECE:
        with file:
            file.seek(first)
            content = b"" if request.method == "HEAD" else file.read(stop - first)
        return Response(content, status, headers, media_type)
    return StreamingResponse(_pieces(file, first, stop), status, headers, media_type)


def _may_be_a_part(request: Request, headers: dict[str, str]) -> bool:
    """Whether the parts that the client has are of this state of the file (If-Range)."""
    condition = request.headers.get("if-range", "").strip()
    if not condition or condition == headers["ETag"]:
        return True
    try:
        return parsedate_to_datetime(condition) == parsedate_to_datetime(headers["Last-Modified"])
    except ValueError:
        return False


def _span(first: str, last: str, size: int) -> tuple[int, int] | None:
    """(first byte, byte after the last) of a range; empty where the file has none of it, None where it is nonsense.

    Examples
    --------
    >>> _span("2", "3", 10), _span("8", "99", 10), _span("", "4", 10), _span("10", "", 10), _span("3", "2", 10)
    ((2, 4), (8, 10), (6, 10), (10, 10), None)
    """
    if not first:
        return (max(0, size - int(last)), size) if last else None
    if last and int(last) < int(first):
        return None
    return min(int(first), size), min(int(last) + 1, size) if last else size


def _pieces(file: IO[bytes], first: int, stop: int) -> Iterator[bytes]:
    with file:
        file.seek(first)
        while first < stop:
            piece = file.read(min(_PIECE, stop - first))
            if not piece:  # cut off by another program: the connection ends short of Content-Length
                return
            first += len(piece)
            yield piece
