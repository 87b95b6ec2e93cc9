"""Vector files of the folder: listed with what they hold, and never opened as what they are not."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from fastapi.testclient import TestClient

from firnline.server.project import Project


def test_files_are_listed_with_what_they_hold(client: TestClient, project: Project) -> None:
    frame = gpd.GeoDataFrame({"RGIId": ["a", "b"]}, geometry=[shapely.box(0, 0, 9, 9)] * 2, crs="EPSG:32645")
    folder = project.folder / "older"
    folder.mkdir()
    frame.to_file(folder / "two.gpkg", layer="glaciers")
    frame.iloc[:1].to_file(folder / "two.gpkg", layer="debris", mode="a")
    frame.to_crs(4326).to_file(folder / "a.geojson")
    frame.to_file(folder / "b.shp")
    frame.to_file(folder / "c.fgb", driver="FlatGeobuf")
    frame.to_parquet(folder / "d.parquet")
    found = {each["name"]: each for each in client.get("/api/v1/files").json()}
    assert set(found) >= {f"older/{name}" for name in ("two.gpkg", "a.geojson", "b.shp", "c.fgb", "d.parquet")}
    layers = found["older/two.gpkg"]["layers"]
    assert [(each["name"], each["features"], each["crs"]) for each in layers] == [
        ("glaciers", 2, "EPSG:32645"),
        ("debris", 1, "EPSG:32645"),
    ]
    for name, each in found.items():
        if name.startswith("older/"):
            assert each["features"] == 2
            assert each["crs"] == ("EPSG:4326" if name.endswith("json") else "EPSG:32645")
            assert each["problem"] is None
            assert str(project.folder) not in str(each)


@pytest.mark.parametrize("name", ["a.geojson", "a.gpkg", "a.shp", "a.fgb", "a.parquet"])
def test_a_text_that_names_other_files_is_not_followed(
    client: TestClient, project: Project, tmp_path: Path, name: str
) -> None:
    secret = tmp_path / "secret.gpkg"
    gpd.GeoDataFrame({"RGIId": ["x"]}, geometry=[shapely.box(0, 0, 9, 9)], crs="EPSG:32645").to_file(secret)
    layer = f'<OGRVRTLayer name="secret"><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer>'
    (project.folder / name).write_text(f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>")
    (listed,) = [each for each in client.get("/api/v1/files").json() if each["name"] == name]
    assert listed["problem"] is not None
    assert listed["layers"] == []
    (scene,) = project.scenes().values()
    body = {"name": "a", "scene": scene.id, "file": listed["id"]}
    assert client.post("/api/v1/inventories", json=body).status_code == 422


def test_a_damaged_file_is_listed_with_its_problem(client: TestClient, project: Project) -> None:
    (project.folder / "broken.gpkg").write_bytes(b"SQLite format 3\x00 and nothing more")
    (listed,) = [each for each in client.get("/api/v1/files").json() if each["name"] == "broken.gpkg"]
    assert "cannot be read" in listed["problem"]
    (scene,) = project.scenes().values()
    body = {"name": "a", "scene": scene.id, "file": listed["id"]}
    refused = client.post("/api/v1/inventories", json=body)
    assert refused.status_code == 422
    for said in (listed["problem"], refused.json()["detail"]):
        assert str(project.folder) not in said, "where the folder lies is none of a page's business"
