"""Products in tars and zips: read in place where that is quick, else unpacked safely; refused where unsafe."""

from __future__ import annotations

import atexit
import gzip
import hashlib
import lzma
import re
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from firnline.acquire.products.places import LARGEST_METADATA, Place
from firnline.errors import OutputError, SceneError
from firnline.files import replaced

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".zip")
"""Names of archives that are looked into."""

_METADATA = re.compile(r"(_MTL\.(txt|xml|json)|\.xml)$", re.IGNORECASE)
_BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError, OSError),
    *(NotImplementedError, ValueError),  # a zip of a version or with names that cannot be
)
_AGAIN = "download it again"


@dataclass(frozen=True)
class Tar(Place):
    """A tar without compression: GDAL reads the rasters where they lie."""

    members: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Where each file's bytes begin, and how many they are."""

    def read(self, name: str) -> bytes:
        """The content of a small file."""
        start, size = self.members[name]
        if size > LARGEST_METADATA:
            raise SceneError("is too large for a product's metadata", where=self.where(name))
        with _reading(self.path), self.path.open("rb") as file:
            file.seek(start)
            return file.read(size)

    def hrefs(self, names: Iterable[str]) -> dict[str, str]:
        """Paths that reach into the tar."""
        return {name: f"/vsitar/{{{self.path.absolute()}}}/{name}" for name in names}


@dataclass(frozen=True)
class CompressedTar(Place):
    """A compressed tar: every jump in it would unpack it from its start, so the rasters wanted are unpacked once."""

    metadata: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes of each file, unpacked."""
    unpack: Path | None = None

    def read(self, name: str) -> bytes:
        """The content of a small file, kept since the tar was looked through."""
        if name not in self.metadata:
            raise SceneError("is too large for a product's metadata", where=self.where(name))
        return self.metadata[name]

    def hrefs(self, names: Iterable[str]) -> dict[str, str]:
        """Paths of the unpacked files; those that were unpacked before are not unpacked again."""
        folder = (self.unpack or temporary_folder()) / f"{self.path.name.split('.')[0]}-{_fingerprint(self.path)}"
        targets = {name: folder / name for name in names}
        missing = {name for name, target in targets.items() if not target.exists()}
        if missing:
            _require_room(self, missing, folder.parent)
            with _reading(self.path), tarfile.open(self.path, "r:*") as tar:
                for member in tar:
                    if _plain(member.name) in missing and member.isreg():
                        _copy_out(tar, member, targets[_plain(member.name)])
        return {name: str(target.absolute()) for name, target in targets.items()}


@dataclass(frozen=True)
class Zip(Place):
    """A zip: GDAL reads the rasters where they lie."""

    def read(self, name: str) -> bytes:
        """The content of a small file."""
        with _reading(self.path), zipfile.ZipFile(self.path) as archive:
            if archive.getinfo(name).file_size > LARGEST_METADATA:
                raise SceneError("is too large for a product's metadata", where=self.where(name))
            return archive.read(name)

    def hrefs(self, names: Iterable[str]) -> dict[str, str]:
        """Paths that reach into the zip."""
        return {name: f"/vsizip/{{{self.path.absolute()}}}/{name}" for name in names}


def is_archive(name: str) -> bool:
    """Whether a file is named as an archive.

    Examples
    --------
    >>> is_archive("LC08_L2SP.tar"), is_archive("LE07.TAR.GZ"), is_archive("scene.tif")
    (True, True, False)
    """
    return name.lower().endswith(SUFFIXES)


def open_archive(path: Path, *, unpack: Path | None = None) -> Place:
    """Look through a tar, a compressed tar or a zip.

    Nothing is unpacked here. `unpack` is where a compressed tar's rasters will go when they are asked for; without
    it they go to a temporary folder that is removed when Python ends.

    Raises
    ------
    SceneError
        When it is no archive, is cut short or damaged, or has a member that would lie outside its folder (an absolute
        path, ``..``, a link that leads outside) or is no file (a device).
    """
    with _reading(path):
        if zipfile.is_zipfile(path):
            return _open_zip(path)
        with path.open("rb") as file:
            start = file.read(6)
        if start.startswith(b"PK"):
            raise SceneError("is a zip that is cut short or damaged", where=path, do=_AGAIN)
        packed = start.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ"))
        members, metadata = _look_through(path, keep_metadata=packed)
    if packed:
        sizes = {name: size for name, (_, size) in members.items()}
        return CompressedTar(path, tuple(sorted(members)), metadata=metadata, sizes=sizes, unpack=unpack)
    return Tar(path, tuple(sorted(members)), members=members)


def temporary_folder() -> Path:
    """A folder for what is needed only as long as this process runs; removed when it ends."""
    if not _temporary:
        folder = Path(tempfile.mkdtemp(prefix="firnline-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _temporary.append(folder)
    return _temporary[0]


_temporary: list[Path] = []


def _look_through(path: Path, *, keep_metadata: bool) -> tuple[dict[str, tuple[int, int]], dict[str, bytes]]:
    """Every file of a tar with its place, and (from a compressed one) the content of its metadata files."""
    members: dict[str, tuple[int, int]] = {}
    metadata: dict[str, bytes] = {}
    kept = 0
    with tarfile.open(path, "r:*") as tar:
        for member in tar:
            _refuse_unsafe(path, member)
            if not member.isreg():
                continue
            name = _plain(member.name)
            if name in members:
                raise SceneError(f"holds two files of the name {name}", where=path, do=_AGAIN)
            members[name] = (member.offset_data, member.size)
            if keep_metadata and _METADATA.search(name) and member.size <= LARGEST_METADATA - kept:
                kept += member.size
                content = tar.extractfile(member)
                metadata[name] = content.read() if content is not None else b""
        # tarfile takes a damaged header in the middle for the end: a true end is a block of zeros.
        source: IO[bytes] = tar.fileobj  # type: ignore[assignment]
        source.seek(tar.offset)
        if source.read(tarfile.BLOCKSIZE) != b"\0" * tarfile.BLOCKSIZE:
            raise SceneError("is cut short or damaged", where=path, do=_AGAIN)
    return members, metadata


def _open_zip(path: Path) -> Zip:
    with zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
    names = [info.filename for info in infos]
    if len(set(names)) < len(names):
        name = next(name for name in names if names.count(name) > 1)
        raise SceneError(f"holds two files of the name {name}", where=path, do=_AGAIN)
    for info in infos:
        if _leads_outside(info.filename):
            raise SceneError(
                f"holds a file that would lie outside its folder: {info.filename}", where=path, do=_ORIGIN
            )
        if info.flag_bits & 1:
            raise SceneError("is encrypted", where=path, do="unpack it first")
    return Zip(path, tuple(sorted(names)))


_ORIGIN = "do not unpack it; download it again from its maker"


def _refuse_unsafe(path: Path, member: tarfile.TarInfo) -> None:
    if _leads_outside(member.name):
        raise SceneError(f"holds a file that would lie outside its folder: {member.name}", where=path, do=_ORIGIN)
    if member.issym() or member.islnk():
        # A symbolic link counts from its own folder, a hard link from the archive's top.
        base = str(PurePosixPath(member.name).parent) if member.issym() else "."
        if _leads_outside(member.linkname, base):
            what = f"holds a link that leads outside its folder: {member.name} -> {member.linkname}"
            raise SceneError(what, where=path, do=_ORIGIN)
    elif not (member.isreg() or member.isdir()):
        raise SceneError(f"holds a device or pipe, not a file: {member.name}", where=path, do=_ORIGIN)


def _leads_outside(name: str, base: str = "") -> bool:
    """Whether a member's name is absolute or has ``..`` in it; with `base`, whether a link in that folder climbs out.

    Examples
    --------
    >>> _leads_outside("a/B1.TIF"), _leads_outside("../B1.TIF"), _leads_outside("/etc/x"), _leads_outside("C:\\\\x")
    (False, True, True, True)
    """
    text = name.replace("\\", "/")
    if text.startswith("/") or re.match(r"^[A-Za-z]:", text):
        return True
    if not base:
        return ".." in text.split("/")
    depth = 0
    for part in (*base.split("/"), *text.split("/")):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return True
    return False


def _plain(name: str) -> str:
    """A member's name without ``./``."""
    return str(PurePosixPath(name))


