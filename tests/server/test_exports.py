"""A layer delivered: what was corrected arrives in the file, with who did it; what cannot be is told."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from fastapi.testclient import TestClient
from tests.server.delivered import ended, export, taken

from firnline.features import FeatureSource
from firnline.inventory.check.check import check_inventory
from firnline.inventory.check.finding import Severity
from firnline.inventory.glaciers import find_glaciers
from firnline.inventory.inventory import read_inventory
from firnline.inventory.make import make_inventory
from firnline.inventory.map_folder import open_map
from firnline.mapping import map_scene
from firnline.scene import open_scene
from firnline.server.app import create_app
from firnline.server.jobs.folder import JobFolder
from firnline.server.project import Project, SceneEntry
from firnline.server.store.database import FILE

WHO = {"session": "s", "who": "Ana"}
NAMED = "RGI60-15.00001"


@pytest.fixture
def outlines(project: Project) -> list[shapely.Polygon]:
    """Three squares of 1.2 km in the scene, of which the first two meet, as an RGI file in the folder."""
    (scene,) = project.scenes().values()
    left, bottom, *_ = scene.scene.grid.bounds
    x, y = left + 900.0, bottom + 900.0
    shapes = [shapely.box(x + n * 1200, y, x + (n + 1) * 1200, y + 1200) for n in (0, 1, 3)]
    table = {
        "RGIId": [f"RGI60-15.0000{n}" for n in (1, 2, 3)],
        "Name": ["Khumbu", None, None],
        "O1Region": ["15"] * 3,
        "O2Region": ["2"] * 3,
        "BgnDate": ["20001030"] * 3,
    }
    frame = gpd.GeoDataFrame(table, geometry=shapes, crs=scene.scene.grid.crs.to_wkt())
    frame.to_crs(4326).to_file(project.folder / "rgi.gpkg", layer="outlines of RGI")
    return shapes


def made_of_file(client: TestClient, project: Project, name: str, called: str = "Khumbu: spring") -> dict[str, Any]:
    (scene,) = project.scenes().values()
    (file,) = [each["id"] for each in client.get("/api/v1/files").json() if each["name"] == name]
    answer = client.post("/api/v1/inventories", json={"name": called, "scene": scene.id, "file": file})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def corrected(client: TestClient, layer: str) -> str:
    """The first glacier becomes debris in its western half; the third is deleted. Returns the first's id."""
    at = f"/api/v1/inventories/{layer}"
    features = client.get(f"{at}/features").json()["features"]
    by_glacier = {each["properties"]["glacier"]: each for each in features}
    first = by_glacier[NAMED]
    left, bottom, right, top = shapely.geometry.shape(first["geometry"]).bounds
    half = shapely.box(left - 5, bottom - 5, (left + right) / 2, top + 5)
    west = shapely.intersection(shapely.geometry.shape(first["geometry"]), half)
    for body in (
        {"operation": "draw", "geometry": _plain(west), "class": 2, "overwrite": True, "why": "debris seen"},
        {"operation": "delete", "features": [by_glacier["RGI60-15.00003"]["id"]]},
    ):
        answer = client.post(f"{at}/operations", json={**body, **WHO})
        assert answer.status_code == 200, answer.text
    return str(first["id"])


def _plain(shape: shapely.Geometry) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shapely.to_geojson(shape))
    return found


def _square(scene: SceneEntry) -> dict[str, Any]:
    left, bottom, *_ = scene.scene.grid.bounds
    shape = shapely.box(left + 300, bottom + 300, left + 900, bottom + 900)
    return {"operation": "draw", "geometry": _plain(shape), "class": 1}


def opened(answer: Any, tmp_path: Path) -> Path:
    assert answer.status_code == 200, answer.text
    path = tmp_path / "it.gpkg"
    path.write_bytes(answer.content)
    return path


