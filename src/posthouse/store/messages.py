"""Letters: accept them with everything that belongs to them, load them, drop their contents in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, delete, exists, select, update

from posthouse.model.event import Event
from posthouse.model.message import Delivery, Message
from posthouse.store import events
from posthouse.store.connection import Connection
from posthouse.store.rows import delivery_row, message_row, to_message
from posthouse.store.statement import RowsStatement, Statement, given_key, rows_insert
from posthouse.store.tables import content, delivery, mark, message, word


@dataclass(slots=True)
class Accepted:
    """A letter as it is taken in: all of it becomes durable in one transaction, or nothing.

    `deliveries` may be waiting, or already taken by the worker that hands them on in memory (state TAKEN,
    its owner id, attempt 1).
    """

    message: Message
    content: bytes
    deliveries: list[Delivery]
    events: list[Event] = field(default_factory=list)


_PART_BYTES = 8 * 1024 * 1024
_put_messages = rows_insert(message)
_put_contents = rows_insert(content)
_put_deliveries = rows_insert(delivery)


def add_accepted(conn: Connection, items: Sequence[Accepted]) -> None:
    """Write letters, contents, deliveries, events and outbox rows. HOT; a writing function."""
    conn.put(_put_messages, [message_row(item.message) for item in items])
    for part in _by_size(items):
        conn.put(_put_contents, part)
    conn.put(_put_deliveries, [delivery_row(each) for item in items for each in item.deliveries])
    events.append(conn, [each for item in items for each in item.events])


def _by_size(items: Sequence[Accepted]) -> list[list[tuple[str, bytes]]]:
    """Content rows in parts of bounded size: an engine takes only so much in one statement."""
    parts: list[list[tuple[str, bytes]]] = [[]]
    room = _PART_BYTES
    for item in items:
        if len(item.content) > room and parts[-1]:
            parts.append([])
            room = _PART_BYTES
        parts[-1].append((item.message.id, item.content))
        room -= len(item.content)
    return parts


_message = Statement(select(message).where(message.c.id == bindparam("id")), "id")
_content = Statement(select(content.c.raw).where(content.c.message_id == bindparam("id")), "id")
_has_content = Statement(select(content.c.message_id).where(content.c.message_id == bindparam("id")), "id")
_heads = RowsStatement(
    given_key(message.c.id.type),
    lambda given: select(message).where(message.c.id.in_(select(given.c.key))),
    most=100,
)
_many = RowsStatement(
    given_key(message.c.id.type),
    lambda given: (
        select(message, content.c.raw)
        .join(content, content.c.message_id == message.c.id)
        .where(message.c.id.in_(select(given.c.key)))
    ),
)


def load_message(conn: Connection, message_id: str) -> Message | None:
    """The letter without its bytes; None if there is none."""
    row = conn.row(_message, message_id)
    return None if row is None else to_message(row)


def load_content(conn: Connection, message_id: str) -> bytes | None:
    """The letter's bytes; None if there are none (any more)."""
    row = conn.row(_content, message_id)
    return None if row is None else row[0]


def has_content(conn: Connection, message_id: str) -> bool:
    """Are the letter's bytes still there?"""
    return conn.row(_has_content, message_id) is not None


def load_heads(conn: Connection, message_ids: Sequence[str]) -> dict[str, Message]:
    """Letters without their bytes by id, those that there are."""
    found = conn.answers(_heads, [(message_id,) for message_id in dict.fromkeys(message_ids)])
    return {row[0]: to_message(row) for row in found}


def load_many(conn: Connection, message_ids: Sequence[str]) -> dict[str, tuple[Message, bytes]]:
    """Letters with their bytes by id; ids without a letter or without content are missing (F26)."""
    found = conn.answers(_many, [(message_id,) for message_id in dict.fromkeys(message_ids)])
    return {row[0]: (to_message(row[:-1]), row[-1]) for row in found}


# Retention of contents: a sweeper walks through the contents in the order of their ids (time), a bounded
# stretch per call, and begins again when it meets one that is too young.

_is_open = exists().where(
    delivery.c.id > message.c.id + word("."),
    delivery.c.id < message.c.id + word("/"),  # "/" follows ".": the key range of the message's deliveries
    delivery.c.state.in_([word("waiting"), word("taken"), word("held")]),
)
_place = Statement(select(mark.c.value).where(mark.c.name == word("sweeper")))
_set_place = Statement(
    update(mark).where(mark.c.name == word("sweeper")).values(value=bindparam("place")), "place"
)
_stretch = Statement(
    select(message.c.id, message.c.accepted_at, _is_open.label("is_open"))
    .select_from(content.join(message, message.c.id == content.c.message_id))
    .where(content.c.message_id > bindparam("place"))
    .order_by(content.c.message_id)
    .limit(bindparam("most")),
    "place",
    "most",
)
_drop_content = RowsStatement(
    given_key(content.c.message_id.type),
    lambda given: delete(content).where(content.c.message_id.in_(select(given.c.key))),
)


def drop_contents_before(conn: Connection, before: float, limit: int) -> int:
    """Look at the next `limit` contents accepted before that instant; drop those whose deliveries are final.

    Returns how many it looked at: fewer than `limit` means that it came to the end and the next call begins
    anew. So a call is bounded, and contents that must stay do not keep the sweeper from those behind them.
    For write transactions.
    """
    row = conn.row(_place)
    seen = conn.rows(_stretch, row[0] if row else "", limit)
    old = [(message_id, is_open) for message_id, accepted_at, is_open in seen if accepted_at < before]
    conn.put(_drop_content, [(message_id,) for message_id, is_open in old if not is_open])
    is_through = len(old) < limit
    conn.change(_set_place, "" if is_through else old[-1][0])
    return len(old)
