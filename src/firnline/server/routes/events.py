"""What happens, as it happens: server-sent events of jobs and layers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query
from fastapi.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from firnline.server.jobs.event_log import Event, EventLog
from firnline.server.routes.dependencies import EventsDep

router = APIRouter(tags=["jobs"])

_LOOK_S: Final = 0.25
"""How often it is looked for new events: workers write them, in processes of their own."""
_BEAT_S: Final = 15.0
"""How long at most nothing is sent, so that both ends see that the other is there."""
_MOST: Final = 2**62


@router.get("/events", response_class=StreamingResponse)
async def events(
    log: EventsDep,
    after: Annotated[int | None, Query(ge=0, le=_MOST, description="the number of the last event known")] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Events (text/event-stream) after a number, or from now on: job, band, layer.

    The first event of a stream that names no number is ``ready``: a page that reads its lists then misses nothing.
    A browser that comes back names the last one itself (Last-Event-ID).
    """
    known = int(last_event_id) if last_event_id is not None and last_event_id.isdecimal() else after
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(log, known), media_type="text/event-stream", headers=headers)


async def stream(log: EventLog, known: int | None) -> AsyncIterator[str]:
    """The text of the stream; it ends when who reads it goes."""
    last = await run_in_threadpool(lambda: log.last)
    yield "retry: 1000\n\n"
    if known is None or known > last:  # a number from the future is of another database
        known = last
        yield _text(Event(known, "ready", {}))
    quiet = 0.0
    while True:
        found = await run_in_threadpool(log.after, known)
        for event in found:
            yield _text(event)
            known = event.id
        quiet = 0.0 if found else quiet + _LOOK_S
        if quiet >= _BEAT_S:
            quiet = 0.0
            yield ": here\n\n"
        if not found:
            await asyncio.sleep(_LOOK_S)


def _text(event: Event) -> str:
    """An event in the form of the HTML standard; JSON has no bare line breaks."""
    return f"id: {event.id}\nevent: {event.kind}\ndata: {json.dumps(event.data)}\n\n"
