"""Files that appear whole or not at all: written beside the final path, synced, then renamed."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO, Any, Final

from firnline.errors import OutputError

LOCK: Final = "lock"
"""The file by which `only_one` keeps others out of a folder."""

fcntl: ModuleType | None
try:  # not on Windows, where nothing keeps a second process out
    import fcntl
except ImportError:
    fcntl = None


@contextmanager
def replaced(final: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to; when the block ends well, it takes the place of `final`.

    The temporary file lies in the same folder (made if it is missing), so that the rename is one step, and has
    the same suffix, by which GDAL knows formats. When the block fails or is interrupted it is removed, with
    whatever a driver left beside it, and a file that was at `final` before is still there, untouched.

    Parameters
    ----------
    final
        Where the file shall be.

    Yields
    ------
    The path to write to; nothing is there yet.

    Raises
    ------
    OutputError
        When the file cannot be written: no space, no permission, a folder in the way.

    Examples
    --------
    >>> import tempfile
    >>> final = Path(tempfile.mkdtemp()) / "maps" / "note.txt"
    >>> with replaced(final) as temporary:
    ...     _ = temporary.write_text("whole")
    ...     final.exists()
    False
    >>> final.read_text(), [path.name for path in final.parent.iterdir()]
    ('whole', ['note.txt'])
    """
    final = Path(final)
    temporary = final.with_name(f".{final.stem}.{secrets.token_hex(4)}.part{final.suffix}")
    if final.is_dir():
        raise OutputError("is a folder", where=final, do="name a file")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        sync(temporary)
        temporary.replace(final)
        sync(final.parent)
    except Exception as error:
        if not _is_of_writing(error):
            raise
        raise OutputError(f"could not be written: {_reason(error)}", where=final, do=_what_to_do(error)) from None
    finally:
        _remove_with_companions(temporary)


@contextmanager
def new_folder(final: Path) -> Iterator[Path]:
    """Give a temporary folder beside `final`; when the block ends well, it becomes `final`, in one step.

    When the block fails or is interrupted, it is removed with all that is in it.

    Parameters
    ----------
    final
        Where the folder shall be: nothing may be there, or an empty folder.

    Yields
    ------
    An empty folder.

    Raises
    ------
    OutputError
        When something is there already, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> final = Path(tempfile.mkdtemp()) / "release"
    >>> with new_folder(final) as folder:
    ...     _ = (folder / "note.txt").write_text("whole")
    ...     final.exists()
    False
    >>> [path.name for path in final.iterdir()], [path.name for path in final.parent.iterdir()]
    (['note.txt'], ['release'])
    """
    require_free(final)
    temporary = final.with_name(f".{final.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        temporary.rename(final)
    except OutputError as error:  # of a file within, which nobody will find where it was
        raise OutputError(error.what, where=final, do=error.do) from None
    except Exception as error:
        if not _is_of_writing(error):
            raise
        do = "name a folder of your own, with space for it"
        raise OutputError(f"could not be written: {_reason(error)}", where=final, do=do) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def require_free(final: Path) -> None:
    """Raise OutputError when a new folder cannot take this place."""
    if final.is_dir() and not final.is_symlink():
        if any(final.iterdir()):
            raise OutputError("is there already, and is not empty", where=final, do="name a new folder")
    elif final.exists() or final.is_symlink():
        raise OutputError("is a file", where=final, do="name a new folder")


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Keep a second run out of a work folder, which is made: two would overwrite each other's work.

    Raises
    ------
    OutputError
        When another process works there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("w")
    except OSError as error:
        raise OutputError(f"cannot be written to: {error.strerror}", where=folder) from None
    with file:
        hold(
            file,
            OutputError("another run is working there", where=folder, do="wait for it, or choose another folder"),
        )
        yield


@contextmanager
def in_turn(lock: Path) -> Iterator[None]:
    """Do something that another process may be doing as well, after it: wait for `lock`, a file that is made.

    Raises
    ------
    OutputError
        When the file cannot be made.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("w")
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", where=lock) from None
    with file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def hold(file: IO[Any], refusal: OutputError) -> None:
    """Lock an open file until it is closed; raise `refusal` where another process holds it."""
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise refusal from None


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits; it is read in pieces.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "empty"
    >>> path.touch()
    >>> sha256_of(path)[:16]
    'e3b0c44298fc1c14'
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Have the file (or a folder's entries) on the disk, not in its cache: a rename may overtake the data."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_with_companions(temporary: Path) -> None:
    """Remove the file and what drivers put beside it (``-journal``, ``.aux.xml``); its name is like no other."""
    if temporary.parent.is_dir():
        for path in [path for path in temporary.parent.iterdir() if path.name.startswith(temporary.name)]:
            path.unlink(missing_ok=True)


def _is_of_writing(error: Exception) -> bool:
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError
    from rasterio._err import CPLE_BaseError  # what rasterio.shutil raises, as it comes from GDAL
    from rasterio.errors import RasterioError

    kinds = (OSError, RasterioError, CPLE_BaseError, DataLayerError, DataSourceError, FeatureError)
    return isinstance(error, kinds)


def _reason(error: BaseException) -> str:
    """What the operating system said: rasterio's own words point to the exception it came from."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _what_to_do(error: Exception) -> str:
    if isinstance(error, (PermissionError, FileExistsError, NotADirectoryError)):
        return "write to a folder of your own"
    return "free space on the disk, or write somewhere else"
