"""A person at the page: what they see, where they click."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

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
        found = self.ask(f"firnline.map.getPixelFromCoordinate([{x}, {y}])")
        box = self.page.locator("#map").bounding_box()
        assert box is not None
        return box["x"] + found[0], box["y"] + found[1]

    def settled(self) -> None:
        """Wait until the map has drawn what it has to draw, and all changes have been answered."""
        self.page.evaluate(
            "() => new Promise((done) => { firnline.map.once('rendercomplete', () => done()); firnline.map.render(); })"
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
