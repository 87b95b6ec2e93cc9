"""Predictions in real worker processes: they go through, can be ended, and survive the server."""

from __future__ import annotations

import fcntl
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import httpx
import numpy as np
import pytest
import rasterio
import shapely
from fastapi.testclient import TestClient
from PIL import Image

from firnline.bands import Level
from firnline.features import FeatureSource
from firnline.mapping import MapSettings, map_scene
from firnline.models.architectures import UNetSettings
from firnline.models.band_inputs import BandInput, Reading
from firnline.models.bundle import Description, save_bundle
from firnline.scene import open_scene
from firnline.server.app import create_app
from firnline.server.project import Project
from firnline.synthetic import make_range

DEADLINE_S = 300.0
"""Until then whatever is waited for has happened, or the test fails; it is waited for, not slept through."""

HOLD = """
import os, sys, time

if "firnline.server.jobs.worker" in sys.orig_argv and "HOLD_AFTER" in os.environ:
    from firnline.inference.journal import Journal

    noted = Journal.note

    def note(self, band, checksum):
        noted(self, band, checksum)
        with open(os.environ["HOLD_FILE"], "a") as file:
            file.write(f"{os.getpid()} {band}\\n")
        while band == int(os.environ["HOLD_AFTER"]):
            time.sleep(0.05)

    Journal.note = note
"""
"""A worker that stops for ever once a row band is in the journal, so that it is in the middle when it is killed."""


@pytest.fixture(scope="module")
def tall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up range of three row bands; copy it before you write beside it."""
    folder = tmp_path_factory.mktemp("tall") / "range"
    make_range(folder, width=128, height=1100, seed=2)
    return folder


@pytest.fixture(scope="module")
def whole(tall: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The map of it that the library makes, in one go and in this process."""
    out = tmp_path_factory.mktemp("whole")
    map_scene(FeatureSource(open_scene(tall / "scene.tif")), "ratio", out, MapSettings(minimum_area_km2=0))
    return out


@pytest.fixture
def project(tall: Path, tmp_path: Path) -> Project:
    """A project of its own for each test."""
    shutil.copytree(tall, tmp_path / "project")
    return Project(tmp_path / "project")


@pytest.fixture
def client(project: Project) -> Iterator[TestClient]:
    """A client of a server that runs jobs."""
    with TestClient(create_app(project), base_url="http://127.0.0.1:8770") as client:
        yield client


class Held:
    """Workers that stop in the middle of the work, from now until `go`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "sitecustomize.py").write_text(HOLD)
        self.file, self._monkeypatch = folder / "noted.txt", monkeypatch
        monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        monkeypatch.setenv("HOLD_AFTER", "1")
        monkeypatch.setenv("HOLD_FILE", str(self.file))

    def go(self) -> None:
        """Workers that begin from now on go through."""
        self._monkeypatch.setenv("HOLD_AFTER", "-1")

    def noted(self) -> list[tuple[int, int]]:
        """(process, row band) of every line that came into a journal."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [(int(line.split()[0]), int(line.split()[1])) for line in lines]

    def wait(self) -> int:
        """Wait until a worker is held; its process."""
        until(lambda: any(band == 1 for _, band in self.noted()))
        return self.noted()[-1][0]


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Held:
    """Workers stop after the second row band."""
    folder = tmp_path / "hold"
    folder.mkdir()
    return Held(folder, monkeypatch)


