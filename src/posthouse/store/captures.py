"""Copies kept instead of sent (`posthouse dev`, test mode), in one inbox for each application: the mail that
one credential sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import bindparam, delete, exists, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from posthouse.store.connection import Connection
from posthouse.store.event_tables import event_label
from posthouse.store.identity_tables import credential
from posthouse.store.rows import containing, tag_label
from posthouse.store.statement import Statement, insert_once
from posthouse.store.tables import capture, event, message

COUNTED = 1000
"""An inbox's copies are counted so far; more are `COUNTED + 1`."""


@dataclass(slots=True)
class Capture:
    """The bytes that would have left for one recipient. `credential_id`: who sent it."""

    delivery_id: str
    message_id: str
    at: float
    sender: str
    recipient: str
    content: bytes
    account_id: str
    credential_id: str


@dataclass(slots=True)
class CaptureLine:
    """A capture in a list, without its bytes. `application`: as people know who sent it."""

    delivery_id: str
    message_id: str
    at: float
    sender: str
    recipient: str
    subject: str
    size_bytes: int
    domain: str
    application: str


_put = insert_once(capture)
_load = Statement(select(capture).where(capture.c.delivery_id == bindparam("id")), "id")
_LINE = (
    capture.c.delivery_id,
    capture.c.message_id,
    capture.c.at,
    capture.c.sender,
    capture.c.recipient,
    func.coalesce(message.c.subject, ""),  # of a message that is gone
    func.length(capture.c.content),
    func.coalesce(message.c.domain, ""),
    capture.c.credential_id,
    func.coalesce(credential.c.login, ""),
    func.coalesce(credential.c.name, ""),
)
_LINES = capture.outerjoin(message, message.c.id == capture.c.message_id).outerjoin(
    credential, credential.c.id == capture.c.credential_id
)


def add_captures(conn: Connection, items: Sequence[Capture]) -> None:
    """Keep copies; a writing function. The same delivery again changes nothing."""
    for item in items:
        conn.change(_put, *[getattr(item, column.name) for column in capture.columns])


def load_capture(conn: Connection, delivery_id: str) -> Capture | None:
    """One copy with its bytes."""
    row = conn.row(_load, delivery_id)
    return None if row is None else Capture(*row)


# Look for some


@dataclass(frozen=True, slots=True)
class CaptureQuery:
    """An account's copies, "" for everybody's; empty fields do not restrict. `domain` is the sending domain,
    `recipient` an address, `tag` a whole one; `sender`, `subject` and `text` (of the three)
    are texts in it, in any case. `credentials`: ids. `before_id` continues behind the last line of the page
    before; `after_id`: what was captured later, the oldest first."""

    account_id: str
    domain: str = ""
    recipient: str = ""
    sender: str = ""
    subject: str = ""
    tag: str = ""
    text: str = ""
    credentials: tuple[str, ...] = ()
    since: float = 0.0
    before_id: str = ""
    after_id: str = ""
    limit: int = 100


