"""A project of one made-up range, and a client of its server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from firnline.server.app import create_app
from firnline.server.project import Project
from firnline.synthetic import make_range


@pytest.fixture(scope="session")
def range_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up range; copy it before you write beside it."""
    folder = tmp_path_factory.mktemp("served") / "range"
    make_range(folder, width=256, height=256, seed=2)
    return folder


@pytest.fixture
def project(range_folder: Path, tmp_path: Path) -> Project:
    """A project of its own for each test."""
    shutil.copytree(range_folder, tmp_path / "project")
    return Project(tmp_path / "project")


@pytest.fixture
def client(project: Project) -> Iterator[TestClient]:
    """A client on this machine."""
    with TestClient(create_app(project), base_url="http://127.0.0.1:8770") as client:
        yield client
