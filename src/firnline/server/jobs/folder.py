"""The folder of a job: what lies where."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from firnline.inventory.map_folder import CLASSES, PROBABILITIES, UNCERTAINTY

RASTERS: Final = {"classes": CLASSES, "probabilities": PROBABILITIES, "uncertainty": UNCERTAINTY}
"""Rasters of a prediction by the names that clients have for them."""


@dataclass(frozen=True)
class JobFolder:
    """What a job makes: ``map/``, ``bands/N.png``, ``part/`` of a scene, ``mapped.json``; ``file/``; ``log.txt``."""

    path: Path

    @classmethod
    def of(cls, state: Path, job_id: str) -> Self:
        """The folder of a job in the folder of a project's state."""
        return cls(state / "jobs" / job_id)

    @property
    def log(self) -> Path:
        """What its worker had to say."""
        return self.path / "log.txt"

    @property
    def lock(self) -> Path:
        """Held by its worker."""
        return self.path / "lock"

    @property
    def map(self) -> Path:
        """The map folder."""
        return self.path / "map"

    @property
    def part(self) -> Path:
        """For the part of the scene that is mapped."""
        return self.path / "part"

    @property
    def mapped(self) -> Path:
        """There when the map is whole."""
        return self.path / "mapped.json"

    @property
    def file(self) -> Path:
        """For what is exported."""
        return self.path / "file"

    def picture(self, band: int) -> Path:
        """The picture of a row band."""
        return self.path / "bands" / f"{band}.png"

    def raster(self, name: str) -> Path:
        """A raster of the result."""
        return self.map / RASTERS[name]

    def drop_unfinished(self) -> None:
        """Drop everything but the log."""
        for path in self.path.iterdir() if self.path.is_dir() else ():
            if path == self.log:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
