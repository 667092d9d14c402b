"""A stream of events as server-sent events (WHATWG HTML 9.2): followed in the order of the log, up to where
nothing can be added any more, so that every event comes once and the client's last id is enough to go on.

A stream costs two small reads a second. It holds at most one page; who reads slowly is waited for, and
nothing is read for them meanwhile.

Public: stream_events, POLL_S, HEARTBEAT_S.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import msgspec
from starlette.responses import Response

from posthouse.desk import event_log
from posthouse.desk.reports import event_row
from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.call import Call
from posthouse.doors.api.streams import HeldStream
from posthouse.model.clock import id_at
from posthouse.model.errors import PosthouseError
from posthouse.store.events import EventQuery, find_page

POLL_S = 1.0
HEARTBEAT_S = 15.0
KIND = "text/event-stream"
_HEADERS = {"X-Accel-Buffering": "no"}
_ID = re.compile(r"[0-9A-Z]{26}\Z")
_BEGINNING = b"retry: 2000\n: connected\n\n"
_HEARTBEAT = b": still here\n\n"

_encode = msgspec.json.Encoder().encode
Show = Callable[[dict[str, Any]], Any]


async def stream_events(call: Call, query: EventQuery, show: Show) -> Answer | Response:
    """`query` without a place. `show`: a row as it is sent. Raises Problem (400, 429)."""
    place = await _beginning(call, query)
    if call.request.method == "HEAD":
        return Answer(200, b"", {"Content-Type": KIND})
    with ExitStack() as held:
        held.enter_context(call.parts.streams.place(call.principal.credential_id))
        lines = _lines(call, query, place, show)
        return HeldStream(lines, held.pop_all(), kind=KIND, headers=_HEADERS)


async def _beginning(call: Call, query: EventQuery) -> str:
    last = call.request.headers.get("last-event-id", "").strip()
    if last:
        if not _ID.match(last):
            text = "Last-Event-ID is no id of an event: send the last one exactly as it came"
            raise Problem(400, "bad-value", text, field="Last-Event-ID")
        return last
    if query.since is not None:
        return id_at(query.since)
    return id_at(await call.read(event_log.settled_before, call.now))


async def _lines(call: Call, query: EventQuery, place: str, show: Show) -> AsyncIterator[bytes]:
    clock = call.parts.clock
    yield _BEGINNING
    spoke_at = clock.monotonic()
    while _may_go_on(call):
        try:
            settled = await call.read(event_log.settled_before, call.now)
            page = await call.read(find_page, replace(query, after_id=place, until=settled))
        except PosthouseError:  # the store is away: the client comes back with its last id
            return
        if page.events:
            yield b"".join([_message(show(event_row(event))) for event in page.events])
            spoke_at = clock.monotonic()
        elif clock.monotonic() - spoke_at >= HEARTBEAT_S:
            yield _HEARTBEAT
            spoke_at = clock.monotonic()
        place = max(place, page.place, id_at(settled) if page.is_complete else "")
        if await call.parts.streams.pause(POLL_S if page.is_complete else 0.0):
            return


def _may_go_on(call: Call) -> bool:
    identity = call.parts.identity
    is_valid = identity.current(call.principal) is not None
    return is_valid and call.account_id not in identity.suspended


def _message(shown: Any) -> bytes:
    """JSON has no line breaks: one data line."""
    return f"id: {shown.id}\nevent: {shown.kind}\ndata: ".encode() + _encode(shown) + b"\n\n"
