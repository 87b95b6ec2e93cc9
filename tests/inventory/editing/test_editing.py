"""Whatever is corrected, outlines stay one coverage; what ground they have is told by plain overlays of GEOS."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from shapely import LineString, Point, Polygon, box

from firnline.errors import EditError
from firnline.inventory.editing.faces import after
from firnline.inventory.editing.ground import add, draw, hole, remove
from firnline.inventory.editing.lines import reshape, split
from firnline.inventory.editing.part import Change, Part, on_grid
from firnline.inventory.editing.vertices import delete_vertex, insert_vertex, move_vertices
from firnline.inventory.editing.wholes import delete, merge, reclassify, simplify

MM2 = 1.0
"""Square metres by which lines on a grid of a millimetre may differ over a few kilometres."""


def cells(seed: int, count: int = 40) -> list[Part]:
    """Glaciers and debris without gaps, with odd numbers for coordinates, around (600000, 3100000)."""
    rng = np.random.default_rng(seed)
    frame = box(600000, 3100000, 602000, 3101500)
    points = shapely.MultiPoint(rng.uniform((600000, 3100000), (602000, 3101500), (count, 2)))
    found = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=frame))
    clipped = shapely.intersection(shapely.set_precision(found, 0.001), frame, grid_size=0.001)
    kept = [cell for cell in clipped if shapely.distance(cell.centroid, frame.centroid) < 700]
    parts = [Part(f"p{i}", 1 + i % 2, on_grid(cell), f"G{i // 3}") for i, cell in enumerate(kept)]
    assert shapely.coverage_is_valid([part.geometry for part in parts])
    return parts


def applied(parts: list[Part], change: Change) -> list[Part]:
    """The parts afterwards, which must be a coverage."""
    now = [
        part if part.id else Part(f"n{index}", part.class_value, part.geometry, part.glacier_id)
        for index, part in enumerate(after(parts, change))
    ]
    shapes = np.array([part.geometry for part in now], object)
    assert all(isinstance(shape, Polygon) for shape in shapes)
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    coordinates = shapely.get_coordinates(shapes)
    assert np.abs(coordinates * 1000 - np.round(coordinates * 1000)).max() < 1e-3
    return now


def ground(parts: list[Part]) -> shapely.Geometry:
    return shapely.union_all([part.geometry for part in parts])


def apart(one: shapely.Geometry, two: shapely.Geometry) -> float:
    return float(shapely.symmetric_difference(one, two).area)


def blob(seed: int, size: float = 250) -> Polygon:
    """A round area drawn by hand."""
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radii = size * rng.uniform(0.7, 1.3, 40)
    centre = rng.uniform((600500, 3100400), (601500, 3101100))
    return Polygon(centre + np.stack([np.cos(angles), np.sin(angles)], 1) * radii[:, None])


@pytest.mark.parametrize("seed", range(6))
def test_drawing_over_others_takes_their_ground_and_no_other(seed: int) -> None:
    parts, area = cells(seed), blob(seed + 100)
    change = draw(parts, area, 2, overwrite=True)
    now = applied(parts, change)
    drawn = [part.geometry for part in change.added if part.came_from is None]
    assert apart(shapely.union_all(drawn), area) < MM2
    for part in parts:
        left = [each.geometry for each in now if each.id == part.id]
        left += [each.geometry for each in change.added if each.came_from == part.id]
        assert shapely.difference(part.geometry, area).difference(shapely.union_all(left)).area < MM2
    assert apart(ground(now), shapely.union(ground(parts), area)) < MM2


@pytest.mark.parametrize("seed", range(4))
def test_drawing_beside_others_takes_only_free_ground(seed: int) -> None:
    parts = cells(seed)
    area = shapely.buffer(Point(600000, 3100750), 700)
    change = draw(parts, area, 1)
    assert not change.removed
    now = applied(parts, change)
    for part in parts:
        (same,) = [each for each in now if each.id == part.id]
        assert apart(same.geometry, part.geometry) < MM2
    assert apart(ground(now), shapely.union(ground(parts), area)) < MM2


def test_a_sliver_between_a_drawn_outline_and_what_is_there_is_filled() -> None:
    ice = Part("a", 1, box(0, 0, 100, 100))
    near = box(100.4, 0, 200, 100).union(box(100, 0, 200, 1)).union(box(100, 99, 200, 100))
    gap = box(100, 1, 100.4, 99)
    assert draw([ice], near, 2).added[0].geometry.intersection(gap).area == 0
    filled = draw([ice], near, 2, sliver_m=1.0)
    assert filled.added[0].geometry.intersection(gap).area == pytest.approx(gap.area)
    applied([ice], filled)


@pytest.mark.parametrize("seed", range(4))
def test_adding_and_removing(seed: int) -> None:
    parts = cells(seed)
    target = parts[seed]
    area = shapely.buffer(target.geometry.exterior.interpolate(10), 120)
    now = applied(parts, add(parts, [target.id], area, overwrite=True))
    (same,) = [each for each in now if each.id == target.id]
    assert apart(same.geometry, shapely.union(target.geometry, area)) < MM2
    now = applied(parts, remove(parts, [target.id], area))
    left = shapely.union_all([each.geometry for each in now if each.id == target.id or each.id.startswith("n")])
    assert apart(left, shapely.difference(target.geometry, area)) < MM2
    others = [part for part in parts if part.id != target.id]
    assert apart(ground([part for part in now if part.id in {each.id for each in others}]), ground(others)) < MM2


def test_ground_that_is_added_must_touch() -> None:
    with pytest.raises(EditError, match="does not touch"):
        add([Part("a", 1, box(0, 0, 10, 10))], ["a"], box(20, 0, 30, 10))
    with pytest.raises(EditError, match="adds nothing"):
        add([Part("a", 1, box(0, 0, 10, 10))], ["a"], box(2, 2, 4, 4))


def test_a_hole_is_left_open_or_filled() -> None:
    parts = [Part("a", 1, box(0, 0, 100, 100), "G"), Part("b", 2, box(100, 0, 200, 100), "G")]
    open_ = applied(parts, hole(parts, ["a"], box(40, 40, 60, 60)))
    assert sorted(part.geometry.area for part in open_) == [9600, 10000]
    filled = applied(parts, hole(parts, ["a"], box(40, 40, 60, 60), 2))
    assert [part.glacier_id for part in filled] == ["G"] * 3
    assert ground(filled).area == 20000


@pytest.mark.parametrize("seed", range(5))
def test_a_split_keeps_all_ground_and_touches_only_what_was_chosen(seed: int) -> None:
    parts = cells(seed)
    target = parts[seed]
    middle = target.geometry.centroid
    line = LineString([(middle.x - 900, middle.y - 13.7), (middle.x + 900, middle.y + 21.3)])
    change = split(parts, [target.id], line)
    now = applied(parts, change)
    assert len(now) == len(parts) + 1
    pieces = [each for each in now if each.id == target.id or each.id.startswith("n")]
    assert apart(ground(pieces), target.geometry) < MM2
    assert all(piece.glacier_id == target.glacier_id for piece in pieces)
    for part in change.changed:  # neighbours get a vertex where the cut ends, and no other ground
        if part.id != target.id:
            (before,) = [each for each in parts if each.id == part.id]
            assert apart(part.geometry, before.geometry) < MM2
    assert len(change.changed) <= 3


def test_many_are_split_by_one_line() -> None:
    parts = cells(1)
    line = LineString([(599000, 3100755.5), (603000, 3100749.2)])
    crossed = [
        part.id for part in parts if part.geometry.crosses(line) or part.geometry.intersection(line).length > 0
    ]
    now = applied(parts, split(parts, crossed, line))
    assert len(now) >= len(parts) + len(crossed)
    assert apart(ground(now), ground(parts)) < MM2


def test_a_line_that_ends_inside_splits_nothing() -> None:
    with pytest.raises(EditError, match="cuts nothing through"):
        split([Part("a", 1, box(0, 0, 10, 10))], ["a"], LineString([(-5, 5), (5, 5)]))


def test_a_shared_edge_that_is_reshaped_is_shared_afterwards() -> None:
    parts = [
        Part("a", 1, box(0, 0, 100, 100)),
        Part("b", 2, box(100, 0, 200, 100)),
        Part("c", 1, box(0, 100, 200, 150)),
    ]
    outward = LineString([(90, 20), (120, 20), (120, 80), (90, 80)])
    now = {part.id: part.geometry.area for part in applied(parts, reshape(parts, ["a"], outward))}
    assert now == {"a": 10000 + 20 * 60, "b": 10000 - 20 * 60, "c": 10000}
    inward = LineString([(110, 20), (70, 20), (70, 80), (110, 80)])
    now = {part.id: part.geometry.area for part in applied(parts, reshape(parts, ["a"], inward))}
    assert now == {"a": 10000 - 30 * 60, "b": 10000 + 30 * 60, "c": 10000}
    free = LineString([(-10, 20), (30, 20), (30, 80), (-10, 80)])
    now = {part.id: part.geometry.area for part in applied(parts, reshape(parts, ["a"], free))}
    assert now == {"a": 10000 - 30 * 60, "b": 10000, "c": 10000}


def test_a_reshape_leaves_holes_open() -> None:
    holed = Part("a", 1, box(0, 0, 100, 100).difference(box(40, 40, 60, 60)))
    line = LineString([(90, 20), (120, 20), (120, 80), (90, 80)])
    (now,) = applied([holed], reshape([holed], ["a"], line))
    assert now.geometry.area == 10000 - 400 + 20 * 60
    assert len(now.geometry.interiors) == 1
    with pytest.raises(EditError, match="twice"):
        reshape([holed], ["a"], LineString([(90, 20), (120, 20)]))


@pytest.mark.parametrize("seed", range(5))
def test_a_vertex_is_moved_in_all_outlines_that_have_it(seed: int) -> None:
    parts = cells(seed)
    corners = shapely.get_coordinates([part.geometry for part in parts])
    found, counts = np.unique(corners.round(3), axis=0, return_counts=True)
    corner = tuple(found[np.argmax(counts)].tolist())
    moved = (corner[0] + 3.25, corner[1] - 2.5)
    change = move_vertices(parts, [(corner, moved)])
    having = {part.id for part in parts if Point(corner).distance(part.geometry.boundary) < 1e-6}
    assert len(having) >= 3
    assert {part.id for part in change.changed} == having
    now = applied(parts, change)
    assert apart(ground(now), ground(parts)) < MM2 or len(having) == 2
    assert all(Point(moved).distance(part.geometry.boundary) < 1e-6 for part in now if part.id in having)


@pytest.mark.parametrize("seed", range(4))
def test_vertices_of_several_outlines_move_by_one_step(seed: int) -> None:
    parts = cells(seed)
    middle = ground(parts).centroid
    corners = np.unique(shapely.get_coordinates([part.geometry for part in parts]).round(3), axis=0)
    near = corners[np.hypot(*(corners - (middle.x, middle.y)).T) < 400]
    assert len(near) > 5
    step = np.array([4.125, -3.5])
    ends = np.round(near + step, 3)
    moves = [(tuple(start), tuple(end)) for start, end in zip(near.tolist(), ends.tolist(), strict=True)]
    now = applied(parts, move_vertices(parts, moves))
    known = {tuple(at) for at in near.tolist()}
    for part in now:  # each outline as a plain replacement of its vertices would have it
        before = next(each for each in parts if each.id == part.id).geometry
        plain = shapely.transform(
            before, lambda at: np.where([[tuple(p) in known] for p in at.round(3).tolist()], at + step, at)
        )
        assert apart(part.geometry, plain) < MM2
    assert apart(ground(now), ground(parts)) < MM2  # nothing of the outer edge was near


def test_an_edge_is_pulled_out_in_both_outlines() -> None:
    parts = [Part("a", 1, box(0, 0, 100, 100)), Part("b", 2, box(100, 0, 200, 100))]
    change = move_vertices(parts, [((100, 50), (120, 50))])
    assert {part.id: part.geometry.area for part in applied(parts, change)} == {"a": 11000, "b": 9000}


def test_a_vertex_that_is_laid_on_an_edge_is_one_of_that_edge() -> None:
    parts = [Part("a", 1, box(0, 0, 100, 100)), Part("b", 2, box(150, -50, 200, 150))]
    change = move_vertices(parts, [((100, 100), (150, 100)), ((100, 0), (150, 0))])
    assert {part.id for part in change.changed} == {"a", "b"}
    assert (
        apart(ground(applied(parts, change)), shapely.union_all([box(0, 0, 150, 100), box(150, -50, 200, 150)])) == 0
    )


def test_a_move_that_would_cover_others_is_refused() -> None:
    parts = [Part("a", 1, box(0, 0, 100, 100)), Part("b", 2, box(150, 0, 200, 100))]
    with pytest.raises(EditError, match="overlap"):
        move_vertices(parts, [((100, 50), (180, 50))])
    with pytest.raises(EditError, match="cross itself"):
        move_vertices(parts, [((0, 0), (50, 150))])
    with pytest.raises(EditError, match="any more"):
        move_vertices(parts, [((7, 7), (50, 50))])


def test_vertices_come_and_go_in_both_outlines() -> None:
    parts = [Part("a", 1, box(0, 0, 100, 100)), Part("b", 2, box(100, 0, 200, 100))]
    more = applied(parts, insert_vertex(parts, Point(100.004, 50)))
    assert [len(part.geometry.exterior.coords) for part in more] == [6, 6]
    less = applied(more, delete_vertex(more, Point(100.004, 50)))
    assert [len(part.geometry.exterior.coords) for part in less] == [5, 5]
    corner = Part("c", 1, Polygon([(0, 100), (100, 100), (200, 100), (100, 150)]))
    with pytest.raises(EditError, match="come apart"):
        delete_vertex([*parts, corner], Point(100, 100))
    with pytest.raises(EditError, match="three vertices"):
        delete_vertex([Part("a", 1, Polygon([(0, 0), (10, 0), (5, 5)]))], Point(5, 5))
    with pytest.raises(EditError, match="no vertex"):
        delete_vertex(parts, Point(50, 50))


def test_merging_needs_an_edge() -> None:
    parts = [
        Part("a", 1, box(0, 0, 10, 10), "G"),
        Part("b", 2, box(10, 0, 20, 10)),
        Part("c", 1, box(20, 10, 30, 20)),
    ]
    (merged, _) = applied(parts, merge(parts, ["a", "b"]))
    assert merged.id == "a" or merged.class_value == 1
    with pytest.raises(EditError, match="do not share edges"):
        merge(parts, ["b", "c"])  # they meet in a corner


def test_classes_and_deletion() -> None:
    parts = [Part("a", 1, box(0, 0, 10, 10)), Part("b", 2, box(10, 0, 20, 10))]
    assert [part.class_value for part in applied(parts, reclassify(parts, ["a", "b"], 2))] == [2, 2]
    assert reclassify(parts, ["b"], 2).is_empty
    assert [part.id for part in applied(parts, reclassify(parts, ["a"], 0))] == ["b"]
    assert [part.id for part in applied(parts, delete(parts, ["b"]))] == ["a"]
    with pytest.raises(EditError, match="no class"):
        reclassify(parts, ["a"], 3)
    with pytest.raises(EditError, match="any more"):
        delete(parts, ["zzz"])


def staircase(seed: int) -> list[Part]:
    """Two parts of pixels beside each other, as a map gives them."""
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.integers(-1, 2, 60)) * 10.0 + 500
    ys = np.repeat(np.arange(61) * 10.0, 2)[1:-1]
    xs = np.repeat(steps, 2)
    edge = np.stack([xs, ys], 1)
    left = Polygon([(0, 0), *edge.tolist(), (0, 600)])
    right = Polygon([(1000, 600), *edge[::-1].tolist(), (1000, 0)])
    return [Part("a", 1, on_grid(left)), Part("b", 2, on_grid(right))]


@pytest.mark.parametrize("seed", range(4))
def test_simplifying_one_outline_simplifies_its_neighbours_edge(seed: int) -> None:
    parts = staircase(seed)
    change = simplify(parts, ["a"], 30.0)
    now = applied(parts, change)
    assert {part.id for part in change.changed} == {"a", "b"}
    assert sum(shapely.get_num_coordinates(part.geometry) for part in now) < 0.6 * sum(
        shapely.get_num_coordinates(part.geometry) for part in parts
    )
    assert apart(ground(now), ground(parts)) < MM2


def test_simplifying_leaves_no_vertex_where_the_old_line_crossed_the_new_one() -> None:
    """A zigzag with a neighbour and one without become straight, as GEOS makes them."""
    shared = [(x, 60.0 if x // 100 % 2 else -60.0) for x in range(0, 2001, 100)]
    free = [(x, 1500 + (70.0 if x // 150 % 2 else -70.0)) for x in range(1950, 149, -150)]
    parts = [
        Part("a", 1, Polygon([*shared, (2000, 1500), *free, (0, 1500)])),
        Part("b", 2, Polygon([*shared, (2000, -1500), (0, -1500)])),
    ]
    change = simplify(parts, ["a"], 120.0)
    now = applied(parts, change)
    wanted = shapely.coverage_simplify(np.array([part.geometry for part in parts], object), 120.0)
    got = {part.id: shapely.get_num_coordinates(part.geometry) for part in now}
    assert got == {part.id: shapely.get_num_coordinates(shape) for part, shape in zip(parts, wanted, strict=True)}
    assert (
        apart(ground(now), ground([replace(parts[0], geometry=wanted[0]), replace(parts[1], geometry=wanted[1])]))
        < MM2
    )


def some_correction(step: int, rng: np.random.Generator, parts: list[Part]) -> Change:
    """One of eight corrections somewhere."""
    target = parts[int(rng.integers(len(parts)))]
    centre = target.geometry.representative_point()
    area = shapely.buffer(Point(centre.x + rng.normal(0, 40), centre.y), rng.uniform(10, 150), quad_segs=5)
    angle = rng.uniform(0, np.pi)
    far = np.array([np.cos(angle), np.sin(angle)]) * 400
    line = LineString([(centre.x - far[0], centre.y - far[1]), (centre.x + far[0], centre.y + far[1])])
    x, y = target.geometry.exterior.coords[0]
    operations = (
        lambda: draw(parts, area, 1, overwrite=True, sliver_m=5),
        lambda: add(parts, [target.id], area, overwrite=True, sliver_m=5),
        lambda: remove(parts, [target.id], area),
        lambda: hole(parts, [target.id], area, 2),
        lambda: split(parts, [target.id], line),
        lambda: reshape(parts, [target.id], line),
        lambda: move_vertices(parts, [((x, y), (x + rng.normal(0, 8), y + rng.normal(0, 8)))]),
        lambda: simplify(parts, [target.id], 10.0),
    )
    return operations[step % len(operations)]()


@pytest.mark.parametrize("seed", range(3))
def test_a_day_of_corrections_leaves_a_coverage(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = cells(seed)
    done = 0
    for step in range(64):
        try:
            change = some_correction(step, rng, parts)
        except EditError:
            continue
        done += 1
        parts = [
            Part(f"s{step}.{index}", part.class_value, part.geometry) if part.id.startswith("n") else part
            for index, part in enumerate(applied(parts, change))
        ]
    assert done > 40
