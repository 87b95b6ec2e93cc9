"""How soon the page shows its first map, and what a frame costs while 20,000 outlines are panned.

    python benchmarks/web_page.py [--outlines 20000] [--size 2048] [--folder FOLDER]

A real Chromium at a real `firnline serve`, on this machine, with WebGL drawn by the processor (SwiftShader) where
there is no graphics card. The first map is there when OpenLayers has drawn the scene and all outlines in view, by the
page's own clock from the moment of going there. A frame is the time that OpenLayers' `renderSync` takes on the main
thread while the map moves by a twentieth of its width, 60 times: once over tiles that are new to the page, and once
more when they are there.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from web_edits import coverage

from firnline.server.project import Project
from firnline.server.store.database import FILE, Database
from firnline.server.store.store import Store
from firnline.synthetic import make_range

DRAWN_BY_THE_PROCESSOR = (
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-accelerated-2d-canvas",
)
SCENE = "map.getLayers().item(0).getLayers().item(0)?.getSource()?.getState() === 'ready'"
OUTLINES = f"{SCENE} && map.getAllLayers().some((layer) => layer.getRenderMode)"
DRAWN = """
const wait = () => {
    const map = window.firnline?.map;
    if (!map || !(THERE)) { setTimeout(wait, 5); return; }
    map.on('rendercomplete', () => { window.drawn ??= performance.now(); });
    map.render();
};
wait();
"""
FRAMES = """() => new Promise((done) => {
    const view = firnline.map.getView(), took = [];
    const wide = view.getResolution() * firnline.map.getSize()[0] / 20;
    const step = () => {
        const [x, y] = view.getCenter();
        view.setCenter([x + (took.length < 30 ? wide : -wide), y]);
        const begin = performance.now();
        firnline.map.renderSync();
        took.push(performance.now() - begin);
        if (took.length < 60) requestAnimationFrame(step); else done(took);
    };
    step();
})"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--outlines", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--folder", type=Path, help="only the first map of this one")
    options = parser.parse_args()
    if options.folder:
        with served(options.folder) as address, chromium() as browser:
            visits(browser, address, str(options.folder), SCENE)
        return
    with tempfile.TemporaryDirectory() as folder:
        make_range(Path(folder), width=options.size, height=options.size, seed=2, sensor="landsat8")
        with served(Path(folder)) as address, chromium() as browser:
            visits(browser, address, "scene alone", SCENE)
            fill(Path(folder), options.outlines)
            frames(visits(browser, address, f"with {options.outlines} outlines", OUTLINES))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A server of a folder in a process of its own; where it is."""
    command = [sys.executable, "-m", "firnline", "serve", str(folder), "--port", "0", "--no-browser"]
    begin = time.perf_counter()
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found
        print(f"server answers after {time.perf_counter() - begin:.1f} s")
        yield found[0]
    finally:
        server.terminate()
        server.communicate()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that was not there before."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=list(DRAWN_BY_THE_PROCESSOR))
        yield browser
        browser.close()


def fill(folder: Path, count: int) -> None:
    """A layer of many outlines over the scene and far beyond it, in the scene's CRS."""
    project = Project(folder)
    (scene,) = project.scenes().values()
    crs = scene.scene.grid.crs
    min_x, min_y, _, _ = scene.scene.grid.bounds
    parts = coverage(count)
    left, bottom, _, _ = parts.total_bounds
    parts = parts.set_geometry(parts.geometry.translate(round(min_x - left), round(min_y - bottom))).set_crs(
        crs.to_wkt(), allow_override=True
    )
    store = Store(Database(project.state / FILE))
    store.create_layer("many", crs.to_wkt(), "reference", parts, pixel_m=30, scene_id=scene.id)
    store.close()


def visits(browser: Browser, address: str, what: str, there: str) -> Page:
    """Go to the page three times, the first of which wakes the browser's drawing too; the last stays."""
    for visit in ("first", "second", "third"):
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.add_init_script(DRAWN.replace("THERE", there))
        page.goto(address)
        while not page.evaluate("window.drawn"):
            page.wait_for_timeout(50)
        print(f"{what}, {visit} visit: drawn after {page.evaluate('window.drawn') / 1000:.1f} s")
    return page


def rendered(page: Page) -> None:
    """Wait until the map has drawn what it has; nothing is answered, for an event would bring half the page along."""
    page.evaluate(
        "() => new Promise((done) => { firnline.map.once('rendercomplete', () => done()); firnline.map.render(); })"
    )


def frames(page: Page) -> None:
    for title, resolution in (
        ("whole layer in view", 60.0),
        ("about 2,000 in view", 15.0),
        ("about 100 in view", 4.0),
    ):
        page.evaluate(f"firnline.map.getView().setResolution({resolution})")
        rendered(page)
        for tiles in ("new", "known"):
            took: list[float] = sorted(page.evaluate(FRAMES))
            rendered(page)
            median, nine = statistics.median(took), took[int(0.9 * len(took))]
            print(f"{title}, {tiles} tiles: median {median:.1f} ms, 9 of 10 under {nine:.1f}, most {took[-1]:.0f}")


if __name__ == "__main__":
    main()
