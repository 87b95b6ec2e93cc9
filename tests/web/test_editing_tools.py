"""Each tool that corrects outlines, in a person's hand: what comes of it at the server, and what the page shows."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely
from shapely import LineString, Polygon, box
from tests.web.ground import Place, edge, middle, ring, same
from tests.web.person import Person
from tests.web.served import Served, serve

SIDE = 1500.0
"""Metres of the squares that are worked on. A pixel of the screen is about 12 m here; snapping reaches 10 of them."""


@pytest.fixture(scope="module")
def served(made_range: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tools: each has a layer of its own."""
    folder = tmp_path_factory.mktemp("tools") / "range"
    shutil.copytree(made_range, folder)
    found = serve(folder)
    yield found
    found.end()


def squares(person: Person) -> tuple[Place, str, str]:
    """Two squares side by side around the middle of the scene, ice in the west, debris in the east; and their ids."""
    x, y = (round(value) for value in person.centre())
    west, east = person.new_layer(
        (1, box(x - SIDE, y - SIDE, x, y + SIDE)), (2, box(x, y - SIDE, x + SIDE, y + SIDE))
    )
    person.settled()
    return (x, y), west, east


def test_lasso_chooses_many_which_become_one_class(person: Person) -> None:
    x, y = (round(value) for value in person.centre())
    places = [(x - 1800, y), (x - 600, y), (x + 600, y), (x + 1800, y)]
    ids = person.new_layer(*((1, box(px - 300, py - 300, px + 300, py + 300)) for px, py in places))
    person.settled()

    def around(first: int, last: int) -> list[Place]:
        (left, _), (right, _) = places[first], places[last]
        return [(left - 450, y - 450), (right + 450, y - 450), (right + 450, y + 450), (left - 450, y + 450)]

    def chosen() -> list[int]:
        return sorted(ids.index(each) for each in person.ask("firnline.state.selection.value"))

    person.page.keyboard.press("l")
    person.stroke(*around(0, 2))
    assert chosen() == [0, 1, 2]
    with person.holding("Alt"):
        person.stroke(*around(1, 1))
    assert chosen() == [0, 2]
    with person.holding("Shift"):
        person.stroke(*around(3, 3))
    assert chosen() == [0, 2, 3]
    before = person.revision()
    person.changes(lambda: person.page.keyboard.press("2"))
    held = person.coverage()
    assert [held[each][0] for each in ids] == [2, 1, 2, 2]
    assert person.revision() == before + 1  # one change, which is taken back at once
    person.changes(lambda: person.page.keyboard.press("Control+z"))
    assert [person.coverage()[each][0] for each in ids] == [1, 1, 1, 1]
    person.stroke(*around(0, 0))
    assert chosen() == [0]


def test_a_freehand_outline_follows_the_hand_and_leaves_others_their_ground(person: Person) -> None:
    (x, y), west, east = squares(person)
    before = person.outlines()
    hand = ring(x, y + SIDE + 400, 700)
    person.page.keyboard.press("2")
    person.click(x - SIDE / 2, y)
    area = person.page.get_by_test_id("edit-area").inner_text()
    person.tool("freehand").click()
    person.stroke(*hand[:8], release=False)
    assert person.page.get_by_test_id("edit-live").inner_text().startswith("+")
    assert person.page.get_by_test_id("edit-area").inner_text() == area  # what is drawn is none of what is chosen
    person.page.keyboard.press("Escape")  # given up: nothing is made, and nothing drawn on
    person.page.mouse.up()
    person.page.mouse.move(*person.at(x, y))
    assert person.ask("firnlineEdit.editor.liveM2") is None
    assert person.ask("firnlineEdit.box.active.id") == "freehand"

    person.changes(lambda: person.stroke(*hand))
    held = person.coverage()
    (new,) = set(held) - {west, east}
    free = Polygon(hand).difference(box(x - SIDE, y - SIDE, x + SIDE, y + SIDE))
    assert held[new][0] == 2
    assert same(held[new][1], free, 12)
    assert len(held[new][1].exterior.coords) <= len(hand) + 4
    for name in (west, east):
        assert held[name][1].equals(before[name][1])
        assert edge(held, new, name).length > 400
    assert person.drawn_at(x, y + SIDE + 400) == [new]
    assert person.ask("firnline.state.selection.value") == [new]


