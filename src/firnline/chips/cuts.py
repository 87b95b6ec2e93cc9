"""Chips by what they are cut from: which files a table needs, and in which order scenes are opened once each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from firnline.chips.reader import Cut
from firnline.chips.table import Chip
from firnline.errors import SceneError


def grouped(chips: Sequence[Chip]) -> list[tuple[Cut, list[Chip]]]:
    """Chips by the scene and truth that they are cut from, in the order in which these come first."""
    groups: dict[Cut, list[Chip]] = {}
    for chip in chips:
        groups.setdefault(Cut.of(chip), []).append(chip)
    return list(groups.items())


def require_files(chips: Sequence[Chip], table: Path) -> None:
    """Raise when files that chips are cut from are not where their table says.

    Raises
    ------
    SceneError
        It names the first file, and says how many are missing.
    """
    named = dict.fromkeys(
        path for chip in chips for path in (chip.scene, chip.truth, chip.dem, chip.sidecar) if path is not None
    )
    missing = [path for path in named if not path.exists()]
    if missing:
        more = f", nor do {len(missing) - 1} more" if len(missing) > 1 else ""
        raise SceneError(
            f"does not exist{more}, though {table} names it",
            where=missing[0],
            do="move a table and its scenes together, or make it again of what is here (datasets hkh: --only)",
        )
