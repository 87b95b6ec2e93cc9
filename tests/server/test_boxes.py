"""Outlines of a box: the same whoever asks, at every revision, and found by the box and not by reading the layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
import sqlalchemy as sa

from firnline.inventory.editing.apply import Edit
from firnline.server.store import work
from firnline.server.store.database import Database
from firnline.server.store.layer import Author, Box
from firnline.server.store.store import Store

X, Y = 500_000.0, 3_100_000.0


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Database(tmp_path / "project.sqlite"))


def grid(store: Store, side: int = 12) -> str:
    """A layer of squares of 100 m that nearly meet; a second one lies upon it. Its id."""
    shapes = [
        shapely.box(X + 100 * i, Y + 100 * j, X + 100 * i + 99, Y + 100 * j + 99) for i, j in np.ndindex(side, side)
    ]
    parts = gpd.GeoDataFrame({"class": [1] * len(shapes)}, geometry=shapes, crs=32645)
    return [store.create_layer(name, parts.crs.to_wkt(), "inventory", parts, pixel_m=30).id for name in "ab"][1]


def boxes() -> list[Box | None]:
    random = np.random.default_rng(3)
    corners = random.uniform(-50, 1250, (8, 2, 2))
    found = [(X + a.min(), Y + b.min(), X + a.max(), Y + b.max()) for a, b in corners.transpose(0, 2, 1)]
    return [None, (X - 1, Y - 1, X + 2000, Y + 2000), (X + 9000, Y, X + 9100, Y + 100), *found]


def test_a_box_has_at_every_revision_what_a_plain_search_finds(store: Store) -> None:
    layer = grid(store)
    first = store.features(layer)
    by = Author("Ana", "s")
    store.apply(layer, Edit("delete", tuple(each.id for each in first[::5])), {}, by)
    store.apply(
        layer,
        Edit("draw", geometry=shapely.box(X + 130, Y + 130, X + 470, Y + 370), class_value=2, overwrite=True),
        {},
        by,
    )
    for at in (0, 1, 2, None):
        whole = {each.id: each for each in store.features(layer, at=at)}
        for box in boxes()[1:]:
            assert box is not None
            wanted = [
                name
                for name, each in whole.items()
                if shapely.box(*box).intersects(shapely.box(*each.geometry.bounds))
            ]
            found = store.features(layer, box, at)
            assert [each.id for each in found] == sorted(wanted)
            assert [(each.class_, each.version) for each in found] == [
                (whole[n].class_, whole[n].version) for n in sorted(wanted)
            ]
            drawn = store.outlines(layer, box, 2 if at is None else at)
            assert sorted(drawn.ids) == sorted(wanted)
    assert len(store.features(layer, at=0)) == 144
    assert store.last_change(layer, (X + 1150, Y + 1150, X + 1151, Y + 1151), 0) == 0


@pytest.mark.parametrize("at", [None, 0])
@pytest.mark.parametrize("box", boxes())
def test_pages_follow_each_other_without_a_gap(store: Store, box: Box | None, at: int | None) -> None:
    layer = grid(store)
    whole = [each.id for each in store.features(layer, box, at)]
    pages: list[str] = []
    while page := store.features(layer, box, at, limit=10, after=pages[-1] if pages else ""):
        pages += [each.id for each in page]
    assert pages == whole


@pytest.mark.parametrize("at", [None, 0])
@pytest.mark.parametrize("ask", ["features", "page", "outlines", "last_change"])
def test_a_small_box_does_not_go_through_the_whole_layer(store: Store, ask: str, at: int | None) -> None:
    """SQLite's own account of how it finds them: by the numbers that the boxes give, never by the layer."""
    layer, box = grid(store), (X, Y, X + 10, Y + 10)
    steps = steps_of(
        store,
        {
            "features": lambda: store.features(layer, box, at),
            "page": lambda: store.features(layer, box, at, limit=3),
            "outlines": lambda: store.outlines(layer, box, at or 0),
            "last_change": lambda: store.last_change(layer, box, at or 0),
        }[ask],
    )
    assert any("SCAN boxes VIRTUAL TABLE" in step for step in steps), steps
    reads = [step for step in steps if "versions" in step]
    assert reads
    assert all("INTEGER PRIMARY KEY" in step for step in reads), steps


def test_outlines_of_ids_are_found_by_the_ids(store: Store) -> None:
    layer = grid(store)
    ids = [each.id for each in store.features(layer)[:40]]

    def ask() -> None:
        with store.database.read() as connection:
            assert {each.id for each in work.named(connection, layer, ids)} == set(ids)

    assert all("feature_id=?" in step for step in steps_of(store, ask) if "versions" in step)


def steps_of(store: Store, ask: Callable[[], object]) -> list[str]:
    """The plan of the last statement that was asked."""
    asked: list[tuple[str, object]] = []

    @sa.event.listens_for(store.database._reading, "before_cursor_execute")
    def note(*said: object) -> None:
        asked.append((str(said[2]), said[3]))

    ask()
    (statement, values) = asked[-1]
    with store.database.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()  # type: ignore[arg-type]
    return [str(row[-1]) for row in plan]
