"""Of which glacier an outline is: seen by the person, and said."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from shapely import box
from tests.web.person import Person

GLACIER = "G086820E27975N"


def test_ice_and_debris_that_lie_apart_are_said_to_be_one_glacier(page: Page) -> None:
    person = Person(page)
    x, y = (round(each) for each in person.centre())
    ids = person.new_layer(
        (1, box(x - 2500, y - 1000, x - 500, y + 1000)), (2, box(x + 500, y - 1000, x + 2500, y + 1000))
    )
    person.until(lambda: set(ids) <= person.shown().keys())
    person.settled()
    person.tool("select").click()
    person.click(x - 1500, y)
    facts = page.get_by_test_id("edit-facts")
    expect(facts).to_contain_text("none")
    person.click(x + 1500, y, "Shift")
    page.keyboard.press("a")
    dialog = page.get_by_role("dialog", name="Of which glacier are the chosen outlines?")
    dialog.get_by_label("Id of the glacier").fill(GLACIER)
    person.changes(lambda: page.keyboard.press("Enter"))
    found = person.api("GET", f"/inventories/{person.layer}/features")["features"]
    assert {each["id"]: each["properties"]["glacier"] for each in found} == dict.fromkeys(ids, GLACIER)
    person.click(x + 1500, y)
    expect(facts).to_contain_text(GLACIER)
    person.changes(lambda: page.keyboard.press("Control+z"))
    expect(facts).to_contain_text("none")
