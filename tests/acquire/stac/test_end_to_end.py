"""From a search to a scene, on the command line, with a STAC API server made by others and real range requests."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from firnline.flags import Flag, read_flags
from firnline.scene import open_scene

from .server import Answer
from .world import BANDS, CLEAR_DAY, CLOUDY_DAY, FakeApi, World, collections

CLEAR_ID = f"LE07_L2SP_140041_{CLEAR_DAY:%Y%m%d}_02_T1"
CLOUDY_ID = f"LE07_L2SP_140041_{CLOUDY_DAY:%Y%m%d}_02_T1"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def api(interop: Callable[[str], Any], world: World, tmp_path: Path) -> Iterator[str]:
    """``rustac serve`` with the collections and items in memory; its address."""
    interop("rustac")
    files = []
    for collection in collections(world):
        path = tmp_path / f"{collection['id']}.json"
        path.write_text(json.dumps(collection))
        files.append(str(path))
    items = tmp_path / "items.json"
    items.write_text(json.dumps({"type": "FeatureCollection", "features": world.items}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [str(Path(sys.executable).with_name("rustac")), "serve", "--addr", address, *files, str(items)]
    with (tmp_path / "rustac.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(f"http://{address}/", process, tmp_path / "rustac.log")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise AssertionError(log.read_text())


def test_search_to_scene(firnline: Run, api: str, area_file: Path, world: World, tmp_path: Path) -> None:
    where = ("--aoi", area_file, "--api", api, "--collection", "landsat-c2-l2")
    when = ("--dates", "2001-08-01/2002-03-31", "--sensor", "landsat7")
    code, out, err = firnline("scenes", "search", *where, *when, "--look", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert [each["date"] for each in told["passes"]] == ["2001-10-30", "2001-09-28", "2002-01-18"]
    best, cloudy, winter = told["passes"]
    assert best["items"][0]["id"] == CLEAR_ID
    assert (best["look"]["seen"], best["look"]["clear"]) == (1.0, 1.0)
    assert cloudy["look"]["clear"] == pytest.approx(0.44, abs=0.03), "rows 256 to 300 of 200 to 300"
    assert winter["look"]["snow"] == 1.0
    ice = (np.indices((320, 320)).sum(axis=0) < 480)[200:300, 200:300].mean()
    assert best["look"]["snow"] == pytest.approx(ice, abs=0.03)
    assert best["score"] == pytest.approx(np.prod(list(best["parts"].values())), abs=2e-3)

    found = tmp_path / "found.json"
    found.write_text(out)
    code, out, err = firnline(
        *("scenes", "fetch", "--aoi", area_file, "--search", found, "--best", 2, "-o", tmp_path / "khumbu.tif"),
        *("--dem-collection", "cop-dem-glo-30"),
    )
    assert code == 0, err
    for day, name in (("20011030", CLEAR_ID), ("20010928", CLOUDY_ID)):
        path = tmp_path / f"khumbu_{day}.tif"
        assert f"scene    {path}" in out
        scene = open_scene(path)
        assert {*BANDS, "lwir11", "ndvi", "ndsi", "ndmi", "ndwi", "elevation", "slope"} == set(scene.band_names)
        flags = read_flags(path.with_name(f"khumbu_{day}.flags.tif"), scene.grid)
        is_cloud = flags & Flag.CLOUD != 0
        assert is_cloud.sum() == (5600 if name == CLOUDY_ID else 0)
        with rasterio.open(path) as dataset, scene.reader() as reader:
            for band in BANDS:
                pixels = dataset.read(dataset.descriptions.index(band) + 1)
                expected = world.pixels[name, band][200:300, 200:300]
                np.testing.assert_array_equal(pixels[~is_cloud], expected[~is_cloud])
                assert np.isnan(reader.read([band], scene.grid.window)[0][is_cloud]).all()
    ranges = [request.headers.get("range") for request in world.server.asked(f"/{CLEAR_ID}/red.tif")]
    assert any(ranges)


def test_sentinel_2_and_ids_of_collection_1(
    firnline: Run, api: str, area_file: Path, world: World, tmp_path: Path
) -> None:
    where = ("--aoi", area_file, "--api", api)
    (tmp_path / "ids.txt").write_text(
        "# of the paper\nLE07_L1TP_140041_20011030_20170202_01_T1\nLE07_140041_19991010\n"
    )
    code, out, err = firnline(
        "scenes", "search", *where, "--collection", "landsat-c2-l2", "--ids", tmp_path / "ids.txt"
    )
    assert code == 0
    assert CLEAR_ID in out
    assert "left out: LE07_140041_19991010 is not in this catalogue" in err
    name = next(item["id"] for item in world.items if item["id"].startswith("S2A"))
    code, out, err = firnline(
        *("scenes", "fetch", *where, "--collection", "sentinel-2-l2a", "--id", name, "-o", tmp_path / "s2.tif"),
        *("--no-dem", "--bands", "green,red,nir08,swir16"),
    )
    assert code == 0, err
    assert "does not say whether the offset of 1000 is in" in out, "a server that nobody knows must say so itself"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--dates", "2001"), "--dates"),
        (("--dates", "2002-01-01/2001-01-01"), "ends before it begins"),
        (("--sensor", "landsat3"), "landsat3"),
        (("--catalogue", "usgs"), "--catalogue and --api"),
        (("--aoi", "none.gpkg"), "none.gpkg: does not exist"),
        (("--ids", "none.txt"), "none.txt"),
    ],
)
def test_bad_options_are_one_line(
    firnline: Run, fake: FakeApi, area_file: Path, arguments: tuple[str, str], words: str
) -> None:
    given = {"--aoi": area_file, "--dates": "2001-01-01/..", "--sensor": "landsat7", "--api": fake.url}
    given |= {"--collection": "landsat-c2-l2", arguments[0]: arguments[1]}
    code, out, err = firnline("scenes", "search", *(word for pair in given.items() for word in pair))
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_the_command_line_tells_failures_in_one_line(
    firnline: Run, fake: FakeApi, world: World, area_file: Path, tmp_path: Path
) -> None:
    where = ("--aoi", area_file, "--api", fake.url, "--collection", "landsat-c2-l2", "--sensor", "landsat7")
    world.server.script("/stac/search", Answer(400))
    for dates, words in (("2001-01-01/..", "answered 400"), ("1999-01-01/1999-12-31", "has nothing like that")):
        code, _, err = firnline("scenes", "fetch", *where, "--dates", dates, "-o", tmp_path / "x" / "scene.tif")
        assert code == 2
        assert words in err
        assert err.count("\n") == 1
    assert not (tmp_path / "x").exists()
    code, _, err = firnline("scenes", "fetch", "--search", area_file, "--aoi", area_file, "-o", tmp_path / "s.tif")
    assert (code, "is not what a search wrote" in err) == (2, True)
    code, _, err = firnline("scenes", "search", "--api", fake.url, "--id", "LE07_140041_20011030")
    assert (code, "--collection" in err) == (2, True)
