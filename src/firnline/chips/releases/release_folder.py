"""A folder that appears whole or not at all, and the checksums of what is in it."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pyogrio.errors import DataLayerError, DataSourceError, FeatureError
from rasterio.errors import RasterioError

from firnline.errors import OutputError
from firnline.files import sha256_of, sync

CHECKSUMS: Final = "SHA256SUMS"


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
    except (OSError, RasterioError, DataSourceError, DataLayerError, FeatureError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())
        raise OutputError(
            f"could not be written: {reason}", where=final, do="name a folder of your own, with space for it"
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def require_free(final: Path) -> None:
    """Raise OutputError when a new folder cannot take this place."""
    if final.is_dir() and not final.is_symlink():
        if any(final.iterdir()):
            raise OutputError("is there already, and is not empty", where=final, do="name a new folder")
    elif final.exists() or final.is_symlink():
        raise OutputError("is a file", where=final, do="name a new folder")


def write_checksums(folder: Path) -> int:
    """Write ``SHA256SUMS`` of every file below a folder, as ``sha256sum -c`` takes it; how many files it names.

    Each file is synced to the disk as well: the folder's rename may overtake its data.
    """
    lines = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / CHECKSUMS):
        sync(path)
        lines.append(f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n")
    sums = folder / CHECKSUMS
    sums.write_text("".join(lines), encoding="utf-8")
    sync(sums)
    return len(lines)
