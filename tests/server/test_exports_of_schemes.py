"""What a model cannot tell, its layer does not say when it is delivered: unknown is never 0."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from fastapi.testclient import TestClient
from tests.server.delivered import export

from firnline.inventory.check.check import check_inventory
from firnline.inventory.check.finding import Severity
from firnline.inventory.inventory import Inventory, read_inventory
from firnline.server.project import Project


def proposal(client: TestClient, project: Project, scheme: str, class_: int) -> tuple[str, float, float]:
    """A layer as a prediction makes it: two squares of 1 km apart; its address, and where the first lies."""
    (scene,) = project.scenes().values()
    left, bottom, *_ = scene.scene.grid.bounds
    x, y = left + 1500.0, bottom + 1500.0
    shapes = [shapely.box(x + n * 3000, y, x + n * 3000 + 1000, y + 1000) for n in (0, 1)]
    crs = scene.scene.grid.crs.to_wkt()
    parts = gpd.GeoDataFrame({"class": [class_] * 2, "glacier_id": ["A", "B"]}, geometry=shapes, crs=crs)
    store = client.app.state.store  # type: ignore[attr-defined]
    origin = {"job": "0" * 12, "model": "one-class", "scheme": scheme}
    made = store.create_layer("p", crs, "proposal", parts, pixel_m=30, scene_id=scene.id, origin=origin)
    return f"/api/v1/inventories/{made.id}", x, y


def exported(client: TestClient, at: str, tmp_path: Path) -> Inventory:
    answer = export(client, at.rsplit("/", 1)[-1], format="gpkg")
    assert answer.status_code == 200, answer.text
    path = tmp_path / "it.gpkg"
    path.write_bytes(answer.content)
    assert not [found for found in check_inventory(path).findings if found.severity == Severity.ERROR]
    return read_inventory(path)


def draw(client: TestClient, at: str, shape: shapely.Polygon, class_: int) -> None:
    body: dict[str, Any] = {"operation": "draw", "class": class_, "session": "s", "who": "Ana"}
    body["geometry"] = {"type": "Polygon", "coordinates": [[list(each) for each in shape.exterior.coords]]}
    assert client.post(f"{at}/operations", json=body).status_code == 200


@pytest.mark.parametrize(
    ("scheme", "known", "unknown", "class_"),
    [("debris", "debris_km2", "clean_km2", 2), ("clean", "clean_km2", "debris_km2", 1)],
)
def test_of_a_model_of_one_class_the_other_is_unknown_but_where_it_was_drawn(
    client: TestClient, project: Project, tmp_path: Path, scheme: str, known: str, unknown: str, class_: int
) -> None:
    at, x, y = proposal(client, project, scheme, class_)
    before = exported(client, at, tmp_path).glaciers
    assert before[known].tolist() == pytest.approx([1.0, 1.0], rel=0.01)
    assert before[[unknown, "debris_frac"]].isna().all(axis=None)
    draw(client, at, shapely.box(x, y + 1000, x + 1000, y + 1500), 3 - class_)
    after = exported(client, at, tmp_path).glaciers.set_index("glacier_id")
    assert after.loc["A", [known, unknown]].tolist() == pytest.approx([1.0, 0.5], rel=0.01)
    assert after.loc["B", known] == pytest.approx(1.0, rel=0.01)
    assert after.loc["B", [unknown, "debris_frac"]].isna().all()


def test_what_such_a_file_did_not_know_is_not_known_when_it_comes_back(
    client: TestClient, project: Project, tmp_path: Path
) -> None:
    """The inventory that was delivered, put into the folder and imported."""
    at, _, _ = proposal(client, project, "debris", 2)
    exported(client, at, tmp_path)
    (project.folder / "back.gpkg").write_bytes((tmp_path / "it.gpkg").read_bytes())
    (file,) = [each["id"] for each in client.get("/api/v1/files").json() if each["name"] == "back.gpkg"]
    (scene,) = project.scenes().values()
    made = client.post("/api/v1/inventories", json={"name": "again", "scene": scene.id, "file": file}).json()
    glaciers = exported(client, f"/api/v1/inventories/{made['id']}", tmp_path).glaciers
    assert glaciers["debris_km2"].tolist() == pytest.approx([1.0, 1.0], rel=0.01)
    assert glaciers["clean_km2"].isna().all()
