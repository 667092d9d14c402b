"""The books of a house, read straight from its store, and the three questions asked of them.

1. Is each accepted copy at exactly one place, or is there an event that explains its end?
2. Are all leases free: does every delivery that is out belong to a worker that lives, and none for long?
3. Does the log agree with the queue, and do the counters agree with the log?

Public: Books, read_books, rows, can_be_read, contradictions.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from posthouse.internet.recorder import Arrival
from posthouse.model.event import Event, EventKind
from posthouse.rules import metrics

Row = dict[str, Any]

Key = metrics.Key
KIND_OF = {
    form.format(kind): kind.value
    for kind in EventKind
    for form in ("{}", "notice.{}", "copy.{}", "{}.machine")
}
_KEY = ("account_id", "dim", "name", "span", "at", "metric")
_COLUMNS = ("id", "kind", "at", "account_id", "domain", "message_id", "delivery_id", "recipient")
TERMINAL = {"delivered", "failed", "dropped", "cancelled"}
OPEN = {"waiting", "taken", "held"}
_OUR_TRACE = re.compile(rb"Received: from [^\r]*\r\n\tby \S+\.house\.test with \S+ id (\w+)")
_OUR_NAME = re.compile(rb"(?im)^Message-ID: <(\w+)@\S+\.house\.test>")


@contextlib.contextmanager
def _opened(url: str) -> Iterator[Any]:
    """A reading connection in one snapshot."""
    if url.startswith("sqlite:///"):
        raw = sqlite3.connect(
            f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True, isolation_level=None
        )
        raw.execute("begin")
        try:
            yield raw
        finally:
            raw.close()
    else:
        with psycopg.connect(url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            yield connection


def _asked(connection: Any, sql: str) -> list[Row]:
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def rows(url: str, sql: str) -> list[Row]:
    """The rows of one question as dictionaries."""
    with _opened(url) as connection:
        return _asked(connection, sql)


def event_rows(url: str, where: str = "1=1") -> list[Row]:
    """Events, oldest first, their data unfolded beside the columns."""
    found = rows(url, f"select * from event where {where} order by id")
    return [{**json.loads(row.pop("data")), **row} for row in found]


def can_be_read(url: str) -> bool:
    """Is there a store with our tables yet?"""
    try:
        rows(url, "select count(*) from event")
    except (sqlite3.Error, psycopg.Error):
        return False
    return True


@dataclass(slots=True)
class Books:
    """One snapshot of the store."""

    deliveries: dict[str, Row]
    events: list[Row]
    workers: set[str]
    counters: Counter[Key]
    uncounted: int
    firsts: set[str] = field(default_factory=set)
    forgotten: set[tuple[str, str, str]] = field(default_factory=set)

    @property
    def counted(self) -> Counter[str]:
        """Events by kind: ordinary mail's, our own letters', copies' and machines'."""
        kinds: Counter[str] = Counter()
        for (_, dim, _, span, _, metric), count in self.counters.items():
            if (dim, span) == (metrics.ACCOUNT, metrics.DAY) and (kind := KIND_OF.get(metric)):
                kinds[kind] += count
        return kinds


def read_books(url: str) -> Books:
    """Everything the questions need, in one snapshot."""
    with _opened(url) as connection:
        deliveries = _asked(connection, "select * from delivery")
        events = _asked(connection, "select * from event order by id")
        counters = _asked(connection, "select * from tally")
        firsts = {row["event_id"] for row in _asked(connection, "select event_id from engaged")}
        forgotten = _asked(connection, "select account_id, dim, name from forgotten")
        return Books(
            deliveries={row["id"]: row for row in deliveries},
            events=[{**json.loads(row.pop("data")), **row} for row in events],
            workers={row["id"] for row in _asked(connection, "select id from worker")},
            counters=Counter({tuple(row[name] for name in _KEY): row["count"] for row in counters}),
            uncounted=sum(
                len(row["ids"].split("\n")) for row in _asked(connection, "select ids from outbox")
            ),
            firsts=firsts,
            forgotten={(row["account_id"], row["dim"], row["name"]) for row in forgotten},
        )


def origin_of(content: bytes) -> str:
    """The id of the message that a copy came from: our Received field names it, or our own Message-ID."""
    head = content.partition(b"\r\n\r\n")[0]
    found = _OUR_TRACE.search(head) or _OUR_NAME.search(head)
    return found[1].decode() if found else ""


def contradictions(
    before: Sequence[Arrival], books: Books, after: Sequence[Arrival], *, kills: int = 0
) -> list[str]:
    """Every answer that is not what it must be. `before` and `after`: what had arrived before the books
    were read, and after; `kills`: how often the house was killed (each may have cost one second copy)."""
    return [
        *_ends(books),
        *_leases(books),
        *_counts(books),
        *_copies(before, books, after, kills),
    ]


def _ends(books: Books) -> Iterator[str]:
    ends: dict[str, list[str]] = defaultdict(list)
    accepted = Counter[str]()
    for event in books.events:
        if event["kind"] == "accepted":
            accepted[event["delivery_id"]] += 1
        elif event["kind"] in TERMINAL:
            ends[event["delivery_id"]].append(event["kind"])
    for id, row in books.deliveries.items():
        if accepted[id] != 1:
            yield f"{id} has {accepted[id]} accepted events"
        if row["state"] in OPEN and ends[id]:
            yield f"{id} is {row['state']} and yet {ends[id]}"
        if row["state"] in TERMINAL and ends[id] != [row["state"]]:
            yield f"{id} is {row['state']}, its events say {ends[id]}"
    for id in [*accepted, *ends]:
        if id not in books.deliveries:
            yield f"{id} has events and no row"


def _leases(books: Books) -> Iterator[str]:
    for id, row in books.deliveries.items():
        if row["state"] == "taken":
            alive = "lives" if row["owner"] in books.workers else "is gone"
            yield f"{id} to {row['recipient']} is out with {row['owner']}, who {alive}"


def _counts(books: Books) -> Iterator[str]:
    kinds = Counter(event["kind"] for event in books.events)
    states = Counter(row["state"] for row in books.deliveries.values())
    if kinds["accepted"] != sum(kinds[kind] for kind in TERMINAL) + sum(states[state] for state in OPEN):
        yield f"accepted is not delivered + failed + queued + given up: {dict(kinds)}, {dict(states)}"
    if not books.uncounted:
        yield from _counters(books)
    for event in books.events:
        taken = books.deliveries.get(event["delivery_id"], {"attempt": 0})["attempt"]
        if event["kind"] in ("deferred", "delivered", "failed") and event["attempt"] > taken:
            yield f"{event['delivery_id']} has an event of attempt {event['attempt']}, the row {taken}"


def _counters(books: Books) -> Iterator[str]:
    """Every counter, by account, domain, tag, site, address and credential, against a count of the log."""
    facts = [_fact(event) for event in books.events]
    wanted: Counter[Key] = Counter()
    for fact in facts:
        for word in metrics.metrics_of(fact, is_first=fact.id in books.firsts):
            for dim, name in metrics.names_of(fact):
                by_day = dim in ("account", "domain", "site") or not word.startswith("took")
                by_hour = dim == "account" or not word.startswith("took")
                if by_day:
                    wanted[fact.account_id, dim, name, "day", int(fact.at // 86400), word] += 1
                if by_hour:
                    wanted[fact.account_id, dim, name, "hour", int(fact.at // 3600), word] += 1
    for key in [*wanted, *(key for key in books.counters if key not in wanted)]:
        if books.counters[key] != wanted[key] and key[:3] not in books.forgotten:
            yield f"the counters say {books.counters[key]} of {key}, the log {wanted[key]}"
    people = [fact for fact in facts if metrics.is_by_people(fact)]
    firsts = Counter((fact.delivery_id, fact.kind) for fact in people if fact.id in books.firsts)
    for place in {(fact.delivery_id, fact.kind) for fact in people}:
        if firsts[place] != 1:
            yield f"{place} has {firsts[place]} first ones"


def _fact(row: Row) -> Event:
    columns = {name: row[name] for name in _COLUMNS}
    return Event(**{**columns, "kind": EventKind(row["kind"])}, data=row)


def _copies(before: Sequence[Arrival], books: Books, after: Sequence[Arrival], kills: int) -> Iterator[str]:
    # one message may have several copies for one address: with other values, or as a blind copy
    by_place: dict[tuple[str, str], list[str]] = defaultdict(list)
    for id, row in books.deliveries.items():
        by_place[row["message_id"], row["recipient"]].append(id)
    for arrival in before:
        for recipient in arrival.recipients:
            if (origin_of(arrival.content), recipient) not in by_place:
                yield f"a ghost: {recipient} got a copy of {origin_of(arrival.content) or 'nothing known'}"
    copies = Counter((origin_of(arrival.content), name) for arrival in after for name in arrival.recipients)
    doubtful = Counter(event["delivery_id"] for event in books.events if event.get("ambiguous"))
    delivered = {e["delivery_id"] for e in books.events if e["kind"] == "delivered" and e["code"] != 650}
    for place, ids in by_place.items():
        sent = len(delivered.intersection(ids))
        doubts = sum(doubtful[id] for id in ids)
        if copies[place] < sent:
            yield f"{sent - copies[place]} of {ids} never came to {place[1]} and is delivered"
        if copies[place] > len(ids) + doubts + kills:
            yield f"{ids} came {copies[place]} times, {doubts} of them in doubt"