def test_brushes_add_and_take_ground_of_their_width(person: Person) -> None:
    (x, y), west, east = squares(person)
    page = person.page
    page.keyboard.press("b")
    for _ in range(4):
        page.keyboard.press("]")
    radius = float(page.get_by_test_id("brush-radius").input_value())
    assert radius == pytest.approx(60 * 1.25**4, rel=0.02)
    before = person.coverage()
    out = [(x - 1400, y), (x - 2000, y + 300), (x - 2200, y)]
    person.changes(lambda: person.stroke(*out))
    held = person.coverage()
    assert same(held[west][1], before[west][1].union(LineString(out).buffer(radius)), 1.5)
    assert held[east][1].equals(before[east][1])
    assert person.drawn_at(x - 2000, y + 300) == [west]

    before = held
    over = [(x - 400, y + 800), (x + 400, y + 800)]
    page.keyboard.press("n")
    person.changes(lambda: person.stroke(*over))
    held = person.coverage()
    for name in (west, east):  # none was chosen: it takes from all that it meets
        assert same(held[name][1], before[name][1].difference(LineString(over).buffer(radius)), 1.5)
    assert person.drawn_at(x, y + 800) == []

    # A stroke that goes round closes a ring: what lies within is no part of it, but a hole.
    before = held
    round_ = [
        (x - 1000, y - 1000),
        (x - 400, y - 1000),
        (x - 400, y - 400),
        (x - 1000, y - 400),
        (x - 1000, y - 1000),
    ]
    person.changes(lambda: person.stroke(*round_))
    held = person.coverage()
    (island,) = set(held) - {west, east}
    swept = LineString(round_).buffer(radius)
    assert same(held[west][1].union(held[island][1]), before[west][1].difference(swept), 1.5)
    assert held[island][0] == 1
    assert [Polygon(each).area for each in held[west][1].interiors] == [
        pytest.approx(Polygon(swept.exterior).area, rel=0.01)
    ]


def test_the_brush_takes_ground_from_neighbours_where_it_is_told_to(person: Person) -> None:
    (x, y), west, east = squares(person)
    page = person.page
    across = [(x - 300, y), (x + 600, y)]
    page.keyboard.press("b")
    page.get_by_test_id("brush-radius").fill("200")
    page.get_by_test_id("brush-radius").press("Enter")
    person.stroke(*across)
    refused = page.get_by_text("that adds nothing")
    refused.wait_for()
    assert person.revision() == 2  # the neighbour keeps its ground
    page.get_by_label("Take ground from neighbours").check()
    before = person.outlines()
    person.changes(lambda: person.stroke(*across))
    held = person.coverage()
    swept = LineString(across).buffer(200)
    assert same(held[west][1], before[west][1].union(swept), 1.5)
    assert same(held[east][1], before[east][1].difference(swept), 1.5)
    assert held[west][1].union(held[east][1]).area == pytest.approx(4 * SIDE * SIDE, abs=1)
    assert edge(held, west, east).length > 2 * SIDE + 600
    assert person.drawn_at(x + 600, y) == [west]


def test_a_hole_is_cut_and_one_is_filled(person: Person) -> None:
    (x, y), west, east = squares(person)
    page = person.page
    corners = [(x - 1100, y - 600), (x - 500, y - 600), (x - 500, y + 100), (x - 900, y + 300)]
    page.keyboard.press("o")
    for corner in corners:
        person.click(*corner)
    person.page.mouse.move(*person.at(x - 850, y))
    assert page.get_by_test_id("edit-live").inner_text().startswith("\u2212")  # a hole is ground that is lost
    person.changes(lambda: page.keyboard.press("Enter"))
    held = person.coverage()
    assert held.keys() == {west, east}
    (inner,) = held[west][1].interiors
    assert same(Polygon(inner), Polygon(corners), 12)
    assert person.drawn_at(x - 800, y - 200) == []

    page.get_by_label("Fill the hole with").select_option("debris-covered ice")
    page.locator("#map").focus()
    corners = [(x - 1100, y + 700), (x - 500, y + 700), (x - 500, y + 1200), (x - 1100, y + 1200)]
    person.changes(lambda: person.line(*corners))
    held = person.coverage()
    (new,) = set(held) - {west, east}
    assert held[new][0] == 2
    assert same(held[new][1], Polygon(corners), 12)
    assert edge(held, new, west).length == pytest.approx(held[new][1].length)
    assert len(held[west][1].interiors) == 2
    assert person.drawn_at(x - 800, y + 900) == [new]

    # From the edge on, to which the first click is pulled: a bay, of the outline in which it lies.
    page.get_by_label("Fill the hole with").select_option("nothing")
    page.locator("#map").focus()
    corners = [(x + SIDE - 40, y - 300), (x + 900, y - 300), (x + 900, y + 300), (x + SIDE - 40, y + 300)]
    person.changes(lambda: person.line(*corners))
    held = person.coverage()
    assert same(
        held[east][1], box(x, y - SIDE, x + SIDE, y + SIDE).difference(box(x + 900, y - 300, x + SIDE, y + 300)), 12
    )


