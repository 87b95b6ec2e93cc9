"""Folders that are served at one address one after the other: the browser keeps what waits for each of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, expect
from shapely import box
from tests.web.person import Person
from tests.web.served import serve


def test_a_change_waits_for_its_folder_and_holds_up_no_other(
    browser: Browser, made_range: Path, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        shutil.copytree(made_range, tmp_path / name)
    server = serve(tmp_path / "first")
    port = urlsplit(server.address).port
    assert port is not None
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        page.goto(server.address)
        person = Person(page)
        x, y = (round(each) for each in person.centre())
        square = box(x - 1500, y - 1500, x + 1500, y + 1500)
        (ice,) = person.new_layer((1, square))
        layer = person.layer
        person.until(lambda: ice in person.shown())
        person.settled()
        person.click(x, y)
        server.kill()
        page.keyboard.press("2")
        badge = page.get_by_test_id("outbox-badge")
        expect(badge).to_contain_text("1 change kept", timeout=60_000)

        server = serve(tmp_path / "second", port)
        page.reload()
        person = Person(page)  # who waits until all is there
        expect(badge).to_contain_text("1 change kept in this browser for an inventory that is not", timeout=60_000)
        (other,) = person.new_layer((1, square))
        person.until(lambda: other in person.shown())
        person.settled()
        person.click(x, y)
        person.changes(lambda: page.keyboard.press("2"))
        assert person.outlines()[other][0] == 2
        server.end()

        server = serve(tmp_path / "first", port)
        page.reload()
        person.until(lambda: person.api("GET", f"/inventories/{layer}")["revision"] == 2)
        features = person.api("GET", f"/inventories/{layer}/features")["features"]
        assert [(each["id"], each["properties"]["class"]) for each in features] == [(ice, 2)]
        expect(badge).to_be_hidden()
    finally:
        context.close()
        server.end()
