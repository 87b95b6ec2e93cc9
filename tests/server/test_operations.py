"""Corrections over HTTP: nothing is lost, everything can be taken back, nobody's work is written over."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from fastapi.testclient import TestClient
from shapely import box
from tests.server.delivered import export

from firnline.server.app import create_app
from firnline.server.project import Project

X, Y = 500_000.0, 3_100_000.0


def square(column: int, row: int = 0, size: float = 1000) -> shapely.Polygon:
    return box(X + column * size, Y + row * size, X + (column + 1) * size, Y + (row + 1) * size)


def geojson(shape: shapely.Geometry) -> dict[str, Any]:
    found: dict[str, Any] = shapely.geometry.mapping(shape)
    return {"type": found["type"], "coordinates": _lists(found["coordinates"])}


def _lists(value: Any) -> Any:
    return [_lists(each) for each in value] if isinstance(value, tuple | list) else value


class Desk:
    """A person at a browser, working on a layer."""

    def __init__(self, client: TestClient, layer: str, who: str) -> None:
        self.client, self.at, self.who, self.session = client, f"/api/v1/inventories/{layer}", who, uuid.uuid4().hex

    def features(self, **query: Any) -> dict[str, dict[str, Any]]:
        answer = self.client.get(f"{self.at}/features", params=query)
        assert answer.status_code == 200, answer.text
        return {each["id"]: each for each in answer.json()["features"]}

    def do(self, operation: str, status: int = 200, **more: Any) -> dict[str, Any]:
        body = {"operation": operation, "session": self.session, "who": self.who, **more}
        answer = self.client.post(f"{self.at}/operations", json=body)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def back(self, what: str = "undo", status: int = 200) -> dict[str, Any]:
        answer = self.client.post(f"{self.at}/{what}", json={"session": self.session, "who": self.who})
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def shapes(self) -> dict[str, tuple[int, str]]:
        return {
            name: (each["properties"]["class"], shapely.normalize(shapely.geometry.shape(each["geometry"])).wkt)
            for name, each in self.features().items()
        }


@pytest.fixture
def layer(client: TestClient, project: Project) -> str:
    """A layer of three squares in a row: ice, debris, ice."""
    store = client.app.state.store  # type: ignore[attr-defined]
    (scene,) = project.scenes().values()
    parts = gpd.GeoDataFrame(
        {"class": [1, 2, 1], "glacier_id": ["A", "A", "B"], "mean_probability": [0.9, 0.8, None]},
        geometry=[square(0), square(1), square(2)],
        crs=scene.scene.grid.crs,
    )
    made = store.create_layer(
        "work", scene.scene.grid.crs.to_wkt(), "inventory", parts, pixel_m=30, scene_id=scene.id
    )
    return str(made.id)


@pytest.fixture
def desk(client: TestClient, layer: str) -> Desk:
    return Desk(client, layer, "Ana")


def ids(desk: Desk) -> list[str]:
    """The squares from west to east."""
    return sorted(desk.features(), key=lambda name: desk.features()[name]["geometry"]["coordinates"][0][0][0])


def test_a_layer_tells_what_it_holds(client: TestClient, layer: str) -> None:
    (found,) = client.get("/api/v1/inventories").json()
    assert found["id"] == layer
    assert (found["count"], found["revision"]) == (3, 0)
    assert found["area_km2"] == pytest.approx(3.0, rel=0.01)
    assert found["bounds"][0] == pytest.approx(X, abs=1)


def test_only_what_is_in_the_box_is_sent_page_by_page(desk: Desk) -> None:
    west, middle, east = ids(desk)
    assert set(desk.features(bbox=f"{X},{Y},{X + 500},{Y + 500}")) == {west}
    first = desk.client.get(f"{desk.at}/features", params={"limit": 2}).json()
    rest = desk.client.get(f"{desk.at}/features", params={"limit": 2, "after": first["next"]}).json()
    assert {each["id"] for each in first["features"] + rest["features"]} == {west, middle, east}
    assert rest["next"] is None


def test_every_change_is_a_version_with_who_when_and_why(desk: Desk) -> None:
    _, middle, _ = ids(desk)
    desk.do("reclassify", features=[middle], **{"class": 1}, why="no stones on it")
    past = desk.client.get(f"{desk.at}/features/{middle}/history").json()
    assert [each["feature"]["properties"]["class"] for each in past] == [2, 1]
    assert past[0]["made"] is None
    assert past[0]["ended"]["id"] == past[1]["made"]["id"]
    assert (past[1]["made"]["who"], past[1]["made"]["why"]) == ("Ana", "no stones on it")
    (change,) = desk.client.get(f"{desk.at}/changes").json()
    assert change["features"] == [middle]


def test_undo_and_redo_without_limit(desk: Desk) -> None:
    states = [desk.shapes()]
    for step in range(12):
        area = geojson(box(X + 100 * step + 50, Y - 100, X + 100 * step + 120, Y + 1100))
        desk.do("draw", geometry=area, overwrite=True, **{"class": 1 + step % 2})
        states.append(desk.shapes())
    for state in states[-2::-1]:
        desk.back()
        assert desk.shapes() == state
    assert "nothing to undo" in desk.back(status=409)["detail"]
    for state in states[1:]:
        desk.back("redo")
        assert desk.shapes() == state
    assert "nothing to redo" in desk.back("redo", status=409)["detail"]
    desk.back()
    desk.do("delete", features=[ids(desk)[0]])
    assert "nothing to redo" in desk.back("redo", status=409)["detail"]  # another way was taken


def test_undo_takes_back_ones_own_work_only(client: TestClient, layer: str) -> None:
    ana, ben = Desk(client, layer, "Ana"), Desk(client, layer, "Ben")
    west, middle, _ = ids(ana)
    ana.do("reclassify", features=[west], **{"class": 2})
    ben.do("reclassify", features=[middle], **{"class": 1})
    ana.back()
    now = ana.features()
    assert (now[west]["properties"]["class"], now[middle]["properties"]["class"]) == (1, 1)
    ana.do("reclassify", features=[west], **{"class": 2})
    ben.do("reclassify", features=[west], **{"class": 1})
    assert "others changed" in ana.back(status=409)["detail"]


def test_of_two_who_change_one_outline_the_second_sees_both_versions(client: TestClient, layer: str) -> None:
    ana, ben = Desk(client, layer, "Ana"), Desk(client, layer, "Ben")
    west, _, _ = ids(ana)
    ana.do("remove", features=[west], expected={west: 1}, geometry=geojson(box(X, Y, X + 100, Y + 1000)))
    mine = geojson(box(X, Y, X + 1000, Y + 100))
    said = ben.do("remove", 412, features=[west], expected={west: 1}, geometry=mine)
    (conflict,) = said["conflicts"]
    assert (conflict["feature"], conflict["expected"], conflict["changed_by"]) == (west, 1, "Ana")
    assert conflict["current"]["properties"]["version"] == 2
    assert shapely.geometry.shape(conflict["current"]["geometry"]).area == 900_000
    ben.do("remove", features=[west], expected={west: 2}, geometry=mine)
    assert shapely.geometry.shape(ben.features()[west]["geometry"]).area == 900 * 900


def test_if_match_guards_one_outline(desk: Desk) -> None:
    west, _, _ = ids(desk)
    body = {"operation": "reclassify", "features": [west], "class": 2, "session": "s", "who": "Ana"}
    answer = desk.client.get(f"{desk.at}/features/{west}")
    first = desk.client.post(f"{desk.at}/operations", json=body, headers={"If-Match": answer.headers["etag"]})
    again = desk.client.post(f"{desk.at}/operations", json=body, headers={"If-Match": answer.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 412)


def test_what_is_sent_twice_is_done_once(desk: Desk) -> None:
    area = geojson(box(X + 5000, Y, X + 6000, Y + 1000))
    first = desk.do("draw", geometry=area, key="from the outbox", **{"class": 1})
    again = desk.do("draw", geometry=area, key="from the outbox", **{"class": 1})
    assert again == first
    assert len(desk.features()) == 4


def test_a_vertex_on_a_shared_edge_moves_in_both(desk: Desk) -> None:
    west, middle, _ = ids(desk)
    corner = [X + 1000, Y + 1000]
    done = desk.do("move_vertices", moves=[[corner, [X + 1100, Y + 1000]]])
    assert {each["id"] for each in done["features"]} == {west, middle}
    areas = {name: shapely.geometry.shape(each["geometry"]).area for name, each in desk.features().items()}
    assert (areas[west], areas[middle]) == (1_050_000, 950_000)
    assert done["area_change_km2"] == pytest.approx(0, abs=1e-6)


def test_many_vertices_move_in_one_change_that_is_taken_back_at_once(desk: Desk) -> None:
    before, revision = desk.shapes(), desk.client.get(desk.at).json()["revision"]
    expected = dict.fromkeys(before, 1)
    # Both ends of the edge between ice and debris, and both of the edge between debris and ice: all by 100, -50.
    starts = [(X + x, Y + y) for x in (1000, 2000) for y in (0, 1000)]
    moves = [[list(start), [start[0] + 100, start[1] - 50]] for start in starts]
    done = desk.do("move_vertices", moves=moves, features=list(before), expected=expected)
    assert (done["revision"], len(done["features"])) == (revision + 1, 3)
    west, middle, east = (shapely.geometry.shape(desk.features()[name]["geometry"]) for name in ids(desk))
    assert west.equals(shapely.Polygon([(X, Y), (X + 1100, Y - 50), (X + 1100, Y + 950), (X, Y + 1000)]))
    assert middle.equals(shapely.affinity.translate(square(1), 100, -50))
    assert shapely.coverage_is_valid([west, middle, east])
    assert {each["properties"]["version"] for each in desk.features().values()} == {2}
    desk.back()
    assert desk.shapes() == before
    desk.back("redo")
    desk.do("move_vertices", 412, moves=moves, features=list(before), expected=expected)  # seen before the change


def test_of_many_vertices_none_moves_where_one_cannot(desk: Desk) -> None:
    before = desk.shapes()
    far = [[[X + 1000, Y + y], [X + 2500, Y + y]] for y in (0, 1000)]  # beyond the other edge of the square
    refused = desk.do("move_vertices", 422, moves=[*far, [[X, Y], [X - 10, Y]]])
    assert "cross" in refused["detail"] or "overlap" in refused["detail"]
    gone = desk.do("move_vertices", 422, moves=[[[X + 7, Y + 7], [X + 8, Y + 8]]])
    assert "any more" in gone["detail"]
    assert desk.shapes() == before


def test_what_is_split_keeps_class_glacier_and_probability(desk: Desk) -> None:
    west, _, _ = ids(desk)
    line = geojson(shapely.LineString([(X + 400, Y - 50), (X + 400, Y + 1050)]))
    done = desk.do("split", features=[west], geometry=line)
    properties = [each["properties"] for each in done["features"] if each["properties"]["class"] == 1]
    assert [(each["glacier"], each["probability"]) for each in properties] == [("A", 0.9), ("A", 0.9)]
    desk.do("merge", features=[each["id"] for each in done["features"] if each["properties"]["class"] == 1])
    assert len(desk.features()) == 3


def test_an_outline_can_be_as_it_was_even_when_it_was_deleted(desk: Desk) -> None:
    before = desk.shapes()
    west, middle, _ = ids(desk)
    desk.do("remove", features=[west], geometry=geojson(box(X, Y, X + 300, Y + 300)))
    by = {"session": desk.session, "who": "Ana", "version": 1}
    assert desk.client.post(f"{desk.at}/features/{west}/revert", json=by).status_code == 200
    assert desk.shapes() == before
    desk.do("delete", features=[middle])
    assert desk.client.post(f"{desk.at}/features/{middle}/revert", json=by).status_code == 200
    assert desk.shapes() == before
    versions = [each["feature"]["properties"]["version"] for each in desk.client.get(
        f"{desk.at}/features/{middle}/history").json()]  # fmt: skip
    assert versions == [1, 2]


def test_snapshots_name_a_revision_that_can_be_read_again(desk: Desk) -> None:
    west, _, _ = ids(desk)
    made = desk.client.post(f"{desk.at}/snapshots", json={"name": "before review", "who": "Ana"})
    assert made.status_code == 201
    desk.do("delete", features=[west])
    assert west not in desk.features()
    assert west in desk.features(at=made.json()["revision"])
    again = desk.client.post(f"{desk.at}/snapshots", json={"name": "before review", "who": "Ana"})
    assert again.status_code == 422


def test_a_restart_finds_everything(client: TestClient, project: Project, desk: Desk) -> None:
    area = geojson(box(X + 100, Y + 100, X + 300, Y + 300))
    desk.do("hole", features=[ids(desk)[0]], geometry=area)
    before = desk.shapes()
    with TestClient(create_app(project), base_url="http://127.0.0.1:8770") as other:
        again = Desk(other, desk.at.rsplit("/", 1)[1], "Ana")
        assert again.shapes() == before
        again.session = desk.session
        again.back()
        assert len(again.features()) == 3


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"operation": "fly"}, "no operation"),
        ({"operation": "split", "features": ["0" * 12]}, "any more"),
        ({"operation": "draw", "class": 1}, "area is needed"),
        ({"operation": "draw", "class": 7}, "class"),
        ({"operation": "draw", "class": 1, "geometry": {"type": "Polygon", "coordinates": []}}, "empty"),
        ({"operation": "draw", "class": 1, "geometry": {"type": "Polygon", "coordinates": [[[0, "a"]]]}}, "finite"),
        ({"operation": "draw", "class": 1, "geometry": {"type": "Point", "coordinates": [1, 2]}}, "area is needed"),
        ({"operation": "delete", "features": ["../../etc"]}, "features"),
        ({"operation": "delete", "surprise": 1}, "surprise"),
        ({"operation": "move_vertices", "moves": [[[0, 0], [1, 1]]]}, "any more"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line_and_changes_nothing(
    desk: Desk, body: dict[str, Any], said: str
) -> None:
    before = desk.shapes()
    more = {name: value for name, value in body.items() if name != "operation"}
    answer = desk.do(body["operation"], 422, **more)
    assert said in answer["detail"]
    assert "\n" not in answer["detail"]
    assert desk.shapes() == before
    assert desk.client.get("/api/v1/inventories").json()[0]["revision"] == 0


def test_a_layer_that_is_put_away_is_not_lost(client: TestClient, project: Project, layer: str) -> None:
    assert client.delete(f"/api/v1/inventories/{layer}").status_code == 204
    assert client.get("/api/v1/inventories").json() == []
    assert client.get(f"/api/v1/inventories/{layer}").status_code == 404
    with sqlite3.connect(project.state / "project.sqlite") as database:
        assert database.execute("SELECT count(*) FROM versions").fetchone() == (3,)


def test_a_damaged_database_is_said_and_left_as_it_is(project: Project) -> None:
    path = project.state / "project.sqlite"
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    before = path.read_bytes()
    with pytest.raises(Exception, match="cannot be used as a database"):
        create_app(project)
    assert path.read_bytes() == before


def test_a_database_of_a_newer_version_is_refused(project: Project, tmp_path: Path) -> None:
    with TestClient(create_app(project), base_url="http://127.0.0.1:8770"):
        pass
    with sqlite3.connect(project.state / "project.sqlite") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Exception, match="newer firnline"):
        create_app(project)


def test_debris_drawn_at_a_glacier_is_the_glaciers_and_its_history_says_so(
    client: TestClient, desk: Desk, tmp_path: Path
) -> None:
    """Three quarters of its edge with ice lie along A; delivered, it is A's debris, and B is as it was."""
    tongue = geojson(box(X + 500, Y - 800, X + 2500, Y))
    done = desk.do("draw", geometry=tongue, **{"class": 2})
    (new,) = done["features"][:1] if len(done["features"]) == 1 else [
        each for each in done["features"] if each["properties"]["version"] == 1
    ]  # fmt: skip
    assert new["properties"]["glacier"] == "A"
    past = client.get(f"{desk.at}/features/{new['id']}/history").json()
    assert [each["feature"]["properties"]["glacier"] for each in past] == ["A"]
    desk.back()
    desk.back("redo")
    assert desk.features()[new["id"]]["properties"]["glacier"] == "A"
    answer = export(client, desk.at.rsplit("/", 1)[-1], format="gpkg")
    (tmp_path / "it.gpkg").write_bytes(answer.content)
    glaciers = gpd.read_file(tmp_path / "it.gpkg", layer="glaciers").set_index("glacier_id")
    assert sorted(glaciers.index) == ["A", "B"]
    assert glaciers.loc["A", "debris_km2"] == pytest.approx(1.0 + 2.0 * 0.8, rel=0.01)
    assert glaciers.loc["B", "area_km2"] == pytest.approx(1.0, rel=0.01)


