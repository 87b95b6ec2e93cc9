"""The pixels that a browser gets are the scene's, range by range, and nobody else's."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from fastapi.testclient import TestClient

from firnline.errors import SceneError
from firnline.server import cogs
from firnline.server.cogs import COGS, image_of, is_read_well, made_once
from firnline.server.images import opened
from firnline.server.project import Project, SceneEntry
from firnline.synthetic import make_range


def only(project: Project) -> SceneEntry:
    (entry,) = project.scenes().values()
    return entry


@pytest.fixture
def url(project: Project) -> str:
    return f"/api/v1/scenes/{only(project).id}/image.tif"


@pytest.fixture
def file(project: Project) -> bytes:
    return image_of(project, only(project)).read_bytes()


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-3", slice(0, 4)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-99999999999", slice(5, None)),
        ("Bytes = 9 - 9", slice(9, 10)),
    ],
)
def test_a_range_is_those_bytes_of_the_file(
    client: TestClient, url: str, file: bytes, asked: str, part: slice
) -> None:
    answer = client.get(url, headers={"Range": asked})
    start, stop, _ = part.indices(len(file))
    assert answer.status_code == 206
    assert answer.content == file[part]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(file)}"
    assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=3-2", "bytes=-", "rows=0-3", "bytes=a-b", "bytes=1"])
def test_what_is_no_single_range_is_answered_with_the_whole_file(
    client: TestClient, url: str, file: bytes, asked: str
) -> None:
    answer = client.get(url, headers={"Range": asked})
    assert answer.status_code == 200
    assert answer.content == file


@pytest.mark.parametrize("asked", ["bytes={size}-", "bytes={size}-{size}", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(client: TestClient, url: str, file: bytes, asked: str) -> None:
    answer = client.get(url, headers={"Range": asked.format(size=len(file))})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(file)}"


def test_head_tells_what_get_would_send(client: TestClient, url: str, file: bytes) -> None:
    head, whole = client.head(url), client.get(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["accept-ranges"] == "bytes"
    for name in ("content-length", "etag", "content-type", "last-modified"):
        assert head.headers[name] == whole.headers[name]
    assert whole.content == file


def test_parts_of_different_states_are_never_mixed(client: TestClient, url: str, project: Project) -> None:
    first = client.head(url).headers
    known = {"Range": "bytes=0-3", "If-Range": first["etag"]}
    assert client.get(url, headers=known).status_code == 206
    assert client.get(url, headers=known | {"If-Range": first["last-modified"]}).status_code == 206
    assert client.get(url, headers={"If-None-Match": f'"else", W/{first["etag"]}'}).status_code == 304
    path = project.folder / "scene.tif"
    with rasterio.open(path, "r+") as scene:
        scene.write(scene.read(1) + 1, 1)
    answer = client.get(url, headers=known)
    assert answer.status_code == 200
    assert answer.headers["etag"] != first["etag"]
    assert client.get(url, headers={"If-None-Match": first["etag"]}).status_code == 200
    with rasterio.open(path) as scene, rasterio.MemoryFile(answer.content) as memory, memory.open() as image:
        np.testing.assert_array_equal(image.read(1), scene.read(1))
    assert len(list((project.state / COGS).glob("*.tif"))) == 1  # the copy of the earlier state is gone


def test_a_display_copy_has_the_stored_numbers_and_what_they_mean(tmp_path: Path) -> None:
    made = make_range(tmp_path, width=1300, height=300, sensor="landsat8")
    project = Project(tmp_path)
    entry = only(project)
    copy = image_of(project, entry)
    assert copy != made.scene
    with rasterio.open(made.scene) as scene, opened(copy) as image:
        assert not is_read_well(scene)
        assert is_read_well(image)
        np.testing.assert_array_equal(image.read(), scene.read())
        for said in ("descriptions", "scales", "offsets", "nodatavals", "dtypes", "crs", "transform"):
            assert getattr(image, said) == getattr(scene, said)
        assert image.overviews(1)


def test_a_file_that_a_browser_reads_well_is_sent_itself(project: Project) -> None:
    path = project.folder / "scene.tif"
    copy = image_of(project, only(project))
    shutil.copy(copy, path)
    assert image_of(project, only(project)) == path


def test_what_a_sidecar_calls_unknown_is_masked_in_the_copy(project: Project) -> None:
    with rasterio.open(project.folder / "scene.tif", "r+") as scene:
        first = scene.read(1)
        first[:40] = 0
        scene.write(first, 1)
        name = scene.descriptions[0]
    with (project.folder / "scene.firnline.yaml").open("a") as sidecar:
        sidecar.write(f"fill: {{band: {name}, value: 0}}\n")
    entry = only(project)
    with opened(image_of(project, entry)) as image:
        np.testing.assert_array_equal(image.read_masks(2) == 0, first == 0)
        np.testing.assert_array_equal(image.read(1), first)


def test_two_requests_at_once_make_one_copy(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, made, began = only(project), [], threading.Event()

    def make(path: Path) -> None:
        began.wait(5)
        made.append(path)
        path.write_bytes(b"whole")

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(made_once, project, entry, "test", make) for _ in range(4)]
        began.set()
        assert len({each.result() for each in asked}) == 1
    assert len(made) == 1


def test_who_waits_for_a_copy_is_told_how_far_it_is(
    client: TestClient, url: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, copied = url.replace("image.tif", "display"), rasterio.shutil.copy
    seen = []

    def copy(*what: Any, **how: Any) -> None:
        seen.append(client.get(at).json())
        copied(*what, **how)

    monkeypatch.setattr(rasterio.shutil, "copy", copy)
    assert client.get(at).json() == {"is_ready": False, "step": "waits", "share": None, "seconds": 0.0}
    assert client.get(url).status_code == 200
    assert [each["is_ready"] for each in seen] == [False]
    assert "writes a copy" in seen[0]["step"]
    assert client.get(at).json() == {"is_ready": True, "step": None, "share": None, "seconds": None}


def test_a_copy_is_whole_or_not_at_all(
    client: TestClient, url: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cogs, "_checksum", lambda dataset, _: dataset.name)  # as when the disk is full
    answer = client.get(url)
    assert answer.status_code == 422
    assert "does not read back" in answer.json()["detail"]
    assert str(project.folder) not in answer.text
    assert [path.suffix for path in (project.state / COGS).iterdir()] == [""]  # the lock
    monkeypatch.undo()
    assert client.get(url).status_code == 200


@pytest.mark.parametrize(
    "name",
    ["%2e%2e", "..%2f..%2fscene", "%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd", "scene.tif%00", "000000000000"],
)
def test_only_ids_of_the_project_name_scenes(client: TestClient, name: str) -> None:
    answer = client.get(f"/api/v1/scenes/{name}/image.tif")
    assert answer.status_code in ((404,) if "%2f" in name or name == "0" * 12 else (404, 422))
    assert "II*" not in answer.text


def test_a_file_that_became_a_vrt_is_not_followed(client: TestClient, url: str, project: Project) -> None:
    entry = only(project)
    outside = project.folder.parent / "outside.tif"
    entry.path.rename(outside)
    rasterio.shutil.copy(outside, entry.path, driver="VRT")
    with rasterio.open(entry.path) as dataset:  # GDAL itself would follow it
        assert dataset.driver == "VRT"
    with pytest.raises(SceneError), opened(entry.path):
        pass
    with pytest.raises(SceneError), entry.scene.reader():  # what was a GeoTIFF when it was found
        pass
    assert client.get(url).status_code == 404
