"""What happened and nobody acted upon yet: bundles of event ids.

Whoever acts takes bundles in the transaction of the effects, so each event has its effects exactly once
whatever dies when. A cursor over the log would skip events on PostgreSQL, where a smaller id may become
visible after a larger one; rows to delete cannot be skipped. Bundles, because a row per event would cost as
much as the event.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, func, insert, select

from posthouse.store.connection import Connection
from posthouse.store.event_tables import outbox
from posthouse.store.statement import Statement

BUNDLE = 100
_LAST = "~"  # behind every id

_put = Statement(
    insert(outbox).values(first_id=bindparam("first_id"), ids=bindparam("ids")), "first_id", "ids"
)
_head = (
    select(outbox.c.number)
    .order_by(outbox.c.number)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)  # on PostgreSQL several workers may act at once
    .cte("head")
)
_take = Statement(
    delete(outbox).where(outbox.c.number.in_(select(_head.c.number))).returning(outbox.c.ids), "most"
)
_any = Statement(select(outbox.c.number).limit(1))
_oldest = Statement(select(func.min(outbox.c.first_id)))


def add(conn: Connection, ids: Sequence[str]) -> None:
    """Put events in; HOT. `ids` of events that are written in this transaction."""
    for start in range(0, len(ids), BUNDLE):
        part = ids[start : start + BUNDLE]
        conn.change(_put, min(part), "\n".join(part))


def is_empty(conn: Connection) -> bool:
    return conn.row(_any) is None


def take(conn: Connection, most: int) -> list[str]:
    """Take up to `most` bundles out, the first ones first: their ids. For the transaction of the effects."""
    return [each for (ids,) in conn.rows(_take, most) for each in ids.split("\n")]


def oldest(conn: Connection) -> str:
    """The smallest id that is in the outbox; "~", which is behind all ids, when it is empty."""
    row = conn.row(_oldest)
    return row[0] if row and row[0] else _LAST