def test_what_was_corrected_arrives_with_what_the_file_gave(
    client: TestClient, project: Project, outlines: list[shapely.Polygon], tmp_path: Path
) -> None:
    layer = made_of_file(client, project, "rgi.gpkg")["id"]
    corrected(client, layer)
    answer = export(client, layer, format="gpkg")
    assert answer.headers["content-disposition"] == 'attachment; filename="Khumbu_spring-revision2-gpkg.gpkg"'
    path = opened(answer, tmp_path)
    made = read_inventory(path)
    assert gpd.read_file(path, layer="parts")["class"].value_counts().to_dict() == {
        "clean ice": 2,
        "debris-covered ice": 1,
    }
    glaciers = made.glaciers.set_index("glacier_id")
    assert NAMED in glaciers.index
    assert "RGI60-15.00003" not in glaciers.index
    total = sum(shape.area for shape in outlines[:2])
    assert made.parts.area.sum() == pytest.approx(total, rel=1e-5)
    second = glaciers.loc["RGI60-15.00002"]
    assert (second["o2region"], second["src_date"]) == ("15-02", "2000-10-30"), "nobody touched it"
    assert glaciers.loc[NAMED, "glac_name"] == "Khumbu"
    assert glaciers["zmed_m"].notna().all(), "heights of the scene"
    assert not [found for found in check_inventory(path).findings if found.severity == Severity.ERROR]
    said = made.provenance["edits"]
    assert (said["by_person"], said["by_operation"]) == ({"Ana": 2}, {"delete": 1, "draw": 1})
    assert said["reasons"] == ["debris seen"]
    assert said["origin"]["file"] == "rgi.gpkg"


def test_a_snapshot_is_delivered_as_it_was(
    client: TestClient, project: Project, outlines: list[shapely.Polygon], tmp_path: Path
) -> None:
    layer = made_of_file(client, project, "rgi.gpkg")["id"]
    at = f"/api/v1/inventories/{layer}"
    snapshot = client.post(f"{at}/snapshots", json={"name": "as RGI had it", "who": "Ana"}).json()
    corrected(client, layer)
    for wanted in (snapshot["id"], "as RGI had it", "0"):
        made = read_inventory(opened(export(client, layer, format="gpkg", snapshot=wanted), tmp_path))
        assert set(made.glaciers["glacier_id"]) == {f"RGI60-15.0000{n}" for n in (1, 2, 3)}
        assert made.glaciers["debris_km2"].isna().all(), "whole glaciers tell nothing of debris"
        assert made.provenance["edits"]["corrections"] == 0
    assert export(client, layer, format="gpkg", snapshot="summer").status_code == 404
    assert export(client, layer, format="gpkg", snapshot="99").status_code == 404


@pytest.mark.parametrize("form", ["rgi7", "oggm", "shp", "geojson", "geoparquet", "fgb"])
def test_folders_come_as_a_zip(
    client: TestClient, project: Project, outlines: list[shapely.Polygon], tmp_path: Path, form: str
) -> None:
    layer = made_of_file(client, project, "rgi.gpkg")["id"]
    answer = export(client, layer, format=form, **({"region": "15-02"} if form in ("rgi7", "oggm") else {}))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "out")
    (folder,) = (tmp_path / "out").iterdir()
    said = json.loads((folder / "provenance.json").read_text())
    assert said["inventory"]["edits"]["layer"] == "Khumbu: spring"
    suffix = {"shp": "shp", "geojson": "geojson", "fgb": "fgb"}.get(form)
    if suffix is not None:
        assert len(pyogrio.read_dataframe(folder / f"glaciers.{suffix}")) == 3


def test_glims_asks_who_and_then_gets_it(
    client: TestClient, project: Project, outlines: list[shapely.Polygon]
) -> None:
    import yaml

    layer = made_of_file(client, project, "rgi.gpkg")["id"]
    refused = export(client, layer, format="glims")
    assert refused.status_code == 422
    assert "GLIMS asks who" in refused.json()["detail"]
    example = Path(__file__).parents[2] / "examples" / "delivery" / "submission.yaml"
    submission = json.loads(json.dumps(yaml.safe_load(example.read_text()), default=str))
    assert export(client, layer, format="glims", submission=submission).status_code == 200
    (project.folder / "submission.yaml").write_text(example.read_text())
    answer = export(client, layer, format="glims")
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert {"session.shp", "glaciers.shp", "segments.shp"} <= {Path(name).name for name in archive.namelist()}


