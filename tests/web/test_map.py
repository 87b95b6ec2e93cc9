"""What the map shows: basemaps beneath, the other side of a comparison, many vertices moved at once."""

from __future__ import annotations

import io
import math
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
import yaml
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from scipy import ndimage
from shapely import box
from tests.web.person import Person
from tests.web.served import Served, serve

LEVEL, HALF = 13, math.pi * 6378137
"""The finest level of the tiles that are served, and half the side of the square that level 0 covers, metres."""
RED, BLUE = [220, 0, 0], [0, 0, 220]


@dataclass
class TileServer:
    """A server of square tiles: blue everywhere, and red in one tile of the finest level."""

    address: str = ""
    red: tuple[int, int] = (0, 0)
    asked: list[str] = field(default_factory=list)
    referers: set[str | None] = field(default_factory=set)

    def answer(self, path: str, referer: str | None) -> bytes:
        """The picture of a tile."""
        self.asked.append(path)
        self.referers.add(referer)
        z, x, y = (int(part) for part in path.removesuffix(".png").split("/")[1:])
        file = io.BytesIO()
        Image.new("RGB", (256, 256), tuple(RED if (z, x, y) == (LEVEL, *self.red) else BLUE)).save(file, "PNG")
        return file.getvalue()


@pytest.fixture(scope="module")
def tiles() -> Iterator[TileServer]:
    """Tiles at another port of this machine, which to a browser is another site."""
    found = TileServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = found.answer(self.path, self.headers.get("Referer"))
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def tile_of(longitude: float, latitude: float) -> tuple[int, int]:
    """The tile of the finest level in which a place lies, by the common definition of XYZ tiles."""
    x, y = pyproj.Transformer.from_crs(4326, 3857, always_xy=True).transform(longitude, latitude)
    side = 2 * HALF / 2**LEVEL
    return math.floor((x + HALF) / side), math.floor((HALF - y) / side)


def corners_of(tile: tuple[int, int], crs: pyproj.CRS) -> NDArray[np.float64]:
    """North-west and south-east corner of a tile in another CRS."""
    side, to = 2 * HALF / 2**LEVEL, pyproj.Transformer.from_crs(3857, crs, always_xy=True)
    return np.array([to.transform(side * (tile[0] + i) - HALF, HALF - side * (tile[1] + i)) for i in (0, 1)])


def screen(page: Page) -> NDArray[np.uint8]:
    """What is on the screen: (row, column, channel)."""
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))


def served_with(made_range: Path, folder: Path, **settings: object) -> Served:
    """A server for a folder with settings."""
    shutil.copytree(made_range, folder)
    (folder / ".firnline").mkdir()
    (folder / ".firnline" / "settings.yaml").write_text(yaml.safe_dump(settings))
    return serve(folder)