def test_a_person_says_of_which_glacier_outlines_are(client: TestClient, desk: Desk) -> None:
    west, middle, east = ids(desk)
    before = {each: desk.features()[each]["properties"]["glacier"] for each in (west, middle, east)}
    done = desk.do("assign", features=[west, east], glacier=" RGI60-15.00001 ")
    assert {each["properties"]["glacier"] for each in done["features"]} == {"RGI60-15.00001"}
    assert done["area_change_km2"] == 0
    assert desk.features()[middle]["properties"]["glacier"] == before[middle]
    again = desk.do("assign", features=[west], glacier="RGI60-15.00001")
    assert again["transaction"] is None
    desk.do("assign", features=[west], glacier="")
    assert desk.features()[west]["properties"]["glacier"] is None
    desk.back()
    desk.back()
    assert {each: desk.features()[each]["properties"]["glacier"] for each in (west, middle, east)} == before


def test_what_changes_nothing_is_no_revision_and_no_step_of_undo(client: TestClient, desk: Desk) -> None:
    """A class that an outline has, a vertex moved to where it is, a line that is as simple as it can be."""
    west, middle, _ = ids(desk)
    desk.do("reclassify", features=[west], **{"class": 2})
    before = desk.features()
    for body in (
        {"operation": "reclassify", "features": [west, middle], "class": 2, "expected": {west: 2, middle: 1}},
        {"operation": "move_vertices", "moves": [[[X, Y], [X, Y]]]},
        {"operation": "simplify", "features": [middle], "tolerance_m": 1.0},
    ):
        name = str(body.pop("operation"))
        said = desk.do(name, key=name, **body)
        assert (said["revision"], said["transaction"], said["operation"]) == (1, None, name)
        assert (said["features"], said["removed"], said["area_change_km2"]) == ([], [], 0)
        assert said["area_km2"] == pytest.approx(3.0, rel=0.01)
    assert desk.features() == before
    assert [each["operation"] for each in client.get(f"{desk.at}/changes").json()] == ["reclassify"]
    assert len(client.get(f"{desk.at}/features/{west}/history").json()) == 2
    desk.back()
    assert desk.features()[west]["properties"]["class"] == 1, "the change before is taken back"
    desk.do("reclassify", features=[west], **{"class": 1})
    desk.back("redo")
    assert desk.features()[west]["properties"]["class"] == 2, "nothing that was done bars doing it again"


def test_what_changes_nothing_is_refused_where_others_changed_it(client: TestClient, layer: str) -> None:
    ana, ben = Desk(client, layer, "Ana"), Desk(client, layer, "Ben")
    west, _, _ = ids(ana)
    ana.do("reclassify", features=[west], **{"class": 2})
    ben.do("reclassify", 412, features=[west], expected={west: 1}, **{"class": 2})


def test_nobody_is_told_of_a_revision_that_there_is_not(desk: Desk) -> None:
    store, told = desk.client.app.state.store, []  # type: ignore[attr-defined]
    store.on_change = lambda *said: told.append(said)
    west, _, _ = ids(desk)
    desk.do("reclassify", features=[west], **{"class": 1})
    assert told == []
