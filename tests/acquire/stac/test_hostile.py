"""A catalogue or a server that is broken or means ill: one clear line, nothing of another file, nothing lost."""

from __future__ import annotations

import datetime as dt
import json
import tracemalloc
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely

from firnline.acquire.aoi import Aoi
from firnline.acquire.catalogue.catalogues import Catalogue, choose_catalogue
from firnline.acquire.catalogue.overview import look
from firnline.acquire.catalogue.preview import preview
from firnline.acquire.catalogue.ranking import rank
from firnline.acquire.catalogue.search import newest_versions
from firnline.acquire.catalogue.signing import Signer
from firnline.acquire.catalogue.stac_items import ItemError, parse_item
from firnline.acquire.catalogue.whereabouts import where_about
from firnline.acquire.download import alone
from firnline.acquire.fetching.dem_tiles import fetch_dem, mosaic
from firnline.acquire.fetching.fetch import FetchOptions, fetch
from firnline.acquire.fetching.parts import Wanted, copy_parts
from firnline.acquire.network import RemoteError, reason
from firnline.acquire.sentinel2_ids import parse_sentinel2_id
from firnline.errors import OutputError

from .conftest import QUICK
from .server import Answer
from .world import AOI, CLEAR_DAY, LANDSAT, SIZE, UTM, World, cog, write_area

CLEAR_ID = f"LE07_L2SP_140041_{CLEAR_DAY:%Y%m%d}_02_T1"
Find = Callable[..., Any]
Run = Callable[..., tuple[int, str, str]]


def wanted_red(world: World, name: str = CLEAR_ID) -> Wanted:
    return Wanted(name, "red", f"{world.server.url}{world.path(CLEAR_ID, 'red')}", "landsat-c2-l2")


@pytest.mark.parametrize("href", ["/vsimem/{0}", "file://{0}", "{0}", "/vsicurl/file://{0}"])
def test_an_address_never_leads_to_a_file_of_this_machine(
    find: Find, aoi: Aoi, world: World, tmp_path: Path, href: str
) -> None:
    secret = tmp_path / "secret.tif"
    secret.write_bytes(world.server.files[world.path(CLEAR_ID, "green")])
    for asset in world.item(CLEAR_ID)["assets"].values():
        asset["href"] = href.format(secret)
    found, passes = find(last=CLEAR_DAY, first=CLEAR_DAY)
    for use in (
        lambda: look(found, passes, aoi, QUICK),
        lambda: preview(found, passes, tmp_path / "pictures", aoi, patience=QUICK),
        lambda: fetch(found, passes, tmp_path / "scene.tif", aoi, FetchOptions(with_dem=False), patience=QUICK),
    ):
        with pytest.raises(RemoteError, match="is not on the web"):
            use()
    assert [path.name for path in tmp_path.iterdir()] == ["secret.tif"]


def test_names_that_differ_never_share_a_copy(world: World, catalogue: Catalogue, aoi: Aoi, tmp_path: Path) -> None:
    long = "x" * 200
    names = ["a/b", "a_b", "a:b", f"{long}1", f"{long}2", "..", "."]
    wanted = [wanted_red(world, name) for name in names]
    parts = copy_parts(wanted, tmp_path / "parts", aoi, Signer(catalogue, QUICK), patience=QUICK)
    paths = {part.path for part in parts.values() if part is not None}
    assert len(paths) == len(names)
    assert all((tmp_path / "parts").resolve() in path.resolve().parents for path in paths)


def test_a_copy_of_a_file_without_a_version_is_not_taken_again(
    world: World, catalogue: Catalogue, aoi: Aoi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.server, "etags", False)
    address, wanted = world.path(CLEAR_ID, "red"), wanted_red(world)
    copy_parts([wanted], tmp_path, aoi, Signer(catalogue, QUICK), patience=QUICK)
    old = world.server.files[address]
    values = np.random.default_rng(0).permutation(world.pixels[CLEAR_ID, "red"].ravel()).reshape(SIZE, SIZE)
    new = cog(values, UTM, LANDSAT)
    size = max(len(old), len(new))
    world.server.files[address] = new + b"\0" * (size - len(new))
    record = next(tmp_path.rglob("red.json"))
    told = json.loads(record.read_text())
    record.write_text(json.dumps({**told, "size": size}))
    (again,) = copy_parts([wanted], tmp_path, aoi, Signer(catalogue, QUICK), patience=QUICK).values()
    assert again is not None
    with rasterio.open(again.path) as dataset:
        np.testing.assert_array_equal(dataset.read(1), values[184:316, 184:316])


