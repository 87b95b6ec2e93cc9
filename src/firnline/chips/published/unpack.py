"""Unpacking an archive, zip or tar: nothing outside its folder, nothing half-written, and again where it stopped."""

from __future__ import annotations

import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from firnline.errors import ConfigError, OutputError
from firnline.files import replaced

Progress = Callable[[int, int], None]
"""Called with (bytes unpacked, bytes in all)."""


@dataclass(frozen=True)
class _Member:
    """A file in an archive: its name, its size in bytes, and how to read it."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, folder: Path, progress: Progress | None = None) -> int:
    """Unpack a zip or tar into a folder; files that are there in full size already are kept.

    Names that lead outside the folder, links and devices are refused before anything is written.

    Returns
    -------
    How many files were written.

    Raises
    ------
    ConfigError
        When it is neither, is cut off, or holds what is refused.
    OutputError
        When a file cannot be written, or there is no room for all of it.
    """
    written = done = 0
    with _members(archive) as members:
        _require_room(archive, folder, members)
        total = sum(member.size for member in members)
        for member in members:
            path = folder / member.name
            if not (path.is_file() and path.stat().st_size == member.size):
                _write(member, path, archive)
                written += 1
            done += member.size
            if progress is not None:
                progress(done, total)
    return written


@contextmanager
def _members(archive: Path) -> Iterator[list[_Member]]:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                yield [_of_zip(opened, info, archive) for info in opened.infolist() if not info.is_dir()]
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as tar:
                yield [_of_tar(tar, info, archive) for info in tar if not info.isdir()]
        else:
            raise ConfigError("is neither zip nor tar, or is cut off", where=archive, do="get it again")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ConfigError(f"is damaged or cut off ({error})", where=archive, do="get it again") from None
    except (RuntimeError, NotImplementedError) as error:  # a password, a method of compression
        raise ConfigError(f"cannot be unpacked ({error})", where=archive, do="unpack it by other means") from None


def _of_zip(opened: zipfile.ZipFile, info: zipfile.ZipInfo, archive: Path) -> _Member:
    is_link = (info.external_attr >> 16) & 0o170000 == 0o120000
    _require_inside(info.filename, archive, is_file=not is_link)
    return _Member(info.filename, info.file_size, lambda: opened.open(info))


def _of_tar(tar: tarfile.TarFile, info: tarfile.TarInfo, archive: Path) -> _Member:
    _require_inside(info.name, archive, is_file=info.isfile())

    def reader() -> IO[bytes]:
        stream = tar.extractfile(info)
        assert stream is not None  # it is a file
        return stream

    return _Member(info.name, info.size, reader)


def _require_inside(name: str, archive: Path, *, is_file: bool) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise ConfigError(f"holds a path outside its folder: {name}", where=archive, do="do not trust it")
    if not is_file:
        raise ConfigError(f"holds a link or a device: {name}", where=archive, do="do not trust it")


def _require_room(archive: Path, folder: Path, members: list[_Member]) -> None:
    needed = sum(member.size for member in members if not (folder / member.name).is_file())
    there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise OutputError(
            f"no room to unpack {archive.name}: it takes {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free",
            where=folder,
            do="free space on the disk, or unpack it somewhere else",
        )


def _write(member: _Member, path: Path, archive: Path) -> None:
    with replaced(path) as temporary, member.open() as source, temporary.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
        if file.tell() != member.size:
            raise tarfile.ReadError(f"{member.name} ends early")