def _holds(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return func.lower(column).like(bindparam(name), escape="!")


_CONDITIONS: dict[str, ColumnElement[bool]] = {
    "account_id": capture.c.account_id == bindparam("of_account_id"),
    "domain": message.c.domain == bindparam("of_domain"),
    "recipient": func.lower(capture.c.recipient) == func.lower(bindparam("of_recipient")),
    "sender": _holds(capture.c.sender, "of_sender"),
    "subject": _holds(message.c.subject, "of_subject"),
    "tag": exists(
        select(event.c.id)
        .join(event_label, event_label.c.event_id == event.c.id)
        .where(
            event.c.message_id == capture.c.message_id,
            event_label.c.account_id == capture.c.account_id,
            event_label.c.label == bindparam("of_tag"),
        )
    ),
    "text": or_(
        *[_holds(column, "of_text") for column in (capture.c.recipient, capture.c.sender, message.c.subject)]
    ),
    "since": capture.c.at >= bindparam("of_since"),
    "before_id": capture.c.delivery_id < bindparam("of_before_id"),
    "after_id": capture.c.delivery_id > bindparam("of_after_id"),
}


def _by_credentials(count: int) -> ColumnElement[bool]:
    return capture.c.credential_id.in_([bindparam(f"credential{number}") for number in range(count)])


@cache
def _search(fields: tuple[str, ...], credentials: int) -> Statement:
    order = capture.c.delivery_id.asc() if "after_id" in fields else capture.c.delivery_id.desc()
    query = select(*_LINE).select_from(_LINES).where(*[_CONDITIONS[name] for name in fields])
    if credentials:
        query = query.where(_by_credentials(credentials))
    names = [f"of_{name}" for name in fields] + [f"credential{number}" for number in range(credentials)]
    return Statement(query.order_by(order).limit(bindparam("most")), *names, "most")


def search(conn: Connection, query: CaptureQuery) -> list[CaptureLine]:
    """The newest first, unless `after_id` turns it round."""
    given = {
        "account_id": query.account_id,
        "domain": query.domain,
        "recipient": query.recipient,
        "sender": query.sender and containing(query.sender),
        "subject": query.subject and containing(query.subject),
        "tag": query.tag and tag_label(query.tag),
        "text": query.text and containing(query.text),
        "since": query.since,
        "before_id": query.before_id,
        "after_id": query.after_id,
    }
    chosen = {name: value for name, value in given.items() if value}
    statement = _search(tuple(chosen), len(query.credentials))
    return [_line(row) for row in conn.rows(statement, *chosen.values(), *query.credentials, query.limit)]


def _line(row: Sequence[Any]) -> CaptureLine:
    return CaptureLine(*(*row[:8], application_name(*row[8:])))


_PEOPLES = ("person ", "command ")  # in the place of a credential: `doors.api.template_tests`


def application_name(credential_id: str, login: str, name: str) -> str:
    """As people know a credential: its name where it has one, its login, else a piece of its id. A user
    whose password is reset stays the same application."""
    if not credential_id:
        return "Posthouse"  # reports of our own
    if credential_id.startswith(_PEOPLES):
        return "test letters"
    return name or login or f"key …{credential_id[-6:].lower()}"


def application_of(conn: Connection, credential_id: str) -> str:
    """The name of a credential's inbox."""
    return application_name(credential_id, *(conn.row(_who, credential_id) or ("", "")))


# One inbox for each application

_first = Statement(
    select(func.min(capture.c.credential_id)).where(capture.c.account_id == bindparam("of_account")),
    "of_account",
)
_following = Statement(
    select(func.min(capture.c.credential_id)).where(
        capture.c.account_id == bindparam("of_account"), capture.c.credential_id > bindparam("behind")
    ),
    "of_account",
    "behind",
)


def _count_to(most: int) -> Statement:
    some = (
        select(capture.c.delivery_id)
        .where(capture.c.account_id == bindparam("of_account"), capture.c.credential_id == bindparam("by"))
        .limit(most)
        .subquery()
    )
    return Statement(select(func.count()).select_from(some), "of_account", "by")


_count = _count_to(COUNTED + 1)
_who = Statement(
    select(credential.c.login, credential.c.name).where(credential.c.id == bindparam("of_id")), "of_id"
)
_MOST_INBOXES = 200


@dataclass(frozen=True, slots=True)
class Inbox:
    """`copies`: at most `COUNTED + 1`. `credentials`: those that this application has used."""

    application: str
    copies: int
    credentials: tuple[str, ...]


def applications(conn: Connection, account_id: str) -> dict[str, tuple[str, ...]]:
    """The credentials that each application has used, by its name; each costs a look-up."""
    found: dict[str, tuple[str, ...]] = {}
    row = conn.row(_first, account_id)
    for _ in range(_MOST_INBOXES):
        if row is None or row[0] is None:
            break
        by = str(row[0])
        name = application_of(conn, by)
        found[name] = (*found.get(name, ()), by)
        row = conn.row(_following, account_id, by)
    return found


def inboxes(conn: Connection, account_id: str) -> list[Inbox]:
    """By name; each credential costs a bounded count."""
    return [
        Inbox(name, min(COUNTED + 1, sum(_copies(conn, account_id, by) for by in credentials)), credentials)
        for name, credentials in sorted(applications(conn, account_id).items())
    ]


def _copies(conn: Connection, account_id: str, credential_id: str) -> int:
    return int(conn.rows(_count, account_id, credential_id)[0][0])


# Remove

_remove = Statement(delete(capture).where(capture.c.delivery_id == bindparam("of_id")), "of_id")
_remove_own = Statement(
    delete(capture).where(
        capture.c.delivery_id == bindparam("of_id"), capture.c.account_id == bindparam("of_account")
    ),
    "of_id",
    "of_account",
)
_oldest = (
    select(capture.c.delivery_id)
    .where(capture.c.delivery_id < bindparam("before"))
    .order_by(capture.c.delivery_id)
    .limit(bindparam("most"))
)
_drop_before = Statement(delete(capture).where(capture.c.delivery_id.in_(_oldest)), "before", "most")


def remove_capture(conn: Connection, delivery_id: str) -> bool:
    """False: there was none."""
    return conn.change(_remove, delivery_id) > 0


def remove_own(conn: Connection, account_id: str, delivery_id: str) -> bool:
    """False: there was none, or it is another account's."""
    return conn.change(_remove_own, delivery_id, account_id) > 0


def drop_before(conn: Connection, before_id: str, limit: int) -> int:
    """Drop at most `limit` copies before that id (`model.clock.id_at`); for write transactions."""
    return conn.change(_drop_before, before_id, limit)
