"""Copies kept instead of sent (`posthouse dev`, test mode)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.store.connection import Connection
from posthouse.store.statement import Statement
from posthouse.store.tables import capture, message, word


@dataclass(slots=True)
class Capture:
    """The bytes that would have left for one recipient."""

    delivery_id: str
    message_id: str
    at: float
    sender: str
    recipient: str
    content: bytes


@dataclass(slots=True)
class CaptureLine:
    """A capture in a list, without its bytes."""

    delivery_id: str
    message_id: str
    at: float
    sender: str
    recipient: str
    subject: str
    size_bytes: int


_put = Statement(
    upsert_into(capture)
    .values({column.name: bindparam(column.name) for column in capture.columns})
    .on_conflict_do_nothing(),
    *[column.name for column in capture.columns],
)
_load = Statement(select(capture).where(capture.c.delivery_id == bindparam("id")), "id")
_account = bindparam("of_account", type_=message.c.id.type)
_list = Statement(
    select(
        capture.c.delivery_id,
        capture.c.message_id,
        capture.c.at,
        capture.c.sender,
        capture.c.recipient,
        func.coalesce(message.c.subject, ""),
        func.length(capture.c.content),
    )
    .select_from(capture.outerjoin(message, message.c.id == capture.c.message_id))
    .where(
        capture.c.delivery_id < bindparam("before"),
        or_(_account == word(""), message.c.account_id == _account),
    )
    .order_by(capture.c.delivery_id.desc())
    .limit(bindparam("most")),
    "before",
    "of_account",
    "most",
)
_AFTER_ALL = "~"  # ids have no character behind Z


def add_captures(conn: Connection, items: Sequence[Capture]) -> None:
    """Keep copies; a writing function. The same delivery again changes nothing."""
    for item in items:
        conn.change(
            _put, item.delivery_id, item.message_id, item.at, item.sender, item.recipient, item.content
        )


def load_capture(conn: Connection, delivery_id: str) -> Capture | None:
    """One copy with its bytes."""
    row = conn.row(_load, delivery_id)
    return None if row is None else Capture(*row)


def list_captures(
    conn: Connection, limit: int = 100, before_id: str = "", account_id: str = ""
) -> list[CaptureLine]:
    """The newest copies first, of an account or of all (""); `before_id` continues behind the last line of
    the page before."""
    return [CaptureLine(*row) for row in conn.rows(_list, before_id or _AFTER_ALL, account_id, limit)]