def test_an_outline_is_reshaped_along_a_line(person: Person) -> None:
    (x, y), west, east = squares(person)
    page = person.page
    page.keyboard.press("r")
    # Out over free ground, from inside to inside.
    out = [(x - 1200, y - 600), (x - 2100, y - 600), (x - 2100, y + 600), (x - 1200, y + 600)]
    person.changes(lambda: person.line(*out))
    held = person.coverage()
    wider = box(x - SIDE, y - SIDE, x, y + SIDE).union(box(x - 2100, y - 600, x, y + 600))
    assert same(held[west][1], wider, 12)
    assert person.drawn_at(x - 1900, y) == [west]

    # Along the edge that both share: what one gains the other loses. The ends are pulled onto the edge.
    over = [(x + 30, y - 900), (x + 500, y - 500), (x + 500, y + 500), (x - 30, y + 900)]
    person.changes(lambda: person.line(*over))
    held = person.coverage()
    bay = Polygon([(x, y - 900), *over[1:3], (x, y + 900)])
    assert same(held[west][1], wider.union(bay), 12)
    assert same(held[east][1], box(x, y - SIDE, x + SIDE, y + SIDE).difference(bay), 12)
    bent = LineString([(x, y - SIDE), (x, y - 900), *over[1:3], (x, y + 900), (x, y + SIDE)])
    assert edge(held, west, east).length == pytest.approx(bent.length, rel=0.01)
    assert person.drawn_at(x + 300, y) == [west]

    # And a line from edge to edge splits, wherever the pull leaves its ends.
    page.keyboard.press("k")
    person.changes(lambda: person.line((x - SIDE + 30, y - 1200), (x - 800, y - 1100), (x - 30, y - 1200)))
    assert len(person.coverage()) == 3


def test_similar_pixels_become_ice_and_are_taken_away(person: Person, made_range: Path) -> None:
    _, west, east = squares(person)
    page = person.page
    with rasterio.open(made_range / "landsat7" / "classes.tif") as file:
        truth, transform = file.read(1), file.transform
    inside = transform @ (166.5, 153.5)  # on a glacier, within the eastern square
    outside = transform @ (89.5, 225.5)  # on another, on free ground

    def ice_of(ground: Polygon) -> tuple[int, float]:
        """How many pixels an area has, and how many of them are ice in truth."""
        mask = rasterio.features.geometry_mask([ground], truth.shape, transform, invert=True)
        return int(mask.sum()), float((truth[mask] == 1).mean())

    person.tool("segment").click()
    person.click(*inside)
    person.until(lambda: page.get_by_test_id("segment-remove").is_enabled())
    before = person.coverage()
    person.changes(lambda: page.keyboard.press("Delete"))
    held = person.coverage()
    gone = before[east][1].difference(held[east][1])
    count, share = ice_of(gone)
    assert gone.contains(shapely.Point(inside))
    assert count >= 200
    assert gone.area == count * 900  # whole pixels
    assert share > 0.95
    assert held[west][1].equals(before[west][1])
    assert person.drawn_at(*middle(gone)) == []

    person.click(*outside)
    person.until(lambda: page.get_by_test_id("segment-add").is_enabled())
    few = person.ask("firnlineEdit.box.active.found.coordinates[0].length")
    for _ in range(3):  # more alike pixels
        page.keyboard.press("]")
    person.until(lambda: person.ask("firnlineEdit.box.active.found?.coordinates[0].length") > few)
    page.wait_for_timeout(300)
    person.changes(lambda: person.click(*outside))  # a click in what is shown takes it
    held = person.coverage()
    (new,) = set(held) - {west, east}
    count, share = ice_of(held[new][1])
    assert held[new][0] == 1
    assert held[new][1].area == count * 900
    assert count >= 200
    assert share > 0.95
    assert person.drawn_at(*middle(held[new][1])) == [new]


