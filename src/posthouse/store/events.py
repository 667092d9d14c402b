"""The event log: append, load, search, drop what is old.

Every event is written together with its place in the outbox (`store.outbox`), from which everything that
follows from events is made exactly once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, select
from sqlalchemy.sql.elements import BindParameter

from posthouse.model.event import Event, EventKind
from posthouse.store import outbox
from posthouse.store.connection import Connection
from posthouse.store.event_tables import event_label
from posthouse.store.rows import event_row, labels_of, to_event
from posthouse.store.statement import RowsStatement, Statement, given_key, rows_insert
from posthouse.store.tables import event, word

_put_events = rows_insert(event)
_put_labels = rows_insert(event_label)
_load = RowsStatement(
    given_key(event.c.id.type),
    lambda given: select(event).where(event.c.id.in_(select(given.c.key))),
    most=100,
)


def append(conn: Connection, events: Iterable[Event]) -> None:
    """Write events, their labels and their place in the outbox. HOT. Event ids are unique: the same event
    twice is an error."""
    items = list(events)
    if not items:
        return
    rows = [event_row(item) for item in items]
    conn.put(_put_events, rows)
    labels = [label for item in items if item.data for label in labels_of(item)]
    if labels:
        conn.put(_put_labels, labels)
    outbox.add(conn, [row[0] for row in rows])


def load(conn: Connection, ids: Sequence[str]) -> list[Event]:
    """The events of these ids that there are, in the order of ids."""
    return [to_event(row) for row in sorted(conn.answers(_load, [(each,) for each in ids]))]


def append_each(conn: Connection, items: list[Event]) -> None:
    """`append` as a writing function: `store.submit(append_each, event, done)`."""
    append(conn, items)


# Search


@dataclass(frozen=True, slots=True)
class EventQuery:
    """What to look for; empty fields do not restrict. `after_id` continues where the last page ended: in the
    direction of the order, newest or oldest first."""

    message_id: str = ""
    recipient: str = ""
    kinds: tuple[EventKind, ...] = ()
    after_id: str = ""
    limit: int = 100
    newest_first: bool = False
    account_id: str = ""


@cache
def _search(
    by_account: bool, by_message: bool, by_recipient: bool, kinds: int, is_continued: bool, newest: bool
) -> Statement:
    statement = select(event)
    names: list[str] = []
    if by_account:
        statement = statement.where(event.c.account_id == bindparam("account_id"))
        names.append("account_id")
    if by_message:
        statement = statement.where(event.c.message_id == bindparam("message_id"))
        names.append("message_id")
    if by_recipient:
        statement = statement.where(event.c.recipient == bindparam("recipient"))
        names.append("recipient")
    if kinds:
        wanted = [f"kind_{number}" for number in range(kinds)]
        statement = statement.where(event.c.kind.in_([bindparam(name) for name in wanted]))
        names += wanted
    if is_continued:
        after: BindParameter[str] = bindparam("after_id")
        statement = statement.where(event.c.id < after if newest else event.c.id > after)
        names.append("after_id")
    order = event.c.id.desc() if newest else event.c.id
    return Statement(statement.order_by(order).limit(bindparam("most")), *names, "most")


def search(conn: Connection, query: EventQuery) -> list[Event]:
    """One page of events in the order of their ids (time)."""
    statement = _search(
        bool(query.account_id),
        bool(query.message_id),
        bool(query.recipient),
        len(query.kinds),
        bool(query.after_id),
        query.newest_first,
    )
    kinds = [kind.value for kind in query.kinds]
    restricting = (query.account_id, query.message_id, query.recipient, *kinds, query.after_id)
    values = [value for value in restricting if value]
    return [to_event(row) for row in conn.rows(statement, *values, query.limit)]


# Engagement: what a recipient did with earlier mail

_is_known = (event.c.account_id == bindparam("of_account"), event.c.recipient == bindparam("of_recipient"))
_engaged = Statement(
    select(event.c.at)
    .where(*_is_known, event.c.kind.in_([word("opened"), word("clicked")]))
    .order_by(event.c.id.desc())
    .limit(bindparam("most")),
    "of_account",
    "of_recipient",
    "most",
)
_clicks = Statement(
    select(event.c.data)
    .where(*_is_known, event.c.kind == word("clicked"))
    .order_by(event.c.id.desc())
    .limit(bindparam("most")),
    "of_account",
    "of_recipient",
    "most",
)
_CLICKS_READ = 50
_read_data = msgspec.json.Decoder(dict[str, Any]).decode


def engagement_hours(conn: Connection, account_id: str, recipient: str, limit: int = 500) -> list[float]:
    """The instants (seconds since the epoch) of the recipient's opens and clicks, the newest first."""
    return [float(row[0]) for row in conn.rows(_engaged, account_id, recipient, limit)]


def last_click_zone(conn: Connection, account_id: str, recipient: str) -> str:
    """The time zone of the newest click that tells one; "" without."""
    for (data,) in conn.rows(_clicks, account_id, recipient, _CLICKS_READ):
        zone = _read_data(data).get("time_zone")
        if isinstance(zone, str) and zone:
            return zone
    return ""


# Why mail failed

_last_of_day = (
    select(event.c.account_id, event.c.kind, event.c.data)
    .where(event.c.id >= bindparam("first"), event.c.id < bindparam("end"))
    .order_by(event.c.id.desc())
    .limit(bindparam("most"))
    .subquery("last_of_day")
)
_reasons = Statement(
    select(_last_of_day.c.data).where(
        _last_of_day.c.account_id == bindparam("of_account"), _last_of_day.c.kind == bindparam("of_kind")
    ),
    "of_account",
    "of_kind",
    "first",
    "end",
    "most",
)


def reasons(
    conn: Connection, account_id: str, kind: EventKind, first_id: str, end_id: str, most: int
) -> list[str]:
    """Why mail of an account failed, or was deferred, as far as the `most` last events between these ids
    tell."""
    rows = conn.rows(_reasons, account_id, kind.value, first_id, end_id, most)
    return [str(_read_data(data).get("reason", "")) for (data,) in rows]


# Retention

_oldest = select(event.c.id, event.c.at).order_by(event.c.id).limit(bindparam("most")).subquery("oldest")
_drop_old = Statement(
    delete(event).where(
        event.c.id.in_(
            select(_oldest.c.id).where(_oldest.c.at < bindparam("before"), _oldest.c.id < bindparam("end"))
        )
    ),
    "before",
    "end",
    "most",
)


def drop_before(conn: Connection, before: float, limit: int) -> int:
    """Delete up to `limit` of the oldest events, if older than `before` and consumed; how many.

    Looks only at the `limit` oldest, so a call is bounded even when nothing is old enough.
    """
    return conn.change(_drop_old, before, outbox.oldest(conn), limit)
