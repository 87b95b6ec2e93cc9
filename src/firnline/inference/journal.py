"""The journal of a prediction: which row bands are done, so that interrupted work goes on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firnline.errors import OutputError
from firnline.files import LOCK, replaced

_NAME = "journal.jsonl"


@dataclass(frozen=True)
class Journal:
    """A folder of row bands and the list of the finished ones.

    A band counts once its file is whole on disk and its line is in the list; the line holds a checksum, so a file
    that was cut off or changed counts as not done.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "work"
    >>> journal = open_journal(folder, {"window": 512})
    >>> journal.write(0, np.zeros((2, 4, 3), np.uint8))
    >>> open_journal(folder, {"window": 512}).done()
    {0}
    """

    folder: Path

    def path_of(self, band: int) -> Path:
        """The file of a band."""
        return self.folder / f"band_{band:05d}.npy"

    def write(self, band: int, values: NDArray[np.uint8]) -> None:
        """Keep a band's values, sync them, then note it."""
        self.note(band, self.keep(band, values))

    def keep(self, band: int, values: NDArray[np.uint8]) -> int:
        """Write a band's file, which does not count until it is noted; its checksum."""
        with replaced(self.path_of(band)) as temporary:
            np.save(temporary, values)
        return zlib.crc32(self.path_of(band).read_bytes())

    def note(self, band: int, checksum: int) -> None:
        """Note that a band's file is whole."""
        _append(self.folder / _NAME, json.dumps({"band": band, "crc32": checksum}))

    def read(self, band: int) -> NDArray[np.uint8]:
        """A finished band's values."""
        values: NDArray[np.uint8] = np.load(self.path_of(band), allow_pickle=False)
        return values

    def done(self) -> set[int]:
        """The bands that are whole."""
        _, *lines = _lines(self.folder / _NAME)
        noted = {}
        for line in lines:
            try:
                entry = json.loads(line)
                noted[int(entry["band"])] = int(entry["crc32"])
            except (ValueError, KeyError, TypeError):
                continue  # the line that was being written when the work was cut off
        return {band for band, checksum in noted.items() if self.is_whole(band, checksum)}

    def is_whole(self, band: int, checksum: int) -> bool:
        """Whether a band's file is there, with this checksum."""
        path = self.path_of(band)
        return path.is_file() and zlib.crc32(path.read_bytes()) == checksum


def clear(folder: Path) -> None:
    """Drop unfinished work, but for the lock."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def identity_of(settings: dict[str, Any]) -> str:
    """What tells work with these settings from other work, 64 hexadecimal digits.

    Examples
    --------
    >>> identity_of({"window": 512})[:16] == identity_of({"window": 256})[:16]
    False
    """
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def open_journal(folder: Path, settings: dict[str, Any]) -> Journal:
    """Open the work in `folder`, or begin it.

    Parameters
    ----------
    folder
        For the bands; made when missing.
    settings
        All that the result depends on, as JSON can hold it.

    Raises
    ------
    OutputError
        When the work there was begun with other settings, or the folder cannot be written to.
    """
    identity = identity_of(settings)
    path = folder / _NAME
    first, *noted = _lines(path) if path.is_file() else [""]
    if _identity(first) == identity:
        return Journal(folder)
    if noted:
        raise OutputError(
            "holds unfinished work that was begun with another scene, model or setting",
            where=folder,
            do="finish it with those, use --restart to drop it, or choose another folder",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot be written to: {error.strerror}", where=folder) from None
    _append(path, json.dumps({"identity": identity, "settings": settings}))
    return Journal(folder)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines() or [""]


def _identity(line: str) -> str:
    try:
        return str(json.loads(line)["identity"])
    except (ValueError, KeyError, TypeError):
        return ""


def _append(path: Path, line: str) -> None:
    """Add a whole line and sync it; after a line that was cut off, begin a new one."""
    try:
        with path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(f"could not be written: {error.strerror}", where=path, do="free space") from None
