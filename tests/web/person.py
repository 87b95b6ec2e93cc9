"""A person at the page: what they see, where they click."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import shapely
from playwright.sync_api import Locator, Page
from shapely.geometry import shape

PATIENCE_S = 60.0
"""How long a person waits at most; nothing is judged by how long it took."""


class Person:
    """Somebody with a browser at the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.until(lambda: self.ask("firnline.state.models.value.length") > 0)

    def ask(self, expression: str) -> Any:
        """Something that the page knows."""
        return self.page.evaluate(expression)

    def until(self, holds: Callable[[], Any]) -> None:
        """Wait until something holds: a page without ``unsafe-eval`` cannot be asked to wait by itself."""
        end = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < end, "waited too long"
            self.page.wait_for_timeout(50)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the server as the page does."""
        return self.page.evaluate(
            """async ([method, path, body]) => {
                const options = body === null ? { method } : {
                    method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
                const answer = await fetch("/api/v1" + path, options);
                return answer.status === 204 ? null : answer.json();
            }""",
            [method, path, body],
        )

    @property
    def layer(self) -> str:
        """The layer that is worked on."""
        return str(self.ask("firnline.state.active.value.id"))

    def outlines(self) -> dict[str, tuple[int, shapely.Polygon]]:
        """What the server holds of the active layer: class and ground by id."""
        found = self.api("GET", f"/inventories/{self.layer}/features")["features"]
        return {each["id"]: (each["properties"]["class"], shape(each["geometry"])) for each in found}

    def shown(self) -> dict[str, tuple[int, shapely.Polygon]]:
        """What the page draws of the active layer: class and ground by id."""
        found = self.page.evaluate(
            """() => firnlineEdit.editor.outlines.source.getFeatures().map((each) =>
                [each.getId(), each.get("class"), each.getGeometry().getCoordinates()])"""
        )
        return {name: (class_, shapely.Polygon(rings[0], rings[1:])) for name, class_, rings in found}

    def drawn_at(self, x: float, y: float) -> list[str]:
        """Ids of the outlines that the map draws over a place."""
        return list(
            self.page.evaluate(
                """([x, y]) => {
                    const { map } = firnline;
                    const own = { layerFilter: (layer) => layer === firnlineEdit.layer };
                    const found = map.getFeaturesAtPixel(map.getPixelFromCoordinate([x, y]), own);
                    return found.map((each) => each.getId());
                }""",
                [x, y],
            )
        )

    def coverage(self) -> dict[str, tuple[int, shapely.Polygon]]:
        """What the server holds, seen to be one coverage, and the same that the page draws and counts."""
        held = self.outlines()
        ground = np.array([ground for _, ground in held.values()], object)
        assert shapely.is_valid(ground).all()
        assert shapely.coverage_is_valid(ground)  # no overlaps, and edges that are shared have the same vertices
        shown = self.shown()
        assert shown.keys() == held.keys()
        for name, (class_, polygon) in held.items():
            assert shown[name][0] == class_
            assert shown[name][1].normalize().equals_exact(polygon.normalize(), 1e-6)
        area = self.api("GET", f"/inventories/{self.layer}")["area_km2"]
        foot = f"work: {len(held)} outline{'' if len(held) == 1 else 's'}, {area:.3f} km²"
        self.until(lambda: self.page.locator("#counts").inner_text() == foot)
        return held

    def new_layer(self, *drawn: tuple[int, shapely.Polygon]) -> list[str]:
        """Make a layer with these outlines and work on it; their ids in order."""
        scene = self.ask("firnline.state.scene.value.id")
        made = self.api("POST", "/inventories", {"name": "work", "scene": scene})["id"]
        ids = []
        for class_, ground in drawn:
            body = {"operation": "draw", "class": class_, "session": "before", "who": "nobody"}
            body["geometry"] = {"type": "Polygon", "coordinates": [[list(at) for at in ground.exterior.coords]]}
            ids.append(self.api("POST", f"/inventories/{made}/operations", body)["features"][0]["id"])
        self.page.reload()
        self.until(lambda: self.ask("firnline.state.models.value.length") > 0)
        self.page.locator(f"[data-layer='{made}'] button.name").click()
        self.until(lambda: self.layer == made)
        return ids

    def centre(self) -> tuple[float, float]:
        """The middle of the scene, in its CRS."""
        min_x, min_y, max_x, max_y = self.ask("firnline.state.scene.value.bounds")
        return (min_x + max_x) / 2, (min_y + max_y) / 2

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a place is on the screen."""
        return self.all_at([(x, y)])[0]

    def all_at(self, places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        """Where places are on the screen."""
        found = self.page.evaluate(
            """(places) => {
                const box = document.querySelector("#map").getBoundingClientRect();
                const pixels = places.map((place) => firnline.map.getPixelFromCoordinate(place));
                return pixels.map(([x, y]) => [box.x + x, box.y + y]);
            }""",
            [list(place) for place in places],
        )
        return [(x, y) for x, y in found]

    def settled(self) -> None:
        """Wait until the map has drawn what it has to draw."""
        # OpenLayers calls a map complete of which a file's header is not read yet.
        reading = "firnline.map.getAllLayers().some((each) => each.getSource()?.getState() === 'loading')"
        self.until(lambda: not self.ask(reading))
        self.page.evaluate(
            """() => new Promise((done) => {
                firnline.map.once("rendercomplete", () => done());
                firnline.map.render();
            })"""
        )

    def click(self, x: float, y: float, *modifiers: Any) -> None:
        """Click a place of the map."""
        for key in modifiers:
            self.page.keyboard.down(key)
        self.page.mouse.click(*self.at(x, y))
        for key in modifiers:
            self.page.keyboard.up(key)
        self.page.wait_for_timeout(350)  # a second click within a quarter of a second would be a double click

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag from a place to another."""
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        (x0, y0), (x1, y1) = self.at(*start), self.at(*end)
        for step in (0.3, 0.6, 1.0):
            self.page.mouse.move(x0 + (x1 - x0) * step, y0 + (y1 - y0) * step)
        self.page.mouse.up()

    def stroke(self, *places: tuple[float, float], release: bool = True) -> None:
        """Press the button at the first place, go through the others, and let go at the last."""
        self.page.mouse.move(*self.at(*places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.at(*place))
        if release:
            self.page.mouse.up()

    @contextmanager
    def holding(self, key: str) -> Iterator[None]:
        """Hold a key down meanwhile."""
        self.page.keyboard.down(key)
        yield
        self.page.keyboard.up(key)

    def line(self, *places: tuple[float, float]) -> None:
        """Click a line and end it by a double click."""
        for place in places[:-1]:
            self.click(*place)
        self.page.mouse.dblclick(*self.at(*places[-1]))

    def tool(self, name: str) -> Locator:
        """A button of the toolbar."""
        return self.page.get_by_test_id(f"tool-{name}")

    def revision(self) -> int:
        """The revision of the active layer at the server."""
        return int(self.api("GET", f"/inventories/{self.layer}")["revision"])

    def changes(self, work: Callable[[], Any]) -> None:
        """Do something that changes the layer, and wait until the server has it and the page shows it."""
        before = self.revision()
        work()
        self.until(lambda: self.revision() > before)
        self.until(lambda: self.ask("firnline.state.active.value.revision") >= self.revision())
        self.settled()
