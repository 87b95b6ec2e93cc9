"""What was fetched before is sent again only when it is different; no answer stands in for another."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pytest
import shapely
from fastapi.testclient import TestClient

from firnline.server.project import Project

X, Y = 500_000.0, 3_100_000.0


@pytest.fixture
def at(client: TestClient, project: Project) -> str:
    """The address of the outlines of a layer of three squares."""
    store = client.app.state.store  # type: ignore[attr-defined]
    (scene,) = project.scenes().values()
    shapes = [shapely.box(X + n * 1000, Y, X + n * 1000 + 900, Y + 900) for n in range(3)]
    crs = scene.scene.grid.crs
    parts = gpd.GeoDataFrame({"class": [1, 1, 1]}, geometry=shapes, crs=crs)
    made = store.create_layer("work", crs.to_wkt(), "inventory", parts, pixel_m=30, scene_id=scene.id)
    return f"/api/v1/inventories/{made.id}"


def get(client: TestClient, layer: str, tag: str | None = None, **query: Any) -> Any:
    headers = {} if tag is None else {"If-None-Match": tag}
    return client.get(f"{layer}/features", params=query, headers=headers)


def delete_one(client: TestClient, at: str) -> None:
    first = get(client, at).json()["features"][0]["id"]
    body = {"operation": "delete", "features": [first], "session": "s", "who": "Ana"}
    assert client.post(f"{at}/operations", json=body).status_code == 200


QUERIES: list[dict[str, Any]] = [
    {},
    {"at": 0},
    {"bbox": f"{X},{Y},{X + 100},{Y + 100}"},
    {"bbox": f"{X},{Y},{X + 1100},{Y + 100}"},
    {"bbox": f"{X},{Y},{X + 100},{Y + 100}", "at": 0},
    {"limit": 1},
    {"limit": 1, "after": "0" * 12},
]


def test_no_answer_is_taken_for_another(client: TestClient, at: str) -> None:
    delete_one(client, at)
    answers = [get(client, at, **query) for query in QUERIES]
    for query, answer in zip(QUERIES, answers, strict=True):
        for other in answers:
            again = get(client, at, other.headers["etag"], **query)
            assert again.status_code == (304 if other is answer else 200)
            assert again.content == (b"" if other is answer else answer.content)


def test_a_past_revision_stays_known_while_the_layer_goes_on(client: TestClient, at: str) -> None:
    tag, now = get(client, at, at=0).headers["etag"], get(client, at).headers["etag"]
    assert get(client, at, at=0).json()["revision"] == 0
    delete_one(client, at)
    past = get(client, at, tag, at=0)
    assert past.status_code == 304
    assert len(get(client, at, at=0).json()["features"]) == 3
    assert get(client, at, at=0).json()["revision"] == 0, "the revision that these outlines are of"
    fresh = get(client, at, now)
    assert (fresh.status_code, fresh.json()["revision"], len(fresh.json()["features"])) == (200, 1, 2)


def test_a_revision_that_is_to_come_is_the_present_one_until_then(client: TestClient, at: str) -> None:
    soon = get(client, at, at=5)
    assert (soon.json()["revision"], len(soon.json()["features"])) == (0, 3)
    delete_one(client, at)
    later = get(client, at, soon.headers["etag"], at=5)
    assert (later.status_code, later.json()["revision"], len(later.json()["features"])) == (200, 1, 2)


def test_several_tags_and_any_are_understood(client: TestClient, at: str) -> None:
    tag = get(client, at).headers["etag"]
    assert get(client, at, f'"other", W/{tag}').status_code == 304
    assert get(client, at, "*").status_code == 304
    assert get(client, at, '"other"').status_code == 200
