"""Rasters of a prediction over the map: each pixel in the colour that the legend gives to its number."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import expect
from tests.web.person import Person
from tests.web.served import Served, serve
from tests.web.tiny_network import save_tiny_network

from firnline.classes import LabelScheme

SIDE = 800.0
"""Metres from the middle of the area that is mapped to its edge."""
CLEAN, DEBRIS = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
NEAR = 20
"""Levels of a channel by which a colour between a few stops may lie off the whole colour map."""

Pixels = NDArray[np.int64]


@dataclass(frozen=True)
class Raster:
    """What the server gives: bytes (band, row, column), 255 unknown, and where they lie."""

    values: NDArray[np.uint8]
    transform: Affine

    def places(self) -> list[tuple[tuple[int, int], tuple[float, float]]]:
        """Row and column of some pixels, and the middles of these on the ground."""
        rows, columns = self.values.shape[1:]
        return [
            ((row, column), self.transform @ (column + 0.5, row + 0.5))
            for row in range(1, rows - 1, 3)
            for column in range(1, columns - 1, 3)
        ]


@pytest.fixture(scope="module")
def served(made_range: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that has networks of two kinds beside the rules."""
    folder = tmp_path_factory.mktemp("rasters") / "range"
    shutil.copytree(made_range, folder)
    save_tiny_network(folder / "models", "kinds", LabelScheme.CLASS, seed=3)
    save_tiny_network(folder / "models", "debris", LabelScheme.DEBRIS, seed=5)
    found = serve(folder)
    yield found
    found.end()


def predicted(person: Person, model: str) -> str:
    """Map a square with a model, and the uncertainty; go to its outlines, and hide them. The job's id."""
    page = person.page
    x, y = person.centre()
    page.get_by_test_id("tab-predict").click()
    page.get_by_label("Model").select_option(label=model)
    page.get_by_label("Uncertainty too").check()
    page.get_by_label("Area").select_option("box")
    person.click(x - SIDE, y - SIDE)
    person.click(x + SIDE, y + SIDE)
    page.get_by_test_id("predict").click()
    of_model = f"firnline.state.jobs.value.find((each) => each.state === 'done' && each.name.startsWith('{model}'))"
    person.until(lambda: person.ask(f"{of_model} !== undefined"))
    layer = person.ask(f"{of_model}.result.inventory")
    person.until(lambda: layer in person.ask("firnline.state.layers.value.map((each) => each.id)"))
    job = str(person.ask(f"{of_model}.id"))
    page.locator(f"[data-job='{job}']").get_by_role("button", name="Outlines").click()
    page.locator(f"[data-key='eye-{layer}']").click()
    expect(page.locator("#notices .notice")).to_have_count(0, timeout=60_000)
    person.settled()
    return job


def raster(person: Person, served: Served, job: str, name: str) -> Raster:
    """The file that lies behind a raster of the page."""
    answer = person.page.request.get(f"{served.address}api/v1/jobs/{job}/result/{name}.tif")
    with rasterio.MemoryFile(answer.body()) as memory, memory.open() as file:
        return Raster(file.read(), file.transform)


def screen(person: Person) -> Pixels:
    """What is on the screen: (row, column, channel), 0 to 255."""
    person.settled()
    with Image.open(io.BytesIO(person.page.screenshot())) as image:
        return np.asarray(image.convert("RGB"), np.int64)


def seen(person: Person, picture: Pixels, places: list[tuple[float, float]]) -> Pixels:
    """The colours of places of the ground on the screen."""
    return np.array([picture[int(row), int(column)] for column, row in person.all_at(places)])


def free(person: Person, found: Raster) -> list[tuple[tuple[int, int], tuple[float, float]]]:
    """Pixels of a raster that nothing of the page lies upon."""
    covered = [person.page.locator(each).bounding_box() for each in ("#raster-legend", ".ol-zoom", ".ol-scale-line")]
    whole = person.page.locator("#map").bounding_box()

    def within(at: tuple[float, float], box: dict[str, float] | None, room: float) -> bool:
        if box is None:
            return False
        x, y = at[0] - box["x"], at[1] - box["y"]
        return -room <= x <= box["width"] + room and -room <= y <= box["height"] + room

    pixels = found.places()
    on_screen = zip(pixels, person.all_at([place for _, place in pixels]), strict=True)
    return [
        (pixel, place)
        for (pixel, place), at in on_screen
        if within(at, whole, -5) and not any(within(at, each, 8) for each in covered)
    ]


