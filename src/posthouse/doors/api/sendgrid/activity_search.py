"""Finding what SendGrid's activity calls tell: acceptances from the newest on, each with all of its events.

What every match must have narrows the walk through the log by its indexes; the rest of the query is tried on
what the walk brings. One call looks at a bounded number of recipients and says where to go on.

Public: Search, Found, search_of, find_some, find_one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from posthouse.desk.event_log import plain_address
from posthouse.dialects.event_values import is_our_own
from posthouse.dialects.sendgrid.activity import Activity, place_in, record_of
from posthouse.dialects.sendgrid.activity_query import Query, Test, holds, must
from posthouse.doors.api.call import Call
from posthouse.model.event import Event, EventKind
from posthouse.model.hook import Told
from posthouse.model.options import TEST_SANDBOX
from posthouse.store import events, messages
from posthouse.store.connection import Connection
from posthouse.store.events import EventQuery

_AT_ONCE = 50  # recipients in one reading transaction
_MOST_LOOKS = 200
_MOST_EVENTS = 10_000
"""Of one letter; what comes later of one for thousands of recipients is not told."""
_SLACK_S = 5.0  # an event may be a little younger than its instant


@dataclass(frozen=True, slots=True)
class Search:
    """`is_log`: in the newer calls' words; `after`: behind which place in the log, "" from the newest on."""

    query: Query
    is_log: bool
    limit: int
    after: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Records with what they were made of; `place`: where to go on, "" when there is no more."""

    rows: list[tuple[Activity, dict[str, Any]]]
    place: str


def search_of(account_id: str, search: Search) -> EventQuery | None:
    """The walk that brings every match; None: nothing can match."""
    walk = EventQuery(
        account_id=account_id,
        kinds=(EventKind.ACCEPTED,),
        newest_first=True,
        after_id=search.after,
        limit=_AT_ONCE,
    )
    for test in must(search.query):
        narrowed = _narrowed(walk, test)
        if narrowed is None:
            return None
        walk = narrowed
    return walk


def _narrowed(walk: EventQuery, test: Test) -> EventQuery | None:
    if test.sign == "=" and test.field in ("msg_id", "sg_message_id"):
        try:
            return replace(walk, message_id=place_in(test.written))
        except ValueError:
            return None
    if test.sign == "=" and test.field == "to_email":
        return replace(walk, recipient=plain_address(test.written))
    first = test.values[0] if test.values else ""
    last = test.values[-1] if test.values else ""
    is_equal = test.sign in ("=", "CONTAINS")
    if is_equal and test.field == "categories" and str(first):
        return replace(walk, tags=(*walk.tags, str(first)))
    if test.field in ("last_event_time", "sg_message_id_created_at") and isinstance(last, float):
        # a letter is accepted before anything else happens to it
        if test.sign in ("=", "<", "<=", "BETWEEN"):
            until = last + _SLACK_S
            walk = replace(walk, until=until if walk.until is None else min(walk.until, until))
        if test.field == "sg_message_id_created_at" and test.sign in ("=", ">", ">=", "BETWEEN"):
            assert isinstance(first, float)
            walk = replace(walk, since=max(walk.since or 0.0, first - _SLACK_S))
    return walk


async def find_some(call: Call, search: Search) -> Found:
    """Up to `limit` records, the newest letters first."""
    rows: list[tuple[Activity, dict[str, Any]]] = []
    walk = search_of(call.account_id, search)
    letter = _Letter()
    for _ in range(_MOST_LOOKS if walk is not None else 0):
        assert walk is not None
        page, found = await call.read(_matching, walk, search, letter)
        for activity, record in found:
            rows.append((activity, record))
            if len(rows) == search.limit:
                return Found(rows, activity.told[0].event.id)
        if page.is_complete:
            return Found(rows, "")
        walk = replace(walk, after_id=page.place)
    return Found(rows, walk.after_id if walk is not None else "")


def _matching(
    conn: Connection, walk: EventQuery, search: Search, letter: _Letter
) -> tuple[events.EventPage, list[tuple[Activity, dict[str, Any]]]]:
    page = events.find_page(conn, walk)
    found = []
    for activity in _activities(conn, page.events, letter):
        record = record_of(activity, is_log=search.is_log)
        if holds(search.query, record):
            found.append((activity, record))
    return page, found


@dataclass(slots=True)
class _Letter:
    """The one that was looked at last: its recipients may fill many pages, and its events are read once."""

    id: str = ""
    of_delivery: dict[str, list[Told]] = field(default_factory=dict)


def _activities(conn: Connection, accepted: Iterable[Event], letter: _Letter) -> Iterator[Activity]:
    """One letter's events are held at a time: neighbours in the log are of one letter."""
    for event in accepted:
        if event.data.get("is_copy") or not event.delivery_id:
            continue
        if event.message_id != letter.id:
            letter.of_delivery = _by_delivery(conn, event.account_id, event.message_id)
            letter.id = event.message_id
        if told := letter.of_delivery.get(event.delivery_id):
            yield Activity(told)


def _by_delivery(conn: Connection, account_id: str, message_id: str) -> dict[str, list[Told]]:
    """Empty for a letter of ours, and for one that was only tried out."""
    query = EventQuery(account_id=account_id, message_id=message_id, limit=_MOST_EVENTS)
    message = messages.load_message(conn, message_id)
    found: dict[str, list[Told]] = {}
    for event in events.search(conn, query):
        told = Told(event, message)
        if is_our_own(told) or (message is not None and message.options.test_mode == TEST_SANDBOX):
            return {}
        if event.kind is EventKind.ACCEPTED or event.delivery_id in found:
            found.setdefault(event.delivery_id, []).append(told)
    return found


def find_one(conn: Connection, account_id: str, id: str) -> Activity | None:
    """By an id that an answer or an event told; up to its first dot it means the first recipient. None also
    for one of another account."""
    try:
        message_id = place_in(id)
    except ValueError:
        return None
    for told in _by_delivery(conn, account_id, message_id).values():
        activity = Activity(told)
        if "." not in id or activity.id == id:
            return activity
    return None
