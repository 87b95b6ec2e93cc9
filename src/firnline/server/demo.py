"""The demo project: one made-up range seen by two satellites."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from firnline.files import in_turn, new_folder
from firnline.synthetic import make_range

_SIZE: Final = 384
_SEED: Final = 2
_SENSORS: Final = ("landsat7", "landsat8")


def make_demo(folder: Path | None = None) -> Path:
    """Make the demo project where it is not there yet: the same range as Landsat 7 and as Landsat 8 would see it.

    Parameters
    ----------
    folder
        Where; without it ``firnline/demo`` in the user's data (``$XDG_DATA_HOME``, else ``~/.local/share``).

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    folder = folder or _of_the_user()
    with in_turn(folder.with_name(f".{folder.name}.lock")):
        if not folder.exists():
            with new_folder(folder) as made:
                for sensor in _SENSORS:
                    make_range(made / sensor, width=_SIZE, height=_SIZE, seed=_SEED, sensor=sensor)
    return folder


def _of_the_user() -> Path:
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "firnline" / "demo"
