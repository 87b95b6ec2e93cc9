"""Where the files of products lie: a folder, a tar, a zip, each seen as names that GDAL can open."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import rasterio
from rasterio.errors import RasterioError

from firnline.errors import SceneError

LARGEST_METADATA = 32 * 2**20
"""No metadata file is larger, in bytes; a larger one is not read into memory."""


@dataclass(frozen=True)
class Place(ABC):
    """Files by name, relative and with forward slashes; `path` is what the user named, for messages."""

    path: Path
    names: tuple[str, ...]

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The content of a small file, such as a product's metadata."""

    @abstractmethod
    def hrefs(self, names: Iterable[str]) -> dict[str, str]:
        """What GDAL opens for each of the names."""

    def where(self, name: str) -> str:
        """How a message calls a file of this place."""
        return f"{self.path}/{name}" if name else str(self.path)

    def find(self, folder: str, file: str) -> str | None:
        """The name of `file` in `folder` (``""`` is the top), whatever case its letters have; None without it."""
        wanted = (f"{folder}/{file}" if folder else file).lower()
        return next((name for name in self.names if name.lower() == wanted), None)


@dataclass(frozen=True)
class Folder(Place):
    """A folder on disk."""

    def read(self, name: str) -> bytes:
        """The content of a small file."""
        file = self.path / name
        try:
            if file.stat().st_size > LARGEST_METADATA:
                raise SceneError("is too large for a product's metadata", where=file)
            return file.read_bytes()
        except OSError as error:
            raise SceneError(f"cannot be read: {error.strerror}", where=file) from None

    def hrefs(self, names: Iterable[str]) -> dict[str, str]:
        """Plain paths."""
        return {name: str((self.path / name).absolute()) for name in names}


def open_folder(path: Path) -> Folder:
    """All files in a folder and the folders in it; hidden ones are left out, links to folders are not followed.

    Raises
    ------
    SceneError
        When the folder cannot be read.
    """
    names: list[str] = []

    def refuse(error: OSError) -> None:
        raise SceneError(f"cannot be read: {error.strerror}", where=error.filename) from None

    for folder, folders, files in os.walk(path, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = Path(folder).relative_to(path)
        names += [(inside / file).as_posix() for file in files if not file.startswith(".")]
    return Folder(path, tuple(sorted(names)))


def folder_of(name: str) -> str:
    """The folder of a name, ``""`` at the top.

    Examples
    --------
    >>> folder_of("a/b/c.tif"), folder_of("c.tif")
    ('a/b', '')
    """
    parent = str(PurePosixPath(name).parent)
    return "" if parent == "." else parent


def file_of(name: str) -> str:
    """The last part of a name."""
    return PurePosixPath(name).name


def check_rasters(place: Place, hrefs: dict[str, str]) -> None:
    """Open every raster once (its header, not its pixels), so that a broken file is told by its name and early.

    Raises
    ------
    SceneError
        When one cannot be opened as a raster.
    """
    for name, href in hrefs.items():
        try:
            with rasterio.open(href):
                pass
        except RasterioError:
            raise SceneError(
                "cannot be opened as a raster", where=place.where(name), do="download the product again"
            ) from None
