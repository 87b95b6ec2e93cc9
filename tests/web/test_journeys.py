"""What people do with the tool, in a real browser at a real server."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from shapely import box
from tests.web.person import Person
from tests.web.served import Served, serve

SIDE = 1500.0
"""Metres of the squares that are worked on."""


@pytest.fixture
def person(page: Page) -> Person:
    return Person(page)


def squares(person: Person) -> tuple[tuple[float, float], list[str]]:
    """Two squares side by side around the middle of the scene, ice in the west, debris in the east; their ids."""
    x, y = person.centre()
    x, y = round(x), round(y)
    west, east = box(x - SIDE, y - SIDE, x, y + SIDE), box(x, y - SIDE, x + SIDE, y + SIDE)
    ids = person.new_layer((1, west), (2, east))
    person.settled()
    return (x, y), ids


def test_the_page_opens_on_a_scene(person: Person) -> None:
    page = person.page
    expect(page.get_by_test_id("scenes").get_by_role("button")).to_have_count(2)
    person.settled()
    look = page.get_by_label("Look")
    for recipe in person.ask("firnline.state.scene.value.recipes.map((each) => each.id)"):
        look.select_option(recipe)
        person.settled()
    before = person.ask("firnline.state.scene.value.id")
    page.locator("#map").focus()
    page.keyboard.press(".")
    assert person.ask("firnline.state.scene.value.id") != before
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("reshape along a line")


def test_a_prediction_of_an_area_appears_and_is_a_layer_of_proposals(person: Person) -> None:
    page = person.page
    page.get_by_test_id("tab-predict").click()
    page.get_by_label("Area").select_option("box")
    x, y = person.centre()
    page.mouse.move(*person.at(x - 2000, y - 2000))
    person.click(x - 2000, y - 2000)
    person.click(x + 2000, y + 2000)
    page.get_by_test_id("predict").click()
    person.until(lambda: person.ask("firnline.state.jobs.value[0]?.state") == "done")
    person.until(lambda: person.ask("firnline.state.layers.value.length") == 1)
    layer = person.ask("firnline.state.layers.value[0]")
    assert layer["kind"] == "proposal"
    assert layer["count"] > 0
    min_x, min_y, max_x, max_y = layer["bounds"]
    pixel = 30
    assert min_x >= x - 2000 - pixel
    assert max_x <= x + 2000 + pixel
    assert min_y >= y - 2000 - pixel
    assert max_y <= y + 2000 + pixel
    page.get_by_test_id("jobs").get_by_role("button", name="Outlines").click()
    assert person.layer == layer["id"]


def test_a_vertex_on_a_shared_edge_moves_in_both(person: Person) -> None:
    (x, y), (west, east) = squares(person)
    person.tool("vertices").click()
    person.changes(lambda: person.drag((x, y + SIDE), (x + 400, y + SIDE)))
    now = person.outlines()
    assert set(now) == {west, east}
    assert now[west][1].area > 2 * SIDE * SIDE
    assert now[west][1].area + now[east][1].area == pytest.approx(4 * SIDE * SIDE, rel=0.02)
    shared = now[west][1].boundary.intersection(now[east][1].boundary)
    assert shared.length == pytest.approx(((2 * SIDE) ** 2 + 400**2) ** 0.5, rel=0.02)


def test_split_merge_reclassify_undo(person: Person) -> None:
    (x, y), (west, _) = squares(person)
    first = person.outlines()
    person.tool("select").click()
    person.click(x - SIDE / 2, y)
    assert person.ask("firnline.state.selection.value") == [west]
    person.tool("split").click()
    person.changes(lambda: person.line((x - 1.4 * SIDE, y + 100), (x + 0.3 * SIDE, y + 100)))
    pieces = person.outlines()
    assert len(pieces) == 3
    person.tool("select").click()
    person.page.keyboard.press("Escape")
    person.click(x - SIDE / 2, y - SIDE / 2)
    person.changes(lambda: person.page.keyboard.press("2"))
    assert sorted(class_ for class_, _ in person.outlines().values()) == [1, 2, 2]
    person.page.keyboard.press("Escape")
    person.click(x - SIDE / 2, y - SIDE / 2)
    person.click(x + SIDE / 2, y, "Shift")
    assert len(person.ask("firnline.state.selection.value")) == 2
    person.changes(lambda: person.page.keyboard.press("m"))
    assert len(person.outlines()) == 2
    for left in (3, 3, 2):
        person.changes(lambda: person.page.keyboard.press("Control+z"))
        assert len(person.outlines()) == left
    now = person.outlines()
    assert {name: (class_, ground.normalize().wkt) for name, (class_, ground) in now.items()} == {
        name: (class_, ground.normalize().wkt) for name, (class_, ground) in first.items()
    }


def test_a_drawn_outline_is_there_after_a_reload(person: Person) -> None:
    (x, y), _ = squares(person)
    person.tool("draw").click()
    corners = [(x - 800, y + SIDE + 300), (x + 800, y + SIDE + 300), (x, y + SIDE + 1200)]
    person.changes(lambda: person.line(*corners, corners[-1]))
    before = person.outlines()
    assert len(before) == 3
    layer = person.layer
    person.page.reload()
    again = Person(person.page)
    again.until(lambda: again.ask("firnline.state.active.value?.id") == layer)
    assert again.outlines() == before
    again.settled()
    again.changes(lambda: again.page.keyboard.press("Control+z"))
    assert len(again.outlines()) == 2


def test_of_two_browsers_the_second_sees_both_versions(person: Person, browser: Browser, served: Served) -> None:
    (x, y), (west, _) = squares(person)
    layer = person.layer
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_init_script("localStorage.setItem('firnline.who', 'Ben')")
    page = context.new_page()
    page.goto(served.address)
    ben = Person(page)
    page.locator(f"[data-layer='{layer}'] button.name").click()
    ben.settled()
    ben.click(x - SIDE / 2, y)
    assert ben.ask("firnline.state.selection.value") == [west]
    # Ben's line to the server is held up, so that he does not hear of what Ana does meanwhile.
    context.route("**/events", lambda route: route.abort())
    context.set_offline(True)
    ben.page.keyboard.press("2")
    person.click(x - SIDE / 2, y)
    person.changes(lambda: person.page.keyboard.press("Delete"))
    context.set_offline(False)
    dialog = page.get_by_test_id("conflict")
    expect(dialog).to_be_visible(timeout=60_000)
    expect(dialog).to_contain_text("Ana")
    page.get_by_test_id("keep-theirs").click()
    expect(dialog).to_be_hidden()
    assert west not in ben.outlines()
    context.close()


def test_what_is_done_offline_is_sent_when_the_line_is_back(person: Person) -> None:
    (x, y), (west, _) = squares(person)
    person.tool("select").click()
    person.click(x - SIDE / 2, y)
    before = person.revision()
    person.page.context.set_offline(True)
    person.page.keyboard.press("2")
    badge = person.page.get_by_test_id("outbox-badge")
    expect(badge).to_be_visible(timeout=60_000)
    expect(badge).to_contain_text("1")
    person.page.context.set_offline(False)
    person.until(lambda: person.revision() == before + 1)
    assert person.outlines()[west][0] == 2
    expect(badge).to_be_hidden(timeout=60_000)


def test_an_export_opens_in_other_programs(person: Person, tmp_path: Path) -> None:
    squares(person)
    page = person.page
    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog", name="Export work")
    with page.expect_download(timeout=60_000) as download:
        dialog.get_by_role("button", name="Export").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    glaciers = gpd.read_file(path, layer="glaciers")
    assert glaciers["area_km2"].sum() == pytest.approx(4 * SIDE * SIDE / 1e6, rel=0.01)
    parts = gpd.read_file(path, layer="parts")
    assert sorted(parts["class_value"]) == [1, 2]
    page.reload()
    link = page.get_by_test_id("exports").get_by_role("link")
    expect(link).to_contain_text(path.name, timeout=60_000)
    with page.expect_download(timeout=60_000) as again:
        link.click()
    again.value.save_as(tmp_path / "again.gpkg")
    assert (tmp_path / "again.gpkg").read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_a_server_that_is_killed_goes_on_with_its_job(person: Person, served: Served, browser: Browser) -> None:
    person.page.get_by_test_id("tab-predict").click()
    person.page.get_by_test_id("predict").click()
    person.until(lambda: person.ask("firnline.state.jobs.value[0]?.state") == "running")
    job = person.ask("firnline.state.jobs.value[0].id")
    served.kill()
    again = serve(served.folder)
    try:
        context = browser.new_context()
        page = context.new_page()
        page.goto(again.address)
        other = Person(page)
        done = f"firnline.state.jobs.value.find((job) => job.id === '{job}')?.state"
        other.until(lambda: other.ask(done) == "done")
        other.until(lambda: other.ask("firnline.state.layers.value.length") == 1)
        context.close()
    finally:
        again.end()


def test_nothing_bars_people_from_the_page(person: Person) -> None:
    squares(person)
    found = Axe().run(person.page)
    serious = [each for each in found.response["violations"] if each["impact"] in ("serious", "critical")]
    assert not serious, [(each["id"], [node["html"][:120] for node in each["nodes"]][:3]) for each in serious]
