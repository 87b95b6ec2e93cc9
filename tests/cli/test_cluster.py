"""Many scenes on many machines: real scheduler and workers, one of them killed; the maps are those of one machine."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import geopandas.testing
import numpy as np
import pytest
import rasterio

pytest.importorskip("distributed")

from firnline.cluster.connect import Workers, _require_alike, connected
from firnline.cluster.run import map_scenes
from firnline.cluster.scene_list import read_scene_list
from firnline.cluster.tasks import Job, WorkerError, describe_worker, plan_scene
from firnline.errors import ConfigError
from firnline.features import FeatureSource
from firnline.files import only_one
from firnline.map_record import what_it_depends_on
from firnline.mapping import MapSettings, map_scene
from firnline.models.bundle import load_bundle
from firnline.scene import open_scene

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # distributed's own connections, at its end

SETTINGS = MapSettings(window=32, overlap=16, runtime="torch")
OPTIONS = ("--runtime", "torch", "--window", "32", "--overlap", "16")
BANDS = 29
"""Row bands of 16 rows in a scene of 480 rows."""


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with connected("local:2") as found:
        yield found


@pytest.fixture
def tall(make_scene) -> Path:
    return make_scene("tall.tif", shape=(480, 256))


@pytest.fixture
def scenes(tall: Path, make_scene, tmp_path: Path) -> Path:
    """A list of a large scene and a small one."""
    make_scene("small.tif")
    path = tmp_path / "list.txt"
    path.write_text("tall.tif\nsmall.tif\n")
    return path


def _require_same(a: Path, b: Path) -> None:
    for name in ("classes.tif", "probabilities.tif"):
        with rasterio.open(a / name) as one, rasterio.open(b / name) as other:
            assert np.array_equal(one.read(), other.read())
            assert len(np.unique(one.read(1))) > 1
    outlines = [gpd.read_file(folder / "glaciers.gpkg", layer="outlines") for folder in (a, b)]
    assert len(outlines[0]) > 0
    geopandas.testing.assert_geodataframe_equal(*outlines)
    assert sorted(path.name for path in a.iterdir()) == sorted(path.name for path in b.iterdir())


def _alone(scene: Path, bundle: Path, out: Path) -> Path:
    map_scene(FeatureSource(open_scene(scene)), bundle, out, SETTINGS)
    return out


def _wait_for_receipts(run, out: Path, count: int) -> None:
    while len(list((out / ".work").glob("band_*.json"))) < count:
        assert Path(f"/proc/{run.pid}").exists()
        time.sleep(0.002)


def _workers_pids(workers: Workers) -> list[int]:
    return list(workers.client.run(os.getpid).values())


def _address(workers: Workers) -> str:
    return str(workers.client.scheduler.address)


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_only_what_it_was_computing(
    scenes: Path, tall: Path, bundle: Path, workers: Workers, start, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run = start(
        "map", "--scenes", scenes, "--cluster", _address(workers), "-m", bundle, *OPTIONS, "-o", out,
        "--bands-a-task", "3",
    )  # fmt: skip
    _wait_for_receipts(run, out / "tall", 2)
    victims = _workers_pids(workers)
    standing = {path: path.stat().st_mtime_ns for path in (out / "tall" / ".work").glob("band_*.json")}
    os.kill(victims[0], signal.SIGKILL)
    assert len(standing) < BANDS
    seen: dict[Path, int] = {}
    while not (out / "tall" / "classes.tif").exists() and Path(f"/proc/{run.pid}").exists():
        for path in standing:
            try:
                seen[path] = path.stat().st_mtime_ns
            except FileNotFoundError:
                break
        time.sleep(0.01)
    ended = run.ended()
    assert ended.code == 0, ended.err
    assert "2 of 2 scenes are done" in ended.out
    assert seen
    assert all(standing[path] == when for path, when in seen.items()), "what stood was not computed again"
    assert victims[0] not in _workers_pids(workers)
    _require_same(out / "tall", _alone(tall, bundle, tmp_path / "alone"))
    _require_same(out / "small", _alone(tmp_path / "small.tif", bundle, tmp_path / "alone-small"))


@pytest.mark.slow
def test_a_client_that_is_killed_goes_on(
    scenes: Path, tall: Path, bundle: Path, workers: Workers, start, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = (
        "map", "--scenes", scenes, "--cluster", _address(workers), "-m", bundle, *OPTIONS, "-o", out,
        "--bands-a-task", "2",
    )  # fmt: skip
    run = start(*command)
    _wait_for_receipts(run, out / "tall", 4)
    run.send(signal.SIGKILL)
    run.ended()
    assert not (out / "tall" / "classes.tif").exists()
    while any(workers.client.processing().values()):  # what workers were at when nobody waited for it any more
        time.sleep(0.01)
    stood = sorted((out / "tall" / ".work").glob("band_*.npy"))
    assert 4 <= len(stood) < BANDS
    kept = [(path.name, path.stat().st_ino) for path in stood]
    # The work folder is the one that a single machine leaves: it is finished here by one.
    with only_one(out / ".cluster"):
        assert (
            start(*command)
            .ended()
            .err.endswith("another run is working there; wait for it, or choose another folder\n")
        )
    beside = out / "tall" / ".kept"
    beside.mkdir()
    for path in stood:
        os.link(path, beside / path.name)
    ended = start(*command).ended()
    assert ended.code == 0, ended.err
    assert [(path.name, path.stat().st_ino) for path in sorted(beside.iterdir())] == kept
    for path in beside.iterdir():
        assert path.stat().st_nlink == 1
        path.unlink()
    beside.rmdir()
    _require_same(out / "tall", _alone(tall, bundle, tmp_path / "alone"))

    before = {path: path.stat().st_mtime_ns for path in (out / "tall").iterdir()}
    ended = start(*command).ended()
    assert ended.code == 0
    assert before == {path: path.stat().st_mtime_ns for path in (out / "tall").iterdir()}, "it is done"


def test_a_scene_that_fails_does_not_stop_the_others(
    scenes: Path, tall: Path, make_scene, bundle: Path, workers: Workers, firnline, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    make_scene("blank.tif", is_blank=True)
    with make_scene("cut.tif", shape=(480, 256), compress="deflate").open("r+b") as file:
        file.seek(100_000)
        file.write(b"\xff" * 50_000)
    make_scene("three.tif", names=("green", "red", "nir08"))
    (tmp_path / "text.tif").write_text("no raster")
    scenes.write_text("blank.tif\ncut.tif\nthree.tif\ntext.tif\nsmall.tif\n")
    command = ("map", "--scenes", scenes, "--cluster", _address(workers), "-m", bundle, *OPTIONS, "-o", out)
    code, said, err = firnline(*command, "--bands-a-task", "9")
    assert code == 2, err
    lines = said.splitlines()
    assert lines[0].startswith("done    small ")
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["failed", name] for name in ("blank", "cut", "three", "text")
    ]
    assert "the file is damaged or cut off" in lines[2]
    assert "needs bands that the scene lacks: blue" in lines[3]
    assert "is not a raster" in lines[4]
    assert lines[5] == "1 of 5 scenes are done"
    summary = json.loads((out / "summary.json").read_text())
    assert [each["status"] for each in summary["scenes"]] == ["failed"] * 4 + ["done"]
    assert summary["scenes"][4]["cpu_seconds"] > 0
    assert summary["scenes"][1]["reason"] in lines[2]
    assert not (out / "cut" / "classes.tif").exists()

    # Made good, the same command goes on.
    make_scene("cut.tif", shape=(480, 256))
    scenes.write_text("cut.tif\nsmall.tif\n")
    when = (out / "small" / "classes.tif").stat().st_mtime_ns
    code, _, err = firnline(*command, "--restart")
    assert code == 0, err
    assert (out / "small" / "classes.tif").stat().st_mtime_ns != when, "all of it is done anew with --restart"


def test_what_is_wrong_with_the_command_is_told_before_any_work(
    scenes: Path, bundle: Path, workers: Workers, mistake: Callable[..., str], tmp_path: Path, monkeypatch
) -> None:
    at = ("--cluster", _address(workers))
    rest = ("-m", bundle, "-o", tmp_path / "out")
    assert "'local:0' is no cluster" in mistake("map", "--scenes", scenes, "--cluster", "local:0", *rest)
    assert "none are named; say --cluster" in mistake("map", "--scenes", scenes, *rest)
    assert "leave out SCENE" in mistake("map", scenes, "--scenes", scenes, *at, *rest)
    assert "give one with --scenes" in mistake("map", tmp_path / "tall.tif", *at, *rest)
    assert "no scene is named" in mistake("map", *rest)
    assert "is not a model bundle" in mistake("map", "--scenes", scenes, *at, "-m", tmp_path, "-o", tmp_path / "out")
    scenes.write_text("tall.tif\nnone.tif\n")
    assert "line 2: none.tif does not exist" in mistake("map", "--scenes", scenes, *at, *rest)
    scenes.write_text("tall.tif\ntall.tif\n")
    assert "two scenes have the id 'tall'" in mistake("map", "--scenes", scenes, *at, *rest)
    assert not list(tmp_path.glob("out/*.json"))
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    scenes.write_text("tall.tif\n")
    assert "pip install 'firnline[cluster]'" in mistake("map", "--scenes", scenes, *at, *rest)


def test_nobody_answers_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firnline.cluster.connect._WAIT_FOR_SCHEDULER", 0.2)
    with pytest.raises(ConfigError, match="no scheduler answers there"), connected("tcp://127.0.0.1:9"):
        pass


def test_a_worker_that_sees_other_weights_or_files_is_named(
    tall: Path, bundle: Path, workers: Workers, scenes: Path, tmp_path: Path
) -> None:
    listed = read_scene_list(scenes)[0]
    depends_on = what_it_depends_on(listed.open())
    weights = load_bundle(bundle).description.weights_sha256
    job = Job(
        listed, str(bundle), weights, tmp_path / "out", tmp_path / "out.json", SETTINGS, depends_on, workers.shares
    )  # fmt: skip

    def refusal(changed: Job) -> str:
        error = workers.client.submit(plan_scene, changed, pure=False).exception()
        assert isinstance(error, WorkerError), error
        return str(error)

    assert workers.client.submit(plan_scene, job, pure=False).result().band_count == BANDS
    said = refusal(replace(job, weights="0" * 64))
    assert said.startswith("worker tcp://127.0.0.1:")
    assert f"sees other weights of the model {bundle}" in said
    other = {**depends_on, "versions": {**depends_on["versions"], "gdal": "1.0"}}
    assert "has another gdal (" in refusal(replace(job, depends_on=other))
    here = describe_worker()
    _require_alike({"tcp://a": here, "tcp://b": {**here, "cpu": "another"}})
    with pytest.raises(WorkerError, match=r"worker tcp://b: has numpy 1.0, and this process"):
        _require_alike({"tcp://a": here, "tcp://b": {**here, "numpy": "1.0"}})


def test_a_file_that_only_workers_see_otherwise_stops_all(
    scenes: Path, bundle: Path, workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(source: FeatureSource) -> dict[str, Any]:
        return {**what_it_depends_on(source), "files": [["elsewhere", 1, 2]]}

    monkeypatch.setattr("firnline.cluster.run.what_it_depends_on", other)
    with pytest.raises(WorkerError, match="is not the same file for worker tcp://"):
        map_scenes(read_scene_list(scenes), bundle, tmp_path / "out", workers, SETTINGS)


def test_a_scene_that_changes_meanwhile_fails_and_is_begun_again(
    scenes: Path, tall: Path, bundle: Path, workers: Workers, tmp_path: Path
) -> None:
    listed, changed = read_scene_list(scenes), []

    def step(done: int, _: int) -> None:
        if done and not changed:
            changed.append(True)
            os.utime(tall, ns=(1, 1))

    said = map_scenes(listed[:1], bundle, tmp_path / "out", workers, SETTINGS, bands_a_task=2, step=step)
    assert said[0].reason
    assert "changed while it was" in said[0].reason or "is not the same file" in said[0].reason
    assert not (tmp_path / "out" / "tall" / "classes.tif").exists()
    (again,) = map_scenes(
        listed[:1], bundle, tmp_path / "out", workers, replace(SETTINGS, restart=True), bands_a_task=9
    )
    assert again.done is not None


def test_local_workers_listen_to_this_machine_alone(workers: Workers) -> None:
    def listening() -> list[str]:
        import psutil  # distributed brings it

        found = psutil.Process().net_connections("inet")
        return [each.laddr.ip for each in found if each.status == psutil.CONN_LISTEN]

    for addresses in (listening(), *workers.client.run(listening).values()):
        assert addresses
        assert set(addresses) == {"127.0.0.1"}
    assert workers.threads == 2
