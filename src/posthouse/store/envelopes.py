"""What a sending domain's mail still has to be delivered: the open rows of the queue with their letters.

What is open of the account is found in the indexes of the queue (`model.lane`): neither what was sent before
nor what waits of others is looked at.

Public: Envelope, list_open, find_open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, select, union_all

from posthouse.model.lane import lanes_between
from posthouse.store.connection import Connection, Row
from posthouse.store.statement import RowsStatement, Statement, given_key
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


def _open(state: str) -> Select[Any]:
    """Ids of what is open of the account behind a place."""
    return select(delivery.c.id).where(
        delivery.c.state == word(state),
        delivery.c.lane > bindparam("first"),
        delivery.c.lane < bindparam("end"),
        # the joined "" keeps SQLite from walking along the ids through all that was ever sent
        delivery.c.id.concat(word("")) > bindparam("after"),
    )


_ids = [
    Statement(
        _open(state).order_by(delivery.c.id.concat(word(""))).limit(bindparam("most")),
        "first",
        "end",
        "after",
        "most",
    )
    for state in ("waiting", "taken", "held")
]
_rows = RowsStatement(
    given_key(delivery.c.id.type),
    lambda given: (
        select(
            delivery.c.id,
            delivery.c.message_id,
            message.c.header_id,
            message.c.subject,
            delivery.c.recipient,
            delivery.c.state,
            delivery.c.due_at,
            message.c.domain,
        )
        .join(message, message.c.id == delivery.c.message_id)
        .where(delivery.c.id.in_(select(given.c.key)))
    ),
    most=100,
)
_all_open = union_all(*map(_open, ("waiting", "taken", "held"))).subquery("open")
_find = Statement(
    select(message.c.id)
    .select_from(
        _all_open.join(delivery, delivery.c.id == _all_open.c.id).join(
            message, message.c.id == delivery.c.message_id
        )
    )
    .where(
        message.c.domain == bindparam("of_domain"),
        message.c.header_id == bindparam("of_header"),
        message.c.id > bindparam("after"),
    )
    .distinct()
    .order_by(message.c.id)
    .limit(bindparam("most")),
    "first",
    "end",
    "after",
    "of_domain",
    "of_header",
    "most",
)
_LOOKED, _MOST_ASKED = 1_000, 100_000  # rows that are read at once, and ids


def list_open(conn: Connection, account_id: str, domain: str, after: str, limit: int) -> list[Envelope]:
    """One page in the order of ids; `after` is the last id of the page before. For one snapshot."""
    found: list[Envelope] = []
    for ids in _open_after(conn, account_id, after):
        rows = sorted(conn.answers(_rows, ids))
        found += [Envelope(*row) for *row, of_domain in rows if of_domain == domain]
        if len(found) >= limit:
            break
    return found[:limit]


def _open_after(conn: Connection, account_id: str, after: str) -> Iterator[Sequence[Row]]:
    """Ids of all that is open of the account behind a place, in their order, `_LOOKED` at once. Each question
    walks through the account's whole range: who finds little asks for more each time."""
    most = _LOOKED
    while True:
        values = (*lanes_between(account_id), after, most)
        ids = sorted(row for statement in _ids for row in conn.rows(statement, *values))[:most]
        for start in range(0, len(ids), _LOOKED):
            yield ids[start : start + _LOOKED]
        if len(ids) < most:
            return
        after, most = ids[-1][0], min(10 * most, _MOST_ASKED)


def find_open(
    conn: Connection, account_id: str, domain: str, header_id: str, after: str = "", limit: int = 100
) -> list[str]:
    """One page of the ids of letters with this Message-ID (as in the field) that are not delivered to
    everybody yet; `after` is the last id of the page before."""
    found = conn.rows(_find, *lanes_between(account_id), after, domain, header_id, limit)
    return [id for (id,) in found]
