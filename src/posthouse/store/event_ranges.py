"""The event log read in the order of ids, for those who count again.

Public: between, first_event, last_event, pending.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select

from posthouse.model.event import Event
from posthouse.store.connection import Connection
from posthouse.store.event_tables import outbox
from posthouse.store.rows import to_event
from posthouse.store.statement import Statement
from posthouse.store.tables import event

_between = Statement(
    select(event)
    .where(event.c.id > bindparam("after"), event.c.id < bindparam("end"))
    .order_by(event.c.id)
    .limit(bindparam("most")),
    "after",
    "end",
    "most",
)
_first = Statement(select(event).order_by(event.c.id).limit(1))
_last = Statement(select(event).order_by(event.c.id.desc()).limit(1))
_bundles = Statement(select(outbox.c.ids).where(outbox.c.first_id < bindparam("end")), "end")


def between(conn: Connection, after_id: str, end_id: str, limit: int) -> list[Event]:
    """Up to `limit` events with ids between these, neither included, by id."""
    return [to_event(row) for row in conn.rows(_between, after_id, end_id, limit)]


def first_event(conn: Connection) -> Event | None:
    """The oldest one that is kept; None without any."""
    row = conn.row(_first)
    return to_event(row) if row else None


def last_event(conn: Connection) -> Event | None:
    """The newest one; None without any."""
    row = conn.row(_last)
    return to_event(row) if row else None


def pending(conn: Connection, after_id: str, end_id: str) -> set[str]:
    """Ids between these that wait in the outbox: what follows from those events has not happened yet."""
    found = (id for (ids,) in conn.rows(_bundles, end_id) for id in ids.split("\n"))
    return {id for id in found if after_id < id < end_id}
