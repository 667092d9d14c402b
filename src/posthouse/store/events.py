"""The event log: append, load, drop what is old. It is searched in `event_search`, which is offered here too.

Every event is written together with its place in the outbox (`store.outbox`), from which everything that
follows from events is made exactly once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, select, tuple_

from posthouse.model.clock import Ids, id_at
from posthouse.model.event import Event, EventKind
from posthouse.store import outbox
from posthouse.store.connection import Connection
from posthouse.store.event_query import EventQuery
from posthouse.store.event_search import FRESH_S, EventPage, find_page, search, settled_before
from posthouse.store.event_tables import engaged, event_label
from posthouse.store.rows import event_row, labels_of, to_event
from posthouse.store.statement import RowsStatement, Statement, given_key, rows_insert
from posthouse.store.tables import event

__all__ = [
    "EventPage",
    "EventQuery",
    "append",
    "append_each",
    "drop_before",
    "find_page",
    "load",
    "reasons",
    "search",
    "settled_before",
]

_put_events = rows_insert(event)
_put_labels = rows_insert(event_label)
_load = RowsStatement(
    given_key(event.c.id.type),
    lambda given: select(event).where(event.c.id.in_(select(given.c.key))),
    most=100,
)


def append(conn: Connection, events: Iterable[Event]) -> None:
    """Write events, their labels and their place in the outbox. HOT. Event ids are unique: the same event
    twice is an error.

    Events that waited get new ids, so that those who read the log in order do not miss them
    (docs/decisions/027); their order and their instants stay.
    """
    items = list(events)
    if not items:
        return
    if conn.ids is not None:
        _refresh(items, conn.ids)
    rows = [event_row(item) for item in items]
    conn.put(_put_events, rows)
    labels = [label for item in items for label in labels_of(item)]
    if labels:
        conn.put(_put_labels, labels)
    outbox.add(conn, [row[0] for row in rows])


def _refresh(items: list[Event], ids: Ids) -> None:
    """All or none, or two facts of one moment might change places."""
    if min([item.id for item in items]) < id_at(ids.now() - FRESH_S):
        for item in items:
            item.id = ids.new()


def load(conn: Connection, ids: Sequence[str]) -> list[Event]:
    """The events of these ids that there are, in the order of ids."""
    return [to_event(row) for row in sorted(conn.answers(_load, [(each,) for each in ids]))]


def append_each(conn: Connection, items: list[Event]) -> None:
    """`append` as a writing function: `store.submit(append_each, event, done)`."""
    append(conn, items)


# Why mail failed

_read_data = msgspec.json.Decoder(dict[str, Any]).decode

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

_oldest = select(event).order_by(event.c.id).limit(bindparam("most")).subquery("oldest")
_old = Statement(
    select(_oldest).where(_oldest.c.at < bindparam("before"), _oldest.c.id < bindparam("end")),
    "most",
    "before",
    "end",
)
_drop = RowsStatement(
    given_key(event.c.id.type),
    lambda given: delete(event).where(event.c.id.in_(select(given.c.key))),
    most=100,
)
_TRIPLE = [(name, given_key(event.c.id.type)[0][1]) for name in ("first", "second", "third")]
_drop_labels = RowsStatement(
    _TRIPLE,
    lambda given: delete(event_label).where(
        tuple_(event_label.c.account_id, event_label.c.label, event_label.c.event_id).in_(select(given))
    ),
    most=100,
)
_drop_engaged = RowsStatement(
    _TRIPLE,
    lambda given: delete(engaged).where(
        tuple_(engaged.c.delivery_id, engaged.c.kind, engaged.c.event_id).in_(select(given))
    ),
    most=100,
)
_FIRSTS = (EventKind.OPENED, EventKind.CLICKED)


def drop_before(conn: Connection, before: float, limit: int) -> int:
    """Delete up to `limit` of the oldest events with what hangs on them, if older than `before` and consumed;
    how many.

    Looks only at the `limit` oldest, so a call is bounded even when nothing is old enough.
    """
    old = [to_event(row) for row in conn.rows(_old, limit, before, outbox.oldest(conn))]
    conn.put(_drop_labels, [label for item in old for label in labels_of(item)])
    firsts = [(item.delivery_id, item.kind.value, item.id) for item in old if item.kind in _FIRSTS]
    conn.put(_drop_engaged, firsts)
    conn.put(_drop, [(item.id,) for item in old])
    return len(old)
