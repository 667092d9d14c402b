"""Which event was the first of its kind and delivery by people: the first open, the first click.

First in the order of counting, so that counting again from the log says the same.

Public: note, firsts_of, kinds_of, drop_before.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, select, true
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.model.event import Event, EventKind
from posthouse.store.connection import Connection
from posthouse.store.event_tables import engaged
from posthouse.store.statement import RowsStatement, Statement, given_key

_text = given_key(engaged.c.event_id.type)[0][1]
_names = [column.name for column in engaged.columns]
_put = RowsStatement(
    [(name, _text) for name in _names],
    lambda given: (
        upsert_into(engaged).from_select(_names, select(given).where(true())).on_conflict_do_nothing()
    ),
)
_find = RowsStatement(
    [("of_delivery", _text), ("of_kind", _text)],
    lambda given: select(engaged.c.event_id).join(
        given, (engaged.c.delivery_id == given.c.of_delivery) & (engaged.c.kind == given.c.of_kind)
    ),
    most=100,
)


def note(conn: Connection, events: Iterable[Event]) -> set[str]:
    """Which of these events are the first of their kind and delivery; their ids. For write transactions."""
    rows = sorted((event.delivery_id, event.kind.value, event.id) for event in events)
    firsts = {(delivery_id, kind): (delivery_id, kind, id) for delivery_id, kind, id in reversed(rows)}
    conn.put(_put, sorted(firsts.values()))
    return _found(conn, firsts).intersection(row[2] for row in rows)


def firsts_of(conn: Connection, events: Iterable[Event]) -> set[str]:
    """The same without noting anything; for reading."""
    found = list(events)
    keys = dict.fromkeys((event.delivery_id, event.kind.value) for event in found)
    return _found(conn, keys).intersection(event.id for event in found)


def _found(conn: Connection, keys: Iterable[tuple[str, str]]) -> set[str]:
    return {row[0] for row in conn.answers(_find, list(keys))}


_kinds = RowsStatement(
    [("of_delivery", _text)],
    lambda given: select(engaged.c.delivery_id, engaged.c.kind).join(
        given, engaged.c.delivery_id == given.c.of_delivery
    ),
    most=100,
)


def kinds_of(conn: Connection, delivery_ids: Iterable[str]) -> dict[str, set[EventKind]]:
    """What people did with these letters, where they did anything: opened, clicked."""
    found: dict[str, set[EventKind]] = {}
    for delivery_id, kind in conn.answers(_kinds, [(each,) for each in dict.fromkeys(delivery_ids)]):
        found.setdefault(delivery_id, set()).add(EventKind(kind))
    return found


_oldest = (
    select(engaged.c.delivery_id, engaged.c.event_id)
    .order_by(engaged.c.delivery_id)
    .limit(bindparam("most"))
    .subquery("oldest")
)
_drop = Statement(
    delete(engaged).where(
        engaged.c.delivery_id.in_(
            select(_oldest.c.delivery_id).where(_oldest.c.delivery_id < bindparam("before"))
        ),
        engaged.c.event_id < bindparam("before"),
    ),
    "most",
    "before",
)


def drop_before(conn: Connection, before_id: str, limit: int) -> int:
    """Forget deliveries and events with smaller ids (`model.clock.id_at`), looking at the `limit` oldest; how
    many. Whoever opens such a letter once more is new."""
    return conn.change(_drop, limit, before_id)