@contextmanager
def somebody(browser: Browser, served: Served) -> Iterator[Person]:
    """A person at the page of a server."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_init_script("localStorage.setItem('firnline.who', 'Ana')")
    page = context.new_page()
    page.goto(served.address)
    yield Person(page)
    context.close()


def basemap_of(name: str, address: str) -> dict[str, object]:
    url = address + "/{z}/{x}/{y}.png"
    return {"name": name, "url": url, "attribution": "© we <b>ourselves</b>", "max_zoom": LEVEL}


@pytest.fixture(scope="module")
def online(made_range: Path, tmp_path_factory: pytest.TempPathFactory, tiles: TileServer) -> Iterator[Served]:
    """A server whose folder offers two basemaps, of which one cannot be reached."""
    basemaps = [basemap_of("Ours", tiles.address), basemap_of("Far", "http://127.0.0.1:1")]
    folder = tmp_path_factory.mktemp("online") / "range"
    served = served_with(made_range, folder, online_basemaps=True, basemaps=basemaps)
    yield served
    served.end()


def crs_of(person: Person) -> pyproj.CRS:
    return pyproj.CRS.from_epsg(person.ask("firnline.state.scene.value.crs.epsg"))


def test_a_basemap_lies_in_its_place_beneath_the_scene(online: Served, browser: Browser, tiles: TileServer) -> None:
    with somebody(browser, online) as person:
        page, crs = person.page, crs_of(person)
        x, y = person.centre()
        tiles.red = tile_of(*pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(x, y))
        person.settled()
        assert tiles.asked == []  # offered, not chosen
        page.get_by_label("Basemap").select_option("Ours")
        expect(page.get_by_test_id("credit")).to_have_text("© we <b>ourselves</b>")
        person.ask("void (firnline.state.sceneOpacity.value = 0)")
        places = np.array([person.at(*corner) for corner in corners_of(tiles.red, crs).tolist()])
        (west, north), (east, south) = places
        column, row = places.mean(axis=0).astype(int).tolist()
        person.until(lambda: screen(page)[row, column].tolist() == RED)
        person.settled()
        red = np.abs(screen(page).astype(int) - RED).max(axis=-1) < 40
        across, down = np.flatnonzero(red[row]), np.flatnonzero(red[:, column])
        assert (across.min(), across.max() + 1) == pytest.approx((west, east), abs=3)  # its edges lean a little
        assert (down.min(), down.max() + 1) == pytest.approx((north, south), abs=3)
        assert tiles.referers == {online.address}
        person.ask("void (firnline.state.sceneOpacity.value = 1)")
        person.until(lambda: screen(page)[row, column].tolist() != RED)
        page.get_by_test_id("tab-compare").click()
        page.get_by_test_id("compare-side").click()
        expect(page.locator("#map2").get_by_text("ourselves")).to_be_visible()
        page.get_by_label("Basemap").select_option("")
        expect(page.get_by_test_id("credit")).to_have_count(0)


def test_a_basemap_that_cannot_be_reached_is_said_once_and_work_goes_on(online: Served, browser: Browser) -> None:
    with somebody(browser, online) as person:
        page = person.page
        page.get_by_label("Basemap").select_option("Far")
        notices = page.locator("#notices .notice")
        expect(notices).to_have_count(1)
        expect(notices).to_contain_text("Far cannot be loaded")
        expect(page.get_by_label("Basemap")).to_have_value("")
        person.settled()
        page.mouse.move(600, 400)
        page.mouse.wheel(0, -300)
        person.settled()
        assert notices.count() == 1


def test_a_basemap_that_is_not_switched_on_is_neither_offered_nor_allowed(
    made_range: Path, tmp_path: Path, browser: Browser, tiles: TileServer
) -> None:
    served = served_with(made_range, tmp_path / "range", basemaps=[basemap_of("Ours", tiles.address)])
    with somebody(browser, served) as person:
        page = person.page
        expect(page.get_by_label("Basemap")).to_have_count(0)
        asked = len(tiles.asked)
        person.ask("void (firnline.state.basemap.value = 'Ours')")
        person.settled()
        tried = page.evaluate(
            """(address) => new Promise((done) => {
                const image = new Image();
                document.addEventListener("securitypolicyviolation", (said) => done(said.effectiveDirective));
                image.onload = () => done("loaded");
                image.src = address;
            })""",
            tiles.address + "/0/0/0.png",
        )
        assert tried == "img-src"
        assert len(tiles.asked) == asked
    served.end()


GROUND = [0xDF, 0xE5, 0xE8]
"""The page where nothing is drawn on the map."""
BLUE_OF_ICE, PURPLE = [0x00, 0x72, 0xB2], [0xCC, 0x79, 0xA7]


@pytest.fixture
def desk(online: Served, browser: Browser) -> Iterator[Person]:
    """A person in a folder without layers."""
    with somebody(browser, online) as person:
        yield person
        for layer in person.api("GET", "/inventories"):
            person.api("DELETE", f"/inventories/{layer['id']}")


def has(person: Person, place: tuple[float, float], colour: list[int], map_id: str = "map") -> bool:
    """Whether a colour is on the screen within three pixels of a place."""
    main, here = (person.page.locator(f"#{each}").bounding_box() for each in ("map", map_id))
    assert main is not None
    assert here is not None
    x, y = (round(at + here[side] - main[side]) for at, side in zip(person.at(*place), "xy", strict=True))
    near = screen(person.page)[y - 3 : y + 4, x - 3 : x + 4].astype(int)
    return bool((np.abs(near - colour).max(axis=-1) < 24).any())


def two_layers(person: Person) -> tuple[tuple[float, float], str, str]:
    """A large square in one layer, which is worked on, and a small one in another, in purple; no scene over it."""
    x, y = (round(each) for each in person.centre())
    person.new_layer((1, box(x - 1000, y - 1000, x + 1000, y + 1000)))
    small = person.layer
    person.new_layer((1, box(x - 2000, y - 2000, x + 2000, y + 2000)))
    person.ask(f"void firnline.state.show('{small}', {{ colour: '#CC79A7' }})")
    person.ask("void (firnline.state.sceneOpacity.value = 0)")
    return (x, y), person.layer, small


def test_two_layers_are_swiped_against_each_other(desk: Person) -> None:
    page = desk.page
    (x, y), large, small = two_layers(desk)
    page.get_by_test_id("tab-compare").click()
    page.get_by_test_id("compare-swipe").click()
    page.get_by_test_id("right-scene").select_option(label="the same as left (landsat7/scene.tif)")
    desk.settled()
    everywhere = [has(desk, (x + side, y), colour) for side, colour in SIDES]
    assert everywhere == [True] * 4  # both are on both sides to begin with
    page.get_by_test_id(f"on-left-{small}").uncheck()
    page.get_by_test_id(f"on-right-{large}").uncheck()
    desk.settled()
    assert [has(desk, (x + side, y), colour) for side, colour in SIDES] == [True, False, False, True]
    expect(page.get_by_test_id("side-left")).to_contain_text("work")
    desk.drag((x, y + 3000), (x + 2500, y + 3000))
    desk.settled()
    assert [has(desk, (x + side, y), colour) for side, colour in SIDES] == [True, True, False, False]
    desk.drag((x + 2500, y + 3000), (x, y + 3000))
    page.get_by_test_id("swap-sides").click()
    desk.settled()
    assert [has(desk, (x + side, y), colour) for side, colour in SIDES] == [False, True, True, False]
    page.get_by_test_id("compare-none").click()
    desk.settled()
    assert [has(desk, (x + side, y), colour) for side, colour in SIDES] == [False, False, True, True]


SIDES = [(-2000, BLUE_OF_ICE), (2000, BLUE_OF_ICE), (-1000, PURPLE), (1000, PURPLE)]
"""West and east edge of the large and the small square."""


def test_what_the_right_scene_does_not_know_is_not_filled_from_the_left_one(desk: Person, online: Served) -> None:
    page = desk.page
    with rasterio.open(online.folder / "landsat7" / "scene.tif") as scene:
        stripes = ndimage.binary_erosion(~np.isfinite(scene.read(1, masked=True).filled(np.nan)), iterations=2)
        rows, columns = np.nonzero(stripes[40:-40, 10:-10])
        places = [scene.xy(row + 40, column + 10) for row, column in zip(rows, columns, strict=True)][::40]
    page.get_by_test_id("tab-compare").click()
    page.get_by_test_id("compare-swipe").click()
    page.get_by_test_id("swap-sides").click()
    assert desk.ask("firnline.state.scene.value.name") == "landsat8/scene.tif"
    edge = desk.centre()[0]
    west = [place for place in places if place[0] < edge - 200]
    east = [place for place in places if place[0] > edge + 200]
    assert min(len(west), len(east)) > 5

    def is_ground(places: list[tuple[float, float]]) -> list[bool]:
        shown = screen(page)
        at = [tuple(round(each) for each in desk.at(*place)) for place in places]
        return [shown[y, x].tolist() == GROUND for x, y in at]

    desk.until(lambda: not any(is_ground(west)))
    desk.until(lambda: all(is_ground(east)))
    desk.settled()
    assert all(is_ground(east))


def test_vertices_that_are_chosen_by_a_box_move_together_and_go_back_together(desk: Person) -> None:
    x, y = (round(each) for each in desk.centre())
    side, step = 1500, 400
    west, east = desk.new_layer((1, box(x - side, y - side, x, y + side)), (2, box(x, y - side, x + side, y + side)))
    desk.settled()
    before, revision = desk.outlines(), desk.revision()
    resolution = desk.ask("firnline.map.getView().getResolution()")
    desk.tool("vertices").click()
    desk.page.keyboard.down("Shift")
    desk.drag((x - 300, y - side - 300), (x + 300, y + side + 300))
    desk.page.keyboard.up("Shift")
    assert desk.ask("firnline.map.getView().getResolution()") == resolution  # no zoom by a box of the map's own
    desk.page.keyboard.down("Alt")  # nothing to snap to
    desk.changes(lambda: desk.drag((x, y + side), (x + step, y + side)))
    desk.page.keyboard.up("Alt")
    now = desk.outlines()
    moved = x + step
    assert now[west][1].bounds == pytest.approx((x - side, y - side, moved, y + side), abs=12)
    assert now[west][1].area - before[west][1].area == pytest.approx(2 * side * step, rel=0.03)
    assert now[west][1].area + now[east][1].area == pytest.approx(4 * side * side, abs=0.01)
    assert shapely.coverage_is_valid([ground for _, ground in now.values()])
    shared = now[west][1].boundary.intersection(now[east][1].boundary)
    assert shared.length == pytest.approx(2 * side, abs=0.01)  # as straight as it was: one step for both
    assert desk.revision() == revision + 1
    desk.changes(lambda: desk.drag((moved, y - side), (moved - 900, y - side)))  # still chosen
    assert desk.outlines()[west][1].area - before[west][1].area == pytest.approx(2 * side * -500, rel=0.05)
    desk.changes(lambda: desk.page.keyboard.press("Control+z"))
    desk.changes(lambda: desk.page.keyboard.press("Control+z"))
    assert {name: ground.normalize().wkt for name, (_, ground) in desk.outlines().items()} == {
        name: ground.normalize().wkt for name, (_, ground) in before.items()
    }


def test_the_second_map_has_the_outlines_and_follows_edits_and_undo(desk: Person) -> None:
    x, y = (round(each) for each in desk.centre())
    desk.new_layer((1, box(x - 1000, y - 1000, x, y + 1000)), (1, box(x, y - 1000, x + 1000, y + 1000)))
    desk.ask("void (firnline.state.sceneOpacity.value = 0)")
    desk.page.get_by_test_id("tab-compare").click()
    desk.page.get_by_test_id("compare-side").click()
    desk.settled()
    straight, bent = (x, y), (x + 300, y)

    def edge(place: tuple[float, float]) -> list[bool]:
        return [has(desk, place, BLUE_OF_ICE, map_id) for map_id in ("map", "map2")]

    desk.until(lambda: edge(straight) == [True, True])
    assert edge(bent) == [False, False]
    desk.tool("vertices").click()
    desk.changes(lambda: desk.drag((x, y + 1000), (x + 600, y + 1000)))
    desk.until(lambda: edge(bent) == [True, True])
    assert edge(straight) == [False, False]
    desk.changes(lambda: desk.page.keyboard.press("Control+z"))
    desk.until(lambda: edge(straight) == [True, True])
    assert edge(bent) == [False, False]
    resolution = desk.ask("firnline.map.getView().getResolution()")
    desk.page.mouse.move(*desk.at(x, y))
    desk.page.mouse.wheel(0, -600)
    desk.until(lambda: desk.ask("firnline.map.getView().getResolution()") < 0.8 * resolution)
    desk.until(lambda: edge((x, y + 500)) == [True, True])  # both go along
