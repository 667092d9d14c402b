"""The event log: searched page by page, and as a stream.

Public: ENDPOINTS, EventRow, event_of, query_of, EventFilter.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from posthouse.desk import event_log
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.endpoint import NativeEndpoint, reading, shown
from posthouse.doors.api.native.instants import told
from posthouse.doors.api.native.scope import wanted_domain
from posthouse.doors.api.native.stream import stream_events
from posthouse.model.event import EventKind
from posthouse.store.events import EventQuery

Word = Annotated[str, Meta(max_length=1000)]
Kind = Annotated[EventKind, Meta(description="What happened.")]


class EventRow(Struct, frozen=True, kw_only=True):
    """Something that happened to a message, or to one recipient's copy of it. `code`, `enhanced`, `text`:
    what the other side answered, or our own words with the code 0; `detail`: what only this kind has."""

    id: str
    kind: EventKind
    at: dt.datetime
    domain: str
    message_id: str
    delivery_id: str
    recipient: str
    code: int
    enhanced: str
    text: str
    tags: list[str]
    metadata: dict[str, Any]
    detail: dict[str, Any]


class EventFilter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events; what is not said does not restrict."""

    kind: Annotated[
        list[EventKind], Meta(max_length=16, description="One of these kinds; may be repeated.")
    ] = []
    message_id: Annotated[Word, Meta(description="Of this message.")] = ""
    recipient: Annotated[Word, Meta(description="Of this address.")] = ""
    recipient_domain: Annotated[Word, Meta(description="Of addresses of this domain.")] = ""
    domain: Annotated[Word, Meta(description="Of this sending domain.")] = ""
    tag: Annotated[list[Word], Meta(max_length=20, description="With this tag; with all, if repeated.")] = []
    meta: Annotated[
        list[Word],
        Meta(max_length=20, description="With this metadata, `key=value`; with all, if repeated."),
    ] = []
    since: Annotated[str, Meta(max_length=40, description="From then on: RFC 3339, or `2h`, `3d` (ago).")] = (
        ""
    )


class EventSearch(EventFilter, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of events."""

    until: Annotated[str, Meta(max_length=40, description="Before that time.")] = ""
    order: Annotated[Literal["newest", "oldest"], Meta(description="Which come first.")] = "newest"
    cursor: Annotated[str, Meta(max_length=100, description="`next` or `resume` of another page.")] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class EventPage(Struct, frozen=True, kw_only=True):
    """`next`: the cursor of the next page, null when for now nothing more matches. `resume`: where to go on
    later, in the order `oldest`: whoever follows these cursors sees every event once."""

    items: list[EventRow]
    next: str | None
    resume: str | None


async def list_events(call: Call, asked: EventSearch) -> Answer:
    query = query_of(call, asked, until=asked.until, newest_first=asked.order == "newest", limit=asked.limit)
    # before the snapshot of the page: what commits between the two is then in the page
    settled = await call.read(event_log.settled_before, call.now)
    page = await call.read(event_log.read_page, query, settled, asked.cursor)
    answer = EventPage(
        items=[event_of(row) for row in page.rows],
        next=None if page.is_complete or not page.cursor else page.cursor,
        resume=page.cursor if page.cursor and asked.order == "oldest" else None,
    )
    return json_answer(answer)


async def follow_events(call: Call, asked: EventFilter) -> Any:
    query = query_of(call, asked, until="", newest_first=False, limit=200)
    return await stream_events(call, query, event_of)


def query_of(call: Call, asked: EventFilter, *, until: str, newest_first: bool, limit: int) -> EventQuery:
    """Of the caller's account, and of its domain where the key is for one. Raises Refused, Problem."""
    return EventQuery(
        account_id=call.account_id,
        message_id=asked.message_id,
        recipient=event_log.plain_address(asked.recipient),
        recipient_domain=event_log.plain_domain(asked.recipient_domain) if asked.recipient_domain else "",
        domain=wanted_domain(call, asked.domain),
        tags=tuple(asked.tag),
        kinds=tuple(asked.kind),
        metadata=tuple(map(event_log.parse_pair, asked.meta)),
        since=event_log.parse_instant(asked.since, call.now) if asked.since else None,
        until=event_log.parse_instant(until, call.now) if until else None,
        newest_first=newest_first,
        limit=limit,
    )


_OWN = frozenset(EventRow.__struct_fields__) - {"detail"}


def event_of(row: dict[str, Any]) -> EventRow:
    """A row of `reports.event_row`."""
    detail = {name: value for name, value in row.items() if name not in _OWN and name != "time"}
    found: EventRow = shown({name: row[name] for name in _OWN} | {"detail": told(detail)}, EventRow)
    return found


_STREAM = """Server-sent events: each is one event as JSON, its `id:` the event's id, its `event:` the kind.
After a break go on with the header `Last-Event-ID`: nothing is lost and nothing comes twice. Events come in
the order of the log, about three seconds after they happened. Every 15 seconds a comment line shows that the
connection is alive. The stream ends when the server stops or the key is revoked; connect again then."""

ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading(
        "/events",
        "events.read",
        list_events,
        "Search the event log",
        topic="Events",
        asks=EventSearch,
        gives=EventPage,
        is_for_domains=True,
    ),
    reading(
        "/events/stream",
        "events.read",
        follow_events,
        "Follow the event log",
        text=_STREAM,
        topic="Events",
        asks=EventFilter,
        media="text/event-stream",
        is_for_domains=True,
    ),
)
