"""A fetched scene has the catalogue's very pixels; what was copied is kept, checked, and not copied again."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely

from firnline.acquire.aoi import Aoi
from firnline.acquire.catalogue.catalogues import Catalogue, Family
from firnline.acquire.catalogue.signing import Signer
from firnline.acquire.fetching.dem_tiles import mosaic
from firnline.acquire.fetching.fetch import FetchOptions, fetch
from firnline.acquire.fetching.parts import Wanted, copy_parts
from firnline.acquire.network import Patience, RemoteError
from firnline.acquire.ready.settings import Dem, ReadySettings
from firnline.bands import Level, Sensor
from firnline.errors import BandError, ConfigError, FirnlineError
from firnline.scene import open_scene

from .conftest import QUICK
from .server import Answer
from .world import BANDS, CLEAR_DAY, CLOUDY_DAY, LEFT, SENTINEL2, TOP, UTM, World, cog

CLEAR_ID = f"LE07_L2SP_140041_{CLEAR_DAY:%Y%m%d}_02_T1"
Find = Callable[..., Any]
IMPATIENT = Patience(attempts=2, first_wait=0.01, longest_wait=0.02, timeout=1.0)


@pytest.fixture
def get(find: Find, aoi: Aoi, tmp_path: Path) -> Callable[..., Any]:
    """Fetch the clear day, or what is found otherwise."""

    def run(
        *,
        area: Aoi = aoi,
        patience: Patience = QUICK,
        best: int = 1,
        sensor: Sensor = Sensor.LANDSAT7,
        **options: Any,
    ) -> Any:
        found, passes = find(sensor, last=CLEAR_DAY if sensor == Sensor.LANDSAT7 else dt.date(2023, 12, 31), aoi=area)
        with_dem = options.pop("with_dem", False)
        return fetch(
            found,
            passes[:best],
            tmp_path / "scene.tif",
            area,
            FetchOptions(with_dem=with_dem, **options),
            patience=patience,
        )

    return run


def stored(path: Path, name: str) -> Any:
    with rasterio.open(path) as dataset:
        return dataset.read(dataset.descriptions.index(name) + 1)


def test_pixels_are_the_catalogues_on_a_grid_at_15_mod_30(get: Any, world: World, tmp_path: Path) -> None:
    (scene,) = get()
    with rasterio.open(scene.path) as dataset:
        assert dataset.transform == rasterio.Affine(30, 0, LEFT + 6000, 0, -30, TOP - 6000)
        assert (dataset.transform.c % 30, dataset.transform.f % 30) == (15, 15)
        assert dataset.shape == (100, 100)
    for name in BANDS:
        np.testing.assert_array_equal(stored(scene.path, name), world.pixels[CLEAR_ID, name][200:300, 200:300])
    opened = open_scene(scene.path)
    assert (opened.sensor, opened.date) == (Sensor.LANDSAT7, CLEAR_DAY)
    green = next(band for band in opened.bands if band.name == "green")
    assert green.level == Level.SURFACE_REFLECTANCE
    with opened.reader() as reader:
        values = reader.read(["green", "lwir11"], opened.grid.window)
    expected = world.pixels[CLEAR_ID, "green"][200:300, 200:300] * 2.75e-05 - 0.2
    np.testing.assert_allclose(values[0], expected, atol=1e-6)
    np.testing.assert_allclose(values[1], 270 + np.arange(200, 300) / 50 * np.ones((100, 1)), atol=0.01)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "scene.flags.tif",
        "scene.json",
        "scene.manifest.json",
        "scene.tif",
    ]


def test_only_the_window_is_transferred(get: Any, world: World) -> None:
    get()
    path = world.path(CLEAR_ID, "red")
    reads = [request.headers.get("range") for request in world.server.asked(path) if request.method == "GET"]
    assert all(reads), "every read asks for a range"
    whole = sum(len(content) for name, content in world.server.files.items() if name.startswith(f"/{CLEAR_ID}/"))
    assert world.server.bytes_sent < 0.75 * whole


def test_the_manifest_says_what_came_from_where(get: Any, world: World, catalogue: Catalogue) -> None:
    (scene,) = get()
    told = json.loads(scene.manifest.read_text())["provenance"]
    assert (told["catalogue"], told["api"], told["collection"]) == ("fake", catalogue.api, "landsat-c2-l2")
    (item,) = told["items"]
    assert item["id"] == CLEAR_ID
    red = next(asset for asset in item["assets"] if asset["asset"] == "red")
    assert red["href"] == f"{world.server.url}/{CLEAR_ID}/red.tif"
    assert red["size"] == len(world.server.files[f"/{CLEAR_ID}/red.tif"])
    assert red["window"] == {"row": 184, "column": 184, "height": 132, "width": 132}
    assert len(red["sha256"]) == 64
    assert red["etag"]


def test_a_fetch_that_failed_goes_on_with_what_is_missing(get: Any, world: World, tmp_path: Path) -> None:
    broken = world.path(CLEAR_ID, "swir16")
    world.server.script(broken, *[Answer(503)] * 50)
    with pytest.raises(RemoteError, match=r"swir16\.tif: cannot be read: the server answered 503"):
        get(jobs=1, patience=IMPATIENT)
    assert not (tmp_path / "scene.tif").exists()
    folder = tmp_path / "scene.tif.parts" / CLEAR_ID
    copied = {path.name for path in folder.iterdir()}
    assert {"red.tif", "red.json"} <= copied
    assert not any(name.startswith(".") for name in copied), "nothing half-written"
    world.server.scripts.clear()
    world.server.requests.clear()
    (scene,) = get()
    np.testing.assert_array_equal(stored(scene.path, "swir16"), world.pixels[CLEAR_ID, "swir16"][200:300, 200:300])
    again = world.server.asked(world.path(CLEAR_ID, "red"))
    assert [request.headers["range"] for request in again] == ["bytes=0-0"], "its version is asked for, no pixel"
    assert not (tmp_path / "scene.tif.parts").exists()


@pytest.mark.parametrize("change", ["another file", "another area", "a damaged part", "no record"])
def test_a_part_is_taken_only_when_it_is_the_same(
    world: World, catalogue: Catalogue, aoi: Aoi, tmp_path: Path, change: str
) -> None:
    address = world.path(CLEAR_ID, "red")
    wanted = Wanted(CLEAR_ID, "red", f"{world.server.url}{address}", "landsat-c2-l2")
    signer = Signer(catalogue, QUICK)
    (part,) = copy_parts([wanted], tmp_path, aoi, signer, patience=QUICK).values()
    assert part is not None
    expected, first = world.pixels[CLEAR_ID, "red"], 184
    if change == "another file":
        expected = expected[::-1].copy()
        world.server.files[address] = cog(expected, UTM, rasterio.Affine(30, 0, LEFT, 0, -30, TOP))
    elif change == "another area":
        aoi, first = replace(aoi, geometry=shapely.box(LEFT + 3000, TOP - 9000, LEFT + 9000, TOP - 6000)), 84
    elif change == "a damaged part":
        part.path.write_bytes(part.path.read_bytes()[:-2000])
    else:
        part.path.with_suffix(".json").unlink()
    for asked in (3, 1):  # copied anew, and then not again
        world.server.requests.clear()
        (again,) = copy_parts([wanted], tmp_path, aoi, signer, patience=QUICK).values()
        assert again is not None
        with rasterio.open(again.path) as dataset:
            np.testing.assert_array_equal(dataset.read(1), expected[184:316, first:316])
            assert dataset.transform == rasterio.Affine(30, 0, LEFT + 30 * first, 0, -30, TOP - 30 * 184)
        reads = [request for request in world.server.asked(address) if request.method == "GET"]
        assert len(reads) >= asked if asked > 1 else len(reads) == 1


def test_a_body_that_breaks_off_is_read_again(get: Any, world: World) -> None:
    path = world.path(CLEAR_ID, "red")
    world.server.script(path, None, Answer(break_after=3000), None, Answer(break_after=100))
    (scene,) = get(bands=("red", "green"))
    np.testing.assert_array_equal(stored(scene.path, "red"), world.pixels[CLEAR_ID, "red"][200:300, 200:300])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda content: content[: len(content) // 3], "red.tif: copy stopped: it cannot be read"),
        (lambda content: b"<html>please log in</html>", "red.tif: copy stopped: it cannot be read"),
        (lambda content: None, "red.tif: cannot be read: the server answered 404"),
    ],
)
def test_a_damaged_or_missing_file_is_told(
    get: Any, world: World, tmp_path: Path, spoil: Callable[[bytes], bytes | None], words: str
) -> None:
    path = world.path(CLEAR_ID, "red")
    spoilt = spoil(world.server.files.pop(path))
    if spoilt is not None:
        world.server.files[path] = spoilt
    with pytest.raises(RemoteError, match=words) as error:
        get(patience=IMPATIENT, jobs=1)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "scene.tif").exists()
    assert (tmp_path / "scene.tif.parts" / CLEAR_ID / "green.tif").exists()


def test_several_days_are_several_scenes_and_a_composite_one(get: Any, world: World, tmp_path: Path) -> None:
    scenes = get(best=2, bands=("green", "red", "nir08", "swir16"))
    assert [scene.path.name for scene in scenes] == ["scene_20011030.tif", "scene_20010928.tif"]
    cloudy = f"LE07_L2SP_140041_{CLOUDY_DAY:%Y%m%d}_02_T1"
    red = stored(scenes[1].path, "red")
    np.testing.assert_array_equal(red[56:], world.pixels[cloudy, "red"][256:300, 200:300])
    with open_scene(scenes[1].path).reader() as reader:
        values = reader.read(["red"], reader.scene.grid.window)[0]
    assert np.isnan(values[:56]).all(), "under cloud nothing is known"
    assert np.isfinite(values[56:]).all()
    settings = ReadySettings(composite="least-cloud")
    (scene,) = get(best=2, bands=("green", "red", "nir08", "swir16"), settings=settings)
    np.testing.assert_array_equal(stored(scene.path, "red"), world.pixels[CLEAR_ID, "red"][200:300, 200:300])


def test_sentinel_2_loses_the_offset_that_its_baseline_added(get: Any, world: World) -> None:
    (scene,) = get(sensor=Sensor.SENTINEL2)
    opened = open_scene(scene.path)
    assert opened.grid.transform.a == SENTINEL2.a
    assert opened.bands[0].level == Level.SURFACE_REFLECTANCE
    name = next(item["id"] for item in world.items if item["id"].startswith("S2A"))
    with opened.reader() as reader:
        green = reader.read(["green"], opened.grid.window)[0]
    row, column = (
        round(each)
        for each in ((SENTINEL2.f - opened.grid.transform.f) / 20, (opened.grid.transform.c - SENTINEL2.c) / 20)
    )
    rows, columns = opened.grid.shape
    expected = (world.pixels[name, "B03"][row : row + rows, column : column + columns].astype(float) - 1000) / 10000
    np.testing.assert_allclose(green, expected, atol=1e-6)


def test_heights_come_from_the_catalogues_dem(get: Any, world: World, catalogue: Catalogue) -> None:
    (scene,) = get(with_dem=True, bands=("green", "red"))
    with open_scene(scene.path).reader() as reader:
        elevation, _ = reader.read(["elevation", "slope"], reader.scene.grid.window)
    # The DEM is a plane: 3 m a row down and 5 m a column right, of 1/1200 degree.
    assert np.isfinite(elevation).all()
    across, down = elevation[50, 99] - elevation[50, 0], elevation[99, 50] - elevation[0, 50]
    metre = 1200 / 111_320
    assert across == pytest.approx(99 * 30 * 5 * metre / np.cos(np.radians(28.04)), rel=0.03)
    assert down == pytest.approx(99 * 30 * 3 * metre, rel=0.03)
    told = json.loads(scene.manifest.read_text())
    assert told["provenance"]["dem_tiles"][0]["item"].startswith("Copernicus_DSM")
    assert "Copernicus DEM GLO-30" in json.dumps(told)
    bare = replace(catalogue, collections={Family.LANDSAT: "landsat-c2-l2"})
    assert bare.collections != catalogue.collections


def test_a_dem_that_ends_within_the_area_is_unknown_there(get: Any, world: World) -> None:
    name = next(item["id"] for item in world.items if item["collection"] == "cop-dem-glo-30")
    with rasterio.MemoryFile(world.server.files[world.path(name, "data")]) as memory, memory.open() as dataset:
        transform, crs = dataset.transform, dataset.crs
    heights = world.pixels[name, "data"][:, :183]  # to 86.8525 degrees east: half of the area
    world.server.files[world.path(name, "data")] = cog(heights, crs, transform)
    world.item(name)["bbox"][2] = 86.87
    (scene,) = get(with_dem=True, bands=("green", "red"))
    with open_scene(scene.path).reader() as reader:
        elevation = reader.read(["elevation"], reader.scene.grid.window)[0]
    known = np.isfinite(elevation)
    assert 0.05 < known.mean() < 0.95
    assert known[:, 0].all()
    assert not known[:, -1].any()
    assert any("DEM" in line or "elevation" in line for line in scene.lines), scene.lines


def test_tiles_are_put_together_exactly(tmp_path: Path) -> None:
    whole = np.random.default_rng(0).normal(4000, 500, (60, 90)).astype(np.float32)
    at = rasterio.Affine(0.01, 0, 86.0, 0, -0.01, 28.0)
    tiles = []
    for row, column in ((0, 0), (0, 50), (30, 0)):
        part = whole[row : row + 30, column : column + 50]
        path = tmp_path / f"{row}_{column}.tif"
        path.write_bytes(
            cog(
                part,
                rasterio.CRS.from_epsg(4326),
                rasterio.Affine(0.01, 0, 86.0 + 0.01 * column, 0, -0.01, 28.0 - 0.01 * row),
            )
        )
        tiles.append(path)
    mosaic(tiles, tmp_path / "dem.tif")
    with rasterio.open(tmp_path / "dem.tif") as dataset:
        together = dataset.read(1)
        assert dataset.transform.almost_equals(at)
    expected = whole.copy()
    expected[30:, 50:] = np.nan  # no tile there
    np.testing.assert_array_equal(together, expected)


def test_what_cannot_be_fetched_is_told_before_anything_is(
    get: Any, find: Find, aoi: Aoi, world: World, tmp_path: Path
) -> None:
    with pytest.raises(BandError, match="has no rededge071; it has blue"):
        get(bands=("rededge071",))
    found, passes = find()
    for out, chosen, words in (
        (tmp_path / "scene.png", passes[:1], "GeoTIFF"),
        (tmp_path / "a.tif", (), "nothing is chosen"),
    ):
        with pytest.raises(ConfigError, match=words):
            fetch(found, chosen, out, aoi, patience=QUICK)
    bare = replace(found, catalogue=replace(found.catalogue, collections={}))
    with pytest.raises(ConfigError, match=r"no collection of Copernicus DEM.*--no-dem"):
        fetch(bare, passes[:1], tmp_path / "a.tif", aoi, patience=QUICK)
    assert not list(tmp_path.iterdir())


def test_an_area_beside_the_pixels_is_told(get: Any, aoi: Aoi, world: World) -> None:
    """A footprint may promise more than the files hold."""
    beside = replace(aoi, geometry=shapely.box(LEFT + 15000, TOP - 9000, LEFT + 16000, TOP - 6000))
    for item in world.items:
        item["geometry"] = {"type": "Polygon", "coordinates": [[[86, 27], [88, 27], [88, 29], [86, 29], [86, 27]]]}
        item["bbox"] = [86, 27, 88, 29]
    with pytest.raises(ConfigError, match=f"the area lies outside of {CLEAR_ID}"):
        get(area=beside)


def test_a_dem_of_ones_own(get: Any, tmp_path: Path) -> None:
    crs = rasterio.CRS.from_epsg(32645)
    heights = np.full((320, 320), 4321.0, np.float32)
    (tmp_path / "own.tif").write_bytes(cog(heights, crs, rasterio.Affine(30, 0, LEFT, 0, -30, TOP)))
    (scene,) = get(with_dem=True, dem=Dem(tmp_path / "own.tif", "mine", "1999"), bands=("green", "red"))
    with open_scene(scene.path).reader() as reader:
        elevation = reader.read(["elevation"], reader.scene.grid.window)
    np.testing.assert_allclose(elevation, 4321.0, atol=0.11)


def test_a_catalogue_cannot_write_outside_the_folder(get: Any, world: World, tmp_path: Path) -> None:
    before = set(tmp_path.parent.iterdir())
    item = world.item(CLEAR_ID)
    item["id"] = "../../LE07_L2SP_140041_20011030_02_T1"
    item["assets"]["../../red"] = {**item["assets"].pop("red"), "eo:bands": [{"common_name": "red"}]}
    (scene,) = get(keep_parts=True, bands=("red", "green"))
    assert scene.path.exists()
    written = {path.name for path in tmp_path.parent.iterdir() if path not in before}
    assert not written, "nothing beside the folder"
    assert {path.name for path in tmp_path.iterdir()} == {
        *("scene.tif.parts", "scene.tif", "scene.flags.tif", "scene.json", "scene.manifest.json"),
    }


def test_files_that_are_not_on_the_web_are_told(get: Any, world: World) -> None:
    world.item(CLEAR_ID)["assets"]["red"]["href"] = "s3://usgs-landsat/x/red.tif"
    with pytest.raises(FirnlineError, match="is not on the web"):
        get()
