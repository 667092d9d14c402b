"""What the readers of delivered copies did: what must be known before it is written down, and what it tells
about when people read. Visits of machines tell nothing about people.

Public: Known, look_up, engagement_hours, last_click_zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from sqlalchemy import bindparam, func, select

from posthouse.model.event import EventKind
from posthouse.model.message import Delivery, Message
from posthouse.store import messages, queue
from posthouse.store.connection import Connection
from posthouse.store.statement import Statement
from posthouse.store.tables import IS_VISIT, event, word

_KINDS = (EventKind.OPENED, EventKind.CLICKED)


@dataclass(frozen=True, slots=True)
class Known:
    """A copy, when it was delivered (None: not that we know), and how many visits of each kind are kept, as
    far as `most`."""

    message: Message
    delivery: Delivery
    delivered_at: float | None
    visits: dict[EventKind, int]


# Event ids begin with the time, so the search starts at the letter's own id and ends at the first hit.
_delivered = Statement(
    select(event.c.at)
    .where(
        event.c.recipient == bindparam("of_recipient"),
        event.c.id > bindparam("after_id"),
        event.c.delivery_id == bindparam("of_delivery"),
        event.c.kind == word("delivered"),
    )
    .order_by(event.c.id)
    .limit(1),
    "of_recipient",
    "after_id",
    "of_delivery",
)


def _counting(kind: EventKind) -> Statement:
    some = (
        select(event.c.id)
        .where(event.c.delivery_id == bindparam("of_delivery"), event.c.kind == word(kind.value), IS_VISIT)
        .limit(bindparam("most"))
        .subquery("some")
    )
    return Statement(select(func.count()).select_from(some), "of_delivery", "most")


_counts = {kind: _counting(kind) for kind in _KINDS}


def look_up(conn: Connection, delivery_ids: Iterable[str], most: int) -> dict[str, Known]:
    """What is known about these copies; ids of none are missing."""
    letters: dict[str, Message | None] = {}
    found: dict[str, Known] = {}
    for delivery_id in dict.fromkeys(delivery_ids):
        delivery = queue.find_delivery(conn, delivery_id)
        if delivery is None:
            continue
        if delivery.message_id not in letters:
            letters[delivery.message_id] = messages.load_message(conn, delivery.message_id)
        message = letters[delivery.message_id]
        if message is not None:
            row = conn.row(_delivered, delivery.recipient, message.id, delivery_id)
            counted = {kind: int(conn.rows(_counts[kind], delivery_id, most)[0][0]) for kind in _KINDS}
            found[delivery_id] = Known(message, delivery, float(row[0]) if row else None, counted)
    return found


# What people did tells when they read mail

_of_recipient = (
    event.c.account_id == bindparam("of_account"),
    event.c.recipient == bindparam("of_recipient"),
)
_visits = Statement(
    select(event.c.at, event.c.data)
    .where(*_of_recipient, event.c.kind.in_([word("opened"), word("clicked")]))
    .order_by(event.c.id.desc())
    .limit(bindparam("most")),
    "of_account",
    "of_recipient",
    "most",
)
_clicks = Statement(
    select(event.c.data)
    .where(*_of_recipient, event.c.kind == word("clicked"))
    .order_by(event.c.id.desc())
    .limit(bindparam("most")),
    "of_account",
    "of_recipient",
    "most",
)
_CLICKS_READ = 50


class _Data(msgspec.Struct):
    machine: str = ""
    time_zone: str = ""


_read = msgspec.json.Decoder(_Data).decode


def engagement_hours(conn: Connection, account_id: str, recipient: str, limit: int = 500) -> list[float]:
    """The instants (seconds since the epoch) of the recipient's opens and clicks, the newest first; among the
    newest `limit` of all."""
    rows = conn.rows(_visits, account_id, recipient, limit)
    return [float(at) for at, data in rows if not _read(data or b"{}").machine]


def last_click_zone(conn: Connection, account_id: str, recipient: str) -> str:
    """The time zone of the newest click of a person that tells one; "" without."""
    for (data,) in conn.rows(_clicks, account_id, recipient, _CLICKS_READ):
        found = _read(data or b"{}")
        if found.time_zone and not found.machine:
            return found.time_zone
    return ""
