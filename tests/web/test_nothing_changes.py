"""A correction that changes nothing leaves the page as it is, and undo takes back what was done before it."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from shapely import box
from tests.web.person import Person


def test_the_class_that_an_outline_has_is_no_step_of_undo(page: Page) -> None:
    person = Person(page)
    x, y = (round(each) for each in person.centre())
    (ice,) = person.new_layer((1, box(x - 1500, y - 1500, x + 1500, y + 1500)))
    person.settled()
    person.tool("select").click()
    person.click(x, y)
    person.changes(lambda: page.keyboard.press("2"))
    assert person.outlines()[ice][0] == 2
    revision = person.ask("firnline.state.active.value.revision")
    for _ in range(2):
        with page.expect_response(lambda answer: answer.url.endswith("/operations")) as answered:
            page.keyboard.press("2")
        assert (answered.value.status, answered.value.json()["transaction"]) == (200, None)
    person.settled()
    assert person.ask("firnline.state.active.value.revision") == revision
    assert person.ask("firnline.state.selection.value") == [ice]
    expect(page.locator("#saved")).to_contain_text("saved")
    person.changes(lambda: page.keyboard.press("Control+z"))
    assert person.outlines()[ice][0] == 1
    person.changes(lambda: page.keyboard.press("Control+Shift+z"))
    assert person.outlines()[ice][0] == 2
