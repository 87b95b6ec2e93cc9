"""A real browser at a real server: Chromium from the system's packages, driven by Playwright."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from firnline.server.app import STATIC
from firnline.synthetic import make_range

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WITHOUT_GPU = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
"""WebGL drawn by the processor, which machines without a screen have."""


@dataclass
class Served:
    """A `firnline serve` that runs."""

    folder: Path
    process: subprocess.Popen[str]
    address: str

    def kill(self) -> None:
        """As when the machine fails: no time to tidy up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def serve(folder: Path) -> Served:
    """Start a server on a free port and wait for the line that says where it answers."""
    command = [sys.executable, "-m", "firnline", "serve", str(folder), "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+/", line)
    assert found, f"the server did not start: {line!r}"
    return Served(folder, process, found[0])


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
    found.process.terminate()
    found.process.wait(20)


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """A person's browser at the page; anything that the page logs as an error fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_init_script(f"localStorage.setItem('firnline.who', 'Ana'); window.__test = '{uuid.uuid4().hex}';")
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.goto(served.address)
    yield page
    context.close()
    assert not wrong, wrong
