"""`firnline serve` as a process: it says where it is, and what bars it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import rasterio
from fastapi.testclient import TestClient

from firnline.mapping import MapSettings, map_scene
from firnline.server.app import create_app
from firnline.server.demo import make_demo
from firnline.server.project import Project


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "firnline", "serve", *map(str, arguments), "--no-browser"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_serves_until_it_is_stopped_and_one_server_a_folder(project: Project) -> None:
    first = start(project.folder, "--port", 0)
    assert first.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/", first.stdout.readline())
    assert found
    with urllib.request.urlopen(f"{found[0]}api/v1/scenes") as answer:
        assert b"scene.tif" in answer.read()
    second = start(project.folder, "--port", 0)
    _, said = second.communicate(timeout=60)
    assert second.returncode == 2
    assert "another run is working there" in said
    first.send_signal(signal.SIGINT)
    _, said = first.communicate(timeout=60)
    assert "Traceback" not in said
    assert first.returncode == 130


def test_a_taken_port_and_a_missing_folder_are_one_line(project: Project, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start(project.folder, "--port", port)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said.count("\n")) == (2, 1)
    assert f"port {port}" in said
    process = start(tmp_path / "nothing", "--port", 0)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.count("\n")) == (2, 1)
    assert "is no folder" in said


@pytest.mark.slow
def test_the_demo_is_one_place_seen_by_two_satellites_with_a_model_that_maps_both(tmp_path: Path) -> None:
    project = Project(make_demo(tmp_path / "demo"), demo=True)
    first, second = project.scenes().values()
    assert {first.scene.sensor, second.scene.sensor} == {"landsat7", "landsat8"}
    assert first.scene.grid.is_same_as(second.scene.grid)
    with TestClient(create_app(project), base_url="http://127.0.0.1:8770") as client:
        (model,) = [each for each in client.get("/api/v1/models").json() if each["kind"] != "rules"]
    assert model["problems"] == {}
    (bundle,) = project.models().values()
    for entry in (first, second):
        out = tmp_path / str(entry.scene.sensor)
        map_scene(entry.source, str(bundle.path), out, MapSettings(report=False))
        with rasterio.open(out / "classes.tif") as found, rasterio.open(entry.path.with_name("classes.tif")) as truth:
            is_ice, is_found = np.isin(truth.read(1), (1, 2)), np.isin(found.read(1), (1, 2))
        assert (is_ice & is_found).sum() > 0.5 * (is_ice | is_found).sum()  # a demo that maps nonsense is none
    before = first.path.stat().st_mtime_ns
    make_demo(tmp_path / "demo")
    assert first.path.stat().st_mtime_ns == before
