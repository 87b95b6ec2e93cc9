"""What a page is told of scenes is what the files say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from fastapi.testclient import TestClient

from firnline.features import FeatureSource
from firnline.preflight.check import check_scene
from firnline.scene import open_scene
from firnline.server.project import Project
from firnline.server.recipes import recipes_of


def write(path: Path, names: tuple[str, ...], **profile: object) -> Path:
    settings = {
        "driver": "GTiff", "dtype": "uint16", "count": len(names), "height": 64, "width": 80, "nodata": 0,
        "crs": "EPSG:32645", "transform": Affine(30, 0, 478005, 0, -30, 3108145),
    } | profile  # fmt: skip
    with rasterio.open(path, "w", **settings) as file:
        file.descriptions = names
        shape = (len(names), settings["height"], settings["width"])
        file.write(np.random.default_rng(0).integers(1, 9000, shape).astype(settings["dtype"]))
    return path


def test_a_scene_is_what_its_file_says(client: TestClient, project: Project) -> None:
    (said,) = client.get("/api/v1/scenes").json()
    assert client.get(f"/api/v1/scenes/{said['id']}").json() == said
    with rasterio.open(project.folder / "scene.tif") as file:
        assert said["bounds"] == list(file.bounds)
        assert (said["width"], said["height"], said["resolution"]) == (file.width, file.height, 30.0)
        assert said["crs"]["epsg"] == file.crs.to_epsg() == 32645
        assert said["crs"]["name"] == "WGS 84 / UTM zone 45N"
        assert rasterio.CRS.from_string(said["crs"]["proj4"]).to_epsg() == 32645
        for band in said["bands"]:
            stored = file.read(band["index"])
            known = stored[np.isfinite(stored)].astype(float)
            share = np.mean([known >= band["low"], known <= band["high"]], axis=1)
            np.testing.assert_allclose(share, [0.98, 0.98], atol=0.02, err_msg=band["name"])
    assert (said["sensor"], said["level"]) == ("landsat7", "digital number")
    assert {band["name"] for band in said["bands"]} >= {"ndsi", "ndmi", "elevation"}
    assert next(band["scale"] for band in said["bands"] if band["name"] == "ndsi") == -1


def test_numbers_that_json_cannot_say_and_bands_without_a_pixel(client: TestClient, project: Project) -> None:
    path = write(project.folder / "empty.tif", ("red",), dtype="float32", nodata=np.nan)
    with rasterio.open(path, "r+") as file:
        file.write(np.full((1, 64, 80), np.nan, np.float32))
    (band,) = next(scene for scene in client.get("/api/v1/scenes").json() if scene["name"] == "empty.tif")["bands"]
    assert (band["nodata"], band["low"], band["high"]) == ("nan", None, None)


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (("blue", "green", "red"), ["natural"]),
        (("blue", "green", "red", "nir"), ["natural", "infrared", "ndvi", "ndwi"]),
        (("blue", "green", "red", "swir16", "lwir11"), ["natural", "snow-ice", "ndsi", "thermal"]),
        (
            ("green", "red", "nir08", "swir16", "elevation"),
            ["false-colour", "infrared", "ndsi", "ndvi", "ndwi", "hillshade", "slope"],
        ),
        (("red", "slope"), []),
        (("B4", "B3", "B2"), []),  # of a sensor that is not known: not guessed
    ],
)
def test_recipes_are_those_that_the_bands_allow(tmp_path: Path, names: tuple[str, ...], ids: list[str]) -> None:
    path = write(tmp_path / "scene.tif", names)
    sidecar = tmp_path / "scene.firnline.yaml"
    if names[0] == "B4":
        sidecar.write_text("bands: {B4: {name: x}, B3: {name: y}, B2: {name: z}}\n")
    source = FeatureSource(open_scene(path))
    assert [recipe.id for recipe in recipes_of(source)] == ids
    for recipe in recipes_of(source):
        assert recipe.kind == "shade" or not source.missing(recipe.bands)


def test_an_index_that_the_scene_stores_is_taken_as_stored(client: TestClient) -> None:
    (scene,) = client.get("/api/v1/scenes").json()
    recipes = {recipe["id"]: recipe for recipe in scene["recipes"]}
    assert (recipes["ndsi"]["bands"], recipes["ndsi"]["expression"]) == (["ndsi"], None)
    assert recipes["ndwi"]["expression"] == "(green - nir08) / (green + nir08)"  # what the file calls ndwi is ndmi
    assert recipes["thermal"]["bands"] == ["lwir_high_gain"]


def test_findings_are_those_of_scenes_check(client: TestClient, project: Project) -> None:
    (entry,) = project.scenes().values()
    found = client.get(f"/api/v1/scenes/{entry.id}/findings").json()
    expected = check_scene(FeatureSource(open_scene(entry.path))).sorted()
    assert [(each["severity"], each["title"], each["detail"], each["do"]) for each in found] == [
        (str(each.severity), each.check, each.what, each.do) for each in expected
    ]


def test_terrain_is_that_of_the_scenes_heights(client: TestClient, project: Project) -> None:
    (entry,) = project.scenes().values()
    answer = client.get(f"/api/v1/scenes/{entry.id}/terrain.tif")
    with rasterio.MemoryFile(answer.content) as memory, memory.open() as file:
        assert file.descriptions == ("hillshade", "slope")
        assert (file.dtypes, file.transform) == (("float32",) * 2, entry.scene.grid.transform)
        shade, slope = file.read()
    heights = entry.scene.read(["elevation"])[0].astype(float)
    down, right = np.gradient(heights, 30.0)  # central differences: close to Horn's where it is smooth
    normal = np.stack([-right, down, np.ones_like(down)]) / np.sqrt(1 + down**2 + right**2)
    sun = np.array([-0.5, 0.5, np.sqrt(0.5)])  # in the north-west, 45 degrees high
    light = np.clip(np.tensordot(sun, normal, 1), 0, 1)
    core = (slice(1, -1), slice(1, -1))
    assert np.corrcoef(light[core].ravel(), shade[core].ravel())[0, 1] > 0.95
    assert np.abs(light[core] - shade[core]).mean() < 0.05
    assert np.abs(np.degrees(np.arccos(normal[2][core])) - slope[core]).mean() < 3
    assert client.get(f"/api/v1/scenes/{entry.id}/terrain.tif", headers={"Range": "bytes=0-9"}).status_code == 206


def test_terrain_of_a_plane_is_known_exactly(client: TestClient, project: Project) -> None:
    path = write(project.folder / "plane.tif", ("red", "elevation"), dtype="float32", nodata=-9999)
    rows, columns = np.mgrid[:64, :80]
    heights = 5000 + 30.0 * (columns + rows)  # falls to the north-west by sqrt(2): 54.74 degrees
    heights[10, 10] = -9999
    with rasterio.open(path, "r+") as file:
        file.write(heights.astype(np.float32), 2)
    scene_id = project.id_of(path)
    with (
        rasterio.MemoryFile(client.get(f"/api/v1/scenes/{scene_id}/terrain.tif").content) as memory,
        memory.open() as file,
    ):
        shade, slope = file.read()
    is_unknown = np.zeros((64, 80), bool)
    is_unknown[9:12, 9:12] = True
    np.testing.assert_array_equal(np.isnan(shade), is_unknown)
    np.testing.assert_array_equal(np.isnan(slope), is_unknown)
    np.testing.assert_allclose(slope[~is_unknown], np.degrees(np.arctan(np.sqrt(2))), rtol=1e-4)
    expected = np.cos(np.arctan(np.sqrt(2)) - np.radians(45))
    np.testing.assert_allclose(shade[~is_unknown], expected, rtol=1e-4)


def test_without_heights_there_is_no_terrain(client: TestClient, project: Project) -> None:
    path = write(project.folder / "flat.tif", ("red", "slope"))
    assert client.get(f"/api/v1/scenes/{project.id_of(path)}/terrain.tif").status_code == 404


def test_a_scene_that_is_cut_off_is_told_and_hides_no_other(client: TestClient, project: Project) -> None:
    path = write(project.folder / "cut.tif", ("red", "green", "blue"), width=512, height=512, compress="zstd")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    said = {scene["name"]: scene for scene in client.get("/api/v1/scenes").json()}
    assert {"cut.tif", "scene.tif"} <= said.keys()
    assert [(band["low"], band["high"]) for band in said["cut.tif"]["bands"]] == [(None, None)] * 3
    for what in ("findings", "image.tif", "tiles/12/2144/1441.png?recipe=natural"):
        answer = client.get(f"/api/v1/scenes/{project.id_of(path)}/{what}")
        assert answer.status_code == 422, what
        assert "damaged" in answer.json()["detail"]
        assert str(project.folder) not in answer.text
