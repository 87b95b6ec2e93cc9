"""An inventory that comes as two files: outlines and debris, made one layer and delivered as one inventory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from fastapi.testclient import TestClient
from tests.server.delivered import export

from firnline.inventory.inventory import read_inventory
from firnline.server.project import Project


@pytest.fixture
def files(project: Project, client: TestClient) -> dict[str, str]:
    """Two glaciers of 1.2 km side by side, and debris of 0.36 km2 of which a third lies below the first's foot."""
    (scene,) = project.scenes().values()
    left, bottom, *_ = scene.scene.grid.bounds
    x, y = left + 1500.0, bottom + 1500.0
    squares = [shapely.box(x + n * 1200, y, x + (n + 1) * 1200, y + 1200) for n in (0, 1)]
    table = {"RGIId": ["RGI60-15.00001", "RGI60-15.00002"], "Name": ["Khumbu", None]}
    crs = scene.scene.grid.crs.to_wkt()
    gpd.GeoDataFrame(table, geometry=squares, crs=crs).to_file(project.folder / "rgi.gpkg")
    tongue = shapely.box(x + 200, y - 200, x + 800, y + 400)
    gpd.GeoDataFrame({"area": [1]}, geometry=[tongue], crs=crs).to_file(project.folder / "debris.gpkg")
    return {each["name"]: each["id"] for each in client.get("/api/v1/files").json()}


def make(client: TestClient, project: Project, **body: Any) -> Any:
    (scene,) = project.scenes().values()
    return client.post("/api/v1/inventories", json={"name": "both", "scene": scene.id, **body})


def test_two_files_become_one_layer_and_one_inventory(
    client: TestClient, project: Project, files: dict[str, str], tmp_path: Path
) -> None:
    answer = make(client, project, file=files["rgi.gpkg"], debris=files["debris.gpkg"])
    assert answer.status_code == 201, answer.text
    said = [each for each in answer.json()["findings"] if "debris.gpkg" in each]
    assert said == ["debris.gpkg: 0.12 km2 of its debris lie on no outline and were left out"]
    at = f"/api/v1/inventories/{answer.json()['id']}"
    features = client.get(f"{at}/features").json()["features"]
    found = sorted(
        (each["properties"]["glacier"], each["properties"]["class"], each["properties"]["area_km2"])
        for each in features
    )
    assert [each[:2] for each in found] == [("RGI60-15.00001", 1), ("RGI60-15.00001", 2), ("RGI60-15.00002", 1)]
    assert [each[2] for each in found] == pytest.approx([1.2, 0.24, 1.44], rel=2e-3)
    (tmp_path / "it.gpkg").write_bytes(export(client, at.rsplit("/", 1)[-1], format="gpkg").content)
    made = read_inventory(tmp_path / "it.gpkg")
    glaciers = made.glaciers.set_index("glacier_id")
    assert glaciers.loc["RGI60-15.00001", "glac_name"] == "Khumbu"
    assert glaciers.loc["RGI60-15.00001", "debris_frac"] == pytest.approx(0.24 / 1.44, rel=1e-3)
    origin = made.provenance["edits"]["origin"]
    assert (origin["file"], origin["debris"]) == ("rgi.gpkg", "debris.gpkg")


def test_debris_alone_or_unknown_is_refused_and_nothing_is_made(
    client: TestClient, project: Project, files: dict[str, str]
) -> None:
    outlines, debris = files["rgi.gpkg"], files["debris.gpkg"]
    assert make(client, project, debris=debris).status_code == 422
    assert make(client, project, file=outlines, debris=outlines).status_code == 422
    assert make(client, project, file=outlines, debris="0" * 12).status_code == 404
    (project.folder / "debris.gpkg").write_bytes(b"<OGRVRTDataSource/>")
    refused = make(client, project, file=outlines, debris=debris)
    assert refused.status_code == 422
    assert str(project.folder) not in refused.text
    assert client.get("/api/v1/inventories").json() == []