def test_simplifying_one_outline_keeps_the_edge_that_it_shares(person: Person) -> None:
    x, y = (round(value) for value in person.centre())
    steps = np.linspace(0, 1, 41)
    shared = [(x + 400 * math.sin(math.pi * step), y - SIDE + 2 * SIDE * step) for step in steps]
    free = [(x - SIDE - 400 * math.sin(math.pi * step), y + SIDE - 2 * SIDE * step) for step in steps]
    west, east = person.new_layer(
        (1, Polygon([*shared, *free])), (2, Polygon([*shared[::-1], (x + SIDE, y - SIDE), (x + SIDE, y + SIDE)]))
    )
    person.settled()
    page = person.page
    before = person.coverage()
    person.click(x - SIDE / 2, y)
    page.get_by_test_id("simplify-tolerance").fill("90")
    page.get_by_test_id("simplify-tolerance").press("Enter")
    page.locator("#map").focus()
    person.changes(lambda: page.keyboard.press("y"))
    held = person.coverage()
    assert held.keys() == {west, east}
    for name, most in ((west, 3), (east, 2)):
        assert len(held[name][1].exterior.coords) < len(before[name][1].exterior.coords) / most
        assert held[name][1].hausdorff_distance(before[name][1]) < 30
        assert same(held[name][1], before[name][1], 6)
    assert edge(held, west, east).length == pytest.approx(LineString(shared).length, rel=0.01)
    assert not held[west][1].union(held[east][1]).interiors
    assert person.ask("firnline.state.selection.value") == [west]


def test_what_is_drawn_near_an_edge_is_pulled_onto_it(person: Person) -> None:
    (x, y), west, east = squares(person)
    page = person.page
    page.keyboard.press("d")
    # The lower corners come to lie a few pixels above the squares; the first is near a corner that both have.
    corners = [(x + 40, y + SIDE + 50), (x - 900, y + SIDE + 50), (x - 900, y + 2500), (x, y + 2500)]
    person.changes(lambda: person.line(*corners))
    held = person.coverage()
    (new,) = set(held) - {west, east}
    assert same(held[new][1], box(x - 900, y + SIDE, x, y + 2500), 12)
    assert edge(held, new, west).length == pytest.approx(900, abs=12)
    assert (x, y + SIDE) in held[new][1].exterior.coords
    assert not held[west][1].union(held[new][1]).interiors
    assert person.drawn_at(x - 400, y + SIDE + 25) == [new]

    # With Alt the corners stay where they are clicked. A point that was wrong is taken back.
    corners = [(x + 200, y + SIDE + 60), (x + 1000, y + SIDE + 60), (x + 1000, y + 2500)]
    with person.holding("Alt"):
        for corner in corners:
            person.click(*corner)
    page.mouse.click(*person.at(x + 1400, y + 2000), button="right")  # draws nothing
    person.click(x + 1800, y + 500)
    page.keyboard.press("Backspace")
    person.changes(lambda: page.keyboard.press("Enter"))
    held = person.coverage()
    (apart,) = set(held) - {west, east, new}
    assert same(held[apart][1], Polygon(corners), 12)
    assert held[apart][1].distance(held[east][1]) == pytest.approx(60, abs=12)


def test_a_vertex_is_made_and_taken_out_in_both_outlines(person: Person) -> None:
    (x, y), west, east = squares(person)
    before = person.coverage()
    person.tool("insert-vertex").click()
    person.changes(lambda: person.click(x + 30, y + 300))  # a little beside the edge that both share
    held = person.coverage()
    (made,) = set(held[west][1].exterior.coords) - set(before[west][1].exterior.coords)
    assert set(held[east][1].exterior.coords) - set(before[east][1].exterior.coords) == {made}
    assert made == (pytest.approx(x, abs=0.01), pytest.approx(y + 300, abs=12))
    for name in (west, east):
        assert same(held[name][1], before[name][1])
    person.changes(lambda: person.click(x - SIDE, y))  # an edge of one alone
    assert len(person.coverage()[west][1].exterior.coords) == 7

    person.tool("delete-vertex").click()
    person.changes(lambda: person.click(x - 30, y + 300))
    person.changes(lambda: person.click(x - SIDE, y))
    held = person.coverage()
    for name in (west, east):
        assert held[name][1].equals(before[name][1])
        assert len(held[name][1].exterior.coords) == 5
    # Where three edges meet outlines would come apart: that is refused. A corner of one outline goes.
    revision = person.revision()
    person.click(x, y + SIDE)
    person.page.get_by_text("would come apart").wait_for()
    assert person.revision() == revision
    assert person.coverage() == held
    person.changes(lambda: person.click(x + SIDE, y - SIDE))
    held = person.coverage()
    assert held[east][1].area == pytest.approx(SIDE * SIDE)
    assert edge(held, west, east).length == 2 * SIDE