def test_two_fetches_into_one_place_do_not_meet(find: Find, aoi: Aoi, tmp_path: Path) -> None:
    found, passes = find()
    folder = tmp_path / "scene.tif.parts"
    folder.mkdir()
    with (folder / ".lock").open("ab") as lock, alone(lock, tmp_path / "scene.tif"):
        (folder / "copy.tif").write_bytes(b"of the other one")
        with pytest.raises(OutputError, match="by another process"):
            fetch(found, passes[:1], tmp_path / "scene.tif", aoi, FetchOptions(with_dem=False), patience=QUICK)
    assert (folder / "copy.tif").exists()
    assert not (tmp_path / "scene.tif").exists()


def test_an_area_file_is_never_overwritten(find: Find, aoi: Aoi, world: World, tmp_path: Path) -> None:
    """An area in scene.json and a scene called scene.tif: its item would be scene.json."""
    found, passes = find()
    area = tmp_path / "scene.json"
    area.write_text('{"type": "FeatureCollection", "features": []}')
    world.server.requests.clear()
    with pytest.raises(OutputError, match=r"scene\.json: is there already"):
        fetch(found, passes[:1], tmp_path / "scene.tif", aoi, FetchOptions(with_dem=False), patience=QUICK)
    assert not world.server.requests, "told before anything is fetched"
    assert "FeatureCollection" in area.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["scene.json"]


def twins(world: World) -> tuple[Any, Any]:
    """Two satellites with the same instrument, of one day."""
    raw = next(item for item in world.items if item["id"].startswith("S2A"))
    other = deepcopy(raw)
    other["id"] = raw["id"].replace("S2A", "S2B")
    other["properties"]["platform"] = "Sentinel-2B"
    return parse_item(raw), parse_item(other)


def test_two_satellites_of_one_day_are_two_files(find: Find, aoi: Aoi, world: World, tmp_path: Path) -> None:
    found, _ = find()
    passes = rank(twins(world), None)
    assert len(passes) == 2
    pictures = preview(found, passes, tmp_path / "pictures", aoi, side=64, patience=QUICK)
    assert len(set(pictures)) == 3
    options = FetchOptions(with_dem=False, bands=("green",))
    scenes = fetch(found, passes, tmp_path / "scene.tif", aoi, options, patience=QUICK)
    told = [json.loads(scene.manifest.read_text())["products"][0]["id"] for scene in scenes]
    assert told == [each.items[0].id for each in passes]
    assert len({scene.path for scene in scenes}) == 2


def test_two_orbits_of_one_day_are_no_versions(world: World) -> None:
    one, _ = twins(world)
    later = replace(one, id=one.id.replace("R119", "R076"), moment=one.moment + dt.timedelta(minutes=100))
    reprocessed = replace(one, id=one.id.replace("T080531", "T190000"), moment=one.moment + dt.timedelta(seconds=8))
    assert newest_versions([one, later])[1] == 0
    assert newest_versions([one, reprocessed])[1] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"properties": {"datetime": "0001-01-01T00:00:00+23:00", "platform": "landsat-7"}},
        {"geometry": {"type": "Polygon", "coordinates": [[[4e5, 3e6], [5e5, 3e6], [5e5, 4e6], [4e5, 3e6]]]}},
        {"geometry": {"type": "Polygon", "coordinates": [[[86, 27], [float("nan"), 27], [87, 28], [86, 27]]]}},
        {"geometry": {"type": "Polygon", "coordinates": [[[86, 27], [1e400, 27], [87, 28], [86, 27]]]}},
    ],
)
def test_an_item_of_nonsense_is_told(world: World, change: dict[str, Any]) -> None:
    with pytest.raises(ItemError, match=r"has no date|footprint"):
        parse_item({**world.item(CLEAR_ID), **change})


def test_the_words_of_a_catalogue_are_no_markup(
    firnline: Run, world: World, catalogue: Catalogue, area_file: Path
) -> None:
    world.item(CLEAR_ID)["id"] = "[red]LE07[/bold]"
    dates = ("--dates", "2001-10-01/2001-11-30", "--sensor", "landsat7")
    code, out, error = firnline(
        *("scenes", "search", "--aoi", area_file, *dates), *("--api", catalogue.api, "--collection", "landsat-c2-l2")
    )
    assert (code, error) == (0, "")
    assert "[red]LE07[/bold]" in out


def test_a_search_written_down_survives_a_newer_version(
    firnline: Run, world: World, catalogue: Catalogue, area_file: Path, tmp_path: Path
) -> None:
    """The catalogue has the day under another id by now."""
    dates = ("--dates", "2001-10-01/2001-11-30", "--sensor", "landsat7")
    where = ("--api", catalogue.api, "--collection", "landsat-c2-l2")
    _, out, _ = firnline("scenes", "search", "--aoi", area_file, *dates, *where, "--json")
    written = tmp_path / "search.json"
    written.write_text(out)
    world.item(CLEAR_ID)["id"] = "LE07_L2SP_140041_20011030_20200917_02_T1"
    out = tmp_path / "pictures"
    code, text, error = firnline("scenes", "preview", "--aoi", area_file, "--search", written, "-o", out)
    assert (code, error) == (0, "")
    assert "20011030_landsat7.png" in text


