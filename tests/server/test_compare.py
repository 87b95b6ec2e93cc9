"""Where revisions and layers disagree, over HTTP: areas by hand."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pytest
import shapely
from fastapi.testclient import TestClient

from firnline.server.project import Project

X, Y = 500_000.0, 3_100_000.0
WHO = {"session": "s", "who": "Ana"}


def layer_of(client: TestClient, project: Project, *rows: tuple[int, shapely.Polygon]) -> str:
    (scene,) = project.scenes().values()
    parts = gpd.GeoDataFrame(
        {"class": [row[0] for row in rows]}, geometry=[row[1] for row in rows], crs=scene.scene.grid.crs
    )
    store = client.app.state.store  # type: ignore[attr-defined]
    made = store.create_layer("a", scene.scene.grid.crs.to_wkt(), "inventory", parts, pixel_m=30, scene_id=scene.id)
    return str(made.id)


def box(left: float, bottom: float, right: float, top: float) -> shapely.Polygon:
    return shapely.box(X + left, Y + bottom, X + right, Y + top)


def got(client: TestClient, path: str, **query: Any) -> dict[str, Any]:
    answer = client.get(f"/api/v1/inventories/{path}", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/geo+json"
    found: dict[str, Any] = answer.json()
    return found


def told(found: dict[str, Any]) -> list[tuple[str, int | None, int | None, float]]:
    """Change, classes and m2 of each area."""
    return [
        (
            each["properties"]["change"],
            each["properties"]["from_class"],
            each["properties"]["to_class"],
            round(shapely.geometry.shape(each["geometry"]).area),
        )
        for each in found["features"]
    ]


def test_two_layers(client: TestClient, project: Project) -> None:
    one = layer_of(client, project, (1, box(0, 0, 1000, 1000)), (2, box(1000, 0, 2000, 1000)))
    two = layer_of(client, project, (1, box(0, 0, 1200, 1000)), (2, box(1200, 0, 2010, 1000)))
    found = got(client, f"{one}/disagreement", **{"with": two})
    assert told(found) == [("reclassified", 2, 1, 200_000), ("added", None, 2, 10_000)]
    assert found["area_km2"] == pytest.approx({"added": 0.01, "removed": 0, "reclassified": 0.2}, rel=2e-3)
    found = got(client, f"{one}/disagreement", **{"with": two}, width=15)
    assert told(found) == [("reclassified", 2, 1, 200_000)]
    assert found["dropped"] == 1
    assert told(got(client, f"{one}/disagreement", **{"with": one})) == []


def test_whole_glaciers_are_compared_as_ice(client: TestClient, project: Project) -> None:
    whole = gpd.GeoDataFrame({"RGIId": ["a"]}, geometry=[box(0, 0, 1000, 1000)], crs="EPSG:32645")
    (scene,) = project.scenes().values()
    whole.to_crs(scene.scene.grid.crs.to_wkt()).to_file(project.folder / "rgi.gpkg")
    (file,) = [each["id"] for each in client.get("/api/v1/files").json() if each["name"] == "rgi.gpkg"]
    body = {"name": "RGI", "scene": scene.id, "file": file, "kind": "reference"}
    reference = client.post("/api/v1/inventories", json=body).json()["id"]
    mine = layer_of(client, project, (1, box(0, 0, 500, 1000)), (2, box(500, 0, 1000, 1000)))
    found = got(client, f"{reference}/disagreement", **{"with": mine})
    assert (found["compared"], told(found)) == ("ice", [])
    assert got(client, f"{mine}/disagreement", **{"with": mine})["compared"] == "classes"
    (feature,) = client.get(f"/api/v1/inventories/{reference}/features").json()["features"]
    body = {"operation": "reclassify", "features": [feature["id"]], "class": 2, **WHO}
    assert client.post(f"/api/v1/inventories/{reference}/operations", json=body).status_code == 200
    assert [each[:3] for each in told(got(client, f"{reference}/diff"))] == [("reclassified", 1, 2)]


def test_two_revisions_and_snapshots(client: TestClient, project: Project) -> None:
    layer = layer_of(client, project, (1, box(0, 0, 1000, 1000)), (1, box(2000, 0, 3000, 1000)))
    at = f"/api/v1/inventories/{layer}"
    ids = [each["id"] for each in client.get(f"{at}/features").json()["features"]]
    client.post(f"{at}/snapshots", json={"name": "before", "who": "Ana"})
    body = {"operation": "reclassify", "features": ids[:1], "class": 2, **WHO}
    assert client.post(f"{at}/operations", json=body).status_code == 200
    after = client.post(f"{at}/snapshots", json={"name": "after", "who": "Ana"}).json()
    body = {"operation": "delete", "features": ids[1:], **WHO}
    assert client.post(f"{at}/operations", json=body).status_code == 200
    assert told(got(client, f"{layer}/diff", **{"from": "before", "to": after["id"]})) == [
        ("reclassified", 1, 2, 1_000_000)
    ]
    assert told(got(client, f"{layer}/diff", **{"from": "after"})) == [("removed", 1, None, 1_000_000)]
    assert {each[0] for each in told(got(client, f"{layer}/diff"))} == {"removed", "reclassified"}
    assert told(got(client, f"{layer}/diff", **{"from": 2, "to": 1})) == [("added", None, 1, 1_000_000)]


def test_what_is_not_there_is_404(client: TestClient, project: Project) -> None:
    layer = layer_of(client, project, (1, box(0, 0, 1000, 1000)))
    at = f"/api/v1/inventories/{layer}"
    assert client.get(f"{at}/diff", params={"from": "never"}).status_code == 404
    assert client.get(f"{at}/diff", params={"from": "7"}).status_code == 404
    assert client.get(f"{at}/disagreement", params={"with": "0" * 12}).status_code == 404
    assert client.get(f"{at}/disagreement").status_code == 422
    assert client.get(f"{at}/disagreement", params={"with": layer, "width": "nan"}).status_code == 422
