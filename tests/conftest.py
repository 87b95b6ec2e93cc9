"""Fixtures for tests of every room."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real satellite data; tests that use it are marked `real`."""
    beside = Path(__file__).parents[2] / "shared"
    folder = Path(os.environ.get("FIRNLINE_SHARED", beside)) / "data"
    if not folder.is_dir():
        pytest.skip(f"the real data is not at {folder} (FIRNLINE_SHARED names the folder above)")
    return folder


@pytest.fixture
def interop() -> Callable[[str], Any]:
    """Import a tool of the extra `interop`: in CI it must be there, elsewhere the test is skipped without it."""

    def load(name: str) -> Any:
        return importlib.import_module(name) if os.environ.get("CI") else pytest.importorskip(name)

    return load


@pytest.fixture
def firnline(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process: exit code, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        from firnline.cli import main

        monkeypatch.setattr(sys, "argv", ["firnline", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run