def test_a_dem_server_that_minds_no_box_does_not_send_the_whole_earth(
    catalogue: Catalogue, aoi: Aoi, fake: Any, world: World, tmp_path: Path
) -> None:
    near = next(item for item in world.items if item["collection"] == "cop-dem-glo-30")
    for number in range(30):
        far = deepcopy(near)
        box = shapely.box(-60 + number, 10, -59 + number, 11)
        far |= {"id": f"far-{number}", "geometry": shapely.geometry.mapping(box), "bbox": list(box.bounds)}
        world.items.append(far)
    fake.deaf = True
    world.items = [item for item in world.items if item["collection"] == "cop-dem-glo-30"]
    world.server.requests.clear()
    _, records = fetch_dem(catalogue, None, aoi, tmp_path, Signer(catalogue, QUICK), patience=QUICK)
    assert [record["item"] for record in records] == [near["id"]]
    asked = world.server.asked(world.path(near["id"], "data"))
    assert sum(request.headers.get("range") == "bytes=0-0" for request in asked) == 1


def test_a_large_dem_is_put_together_in_strips(tmp_path: Path) -> None:
    at = rasterio.Affine(0.001, 0, 86, 0, -0.001, 28)
    heights = np.arange(3000 * 400, dtype=np.float32).reshape(3000, 400)
    for name, rows in (("a", slice(0, 1300)), ("b", slice(1300, 3000))):
        here = rasterio.Affine(0.001, 0, 86, 0, -0.001, 28 - 0.001 * rows.start)
        (tmp_path / f"{name}.tif").write_bytes(cog(heights[rows], rasterio.CRS.from_epsg(4326), here))
    tracemalloc.start()
    mosaic([tmp_path / "a.tif", tmp_path / "b.tif"], tmp_path / "dem.tif")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.6 * heights.nbytes
    with rasterio.open(tmp_path / "dem.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), heights)
        assert dataset.transform.almost_equals(at)


def test_tiles_of_the_far_north_lie_in_widened_zones() -> None:
    """Tiles of ESA's grid: 32VKM begins west of 4 degrees east, 33XVG reaches to 10 degrees east."""
    for tile, longitude, latitude in (("32VKM", 4.2, 59.9), ("33XVG", 10.6, 78.5), ("33XXG", 19.5, 78.3)):
        found = parse_sentinel2_id(f"S2A_{tile}_20230801_0_L2A")
        assert found is not None
        west, south, east, north = where_about(found)
        assert west <= longitude <= east, tile
        assert south <= latitude <= north


def test_what_is_secret_in_an_address_is_not_told(
    find: Find, aoi: Aoi, catalogue: Catalogue, world: World, tmp_path: Path
) -> None:
    secret = f"{catalogue.api.replace('http://', 'http://user:word@')}?key=hidden"
    chosen = choose_catalogue(None, secret)
    found, passes = find(last=CLEAR_DAY, first=CLEAR_DAY)
    item = replace(passes[0].items[0], link="https://host.org/item?sig=hidden")
    found = replace(found, catalogue=replace(chosen, collections=catalogue.collections))
    options = FetchOptions(with_dem=False, bands=("green",))
    (scene,) = fetch(found, [replace(passes[0], items=(item,))], tmp_path / "a.tif", aoi, options, patience=QUICK)
    for path in tmp_path.iterdir():
        assert b"hidden" not in path.read_bytes(), path.name
        assert b"user:word" not in path.read_bytes(), path.name
    assert "hidden" not in reason(ValueError("Failed to parse: https://host.org/B4.tif?sig=hidden"))
    assert scene.path.exists()


def test_waiting_is_told(
    world: World, catalogue: Catalogue, aoi: Aoi, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world.server.script(world.path(CLEAR_ID, "red"), Answer(503))
    copy_parts([wanted_red(world)], tmp_path, aoi, Signer(catalogue, QUICK), patience=QUICK)
    assert "127.0.0.1 answered 503, asking again" in caplog.text


def test_an_area_is_where_it_says(firnline: Run, tmp_path: Path) -> None:
    for name, area, words in (
        ("metres.gpkg", AOI, "is said to be in degrees"),
        ("line.gpkg", shapely.Polygon([(86, 27), (87, 28), (86, 27)]), "no polygon that has an area"),
    ):
        path = write_area(tmp_path / name, area, rasterio.CRS.from_epsg(4326))
        code, _, error = firnline(
            *("scenes", "search", "--aoi", path, "--dates", "2001-10-01/2001-11-30", "--sensor", "landsat7"),
            *("--api", "http://127.0.0.1:9", "--collection", "x"),
        )
        assert code == 2
        assert words in error
        assert error.count("\n") == 1