def test_an_inventory_of_firnline_keeps_its_unknown_through_the_tool(
    client: TestClient, project: Project, tmp_path: Path
) -> None:
    """A map, its inventory, a layer of it that nobody corrects, an export: the same glaciers, with all flags."""
    (scene,) = project.scenes().values()
    map_scene(FeatureSource(open_scene(scene.path)), "ratio", tmp_path / "map")
    make_inventory(open_map(tmp_path / "map"), project.folder / "last-year.gpkg")
    layer = made_of_file(client, project, "last-year.gpkg", "next")["id"]
    made = read_inventory(opened(export(client, layer, format="gpkg"), tmp_path))
    before = read_inventory(project.folder / "last-year.gpkg")
    one, two = (each.glaciers.set_index("glacier_id").sort_index() for each in (before, made))
    assert two.index.tolist() == one.index.tolist()
    for name in ("area_km2", "debris_km2", "unknown_frac"):
        assert two[name].to_numpy() == pytest.approx(one[name].to_numpy(), rel=1e-6, abs=1e-9), name
    for name in ("touches_unknown", "touches_edge", "is_lower_bound", "method"):
        assert two[name].tolist() == one[name].tolist(), name
    assert (before.holes["kind"] == "unknown").sum() == (made.holes["kind"] == "unknown").sum()


def test_what_a_prediction_did_not_see_stays_unknown(client: TestClient, project: Project, tmp_path: Path) -> None:
    """A layer as a job makes it, one outline corrected: holes of cloud are no rock, and bounds are bounds."""
    (scene,) = project.scenes().values()
    job = "0123456789ab"
    folder = JobFolder.of(project.state, job).map
    map_scene(scene.source, "ratio", folder)
    mapped = open_map(folder)
    classes, grid, scheme = mapped.raster
    found = find_glaciers(classes, grid, scheme)
    store = client.app.state.store  # type: ignore[attr-defined]
    layer = store.create_layer(
        "prediction", grid.crs.to_wkt(), "proposal",
        found.parts.assign(**{"class": found.parts["class_value"].astype("int64")}), pixel_m=grid.resolution,
        scene_id=scene.id, origin={"job": job, "model": "ratio", "scheme": str(scheme), "quality": mapped.quality},
    )  # fmt: skip
    glaciers = found.glaciers.set_index("glacier_id")
    assert glaciers["is_lower_bound"].any()
    assert not glaciers["is_lower_bound"].all()
    changed = glaciers.index[~glaciers["is_lower_bound"]][0]
    frame = store.features_frame(layer.id)
    is_clean = frame["class"] == 1  # what is debris already would not change
    feature = frame.loc[(frame["glacier_id"] == changed) & is_clean, "feature_id"].iloc[0]
    body = {"operation": "reclassify", "features": [feature], "class": 2, **WHO}
    assert client.post(f"/api/v1/inventories/{layer.id}/operations", json=body).status_code == 200
    (copy,) = [client.post("/api/v1/inventories", json={"name": "mine", "scene": scene.id, "inventory": layer.id})]
    made = read_inventory(opened(export(client, copy.json()["id"], format="gpkg"), tmp_path))
    after = made.glaciers.set_index("glacier_id").loc[glaciers.index]
    for name in ("touches_unknown", "touches_edge", "is_lower_bound"):
        assert after[name].tolist() == glaciers[name].tolist(), name
    assert (made.holes["kind"] == "unknown").sum() == (found.holes["kind"] == "unknown").sum()
    assert after["area_km2"].sum() == pytest.approx(glaciers["area_km2"].sum())
    assert after.loc[changed, "debris_km2"] > 0
    said = made.provenance["edits"]
    assert (said["model"], said["by_person"]) == ("ratio", {"Ana": 1}), "she corrected what was copied"
    client.delete(f"/api/v1/inventories/{layer.id}")
    made = read_inventory(opened(export(client, copy.json()["id"], format="gpkg"), tmp_path))
    assert "put away" in made.provenance["findings"][0]
    assert (made.holes["kind"] == "unknown").sum() == (found.holes["kind"] == "unknown").sum()
    assert set(made.glaciers.loc[made.glaciers["is_lower_bound"], "glacier_id"]) == set(
        glaciers.index[glaciers["is_lower_bound"]]
    )


def test_a_file_that_went_away_is_told(
    client: TestClient, project: Project, outlines: list[shapely.Polygon], tmp_path: Path
) -> None:
    layer = made_of_file(client, project, "rgi.gpkg")["id"]
    (project.folder / "rgi.gpkg").unlink()
    made = read_inventory(opened(export(client, layer, format="gpkg"), tmp_path))
    assert "not there any more" in made.provenance["findings"][0]
    assert made.glaciers["glac_name"].isna().all()
    assert set(made.glaciers["glacier_id"]) == {f"RGI60-15.0000{n}" for n in (1, 2, 3)}