def until(happened: Callable[[], Any]) -> Any:
    """Wait for something, and give what it was."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        found = happened()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def serve(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A server as people start it, and its address."""
    command = [sys.executable, "-m", "firnline", "serve", str(folder), "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    with process.stdout as said:
        found = re.search(r"http://127\.0\.0\.1:\d+", said.readline())
    assert found
    return process, found[0]


def predict(client: TestClient, project: Project, **more: Any) -> str:
    (scene,) = project.scenes()
    body = {"scene": scene, "model": "ratio", "minimum_area_km2": 0, **more}
    answer = client.post("/api/v1/jobs", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "queued"
    return str(answer.json()["id"])


def ended(client: TestClient, job: str) -> dict[str, Any]:
    def job_that_has_ended() -> dict[str, Any] | None:
        said: dict[str, Any] = client.get(f"/api/v1/jobs/{job}").json()
        return said if said["ended"] else None

    found: dict[str, Any] = until(job_that_has_ended)
    return found


def states(client: TestClient, job: str) -> list[str]:
    """The states that a job went through, as events told of them."""
    log = client.app.state.events  # type: ignore[attr-defined]
    told = [event.data["state"] for event in log.of("job", job)]
    return [state for before, state in zip(["", *told], told, strict=False) if state != before]


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return np.asarray(file.read(1))


def folder_of(project: Project, job: str) -> Path:
    return project.state / "jobs" / job


def test_a_scene_becomes_a_layer_of_proposals_with_the_area_of_the_class_raster(
    client: TestClient, project: Project, whole: Path, tmp_path: Path
) -> None:
    store = client.app.state.store  # type: ignore[attr-defined]
    crs = next(iter(project.scenes().values())).scene.grid.crs.to_wkt()
    drawn = gpd.GeoDataFrame({"class": [1]}, geometry=[shapely.box(5e5, 3.1e6, 5.01e5, 3.101e6)], crs=crs)
    mine = store.create_layer("mine", crs, "inventory", drawn, pixel_m=30)
    job = ended(client, predict(client, project, name="by rules"))
    assert (job["state"], job["error"], job["progress"]) == ("done", None, 1)
    assert states(client, job["id"]) == ["queued", "running", "done"]

    answer = client.get(f"/api/v1/jobs/{job['id']}/result/classes.tif")
    (tmp_path / "got.tif").write_bytes(answer.content)
    classes = read(tmp_path / "got.tif")
    np.testing.assert_array_equal(classes, read(whole / "classes.tif"))
    part = client.get(f"/api/v1/jobs/{job['id']}/result/classes.tif", headers={"Range": "bytes=2-9"})
    assert (part.status_code, part.content) == (206, answer.content[2:10])
    assert client.get(f"/api/v1/jobs/{job['id']}/result/probabilities.tif").status_code == 404  # rules have none

    layer = client.get(f"/api/v1/inventories/{job['result']['inventory']}").json()
    assert (layer["kind"], layer["name"], layer["model"]) == ("proposal", "by rules", "ratio")
    frame = store.features_frame(layer["id"])
    for value in (1, 2):
        assert frame[frame["class"] == value].area.sum() == (classes == value).sum() * 900
    assert shapely.coverage_is_valid(frame.geometry.to_numpy())
    assert frame["glacier_id"].notna().all()
    assert [(each.version, each.geometry.wkt) for each in store.features(mine.id)] == [(1, drawn.geometry[0].wkt)]
    assert store.layer(mine.id).revision == 0

    bands = client.get(f"/api/v1/jobs/{job['id']}/bands").json()
    _require_pictures(client, project, bands, classes)


def _require_pictures(client: TestClient, project: Project, bands: list[dict[str, Any]], classes: np.ndarray) -> None:
    """Pictures lie on each other's edges, and show what was mapped but for what the whole scene smooths."""
    (entry,) = project.scenes().values()
    left, bottom, right, top = entry.scene.grid.bounds
    edges = [band["bounds"] for band in bands]
    assert [edge[3] for edge in edges] == [top, *(edge[1] for edge in edges[:-1])]
    assert edges[-1][1] == bottom
    assert {(edge[0], edge[2]) for edge in edges} == {(left, right)}
    pixels = []
    for band in bands:
        answer = client.get(band["image"])
        assert answer.headers["content-type"] == "image/png"
        with Image.open(io.BytesIO(answer.content)) as image:
            pixels.append(np.array(image))
    shown = np.concatenate(pixels)
    assert shown.shape == (*classes.shape, 4)
    colours = {0: (0, 0, 0, 0), 1: (0, 114, 178, 128), 2: (213, 94, 0, 128), 255: (0, 0, 0, 0)}
    assert {tuple(each) for each in np.unique(shown.reshape(-1, 4), axis=0).tolist()} == set(colours.values())
    ice = (shown == colours[1]).all(axis=-1)
    assert (ice == (classes == 1)).mean() > 0.95


def test_of_an_area_only_what_lies_in_it_is_mapped(client: TestClient, project: Project, whole: Path) -> None:
    (entry,) = project.scenes().values()
    grid = entry.scene.grid
    corners = [grid.corner(*at) for at in ((640, 10), (980, 60), (700, 120))]
    area = shapely.Polygon(corners)
    job = ended(client, predict(client, project, area=shapely.geometry.mapping(area)))
    assert job["state"] == "done", job["error"]
    with rasterio.open(folder_of(project, job["id"]) / "map" / "classes.tif") as file:
        classes, transform = file.read(1), file.transform
    row = round((grid.transform.f - transform.f) / 30)
    assert classes.shape[0] < grid.shape[0]  # not the whole scene was worked on
    rows, columns = np.mgrid[0 : classes.shape[0], 0 : classes.shape[1]]
    x, y = transform.c + (columns + 0.5) * 30, transform.f - (rows + 0.5) * 30
    inside = shapely.contains_xy(area, x, y)
    expected = read(whole / "classes.tif")[row : row + classes.shape[0]]
    assert (classes[~inside] == 255).all()
    np.testing.assert_array_equal((classes == 255)[inside], (expected == 255)[inside])
    np.testing.assert_array_equal((classes == 1)[inside], (expected == 1)[inside])
    assert (classes[inside] == 1).any()
    frame = client.app.state.store.features_frame(job["result"]["inventory"])  # type: ignore[attr-defined]
    assert frame.area.sum() == ((classes == 1) | (classes == 2)).sum() * 900
    assert not (folder_of(project, job["id"]) / "part").exists()


@pytest.fixture
def network(project: Project) -> str:
    """A network of random weights that tells glaciers, and not their kind; its id."""
    import torch

    torch.manual_seed(3)
    settings = UNetSettings(width=4, depth=2, norm="batch")
    read = Reading(level=Level.DIGITAL_NUMBER, unit="DN", mean=100, deviation=60)
    said = Description(
        name="tiny", architecture=settings, bands=(BandInput(name="red", readings=(read,)),), scheme="glacier",
        resolutions_m=(30.0,), window=64,
    )  # fmt: skip
    made = settings.build(said.layout, 2)
    with torch.no_grad():
        made.seg_layer.weight.mul_(5)
        logits = made.eval()(torch.randn(1, 1, 64, 64))
        made.seg_layer.bias.sub_(logits.mean((0, 2, 3)))
    save_bundle(project.folder / "models" / "tiny", said, made)
    (found,) = project.models()
    return found


def test_a_network_gives_probabilities_and_says_what_it_does_not_tell(
    client: TestClient, project: Project, network: str
) -> None:
    (entry,) = project.scenes().values()
    corners = [entry.scene.grid.corner(*at) for at in ((40, 10), (40, 90), (120, 90), (120, 10))]
    area = shapely.geometry.mapping(shapely.Polygon(corners))
    job = ended(client, predict(client, project, model=network, area=area, uncertainty=True))
    assert job["state"] == "done", job["error"]
    assert job["name"] == "tiny, scene"
    assert job["result"]["rasters"] == ["classes", "probabilities", "uncertainty"]
    assert "does not tell clean from debris" in job["message"]
    for raster in job["result"]["rasters"]:
        answer = client.head(f"/api/v1/jobs/{job['id']}/result/{raster}.tif")
        assert (answer.status_code, answer.headers["accept-ranges"]) == (200, "bytes")
    outlines = client.get(f"/api/v1/inventories/{job['result']['inventory']}/features").json()["features"]
    assert len(outlines) > 3
    assert {each["properties"]["class"] for each in outlines} == {1}
    assert all(0.5 <= each["properties"]["probability"] <= 1 for each in outlines)


def test_a_server_that_is_killed_in_the_middle_goes_on_where_it_was(
    project: Project, whole: Path, held: Held
) -> None:
    server, address = serve(project.folder)
    with httpx.Client(base_url=address, timeout=60) as http:
        (scene,) = project.scenes()
        body = {"scene": scene, "model": "ratio", "minimum_area_km2": 0}
        job = http.post("/api/v1/jobs", json=body).json()["id"]
        held.wait()
        shown = http.get(f"/api/v1/jobs/{job}/bands").json()
        last = _follow(http, "band", [], {"after": "0"}, {})
    assert [band["band"] for band in shown] == [0]
    server.kill()
    server.wait()
    with (folder_of(project, job) / "lock").open("w") as lock:  # its worker must not go on by itself
        until(lambda: _is_free(lock))
    assert not (folder_of(project, job) / "map" / "classes.tif").exists()

    held.go()
    server, address = serve(project.folder)
    try:
        with httpx.Client(base_url=address, timeout=60) as http:
            told: list[tuple[int, str]] = []
            _follow(http, "done", told, {"after": "0"}, {"Last-Event-ID": str(last)})
            result = http.get(f"/api/v1/jobs/{job}").json()["result"]
            layer = http.get(f"/api/v1/inventories/{result['inventory']}").json()
            bands = http.get(f"/api/v1/jobs/{job}/bands").json()
    finally:
        server.terminate()
        server.wait(30)
    numbers = [number for number, _ in told]
    assert numbers == list(range(last + 1, last + 1 + len(told)))  # none is lost, none comes twice
    assert [kind for _, kind in told if kind != "job"] == ["band", "band", "layer"]
    assert [each["band"] for each in bands] == [0, 1, 2]
    np.testing.assert_array_equal(read(folder_of(project, job) / "map" / "classes.tif"), read(whole / "classes.tif"))
    assert [band for _, band in held.noted()] == [0, 1, 2]  # none was computed twice
    assert len({process for process, _ in held.noted()}) == 2
    assert layer["count"] == len(gpd.read_file(whole / "glaciers.gpkg", layer="outlines"))


def test_work_on_a_scene_that_changed_while_the_server_was_away_begins_anew(
    project: Project, whole: Path, held: Held
) -> None:
    with TestClient(create_app(project), base_url="http://127.0.0.1:8770") as client:
        job = predict(client, project)
        process = held.wait()
    with pytest.raises(ProcessLookupError):  # a server that stops takes its workers along
        os.kill(process, 0)
    os.utime(project.folder / "scene.tif")
    held.go()
    with TestClient(create_app(project), base_url="http://127.0.0.1:8770") as client:
        said = ended(client, job)
    assert said["state"] == "done", said["error"]
    assert [band for _, band in held.noted()] == [0, 1, 0, 1, 2]
    np.testing.assert_array_equal(read(folder_of(project, job) / "map" / "classes.tif"), read(whole / "classes.tif"))


def _is_free(lock: Any) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    fcntl.flock(lock, fcntl.LOCK_UN)
    return True


def _follow(
    http: httpx.Client, last: str, told: list[tuple[int, str]], query: dict[str, str], headers: dict[str, str]
) -> int:
    """Follow the events until the first one of a kind, or until the job is in a state; its number."""
    with http.stream("GET", "/api/v1/events", params=query, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        said: dict[str, str] = {}
        for line in answer.iter_lines():
            if line:
                key, _, value = line.partition(": ")
                said[key] = value
                continue
            if "event" in said:
                data = json.loads(said["data"])
                told.append((int(said["id"]), said["event"]))
                if last in (said["event"], data.get("state")):
                    return int(said["id"])
            said = {}
    raise AssertionError("the stream ended")


def test_a_job_that_is_ended_leaves_nothing(client: TestClient, project: Project, held: Held) -> None:
    first, second = predict(client, project), predict(client, project)
    process = held.wait()
    assert client.get(f"/api/v1/jobs/{second}").json()["state"] == "queued"  # one at a time
    assert client.delete(f"/api/v1/jobs/{second}").json()["state"] == "cancelled"
    assert client.delete(f"/api/v1/jobs/{first}").json()["state"] == "cancelled"
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert not folder_of(project, first).exists()
    assert not folder_of(project, second).exists()
    assert client.get("/api/v1/inventories").json() == []
    assert (states(client, first), states(client, second)) == (
        ["queued", "running", "cancelled"],
        ["queued", "cancelled"],
    )
    assert client.delete(f"/api/v1/jobs/{first}").status_code == 409


def test_a_worker_that_is_killed_is_a_job_that_failed(client: TestClient, project: Project, held: Held) -> None:
    job = predict(client, project)
    os.kill(held.wait(), signal.SIGKILL)
    said = ended(client, job)
    assert said["state"] == "failed"
    assert "memory runs out" in said["error"]
    assert {path.name for path in folder_of(project, job).iterdir()} == {"log.txt"}
    assert client.get("/api/v1/inventories").json() == []


def test_a_damaged_scene_is_told_in_a_line_and_nothing_half_written_stays(
    client: TestClient, project: Project
) -> None:
    scene = project.folder / "scene.tif"
    content = scene.read_bytes()
    scene.write_bytes(content[: len(content) * 2 // 3])
    job = ended(client, predict(client, project))
    assert job["state"] == "failed"
    assert "damaged or cut off" in job["error"]
    assert "\n" not in job["error"]
    assert str(project.folder) not in job["error"]
    assert {path.name for path in folder_of(project, job["id"]).iterdir()} == {"log.txt"}
    assert client.get("/api/v1/inventories").json() == []


SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [900, 0], [900, 900], [0, 900], [0, 0]]]}
BOW = {"type": "Polygon", "coordinates": [[[0, 0], [900, 900], [900, 0], [0, 900], [0, 0]]]}


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"area": SQUARE}, 422, "holds no pixel of the scene"),
        ({"area": BOW}, 422, "crosses itself"),
        ({"area": {"type": "Point", "coordinates": [1, 2]}}, 422, "an area is"),
        ({"model": "0123456789ab"}, 404, "no such model"),
        ({"scene": "0123456789ab"}, 404, "no such scene"),
        ({"scene": "../../etc/passwd"}, 422, "scene"),
        ({"model": "/models/other"}, 422, "model"),
        ({"uncertainty": True}, 422, "rules decide"),
        ({"surprise": 1}, 422, "surprise"),
        ({"kind": "train"}, 422, "kind"),
        ({"minimum_area_km2": -1}, 422, "minimum_area_km2"),
        ({"name": ""}, 422, "name"),
    ],
)
def test_what_makes_no_sense_is_told_before_any_work(
    client: TestClient, project: Project, change: dict[str, Any], status: int, said: str
) -> None:
    (scene,) = project.scenes()
    answer = client.post("/api/v1/jobs", json={"scene": scene, "model": "ratio", **change})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]
    assert client.get("/api/v1/jobs").json() == []
    with sqlite3.connect(project.state / "project.sqlite") as database:
        assert database.execute("SELECT count(*) FROM events").fetchone() == (0,)


def test_what_is_not_there_is_not_found(client: TestClient) -> None:
    nothing = "0123456789ab"
    for path in ("", "/bands", "/bands/0.png", "/result/classes.tif"):
        assert client.get(f"/api/v1/jobs/{nothing}{path}").status_code == 404
    assert client.delete(f"/api/v1/jobs/{nothing}").status_code == 404
    assert client.get(f"/api/v1/jobs/{nothing}/result/log.tif").status_code == 422
