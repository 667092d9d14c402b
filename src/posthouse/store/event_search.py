"""Search in the event log: one page, found through the index that leaves the fewest events to look at.

Each filter that an index serves is a *way* to the events: a walk along that index in the order of ids, which
is the order of time. Of the ways that a query offers the shortest is taken, found by counting a few hundred
entries of each; the other filters are tried on what the way brings. A page never looks at more than
`MOST_LOOKED` entries and says how far it came, so it is fast however rare the wanted events are.

`event_query` says what can be asked, `event_ways`, `event_filters` and `event_steps` put it into SQL.

Public: EventPage, find_page, search, settled_before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from posthouse.model.clock import id_at
from posthouse.model.event import Event
from posthouse.store.connection import Connection
from posthouse.store.event_filters import rest_of
from posthouse.store.event_query import EventQuery
from posthouse.store.event_steps import steps_of
from posthouse.store.event_ways import Way, ways_of
from posthouse.store.rows import to_event

MOST_LOOKED = 10_000
FRESH_S = 2.0
"""No event is older than that when it is written: `events.append` gives late ones a new id."""
_SLACK_S = 1.0
_PROBED = 500
_FIRST_LOOK = 250
_LAST = "~"  # behind every id


@dataclass(frozen=True, slots=True)
class EventPage:
    """`place`: the id behind which the next page begins, "" when there was nothing at all to look at.
    `is_complete`: behind it nothing matches, as the log was when it was read."""

    events: list[Event]
    place: str
    is_complete: bool


def find_page(conn: Connection, query: EventQuery) -> EventPage:
    """Up to `limit` events in the order of ids. For one snapshot, or inside a transaction."""
    low, high = _bounds(query)
    way = _shortest(conn, query, low, high)
    rest = rest_of(query, way)
    forms = tuple((form, len(values)) for form, values in rest)
    steps = steps_of(way.name, len(way.values), forms, query.newest_first)
    wanted = [value for _, values in rest for value in values]
    found: list[Event] = []
    look = min(max(query.limit, _FIRST_LOOK), MOST_LOOKED) if rest else query.limit
    place, looked = query.after_id, 0
    while True:
        count, edge = conn.rows(steps.edge, *way.values, low, high, look)[0]
        if count:
            span = (edge, high) if query.newest_first else (low, edge)
            rows = conn.rows(steps.rows, *way.values, *span, look, *wanted, query.limit - len(found))
            found += map(to_event, rows)
            place = found[-1].id if len(found) >= query.limit else edge
        looked += count
        if len(found) >= query.limit or count < look:
            return EventPage(found, place, count < look and len(found) < query.limit)
        if looked >= MOST_LOOKED:
            return EventPage(found, place, False)
        low, high = (low, edge) if query.newest_first else (edge, high)
        look = min(look * 4, MOST_LOOKED - looked)


def search(conn: Connection, query: EventQuery) -> list[Event]:
    """All of a query up to `limit`, however many events it takes to look at: for what is known to be little,
    such as a message's own."""
    page = find_page(conn, query)
    found = list(page.events)
    while not page.is_complete and len(found) < query.limit:
        page = find_page(conn, replace(query, after_id=page.place, limit=query.limit - len(found)))
        found += page.events
    return found


def settled_before(conn: Connection, now: float) -> float:
    """Up to which instant nothing can appear in the log any more that is not there yet.

    Ask it before the snapshot of the page: what commits between the two is then in the page. An event is at
    most `FRESH_S` old when it is written, and appears when its transaction ends.
    """
    return now - FRESH_S - _SLACK_S - conn.engine.oldest_write_s(conn)


def _bounds(query: EventQuery) -> tuple[str, str]:
    """The ids between which to look, both excluded."""
    low = "" if query.since is None else id_at(max(0.0, query.since))
    high = _LAST if query.until is None else id_at(max(0.0, query.until))
    if not query.after_id:
        return low, high
    return (low, min(high, query.after_id)) if query.newest_first else (max(low, query.after_id), high)


def _shortest(conn: Connection, query: EventQuery, low: str, high: str) -> Way:
    """The way with the fewest entries. Of those with more than `_PROBED` the one whose first `_PROBED` reach
    furthest: its entries lie least dense."""
    ways = ways_of(query)
    if len(ways) == 1:
        return ways[0]
    found: list[tuple[int, str, Way]] = []
    for way in ways:
        probe = steps_of(way.name, len(way.values), (), query.newest_first).edge
        count, edge = conn.rows(probe, *way.values, low, high, _PROBED)[0]
        if count < _PROBED // 10:
            return way
        found.append((count, edge, way))
    fewest = min([count for count, _, _ in found])
    short = [(edge, way) for count, edge, way in found if count == fewest]
    furthest = (min if query.newest_first else max)([edge for edge, _ in short])
    return next(way for edge, way in short if edge == furthest)