def _copy_out(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    content = tar.extractfile(member)
    if content is None:
        raise SceneError("is no file", where=target)
    with replaced(target) as temporary, temporary.open("wb") as file:
        shutil.copyfileobj(content, file, length=2**20)


def _require_room(tar: CompressedTar, names: Iterable[str], folder: Path) -> None:
    """A small archive may hold more than the disk does."""
    while not folder.exists():
        folder = folder.parent
    wanted, free = sum(tar.sizes[name] for name in names), shutil.disk_usage(folder).free
    if wanted > free:
        raise OutputError(
            f"has {free / 1e9:.1f} GB free, and the rasters of {tar.path} take {wanted / 1e9:.1f} GB",
            where=folder,
            do="free space, or name another folder with --unpack",
        )


def _fingerprint(path: Path) -> str:
    """Tells one archive from another of its name, without reading it."""
    state = path.stat()
    return hashlib.sha256(f"{path.absolute()} {state.st_size} {state.st_mtime_ns}".encode()).hexdigest()[:12]


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say a broken archive in one line."""
    try:
        yield
    except FileNotFoundError:
        raise SceneError("there is no such file", where=path) from None
    except PermissionError:
        raise SceneError("cannot be read: permission denied", where=path) from None
    except _BROKEN as error:
        raise SceneError(f"is no whole tar or zip: {error}", where=path, do=_AGAIN) from None
