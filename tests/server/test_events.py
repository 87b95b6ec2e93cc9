"""Events: every page is told everything once, in order, from where it was."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from fastapi.testclient import TestClient

from firnline.inventory.editing.apply import Edit
from firnline.server.jobs.event_log import EventLog
from firnline.server.routes import events
from firnline.server.store.database import Database
from firnline.server.store.layer import Author


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    """Three events."""
    log = EventLog(Database(tmp_path / "project.sqlite"))
    for revision in (1, 2, 3):
        log.layer_changed("0123456789ab", revision)
    return log


def parsed(text: str) -> tuple[int, str, Any]:
    """One event, read as the HTML standard says."""
    lines = dict(line.split(": ", 1) for line in text.strip().splitlines())
    return int(lines["id"]), lines["event"], json.loads(lines["data"])


def first(stream: AsyncIterator[str], count: int) -> list[tuple[int, str, Any]]:
    """The first events of a stream."""

    async def some() -> list[tuple[int, str, Any]]:
        found = []
        async for text in stream:
            if text.startswith("id:"):
                found.append(parsed(text))
            if len(found) == count:
                break
        return found

    return asyncio.run(some())


def test_who_names_the_last_event_gets_later_ones_only(log: EventLog) -> None:
    told = first(events.stream(log, 1), 2)
    assert told == [
        (2, "layer", {"layer": "0123456789ab", "revision": 2}),
        (3, "layer", {"layer": "0123456789ab", "revision": 3}),
    ]


@pytest.mark.parametrize("known", [None, 99])  # 99: of a database that is gone
def test_who_comes_new_is_told_from_when_on_and_then_what_happens(log: EventLog, known: int | None) -> None:
    async def listen() -> list[tuple[int, str, Any]]:
        found = []
        async for text in events.stream(log, known):
            if text.startswith("id:"):
                found.append(parsed(text))
                if len(found) == 1:
                    log.append("job", {"name": "ice\nand snow"})
                else:
                    return found
        return found

    assert asyncio.run(listen()) == [(3, "ready", {}), (4, "job", {"name": "ice\nand snow"})]


def test_a_quiet_stream_says_that_it_is_there(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_BEAT_S", 0.0)

    async def comment() -> str:
        async for text in events.stream(log, 3):
            if text.startswith(":"):
                return text
        return ""

    assert asyncio.run(comment()) == ": here\n\n"


def test_numbers_are_never_given_twice(log: EventLog) -> None:
    log.drop_old(kept=0)
    assert (log.last, log.after(0)) == (0, [])
    assert log.append("job", {}) == 4


def test_the_browsers_own_number_goes_before_the_address(log: EventLog) -> None:
    async def told(after: int | None, header: str | None) -> int:
        answer = await events.events(log, after, header)
        async for text in answer.body_iterator:
            if isinstance(text, str) and text.startswith("id:"):
                return parsed(text)[0]
        return 0

    assert asyncio.run(told(0, "2")) == 3
    assert asyncio.run(told(0, None)) == 1
    assert asyncio.run(told(1, "nonsense")) == 2


def test_a_change_of_a_layer_is_an_event(client: TestClient) -> None:
    store, log = client.app.state.store, client.app.state.events  # type: ignore[attr-defined]
    box = shapely.box(5e5, 3e6, 5e5 + 900, 3e6 + 900)
    parts = gpd.GeoDataFrame({"class": [1]}, geometry=[box], crs=32645)
    layer = store.create_layer("Khumbu", parts.crs.to_wkt(), "inventory", parts, pixel_m=30)
    (feature,) = store.features(layer.id)
    store.apply(layer.id, Edit("reclassify", (feature.id,), class_value=2), {}, Author("me", "s"))
    told = [(event.kind, event.data) for event in log.after(0)]
    assert told == [("layer", {"layer": layer.id, "revision": revision}) for revision in (0, 1)]


@pytest.mark.parametrize("after", ["-1", "x", "9" * 30])
def test_a_number_that_is_none_is_refused(client: TestClient, after: str) -> None:
    assert client.get("/api/v1/events", params={"after": after}).status_code == 422
