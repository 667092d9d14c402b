"""Deliveries that nobody would look at in the ordinary course: past their time although their turn never came
(the site rests, the lane is deep), or taken by a worker that does not know so (a take or an accept whose
commit was in doubt and held).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select, update

from posthouse.model.message import Delivery
from posthouse.store.connection import Connection
from posthouse.store.rows import to_delivery
from posthouse.store.statement import Statement
from posthouse.store.tables import delivery, word

_head = (
    select(delivery.c.id)
    .where(delivery.c.state == word("waiting"), delivery.c.expires_at <= bindparam("now"))
    .order_by(delivery.c.expires_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("head")
)
_take_expired = Statement(
    update(delivery)
    .where(delivery.c.id.in_(select(_head.c.id)))
    .values(state=word("taken"), owner=bindparam("for_owner"), attempt=delivery.c.attempt + 1)
    .returning(*delivery.columns),
    "now",
    "most",
    "for_owner",
)


def take_expired(conn: Connection, items: Sequence[tuple[str, float, int]]) -> list[list[Delivery]]:
    """(owner, now, most): waiting -> taken for deliveries past their `expires_at`; a writing function."""
    return [
        [to_delivery(row) for row in conn.rows(_take_expired, now, most, owner)] for owner, now, most in items
    ]


_taken = Statement(
    select(delivery.c.id, delivery.c.attempt).where(
        delivery.c.state == word("taken"), delivery.c.owner == bindparam("by_owner")
    ),
    "by_owner",
)


def taken_by(conn: Connection, owner: str) -> list[tuple[str, int]]:
    """(delivery id, attempt) of all that `owner` has taken."""
    return [(row[0], row[1]) for row in conn.rows(_taken, owner)]