def test_an_empty_layer_and_what_is_drawn_on_it(client: TestClient, project: Project, tmp_path: Path) -> None:
    (scene,) = project.scenes().values()
    layer = client.post("/api/v1/inventories", json={"name": "../ä", "scene": scene.id}).json()["id"]
    answer = export(client, layer, format="gpkg")
    assert "revision0-gpkg.gpkg" in answer.headers["content-disposition"]
    assert ".." not in answer.headers["content-disposition"]
    assert len(read_inventory(opened(answer, tmp_path)).glaciers) == 0
    left, bottom, *_ = scene.scene.grid.bounds
    drawn = shapely.box(left, bottom + 300, left + 900, bottom + 900)  # along the scene's western edge
    body = {"operation": "draw", "geometry": _plain(drawn), "class": 1, **WHO}
    assert client.post(f"/api/v1/inventories/{layer}/operations", json=body).status_code == 200
    glaciers = read_inventory(opened(export(client, layer, format="gpkg"), tmp_path)).glaciers
    assert glaciers["glacier_id"].str.startswith("FL").all()
    assert glaciers[["touches_edge", "is_lower_bound", "touches_unknown"]].to_numpy().tolist() == [
        [True, True, False]
    ]
    assert glaciers["method"].str.contains("drawn by hand").all()
    date = scene.scene.date
    assert glaciers["src_date"].tolist() == ([pd.NA] if date is None else [date.isoformat()])


@pytest.mark.parametrize(
    "body", [{"format": "doc"}, {}, {"format": "gpkg", "path": "/etc"}, {"format": "gpkg", "snapshot": ""}]
)
def test_what_is_no_export_is_refused(client: TestClient, project: Project, body: dict[str, str]) -> None:
    (scene,) = project.scenes().values()
    layer = client.post("/api/v1/inventories", json={"name": "a", "scene": scene.id}).json()["id"]
    assert export(client, layer, **body).status_code == 422
    assert export(client, "0" * 12, format="gpkg").status_code == 404


def test_corrections_that_come_after_the_order_are_not_in_it(
    client: TestClient, project: Project, outlines: list[shapely.Polygon], tmp_path: Path
) -> None:
    layer = made_of_file(client, project, "rgi.gpkg")["id"]
    job = client.post(f"/api/v1/inventories/{layer}/exports", json={"format": "gpkg"}).json()["id"]
    corrected(client, layer)
    assert len(read_inventory(opened(taken(client, job), tmp_path)).glaciers) == 3


def test_an_export_that_fails_says_why_and_leaves_nothing(
    client: TestClient, project: Project, tmp_path: Path
) -> None:
    (scene,) = project.scenes().values()
    layer = client.post("/api/v1/inventories", json={"name": "a", "scene": scene.id}).json()["id"]
    client.post(f"/api/v1/inventories/{layer}/operations", json={**_square(scene), **WHO})
    job = client.post(f"/api/v1/inventories/{layer}/exports", json={"format": "rgi7", "region": "99-99"}).json()
    assert (job["kind"], job["scene"], job["model"]) == ("export", scene.id, None)
    failed = ended(client, job["id"])
    assert failed["state"] == "failed"
    assert "99-99" in failed["error"]
    assert [path.name for path in JobFolder.of(project.state, job["id"]).path.iterdir()] == ["log.txt"]
    assert client.get(f"/api/v1/jobs/{job['id']}/file").status_code == 404
    assert client.get(f"/api/v1/jobs/{job['id']}/result/classes.tif").status_code == 404


def test_a_file_is_dropped_when_the_server_starts_a_week_later(client: TestClient, project: Project) -> None:
    (scene,) = project.scenes().values()
    layer = client.post("/api/v1/inventories", json={"name": "a", "scene": scene.id}).json()["id"]
    jobs = [client.post(f"/api/v1/inventories/{layer}/exports", json={"format": "gpkg"}).json()["id"] for _ in "ab"]
    assert [taken(client, job).status_code for job in jobs] == [200, 200]
    with sqlite3.connect(project.state / FILE) as database:
        long_ago = (datetime.now(UTC) - timedelta(days=8)).isoformat()
        database.execute("UPDATE jobs SET ended_at = ? WHERE id = ?", (long_ago, jobs[0]))
    with TestClient(create_app(project), base_url="http://127.0.0.1:8770") as later:
        assert [later.get(f"/api/v1/jobs/{job}/file").status_code for job in jobs] == [404, 200]
