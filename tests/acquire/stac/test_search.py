"""A search finds what is there, ranks it for glacier mapping, and says what went wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import shapely
from rasterio.crs import CRS

from firnline.acquire.aoi import Aoi
from firnline.acquire.catalogue.catalogues import Catalogue
from firnline.acquire.catalogue.ranking import STRIPED, rank
from firnline.acquire.catalogue.search import Query, newest_versions, search
from firnline.acquire.catalogue.stac_items import Item, parse_item
from firnline.acquire.catalogue.whereabouts import where_about
from firnline.acquire.landsat_ids import parse_landsat_id
from firnline.acquire.network import Patience, RemoteError
from firnline.bands import Sensor
from firnline.errors import ConfigError

from .conftest import QUICK
from .server import Answer
from .world import CLEAR_DAY, CLOUDY_DAY, WINTER_DAY, FakeApi, World

Find = Callable[..., Any]
CLEAR_ID = f"LE07_L2SP_140041_{CLEAR_DAY:%Y%m%d}_02_T1"


def dates(passes: Any) -> list[dt.date]:
    return [each.date for each in passes]


def test_days_over_the_area_come_ranked(find: Find, fake: FakeApi) -> None:
    found, passes = find()
    assert dates(passes) == [CLEAR_DAY, CLOUDY_DAY, WINTER_DAY]
    assert [round(each.score, 3) for each in passes] == [1.0, 0.2, 0.15]
    assert set(fake.asked[0]) <= {"collections", "bbox", "datetime", "limit"}, "no extension is relied on"
    assert not found.left_out


@pytest.mark.parametrize("change", [{"deaf": True}, {"page": 1}, {"post": False}, {"deaf": True, "page": 2}])
def test_servers_of_little_ability_give_the_same(find: Find, fake: FakeApi, change: dict[str, Any]) -> None:
    for name, value in change.items():
        setattr(fake, name, value)
    found, passes = find(first=dt.date(2001, 9, 1), last=CLEAR_DAY, max_cloud=50)
    assert dates(passes) == [CLEAR_DAY]
    assert found.items[0].id == CLEAR_ID
    if fake.page < 100 and not fake.deaf:
        assert len(fake.asked) > 1


def test_first_and_last_day_are_included(find: Find) -> None:
    assert dates(find(first=CLEAR_DAY, last=CLEAR_DAY)[1]) == [CLEAR_DAY]


def test_cloud_that_is_not_said_is_no_reason_to_drop(find: Find, world: World) -> None:
    for item in world.items:
        item["properties"].pop("eo:cloud_cover", None)
    _, passes = find(max_cloud=10)
    assert len(passes) == 3
    assert passes[0].cloud_cover is None
    assert passes[0].score == pytest.approx(0.5)


@pytest.mark.parametrize(
    "name",
    [
        "LE07_L1TP_140041_20011030_20170101_01_T1",
        "LE71400412001303SGS00",
        "LANDSAT/LE07/C01/T1/LE07_140041_20011030",
        CLEAR_ID,
    ],
)
@pytest.mark.parametrize("with_area", [True, False])
def test_ids_of_any_collection_are_mapped(catalogue: Catalogue, aoi: Aoi, name: str, with_area: bool) -> None:
    query = Query(
        (Sensor.LANDSAT7,), aoi if with_area else None, ids=(name, "LE07_L1TP_140041_20011115_20170101_01_T1")
    )
    found = search(catalogue, query, QUICK)
    assert [item.id for item in found.items] == [CLEAR_ID]
    assert [each.why for each in found.left_out] == ["is not in this catalogue"]


def test_paths_and_rows_are_where_they_are() -> None:
    """Centres of scenes as the items of public catalogues give them."""
    for name, (longitude, latitude) in {
        "LE07_044033_20210329": (-121.85, 38.93),
        "LE07_021030_20100109": (-84.77, 43.18),
        "LC08_047027_20201204": (-122.7, 47.45),
    }.items():
        product = parse_landsat_id(name)
        assert product is not None
        west, south, east, north = where_about(product)
        assert abs((west + east) / 2 - longitude) < 1.0
        assert abs((south + north) / 2 - latitude) < 0.5


def made(name: str, box: tuple[float, float, float, float], day: str, cloud: float | None = 0.0, **more: Any) -> Item:
    properties = {"datetime": f"{day}T04:30:00Z", "eo:cloud_cover": cloud, **more}
    geometry = shapely.geometry.mapping(shapely.box(*box))
    return parse_item(
        {"id": name, "geometry": geometry, "properties": properties, "assets": {"red": {"href": "http://x/r.tif"}}}
    )


def test_newest_versions_are_kept_and_halves_of_a_tile_both() -> None:
    box = (86.0, 27.0, 87.0, 28.0)
    real_time = made("LE07_L2SP_140041_20011030_20011101_02_RT", box, "2001-10-30")
    final = made("LE07_L2SP_140041_20011030_20200917_02_T1", box, "2001-10-30")
    reflectance = made("LE07_L2SR_140041_20011030_20200917_02_T1", box, "2001-10-30")
    old = made("S2A_MSIL2A_20181012T045701_N0208_R119_T45RVL_20181012T080531", box, "2018-10-12")
    new = made("S2A_MSIL2A_20181012T045701_N0500_R119_T45RVL_20230801T080531", box, "2018-10-12")
    west = made("S2B_MSIL2A_20191012T045701_N0500_R119_T45RVL_20230801T080531", (86, 27, 86.55, 28), "2019-10-12")
    east = made("S2B_MSIL2A_20191012T045701_N0500_R119_T45RVL_20230802T080531", (86.5, 27, 87, 28), "2019-10-12")
    kept, older = newest_versions([new, real_time, final, reflectance, old, west, east])
    assert {item.id for item in kept} == {final.id, new.id, west.id, east.id}
    assert older == 3


def test_scores_are_the_product_of_their_parts() -> None:
    area = shapely.box(86.0, 27.0, 87.0, 28.0)
    north = made("LE07_L2SP_140040_20071012_02_T1", (85, 27.5, 88, 29), "2007-10-12", 10.0, platform="landsat-7")
    south = made("LE07_L2SP_140041_20071012_02_T1", (85, 26, 88, 27.5), "2007-10-12", 30.0, platform="LANDSAT_7")
    half = made("LC08_L2SP_140041_20180703_02_T1", (85, 26, 86.5, 29), "2018-07-03", 0.0, platform="landsat-8")
    passes = rank([south, half, north], area)
    assert [len(each.items) for each in passes] == [2, 1]
    both, one = passes
    assert both.coverage == pytest.approx(1.0)
    assert both.cloud_cover == pytest.approx(20.0, abs=0.1)
    assert both.score == pytest.approx(0.8 * STRIPED, abs=2e-3)
    assert (one.season, one.coverage) == ("early summer", pytest.approx(0.5, abs=1e-3))
    assert one.score == pytest.approx(0.25, abs=1e-3)


def test_a_broken_item_is_left_out_and_said(find: Find, world: World) -> None:
    good = world.item(CLEAR_ID)
    breaks: dict[str, dict[str, Any]] = {
        "no-footprint": {"geometry": None},
        "bad-footprint": {"geometry": {"type": "Polygon", "coordinates": [[[1, 2], [3]]]}},
        "no-files": {"assets": {}},
        "no-date": {"properties": {"platform": "landsat-7", "datetime": "2001-13-45"}},
        "no-properties": {"properties": None},
    }
    world.items += [{**deepcopy(good), "id": name, **change} for name, change in breaks.items()]
    world.server.routes["/stac/search"] = lambda _: Answer.of(
        {"type": "FeatureCollection", "features": [*world.items, "nonsense", {"id": 7}], "links": []}
    )
    found, passes = find()
    assert dates(passes) == [CLEAR_DAY, CLOUDY_DAY, WINTER_DAY]
    why = {each.id: each.why for each in found.left_out}
    assert set(breaks) <= set(why)
    assert why["no-footprint"] == "has no footprint"
    assert "2001-13-45" in why["no-date"]
    assert len(found.left_out) == len(breaks) + 2


def test_nothing_found_says_why(find: Find, aoi: Aoi) -> None:
    elsewhere = replace(aoi, geometry=shapely.box(8.0, 46.0, 8.1, 46.1), crs=CRS.from_epsg(4326))
    with pytest.raises(RemoteError, match=r"^fake: has nothing like that in landsat-c2-l2; widen"):
        find(aoi=elsewhere)
    with pytest.raises(RemoteError, match="3 items of other sensors"):
        find(Sensor.LANDSAT8)
    with pytest.raises(RemoteError, match="1 items with more than 5 % cloud"):
        find(first=CLOUDY_DAY, last=CLOUDY_DAY, max_cloud=5)
    with pytest.raises(ConfigError, match="one by one"):
        find(Sensor.LANDSAT8, Sensor.SENTINEL2)


def test_a_busy_server_is_waited_for(find: Find, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    world.server.script("/stac", Answer(500), None)
    world.server.script("/stac/search", Answer(429, headers={"Retry-After": "7"}), Answer(503), None)
    assert dates(find()[1])[0] == CLEAR_DAY
    assert QUICK.longest_wait in waits, "it asked for 7 s, which is more than our patience"


def test_a_body_that_breaks_off_is_asked_for_again(find: Find, world: World) -> None:
    world.server.script("/stac/search", Answer(200, b'{"type": "FeatureCollection", "fea' * 9, break_after=20), None)
    assert dates(find()[1])[0] == CLEAR_DAY


@pytest.mark.parametrize(
    ("path", "answers", "words"),
    [
        ("/stac/search", [Answer(429)] * 3, "answered 429; try again later"),
        ("/stac/search", [Answer(500)] * 3, "answered 500; try again later"),
        ("/stac/search", [Answer(400, b"{}")], "answered 400; check"),
        ("/stac/search", [Answer(silent=True)] * 3, "did not answer in time; try again later"),
        ("/stac/search", [Answer(200, b"<html>")], "sends what is no list of items"),
        ("/stac/search", [Answer.of([1, 2])], "sends what is no list of items"),
        ("/stac/search", [Answer.of({"features": 3})], "sends what is no list of items"),
        ("/stac", [Answer(200, b"<html>")], "is no STAC API"),
        ("/stac", [Answer.of({"type": "Catalog"})], "is no STAC API"),
        ("/stac", [Answer(404)], "answered 404"),
    ],
)
def test_a_server_that_fails_is_one_clear_line(
    catalogue: Catalogue, aoi: Aoi, world: World, path: str, answers: list[Answer], words: str
) -> None:
    world.server.script(path, *answers)
    patience = Patience(attempts=3, first_wait=0.001, longest_wait=0.002, timeout=0.15)
    with pytest.raises(RemoteError, match=words) as error:
        search(catalogue, Query((Sensor.LANDSAT7,), aoi), patience)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(catalogue.api)


def test_a_catalogue_that_cannot_search_and_no_server(catalogue: Catalogue, fake: FakeApi, aoi: Aoi) -> None:
    fake.conforms = ["https://api.stacspec.org/v1.0.0/core"]
    with pytest.raises(RemoteError, match="no conformance with STAC API item search"):
        search(catalogue, Query((Sensor.LANDSAT7,), aoi), QUICK)
    gone = replace(catalogue, api="http://127.0.0.1:9/stac")
    with pytest.raises(RemoteError, match="refused"):
        search(gone, Query((Sensor.LANDSAT7,), aoi), QUICK)


def test_a_server_that_pages_in_circles_is_told(find: Find, fake: FakeApi, world: World) -> None:
    def circle(_: Any) -> Answer:
        link = {"rel": "next", "href": f"{fake.url}/search", "method": "POST", "body": {}}
        return Answer.of({"type": "FeatureCollection", "features": world.items, "links": [link]})

    world.server.routes["/stac/search"] = circle
    with pytest.raises(RemoteError, match="the same page again and again"):
        find()
