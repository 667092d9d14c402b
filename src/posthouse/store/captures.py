"""Copies kept instead of sent (`posthouse dev`, test mode)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import bindparam, delete, func, or_, select
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
_LINE = (
    capture.c.delivery_id,
    capture.c.message_id,
    capture.c.at,
    capture.c.sender,
    capture.c.recipient,
    func.coalesce(message.c.subject, ""),  # of a message that is gone
    func.length(capture.c.content),
)
_list = Statement(
    select(*_LINE)
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


# Look for some


@dataclass(frozen=True, slots=True)
class CaptureQuery:
    """An account's copies; empty fields do not restrict. `domain` is the sending domain, `subject` a text in
    it, in any case. `before_id` continues behind the last line of the page before."""

    account_id: str
    domain: str = ""
    recipient: str = ""
    subject: str = ""
    since: float = 0.0
    before_id: str = ""
    limit: int = 100


_CONDITIONS = {
    "domain": message.c.domain == bindparam("of_domain"),
    "recipient": func.lower(capture.c.recipient) == func.lower(bindparam("of_recipient")),
    "subject": func.lower(message.c.subject).like(bindparam("of_subject"), escape="!"),
    "since": capture.c.at >= bindparam("of_since"),
}


@cache
def _search(fields: tuple[str, ...]) -> Statement:
    query = (
        select(*_LINE)
        .select_from(capture.join(message, message.c.id == capture.c.message_id))
        .where(
            message.c.account_id == _account,
            capture.c.delivery_id < bindparam("before"),
            *[_CONDITIONS[name] for name in fields],
        )
        .order_by(capture.c.delivery_id.desc())
        .limit(bindparam("most"))
    )
    return Statement(query, "of_account", "before", *[f"of_{name}" for name in fields], "most")


def search(conn: Connection, query: CaptureQuery) -> list[CaptureLine]:
    """The newest first."""
    given = {
        "domain": query.domain,
        "recipient": query.recipient,
        "subject": _pattern(query.subject) if query.subject else "",
        "since": query.since,
    }
    chosen = {name: value for name, value in given.items() if value}
    values = (query.account_id, query.before_id or _AFTER_ALL, *chosen.values(), query.limit)
    return [CaptureLine(*row) for row in conn.rows(_search(tuple(chosen)), *values)]


def _pattern(part: str) -> str:
    for mark in "!%_":
        part = part.replace(mark, f"!{mark}")
    return f"%{part.lower()}%"


_remove = Statement(delete(capture).where(capture.c.delivery_id == bindparam("of_id")), "of_id")


def remove_capture(conn: Connection, delivery_id: str) -> bool:
    """False: there was none."""
    return conn.change(_remove, delivery_id) > 0
