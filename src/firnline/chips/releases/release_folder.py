"""The checksums of what is in a folder of a release."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from firnline.files import sha256_of, sync

CHECKSUMS: Final = "SHA256SUMS"


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
