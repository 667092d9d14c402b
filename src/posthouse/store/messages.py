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


_put_messages = rows_insert(message)
_put_contents = rows_insert(content)
_put_deliveries = rows_insert(delivery)


def add_accepted(conn: Connection, items: Sequence[Accepted]) -> None:
    """Write letters, contents, deliveries, events and outbox rows. HOT; a writing function."""
    conn.put(_put_messages, [message_row(item.message) for item in items])
    conn.put(_put_contents, [(item.message.id, item.content) for item in items])
    conn.put(_put_deliveries, [delivery_row(each) for item in items for each in item.deliveries])
    events.append(conn, [each for item in items for each in item.events])


_message = Statement(select(message).where(message.c.id == bindparam("id")), "id")
_content = Statement(select(content.c.raw).where(content.c.message_id == bindparam("id")), "id")
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


def load_many(conn: Connection, message_ids: Sequence[str]) -> dict[str, tuple[Message, bytes]]:
    """Letters with their bytes by id; ids without a letter or without content are missing (F26)."""
    found = conn.answers(_many, [(message_id,) for message_id in dict.fromkeys(message_ids)])
    return {row[0]: (to_message(row[:-1]), row[-1]) for row in found}


# Retention of contents: a sweeper walks through the contents in the order of their ids (time), a bounded
# stretch per call, and begins again when it meets one that is too young.

_STRETCH = 10  # contents looked at for each one that may be dropped
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
    """Drop up to `limit` contents accepted before that instant whose deliveries are all final; how many.

    A call looks at `limit` x 10 contents at most and the next goes on behind them, so contents that must stay
    long do not make it slow. Run it in a write transaction.
    """
    row = conn.row(_place)
    place = row[0] if row else ""
    seen = conn.rows(_stretch, place, limit * _STRETCH)
    old = [found for found in seen if found[1] < before]
    closed = [(found[0],) for found in old if not found[2]][:limit]
    conn.put(_drop_content, closed)
    if len(closed) == limit:
        place = closed[-1][0]
    else:
        place = seen[-1][0] if len(old) == len(seen) == limit * _STRETCH else ""
    conn.change(_set_place, place)
    return len(closed)
