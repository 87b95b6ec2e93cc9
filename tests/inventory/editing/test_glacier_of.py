"""A new outline belongs to the glacier that it was drawn on or beside; nobody's glacier changes by it."""

from __future__ import annotations

import pytest
import shapely
from shapely import Polygon, box

from firnline.inventory.editing.faces import after
from firnline.inventory.editing.glacier_of import glacier_of
from firnline.inventory.editing.ground import draw, hole
from firnline.inventory.editing.part import Change, Part
from firnline.inventory.editing.wholes import merge

A = Part("a", 1, box(0, 0, 1000, 1000), "A")
B = Part("b", 1, box(1000, 0, 2000, 1000), "B")


def drawn(change: Change) -> list[Part]:
    """What is new and no piece of a part that was there."""
    return [part for part in change.added if part.came_from is None]


def ids(parts: list[Part], change: Change) -> dict[str, str | None]:
    """The glaciers of the parts that keep their names."""
    return {part.id: part.glacier_id for part in after(parts, change) if part.id}


def test_debris_below_the_ice_belongs_to_the_glacier_above_it() -> None:
    change = draw([A], box(200, -800, 800, 0), 2)
    assert [(part.glacier_id, part.class_value) for part in drawn(change)] == [("A", 2)]


def test_of_two_glaciers_the_longer_edge_tells_and_neither_becomes_the_other() -> None:
    """By hand: 600 m of it lie along A, 300 m along B."""
    change = draw([B, A], box(400, -500, 1300, 0), 2)
    assert [part.glacier_id for part in drawn(change)] == ["A"]
    assert ids([B, A], change) == {"a": "A", "b": "B"}


def test_the_edges_of_all_parts_of_a_glacier_count_together() -> None:
    """By hand: 400 m along each of two parts of A, 700 m along B."""
    west, east = Part("w", 1, box(0, 0, 400, 900), "A"), Part("e", 2, box(400, 0, 800, 900), "A")
    other = Part("b", 1, box(800, 0, 1500, 900), "B")
    assert [part.glacier_id for part in drawn(draw([other, west, east], box(0, -300, 1500, 0), 2))] == ["A"]


@pytest.mark.parametrize("order", [(A, B), (B, A)])
def test_of_two_edges_of_the_same_length_the_id_that_sorts_first_counts(order: tuple[Part, Part]) -> None:
    assert [part.glacier_id for part in drawn(draw(order, box(700, -500, 1300, 0), 2))] == ["A"]


@pytest.mark.parametrize("area", [box(1000, 1000, 1500, 1500), box(5000, 0, 6000, 1000)])
def test_what_touches_in_a_corner_or_nowhere_belongs_to_none(area: Polygon) -> None:
    assert [part.glacier_id for part in drawn(draw([A], area, 1))] == [None]


def test_debris_over_ice_belongs_to_the_glacier_beneath() -> None:
    """All of it lies on A, though it shares 900 m with B and 2 x 200 + 900 m less with A."""
    thin = box(950, 50, 1000, 950)
    rest = Part("a", 1, box(900, 0, 1000, 1000), "A")
    change = draw([rest, B], thin, 2, overwrite=True)
    assert [part.glacier_id for part in drawn(change)] == ["A"]
    whole = draw([rest, B], rest.geometry, 2, overwrite=True)
    assert whole.removed == ("a",)
    assert [part.glacier_id for part in drawn(whole)] == ["A"], "A is covered wholly, not gone"


def test_over_a_divide_the_greater_half_tells() -> None:
    """By hand: 300 m of 500 m on B; it is one part, of one glacier, and what is left of A stays A's."""
    change = draw([A, B], box(800, 200, 1300, 400), 2, overwrite=True)
    assert [part.glacier_id for part in drawn(change)] == ["B"]
    assert ids([A, B], change) == {"a": "A", "b": "B"}


def test_of_new_ice_without_a_name_the_debris_has_none_either() -> None:
    """By hand: 600 m along the new ice, 100 m along A: both new ones hang together and are one glacier."""
    fresh = Part("n", 1, box(1000, 0, 1600, 900), None)
    change = draw([A, fresh], box(900, -500, 1600, 0), 2)
    assert [part.glacier_id for part in drawn(change)] == [None]


def test_each_piece_of_one_drawing_is_judged_by_itself() -> None:
    line = box(300, -200, 1700, 1200)
    between = Part("c", 1, box(1000, -400, 1100, 1400), "C")
    change = draw([A, Part("b", 1, box(1100, 0, 2000, 1000), "B"), between], line, 2)
    found = sorted((shapely.get_x(part.geometry.centroid) < 1050, part.glacier_id) for part in drawn(change))
    assert found == [(False, "B"), (False, "B"), (True, "A"), (True, "A")]


def test_a_hole_that_is_filled_belongs_to_its_glacier_also_where_that_has_no_name() -> None:
    unnamed = Part("a", 1, box(0, 0, 1000, 1000), None)
    assert [part.glacier_id for part in hole([unnamed, B], ["a"], box(900, 0, 1000, 900), 2).added] == [None]


def test_an_id_is_not_lost_where_something_nameless_is_chosen_first() -> None:
    """Merging is how an outline without a glacier is given one."""
    nameless = Part("n", 2, box(0, -500, 1000, 0), None)
    merged = merge([A, nameless], ["n", "a"]).changed[0]
    assert (merged.id, merged.class_value, merged.glacier_id) == ("n", 2, "A")
    assert merge([A, B], ["b", "a"]).changed[0].glacier_id == "B"


def test_an_edge_shorter_than_a_millimetre_is_none() -> None:
    assert glacier_of(box(0, -1, 10, 0), [], [A]) == "A"
    assert glacier_of(box(-10, -1, 0.0004, 0), [], [A]) is None