def opacity(person: Person, percent: int) -> None:
    person.page.get_by_label("Opacity of the raster").fill(str(percent))


def show(person: Person, job: str, title: str) -> None:
    """Press the button of a raster."""
    person.page.locator(f"[data-job='{job}']").get_by_role("button", name=title, exact=True).click()


def off(colours: Pixels, values: NDArray[np.float64], name: str) -> int:
    """By how many levels of a channel colours are off a colour map's at worst."""
    expected = np.asarray(matplotlib.colormaps[name](values))[:, :3] * 255
    return int(np.abs(colours - expected).max())


def test_probability_and_uncertainty_lie_over_the_map_as_the_legend_says(person: Person, served: Served) -> None:
    page = person.page
    job = predicted(person, "kinds")
    bare = screen(person)
    legend = page.locator("#raster-legend")
    files = {name: raster(person, served, job, name) for name in ("probabilities", "uncertainty")}
    ice = 1 - files["probabilities"].values[0] / 250
    numbers = {"Probability": ice, "Uncertainty": files["uncertainty"].values[0] / 250}
    unknown = files["uncertainty"].values[0] == 255
    assert 0 < unknown.mean() < 1  # the stripes of Landsat 7, and no more
    for title, colours, words in (
        ("Probability", "viridis", "Probability of ice"),
        ("Uncertainty", "inferno", "Uncertainty"),
    ):
        show(person, job, title)
        expect(legend).to_contain_text(words)
        opacity(person, 100)
        picture = screen(person)
        places = free(person, files["uncertainty"])
        known = [(at, place) for at, place in places if not unknown[at]]
        values = np.array([numbers[title][at] for at, _ in known])
        assert values.min() < 0.2
        assert values.max() > 0.8
        assert off(seen(person, picture, [place for _, place in known]), values, colours) <= NEAR
        ramp = page.locator("#raster-legend .ramp").bounding_box()
        assert ramp is not None
        along = np.array([0.02, 0.25, 0.5, 0.75, 0.98])
        bar = np.array([picture[int(ramp["y"]) + 4, int(ramp["x"] + share * ramp["width"])] for share in along])
        assert off(bar, along, colours) <= NEAR
        through = [place for at, place in places if unknown[at]]
        assert (seen(person, picture, through) == seen(person, bare, through)).all()  # unknown is no colour

        opacity(person, 0)
        everywhere = [place for _, place in places]
        assert (seen(person, screen(person), everywhere) == seen(person, bare, everywhere)).all()
        opacity(person, 70)
    assert (seen(person, screen(person), everywhere) != seen(person, bare, everywhere)).any()
    show(person, job, "Uncertainty")  # pressed again it goes
    expect(legend).to_be_empty()
    assert (seen(person, screen(person), everywhere) == seen(person, bare, everywhere)).all()


def test_classes_are_those_that_the_model_tells(person: Person, served: Served) -> None:
    page = person.page
    job = predicted(person, "debris")
    bare = screen(person)
    legend = page.locator("#raster-legend")
    classes = raster(person, served, job, "classes")
    show(person, job, "Classes")
    expect(legend.get_by_role("listitem")).to_have_text(["supraglacial debris"])
    opacity(person, 100)
    picture = screen(person)
    places = free(person, classes)
    debris = [place for at, place in places if classes.values[0][at] == 1]
    other = [place for at, place in places if classes.values[0][at] != 1]
    assert len(debris) > 10
    assert len(other) > 10
    assert (np.abs(seen(person, picture, debris) - DEBRIS) <= 1).all()
    assert (seen(person, picture, other) == seen(person, bare, other)).all()

    show(person, job, "Probability")
    expect(legend).to_contain_text("Probability of supraglacial debris")
    # Another scene is not what was mapped: nothing lies over it. Back at the first, all is as it was.
    page.locator("#map").focus()
    page.keyboard.press(".")
    expect(legend).to_be_empty()
    page.keyboard.press(",")
    expect(legend).to_contain_text("Probability of supraglacial debris")
