"""Vector tiles show the outlines where they are, all of them that can be seen, at every revision."""

from __future__ import annotations

import geopandas as gpd
import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from fastapi.testclient import TestClient
from shapely.geometry import shape

from firnline.inventory.editing.apply import Edit
from firnline.server.project import Project
from firnline.server.store.layer import Author
from firnline.server.store.outlines import Outlines
from firnline.server.store.store import Store
from firnline.server.vector_tiles import encode

X, Y = 480_000.0, 3_100_000.0
ME = Author("me", "session")


@pytest.fixture
def store(client: TestClient) -> Store:
    found: Store = client.app.state.store  # type: ignore[attr-defined]
    return found


def layer_of(store: Store, shapes: list[shapely.Polygon], **columns: list[object]) -> str:
    parts = gpd.GeoDataFrame({"class": [1] * len(shapes), **columns}, geometry=shapes, crs=32645)
    return store.create_layer("outlines", parts.crs.to_wkt(), "inventory", parts, pixel_m=30).id


def grid_of(client: TestClient, layer: str) -> dict[str, object]:
    return client.get(f"/api/v1/inventories/{layer}/tilegrid").json()


def tiles_over(client: TestClient, layer: str, z: int, box: tuple[float, ...], query: str = "") -> list[tuple]:
    """(feature in map coordinates, properties, the tile's box) of all tiles that meet a box, as clients see them."""
    grid = grid_of(client, layer)
    left, top = grid["origin"]
    side = grid["resolutions"][z] * grid["tile_size"]
    found = []
    for x in range(int((box[0] - left) // side), int((box[2] - left) // side) + 1):
        for y in range(int((top - box[3]) // side), int((top - box[1]) // side) + 1):
            answer = client.get(f"/api/v1/inventories/{layer}/tiles/{z}/{x}/{y}.mvt{query}")
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
            west, north = left + x * side, top - y * side
            tile = mapbox_vector_tile.decode(answer.content, default_options={"y_coord_down": True})
            assert tile["outlines"]["extent"] == 4096
            for feature in tile["outlines"]["features"]:
                geometry = shapely.transform(
                    shape(feature["geometry"]),
                    lambda at, west=west, north=north: [west, north] + at * (side / 4096, -side / 4096),
                )
                found.append((geometry, feature["properties"], shapely.box(west, north - side, west + side, north)))
    return found


def glaciers(count: int = 40) -> list[shapely.Polygon]:
    """Lobed shapes apart from each other, every third with a hole."""
    rng, made = np.random.default_rng(3), []
    for number in range(count):
        angle = np.linspace(0, 2 * np.pi, 150, endpoint=False)
        reach = 400 * (1 + 0.3 * np.sin(3 * angle + rng.uniform(0, 6)) + 0.05 * np.sin(29 * angle))
        x, y = X + number % 8 * 1500, Y + number // 8 * 1500
        outer = shapely.Polygon(np.c_[x + reach * np.cos(angle), y + reach * np.sin(angle)])
        made.append(outer.difference(shapely.Point(x, y).buffer(150)) if number % 3 == 0 else outer)
    return made


@pytest.mark.parametrize("z", [8, 10, 11, 13])
def test_tiles_together_show_the_outlines(client: TestClient, store: Store, z: int) -> None:
    shapes = glaciers()
    layer = layer_of(store, shapes, glacier_id=[f"G{number}" for number in range(len(shapes))])
    by_id = {each.id: each for each in store.features(layer)}
    box = tuple(shapely.total_bounds(shapes))
    pixel = grid_of(client, layer)["resolutions"][z]
    drawn: dict[str, list[shapely.Geometry]] = {}
    for geometry, properties, tile in tiles_over(client, layer, z, box):
        truth = by_id[properties["id"]]
        assert (properties["class"], properties["glacier"]) == (truth.class_, truth.glacier_id)
        drawn.setdefault(truth.id, []).append(shapely.make_valid(geometry).intersection(tile))
    assert drawn.keys() == by_id.keys()
    for feature_id, pieces in drawn.items():
        shown, truth = shapely.union_all(pieces), by_id[feature_id].geometry
        # what is shown differs from the truth along its edge only, by less than half a pixel
        assert truth.buffer(0.5 * pixel).covers(shown)
        assert shown.buffer(0.5 * pixel).covers(truth)


def test_each_tile_covers_a_bit_more_than_itself(client: TestClient, store: Store) -> None:
    layer = layer_of(store, [shapely.box(X, Y, X + 60_000, Y + 60_000)])
    for geometry, _, tile in tiles_over(client, layer, 11, (X + 25_000, Y + 25_000, X + 26_000, Y + 26_000)):
        side = tile.bounds[2] - tile.bounds[0]
        np.testing.assert_allclose(
            geometry.bounds, tile.buffer(side / 64, join_style="mitre").bounds, atol=side / 4000
        )


def test_what_is_under_half_a_pixel_is_left_out_and_the_rest_is_not(client: TestClient, store: Store) -> None:
    sizes = [10, 45, 100, 900]
    layer = layer_of(store, [shapely.box(X + at * 2000, Y, X + at * 2000 + a, Y + a) for at, a in enumerate(sizes)])
    box = (X - 100, Y - 100, X + 9000, Y + 1000)
    for z, left in ((14, 4), (11, 3), (10, 3), (9, 2), (7, 1)):  # 5, 40, 80, 160 and 640 m a pixel
        ids = {properties["id"] for _, properties, _ in tiles_over(client, layer, z, box)}
        assert len(ids) == left, z


def test_the_past_is_shown_too_and_tags_tell_revisions_apart(client: TestClient, store: Store) -> None:
    layer = layer_of(store, [shapely.box(X, Y, X + 900, Y + 900), shapely.box(X + 900, Y, X + 1800, Y + 900)])
    box = (X, Y, X + 1800, Y + 900)
    first = {properties["id"]: properties["class"] for _, properties, _ in tiles_over(client, layer, 12, box)}
    one, other = sorted(first)
    url = f"/api/v1/inventories/{layer}/tiles/3/4/2.mvt"
    tag = client.get(url).headers["etag"]
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 304
    store.apply(layer, Edit("reclassify", (one,), class_value=2), {}, ME)
    store.apply(layer, Edit("delete", (other,)), {}, ME)
    now = {properties["id"]: properties["class"] for _, properties, _ in tiles_over(client, layer, 12, box)}
    assert now == {one: 2}
    then = {properties["id"]: properties["class"] for _, properties, _ in tiles_over(client, layer, 12, box, "?at=0")}
    assert then == first
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 200
    assert client.get(url + "?at=0", headers={"If-None-Match": tag}).status_code == 304
    kept = {at: client.get(url + at).headers["cache-control"] for at in ("", "?at=1", "?at=2", "?at=3")}
    assert [at for at, said in kept.items() if "immutable" in said] == ["?at=1", "?at=2"]  # the third is yet to come


def test_a_correction_elsewhere_leaves_a_tile_valid(client: TestClient, store: Store) -> None:
    layer = layer_of(store, [shapely.box(X, Y, X + 900, Y + 900), shapely.box(X + 50_000, Y, X + 50_900, Y + 900)])
    (left, top), resolutions = grid_of(client, layer)["origin"], grid_of(client, layer)["resolutions"]
    side = resolutions[11] * 256
    urls = [
        f"/api/v1/inventories/{layer}/tiles/11/{int((x - left) // side)}/{int((top - Y - 450) // side)}.mvt"
        for x in (X + 450, X + 50_450)
    ]
    tags = [client.get(url).headers["etag"] for url in urls]
    first, other = sorted(store.features(layer), key=lambda each: each.geometry.bounds)
    store.apply(layer, Edit("reclassify", (first.id,), class_value=2), {}, ME)
    answers = [client.get(url, headers={"If-None-Match": tag}) for url, tag in zip(urls, tags, strict=True)]
    assert [answer.status_code for answer in answers] == [200, 304]
    store.apply(layer, Edit("delete", (other.id,)), {}, ME)
    assert client.get(urls[1], headers={"If-None-Match": tags[1]}).status_code == 200


def test_grids_of_layer_and_scene_agree(client: TestClient, store: Store, project: Project) -> None:
    (entry,) = project.scenes().values()
    layer = layer_of(store, [shapely.box(X, Y, X + 900, Y + 900)])
    assert grid_of(client, layer) == client.get(f"/api/v1/scenes/{entry.id}/tilegrid").json()


def test_nothing_is_an_empty_tile_and_no_tile_is_404(client: TestClient, store: Store) -> None:
    layer = layer_of(store, [])
    tile = mapbox_vector_tile.decode(client.get(f"/api/v1/inventories/{layer}/tiles/3/4/2.mvt").content)
    assert tile["outlines"]["features"] == []
    for wrong in (f"{layer}/tiles/1/2/0", f"{layer}/tiles/29/0/0", f"{'0' * 12}/tiles/0/0/0", "..%2f/tiles/0/0/0"):
        assert client.get(f"/api/v1/inventories/{wrong}.mvt").status_code == 404
    assert client.get(f"/api/v1/inventories/{'0' * 12}/tilegrid").status_code == 404


def test_rings_are_as_the_specification_wants_them() -> None:
    shapes = np.array(glaciers(9))
    outlines = Outlines([str(number) for number in range(9)], [2] * 9, [None] * 9, shapes)
    written = encode(outlines, (X - 2000, Y - 2000, X + 18_480, Y + 18_480), 80.0)
    tile = mapbox_vector_tile.decode(written, default_options={"y_coord_down": True})
    (features,) = [layer["features"] for layer in tile.values()]
    assert len(features) == 9
    for feature in features:
        rings = feature["geometry"]["coordinates"]
        assert len(rings) == len(shapes[int(feature["properties"]["id"])].interiors) + 1
        areas = []
        for ring in np.asarray(rings[0]), *map(np.asarray, rings[1:]):
            assert (ring[0] == ring[-1]).all()
            assert (np.diff(ring, axis=0) != 0).any(axis=1).all()
            (x, y), (x_next, y_next) = ring[:-1].T, ring[1:].T
            areas.append((x * y_next - x_next * y).sum())
        assert areas[0] > 0  # the outer ring clockwise on the screen, holes the other way
        assert all(area < 0 for area in areas[1:])
