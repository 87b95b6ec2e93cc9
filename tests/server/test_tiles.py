"""A tile shows the right place in the right colours, and nothing where nothing is known."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from PIL import Image

from firnline.server.project import Project
from firnline.server.tile_grid import TileGrid


def picture(content: bytes) -> NDArray[np.uint8]:
    """(band, row, column) of a PNG."""
    values = np.asarray(Image.open(BytesIO(content)))
    return np.moveaxis(values, -1, 0)


@pytest.fixture
def scene(project: Project) -> Path:
    """A scene of 600 x 500 pixels of 30 m in uint16, with a hole and a gradient that tells each place from others."""
    rows, columns = np.mgrid[:500, :600]
    values = np.stack([rows * 100 + 1, columns * 100 + 1, (rows + columns) % 50 * 1000 + 1]).astype(np.uint16)
    values[0, 100:140, 200:260] = 0
    with rasterio.open(
        project.folder / "places.tif", "w", driver="GTiff", dtype="uint16", count=3, height=500, width=600, nodata=0,
        crs="EPSG:32645", transform=Affine(30, 0, 478005, 0, -30, 3108145),
    ) as file:  # fmt: skip
        file.descriptions = ("red", "green", "blue")
        file.write(values)
    return project.folder / "places.tif"


def tile_at(client: TestClient, project: Project, path: Path, z: int, at: tuple[float, float], query: str) -> tuple:
    """The tile that holds a place, and its (left, bottom, right, top), from what /tilegrid says."""
    base = f"/api/v1/scenes/{project.id_of(path)}"
    grid = client.get(f"{base}/tilegrid").json()
    side = grid["resolutions"][z] * grid["tile_size"]
    x, y = int((at[0] - grid["origin"][0]) // side), int((grid["origin"][1] - at[1]) // side)
    answer = client.get(f"{base}/tiles/{z}/{x}/{y}.png?{query}")
    assert answer.status_code == 200, answer.text
    left, top = grid["origin"][0] + x * side, grid["origin"][1] - y * side
    return picture(answer.content), (left, top - side, left + side, top)


@pytest.mark.parametrize(("z", "fault"), [(10, 2), (11, 1), (12, 0), (13, 0), (14, 0)])
def test_a_tile_shows_its_place(client: TestClient, project: Project, scene: Path, z: int, fault: int) -> None:
    at = (478005 + 240 * 30, 3108145 - 130 * 30)
    shown, (left, _, right, top) = tile_at(
        client, project, scene, z, at, "recipe=natural&low=0,0,0&high=65025,65025,65025"
    )
    assert shown.shape == (4, 256, 256)
    with rasterio.open(scene) as file:
        values, transform = file.read(), file.transform
    step = (right - left) / 256
    x, y = np.meshgrid(left + (np.arange(256) + 0.5) * step, top - (np.arange(256) + 0.5) * step)
    columns, rows = (x - transform.c) / 30, (transform.f - y) / 30
    is_inside = (columns >= 0) & (columns < 600) & (rows >= 0) & (rows < 500)
    rows, columns = rows[is_inside].astype(int), columns[is_inside].astype(int)
    assert not shown[3][~is_inside].any()
    truth = values[:, rows, columns]
    is_known = truth[0] != 0
    got = shown[:, is_inside]
    if fault == 0:  # each pixel of the tile lies in one of the scene
        np.testing.assert_array_equal(got[3] > 0, is_known)
        np.testing.assert_allclose(got[:3, is_known], truth[:, is_known] / 255, atol=1)
    else:  # overviews: the place is right within `fault` pixels of the tile
        assert (got[3] > 0)[is_known].mean() > 0.99
        both = is_known & (got[3] > 0)
        off = np.abs(got[:2, both] * 255.0 - truth[:2, both]) / 100 * 30 / step
        assert np.percentile(off, 99) <= fault + 255 / 100 * 30 / step


def test_unknown_is_transparent_and_known_is_not(client: TestClient, project: Project, scene: Path) -> None:
    at = (478005 + 230 * 30, 3108145 - 120 * 30)
    shown, (left, _, right, top) = tile_at(client, project, scene, 14, at, "recipe=natural")
    step = (right - left) / 256
    columns = ((left + (np.arange(256) + 0.5) * step) - 478005) // 30
    rows = (3108145 - (top - (np.arange(256) + 0.5) * step)) // 30
    hole = np.outer((rows >= 100) & (rows < 140), (columns >= 200) & (columns < 260))
    assert 0 < hole.sum() < hole.size
    np.testing.assert_array_equal(shown[3] == 0, hole)


def test_a_tile_beside_the_scene_is_empty(client: TestClient, project: Project, scene: Path) -> None:
    shown, _ = tile_at(client, project, scene, 13, (600_000, 3_000_000), "recipe=natural")
    assert not shown[-1].any()


def test_ramps_and_shades_are_painted(client: TestClient, project: Project) -> None:
    (entry,) = project.scenes().values()
    left, bottom, right, top = entry.scene.grid.bounds
    for recipe in client.get(f"/api/v1/scenes/{entry.id}").json()["recipes"]:
        at = ((left + right) / 2, (bottom + top) / 2)
        shown, _ = tile_at(client, project, entry.path, 12, at, f"recipe={recipe['id']}")
        opaque = shown[:-1, shown[-1] > 0]
        assert opaque.std() > 1, recipe["id"]


def test_snow_lies_high_on_the_ramp_though_the_file_stores_it_negative(client: TestClient, project: Project) -> None:
    (entry,) = project.scenes().values()
    left, bottom, right, top = entry.scene.grid.bounds
    at = ((left + right) / 2, (bottom + top) / 2)
    shown, bounds = tile_at(client, project, entry.path, 12, at, "recipe=ndsi")  # viridis: red and green rise
    green, swir = entry.scene.read(["green", "swir16"])
    step = (bounds[2] - bounds[0]) / 256
    x, y = np.meshgrid(bounds[0] + (np.arange(256) + 0.5) * step, bounds[3] - (np.arange(256) + 0.5) * step)
    columns, rows = (x - left) / 30, (top - y) / 30
    is_inside = (columns >= 0) & (columns < green.shape[1]) & (rows >= 0) & (rows < green.shape[0])
    at_pixels = rows[is_inside].astype(int), columns[is_inside].astype(int)
    truth = ((green - swir) / (green + swir))[at_pixels]
    got, is_opaque = shown[1, is_inside], shown[-1, is_inside] > 0
    good = np.isfinite(truth) & is_opaque
    assert np.corrcoef(truth[good], got[good])[0, 1] > 0.9


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("recipe=natural&low=5&high=4", 422),
        ("recipe=natural&low=1,2&high=4,5", 422),
        ("recipe=natural&low=1", 422),
        ("recipe=natural&low=nan&high=4", 422),
        ("recipe=natural&low=a&high=b", 422),
        ("recipe=thermal", 404),
        ("recipe=../../x", 404),
        ("", 422),
    ],
)
def test_nonsense_is_refused(client: TestClient, project: Project, scene: Path, query: str, status: int) -> None:
    answer = client.get(f"/api/v1/scenes/{project.id_of(scene)}/tiles/13/1/1.png?{query}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("place", ["0/1/0", "0/0/1", "29/0/0", "3/8/0"])
def test_there_are_no_tiles_outside_of_the_grid(
    client: TestClient, project: Project, scene: Path, place: str
) -> None:
    answer = client.get(f"/api/v1/scenes/{project.id_of(scene)}/tiles/{place}.png?recipe=natural")
    assert answer.status_code == 404


def test_a_tile_that_the_browser_has_is_not_sent_again(client: TestClient, project: Project, scene: Path) -> None:
    url = f"/api/v1/scenes/{project.id_of(scene)}/tiles/0/0/0.png?recipe=natural"
    first = client.get(url)
    again = client.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    with rasterio.open(scene, "r+") as file:
        file.write(file.read(1) // 2, 1)
    assert client.get(url, headers={"If-None-Match": first.headers["etag"]}).status_code == 200


def test_grids_of_one_zone_agree_and_reach_a_quarter_of_the_resolution() -> None:
    coarse, fine = TileGrid.down_to(30), TileGrid.down_to(10)
    assert coarse.resolutions == fine.resolutions[: coarse.levels]
    assert coarse.origin == fine.origin
    assert coarse.resolutions[-1] <= 30 / 4 < coarse.resolutions[-2]
    assert fine.resolutions[-1] == 10 / 4
    west, south, east, north = fine.bounds(0, 0, 0)
    assert west <= 0 <= 1_000_000 <= east
    assert south <= -10_000_000 < 10_000_000 <= north
