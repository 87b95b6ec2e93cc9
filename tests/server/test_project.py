"""What a folder holds, and what is never opened."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import rasterio
from fastapi.testclient import TestClient

from firnline.errors import SceneError
from firnline.server.project import Project


def test_a_folder_of_a_range_holds_one_scene(project: Project) -> None:
    (entry,) = project.scenes().values()
    assert entry.name == "scene.tif"
    assert len(entry.id) == 12
    assert "scene" not in entry.id
    assert "elevation" in entry.scene.band_names
    assert {file.name for file in project.files().values()} == {"border.gpkg", "outlines.gpkg"}


def test_a_scene_that_is_copied_in_is_found_and_one_that_goes_is_gone(project: Project) -> None:
    first = set(project.scenes())
    shutil.copy(project.folder / "scene.tif", project.folder / "another.tif")
    shutil.copy(project.folder / "scene.firnline.yaml", project.folder / "another.firnline.yaml")
    assert len(set(project.scenes()) - first) == 1
    (project.folder / "another.tif").unlink()
    assert set(project.scenes()) == first


def test_a_vrt_in_the_clothes_of_a_tif_is_no_scene(project: Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside.tif"
    (project.folder / "scene.tif").rename(outside)
    with rasterio.open(outside) as scene:
        vrt = f"""<VRTDataset rasterXSize="{scene.width}" rasterYSize="{scene.height}"><SRS>{scene.crs.to_wkt()}</SRS>
        <GeoTransform>{", ".join(map(str, scene.transform.to_gdal()))}</GeoTransform><VRTRasterBand dataType="Float32"
        band="1"><Description>red</Description><SimpleSource><SourceFilename>{outside}</SourceFilename>
        <SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"""
    (project.folder / "scene.tif").write_text(vrt)
    assert project.scenes() == {}
    whole = outside.read_bytes()
    (project.folder / "scene.tif").write_bytes(whole[:8] + vrt.encode() + whole[8:])  # both at once
    assert project.scenes() == {}


def test_rasters_that_are_no_scenes_are_told_with_the_reason(project: Project, client: TestClient) -> None:
    with rasterio.open(project.folder / "scene.tif") as scene:
        profile, values = scene.profile, scene.read()
    with rasterio.open(project.folder / "nameless.tif", "w", **profile) as file:
        file.write(values)
    with rasterio.open(project.folder / "radar.tif", "w", **profile | {"count": 1}) as file:
        file.descriptions = ("coherence",)
    (project.folder / "broken.tif").write_bytes(b"II*\0 and no more")
    shutil.copy(project.folder / "radar.tif", project.folder / "dem.tif")
    told = {each["name"]: each["why"] for each in client.get("/api/v1/left-out").json()}
    assert {"broken.tif", "nameless.tif", "radar.tif"} <= set(told)
    assert not {"scene.tif", "dem.tif"} & set(told)
    assert "no GeoTIFF" in told["broken.tif"]
    assert "coherence" in told["radar.tif"]
    assert "band" in told["nameless.tif"]
    assert "sidecar" in told["nameless.tif"]


def test_own_state_is_no_part_of_the_project(project: Project) -> None:
    before = set(project.scenes())
    shutil.copytree(project.folder, project.state / "jobs")
    assert set(project.scenes()) == before


def test_heights_beside_a_scene_are_its_dem(project: Project) -> None:
    with rasterio.open(project.folder / "scene.tif") as scene:
        profile, names, tags, values = scene.profile, scene.descriptions, scene.tags(), scene.read()
    at = names.index("elevation")
    kept = [index for index in range(len(names)) if names[index] not in ("elevation", "slope")]
    with rasterio.open(project.folder / "scene.tif", "w", **profile | {"count": len(kept)}) as scene:
        scene.descriptions = [names[index] for index in kept]
        scene.update_tags(**tags)
        scene.write(values[kept])
    with rasterio.open(project.folder / "some_dem_30m.tif", "w", **profile | {"count": 1}) as dem:
        dem.write(values[at : at + 1])
    (project.folder / "scene.firnline.yaml").unlink()
    (entry,) = project.scenes().values()
    assert entry.dem == project.folder / "some_dem_30m.tif"


def test_no_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="is no folder"):
        Project(tmp_path / "nothing")
