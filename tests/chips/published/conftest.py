"""The made-up archive, built once; a test that plants a fault gets a copy of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .archive import build


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hkh")
    build(root)
    return root


@pytest.fixture
def part(archive: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy with some parts left out; files are hard links: replace one, and do not write into it."""

    def copy(*without: str) -> Path:
        root = tmp_path / "part"
        data = archive / "glacier_data"
        for path in sorted(data.rglob("*")):
            name = path.relative_to(data).as_posix()
            if path.is_file() and not any(name.startswith(start) for start in without):
                target = root / "glacier_data" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(path, target)
        return root

    yield copy  # type: ignore[misc]
    shutil.rmtree(tmp_path / "part", ignore_errors=True)
