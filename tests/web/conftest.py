"""A real browser at a real server: Chromium from the system's packages, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.web.person import Person
from tests.web.served import Served, serve

from firnline.server.app import STATIC
from firnline.synthetic import make_range

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WITHOUT_GPU = (
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-accelerated-2d-canvas",
)
"""WebGL drawn by the processor, which machines without a screen have; not lines, for which that is far slower."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all journeys."""
    missing = "Chromium is not installed" if CHROMIUM is None else ""
    if not (STATIC / "index.html").is_file():
        missing = "the pages are not built (make web)"
    if missing:
        if os.environ.get("CI"):
            pytest.fail(f"{missing}: continuous integration requires it")
        pytest.skip(f"{missing}: the journeys were not tried")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(WITHOUT_GPU))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def made_range(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One made-up range as two satellites see it."""
    folder = tmp_path_factory.mktemp("range")
    for sensor in ("landsat7", "landsat8"):
        make_range(folder / sensor, width=256, height=256, seed=2, sensor=sensor)
    return folder


@pytest.fixture
def served(made_range: Path, tmp_path: Path) -> Iterator[Served]:
    """A server for a folder of its own."""
    folder = tmp_path / "range"
    shutil.copytree(made_range, folder)
    found = serve(folder)
    yield found
    found.end()


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """A person's browser at the page; anything that the page logs as an error fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_init_script("localStorage.setItem('firnline.who', 'Ana')")
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda said: wrong.append(said.text) if said.type == "error" and not _expected(said.text) else None
    )
    page.goto(served.address)
    yield page
    context.close()
    assert not wrong, wrong


@pytest.fixture
def person(page: Page) -> Iterator[Person]:
    """Somebody at the page; layers that they made are put away after them, for those who share the server."""
    person = Person(page)
    yield person
    for layer in person.api("GET", "/inventories"):
        person.api("DELETE", f"/inventories/{layer['id']}")


def _expected(said: str) -> bool:
    """What a browser says itself of a line that was cut or a server that ended, which tests do on purpose."""
    return "net::ERR_" in said or "status of 412" in said or "status of 422" in said
