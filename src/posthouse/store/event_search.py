"""Search in the event log: one page, found through the index that leaves the fewest events to look at.

Each filter that an index serves is a *way* to the events: a walk along that index in the order of ids, which
is the order of time. Of the ways that a query offers the shortest is taken, found by counting a few hundred
entries of each; the other filters are tried on what the way brings. A page never looks at more than
`MOST_LOOKED` entries and says how far it came, so it is fast however rare the wanted events are.

Public: EventQuery, EventPage, find_page, search, settled_before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, func, literal_column, select, union_all
from sqlalchemy.sql.elements import ColumnElement

from posthouse.model.clock import id_at
from posthouse.model.event import Event, EventKind
from posthouse.store.connection import Connection
from posthouse.store.event_tables import event_label
from posthouse.store.rows import metadata_label, recipient_domain_label, tag_label, to_event
from posthouse.store.statement import Statement
from posthouse.store.tables import event, word

MOST_LOOKED = 10_000
FRESH_S = 2.0
"""No event is older than that when it is written: `events.append` gives late ones a new id."""
_SLACK_S = 1.0
_PROBED = 500
_FIRST_LOOK = 250
_LAST = "~"  # behind every id
_ALL_KINDS = tuple(EventKind)


@dataclass(frozen=True, slots=True)
class EventQuery:
    """What to look for; empty fields do not restrict. Of `kinds` an event has one; of `tags` and `metadata`
    (key and value) it has all.

    `since` and `until` are instants, the second one excluded; what counts is when the event was written to
    the log. `after_id` continues where the last page ended, in the direction of the order.
    `recipient` is matched as it is written, the domains and tags in any case.
    """

    message_id: str = ""
    recipient: str = ""
    kinds: tuple[EventKind, ...] = ()
    after_id: str = ""
    limit: int = 100
    newest_first: bool = False
    account_id: str = ""
    recipient_domain: str = ""
    domain: str = ""
    tags: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    since: float | None = None
    until: float | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """What it must find in `event_label`."""
        found = [tag_label(tag) for tag in self.tags]
        found += [metadata_label(key, value) for key, value in self.metadata]
        if self.recipient_domain:
            found.append(recipient_domain_label(self.recipient_domain))
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class EventPage:
    """`place`: the id behind which the next page begins, "" when there was nothing at all to look at.
    `is_complete`: behind it nothing matches, as the log was when it was read."""

    events: list[Event]
    place: str
    is_complete: bool


class _Way(NamedTuple):
    """An index walk: its name, what it is bound to, and which filters it settles."""

    name: str
    values: tuple[str, ...]
    settles: frozenset[str]


def find_page(conn: Connection, query: EventQuery) -> EventPage:
    """Up to `limit` events in the order of ids. For one snapshot, or inside a transaction."""
    low, high = _bounds(query)
    way = _shortest(conn, query, low, high)
    rest = _rest(query, way)
    forms = tuple((form, len(values)) for form, values in rest)
    steps = _steps(way.name, len(way.values), forms, query.newest_first)
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


# Ways

_low, _high = (bindparam(name, type_=event.c.id.type) for name in ("low", "high"))
_text = event.c.id.type


def _value(number: int) -> ColumnElement[str]:
    return bindparam(f"way_{number}", type_=_text)


_WAYS: dict[str, Callable[[], tuple[ColumnElement[str], list[ColumnElement[bool]]]]] = {
    "message": lambda: (event.c.id, [event.c.message_id == _value(0)]),
    "recipient": lambda: (event.c.id, [event.c.recipient == _value(0)]),
    "domain": lambda: (event.c.id, [event.c.domain == _value(0)]),
    "label": lambda: (
        event_label.c.event_id,
        [event_label.c.account_id == _value(0), event_label.c.label == _value(1)],
    ),
    "log": lambda: (event.c.id, []),
}


def _ways(query: EventQuery) -> list[_Way]:
    """By which indexes the events can be reached, the likely short ones first."""
    ways = []
    account = query.account_id
    if query.message_id:
        return [_Way("message", (query.message_id,), frozenset({"message"}))]
    if query.recipient:
        ways.append(_Way("recipient", (query.recipient,), frozenset({"recipient"})))
    if account:  # labels of all accounts together are in no order
        ways += [
            _Way("label", (account, label), frozenset({"account", f"label {label}"}))
            for label in query.labels
        ]
    if query.domain:
        ways.append(_Way("domain", (query.domain.lower(),), frozenset({"domain"})))
    if account:
        kinds = query.kinds or _ALL_KINDS
        names = tuple(kind.value for kind in dict.fromkeys(kinds))
        ways.append(_Way("kinds", (account, *names), frozenset({"account", "kinds"})))
    return ways or [_Way("log", (), frozenset())]


def _shortest(conn: Connection, query: EventQuery, low: str, high: str) -> _Way:
    """The way with the fewest entries. Of those with more than `_PROBED` the one whose first `_PROBED` reach
    furthest: its entries lie least dense."""
    ways = _ways(query)
    if len(ways) == 1:
        return ways[0]
    found: list[tuple[int, str, _Way]] = []
    for way in ways:
        probe = _steps(way.name, len(way.values), (), query.newest_first).edge
        count, edge = conn.rows(probe, *way.values, low, high, _PROBED)[0]
        if count < _PROBED // 10:
            return way
        found.append((count, edge, way))
    fewest = min([count for count, _, _ in found])
    short = [(edge, way) for count, edge, way in found if count == fewest]
    furthest = (min if query.newest_first else max)([edge for edge, _ in short])
    return next(way for edge, way in short if edge == furthest)


# What the way does not settle

_RestFilter = tuple[str, tuple[str, ...]]
"""Form and values. Forms that end with `by index` are answered by an index alone, without a look at the row:
rows of one kind or tag lie far apart, each on a page of its own."""


def _rest(query: EventQuery, way: _Way) -> list[_RestFilter]:
    account = query.account_id
    found: list[_RestFilter] = []
    if account and "account" not in way.settles:
        found.append(("account", (account,)))
    if query.message_id and "message" not in way.settles:
        found.append(("message", (query.message_id,)))
    if query.recipient and "recipient" not in way.settles:
        found.append(("recipient by index", (query.recipient,)))
    if query.domain and "domain" not in way.settles:
        found.append(("domain by index", (query.domain.lower(),)))
    if query.kinds and "kinds" not in way.settles:
        kinds = tuple(kind.value for kind in dict.fromkeys(query.kinds))
        found.append(("kinds by index", (account, *kinds)) if account else ("kinds", kinds))
    for label in query.labels:
        if f"label {label}" not in way.settles:
            found.append(("label by index", (account, label)) if account else ("label", (label,)))
    return found


_own = event.alias("own")


def _condition(form: str, names: Sequence[str], seen_id: ColumnElement[str]) -> ColumnElement[bool]:
    """A filter on the row of `event`, or (`by index`) on the id of an event that the way brought."""
    values = [bindparam(name, type_=_text) for name in names]
    # a range of one id, or the planner takes the primary key and with it the row
    is_it = (_own.c.id >= seen_id, _own.c.id <= seen_id)
    match form:
        # the empty text keeps the planner from a way of its own through an index on that column
        case "account":
            return event.c.account_id.concat(word("")) == values[0]
        case "message":
            return event.c.message_id.concat(word("")) == values[0]
        case "kinds":
            return event.c.kind.concat(word("")).in_(values)
        case "label":
            account, event_id = event.c.account_id, event.c.id
            return _any(*_is_label(account, values[0], event_id))
        case "label by index":
            return _any(*_is_label(values[0], values[1], seen_id))
        case "recipient by index":
            return _any(_own.c.recipient == values[0], *is_it)
        case "domain by index":
            return _any(_own.c.domain == values[0], *is_it)
        case "kinds by index":
            return _any(_own.c.account_id == values[0], _own.c.kind.in_(values[1:]), *is_it)
    raise AssertionError(f"no such form: {form}")


def _any(*where: ColumnElement[bool]) -> ColumnElement[bool]:
    """`exists` that asks for no column, so that an index alone can answer."""
    return select(literal_column("1")).where(*where).exists()


def _is_label(
    account: ColumnElement[str], label: ColumnElement[str], event_id: ColumnElement[str]
) -> tuple[ColumnElement[bool], ...]:
    return (
        event_label.c.account_id == account,
        event_label.c.label == label,
        event_label.c.event_id == event_id,
    )


# Statements


class _Steps(NamedTuple):
    """`edge`: how many entries the next stretch of the way has, and the last of them; `rows`: the events of
    that stretch that match."""

    edge: Statement
    rows: Statement


@lru_cache(512)
def _steps(way: str, values: int, rest: tuple[tuple[str, int], ...], newest: bool) -> _Steps:
    """`values`: how many the way is bound to; `rest`: the forms of the filters beside it, with the number of
    their values."""
    bound = [*(f"way_{number}" for number in range(values)), "low", "high", "look"]
    stretch = _stretch(way, values, newest).subquery("stretch")
    last = func.min(stretch.c.id) if newest else func.max(stretch.c.id)
    edge = Statement(select(func.count(), last).select_from(stretch), *bound)

    seen = _stretch(way, values, newest, includes_edge=True).subquery("seen")
    narrow, rows = select(seen.c.id), select(event)
    is_narrow_enough = True
    for place, (form, width) in enumerate(rest):
        names = [f"rest_{place}_{number}" for number in range(width)]
        condition = _condition(form, names, seen.c.id)
        bound += names
        if form.endswith("by index"):
            narrow = narrow.where(condition)
        else:
            rows, is_narrow_enough = rows.where(condition), False
    if is_narrow_enough:
        narrow = narrow.order_by(seen.c.id.desc() if newest else seen.c.id).limit(bindparam("most"))
    rows = rows.where(event.c.id.in_(narrow)).order_by(event.c.id.desc() if newest else event.c.id)
    return _Steps(edge, Statement(rows.limit(bindparam("most")), *bound, "most"))


def _stretch(way: str, values: int, newest: bool, *, includes_edge: bool = False) -> Select[Any]:
    """The first `look` ids of the way between `low` and `high`."""
    if way != "kinds":
        column, where = _WAYS[way]()
        return _walk(column, where, newest, includes_edge)
    is_theirs = event.c.account_id == _value(0)
    walks = [
        select(
            _walk(event.c.id, [is_theirs, event.c.kind == _value(number)], newest, includes_edge).subquery()
        )
        for number in range(1, values)
    ]
    merged = union_all(*walks).subquery("merged")
    order = merged.c.id.desc() if newest else merged.c.id
    return select(merged.c.id.label("id")).order_by(order).limit(bindparam("look"))


def _walk(
    column: ColumnElement[str], where: list[ColumnElement[bool]], newest: bool, includes_edge: bool
) -> Select[Any]:
    above = column >= _low if newest and includes_edge else column > _low
    below = column <= _high if not newest and includes_edge else column < _high
    order = column.desc() if newest else column
    return select(column.label("id")).where(*where, above, below).order_by(order).limit(bindparam("look"))
