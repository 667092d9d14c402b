"""Answers that are given once: who asks again with the same key gets the first answer and no second effect.

A row is written in the transaction of the effect, so that there is never one without the other.

Public: Answered, KEPT_S, claim, find, fill, forget, drop_before.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from sqlalchemy import bindparam, delete, select, update

from posthouse.store.api_tables import answered
from posthouse.store.connection import Connection, Row
from posthouse.store.rows import json_text
from posthouse.store.statement import Statement, insert_once

KEPT_S = 86400.0
"""How long an answer is given again."""


@dataclass(frozen=True, slots=True)
class Answered:
    """`id`: a hash over who asks, where, and their key. `fingerprint`: of the call, "" when any call with the
    key counts as the same. `status`, `headers`, `body`: of the HTTP answer."""

    id: str
    account_id: str
    fingerprint: str
    status: int
    body: bytes
    at: float
    headers: dict[str, str] = field(default_factory=dict)


_put = insert_once(answered)
_find = Statement(select(answered).where(answered.c.id == bindparam("of_id")), "of_id")
_forget = Statement(delete(answered).where(answered.c.id == bindparam("of_id")), "of_id")
_drop = Statement(
    delete(answered).where(
        answered.c.id.in_(
            select(answered.c.id).where(answered.c.at < bindparam("before")).limit(bindparam("most"))
        )
    ),
    "before",
    "most",
)
_read_headers = msgspec.json.Decoder(dict[str, str]).decode


def claim(conn: Connection, new: Answered) -> Answered | None:
    """Write the answer that a call is about to get. None: the call is the first one and may go on; else the
    answer that was given before, within a day. Waits for another transaction that is at the same key."""
    values = (
        new.id,
        new.account_id,
        new.fingerprint,
        new.status,
        json_text(dict(new.headers)),
        new.body,
        new.at,
    )
    while not conn.change(_put, *values):
        row = conn.row(_find, new.id)
        if row is None:  # removed in between
            continue
        found = _to_answered(row)
        if found.at > new.at - KEPT_S:
            return found
        conn.change(_forget, new.id)
    return None


def find(conn: Connection, id: str, now: float) -> Answered | None:
    """The answer that was given under this id within a day."""
    row = conn.row(_find, id)
    found = _to_answered(row) if row else None
    return found if found and found.at > now - KEPT_S else None


def _to_answered(row: Row) -> Answered:
    id, account_id, fingerprint, status, headers, body, at = row
    return Answered(id, account_id, fingerprint, status, bytes(body), at, _read_headers(headers))


_fill = Statement(
    update(answered)
    .where(answered.c.id == bindparam("of_id"))
    .values(status=bindparam("to_status"), headers=bindparam("to_headers"), body=bindparam("to_body")),
    "of_id",
    "to_status",
    "to_headers",
    "to_body",
)


def fill(conn: Connection, id: str, status: int, headers: dict[str, str], body: bytes) -> None:
    """The answer to a call that was claimed before it was known."""
    conn.change(_fill, id, status, json_text(dict(headers)), body)


def forget(conn: Connection, id: str) -> None:
    """The call had no effect after all."""
    conn.change(_forget, id)


def drop_before(conn: Connection, at: float, limit: int) -> int:
    """Remove what is given no more; how many rows."""
    return conn.change(_drop, at, limit)
