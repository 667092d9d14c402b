"""What a sending domain's mail still has to be delivered: the open rows of the queue with their letters.

Public: Envelope, list_open, find_open.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, select

from posthouse.store.connection import Connection
from posthouse.store.statement import Statement
from posthouse.store.tables import delivery, message, word


@dataclass(frozen=True, slots=True)
class Envelope:
    """A copy that waits, is held or is just being sent (`state`); due at `due_at`."""

    id: str
    message_id: str
    header_id: str
    subject: str
    recipient: str
    state: str
    due_at: float


_open = delivery.join(message, message.c.id == delivery.c.message_id)
_is_open = (
    delivery.c.account_id == bindparam("of_account"),
    delivery.c.state.in_([word("waiting"), word("taken"), word("held")]),
    message.c.domain == bindparam("of_domain"),
)
_list = Statement(
    select(
        delivery.c.id,
        delivery.c.message_id,
        message.c.header_id,
        message.c.subject,
        delivery.c.recipient,
        delivery.c.state,
        delivery.c.due_at,
    )
    .select_from(_open)
    .where(*_is_open, delivery.c.id > bindparam("after"))
    .order_by(delivery.c.id)
    .limit(bindparam("most")),
    "of_account",
    "of_domain",
    "after",
    "most",
)
_find = Statement(
    select(message.c.id)
    .select_from(_open)
    .where(*_is_open, message.c.header_id == bindparam("of_header"), message.c.id > bindparam("after"))
    .distinct()
    .order_by(message.c.id)
    .limit(bindparam("most")),
    "of_account",
    "of_domain",
    "of_header",
    "after",
    "most",
)


def list_open(conn: Connection, account_id: str, domain: str, after: str, limit: int) -> list[Envelope]:
    """One page in the order of ids; `after` is the last id of the page before."""
    return [Envelope(*row) for row in conn.rows(_list, account_id, domain, after, limit)]


def find_open(
    conn: Connection, account_id: str, domain: str, header_id: str, after: str = "", limit: int = 100
) -> list[str]:
    """One page of the ids of letters with this Message-ID (as in the field) that are not delivered to
    everybody yet; `after` is the last id of the page before."""
    return [id for (id,) in conn.rows(_find, account_id, domain, header_id, after, limit)]
