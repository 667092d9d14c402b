"""Batches: messages that share an id of the sender's, to be paused, resumed or cancelled together.

A batch's row is written with its first message, and every transaction that adds mail to it reads the status
under a lock that a change of the status waits for. So mail either is there when the change looks for it, or
sees the new status. A change first marks the batch, in a transaction of its own, then walks through what is
in the queue, step by step.

What is out with a worker at that moment is called back by the worker, unless its content is under way
already (`pipeline.recall`); should it come back to the queue, the status is looked at when it is taken again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, func, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert_into
from sqlalchemy.sql.elements import ColumnElement

from posthouse.model.clock import Ids
from posthouse.model.event import Event, EventKind
from posthouse.model.labels import labels
from posthouse.model.message import UNTIL, DeliveryState
from posthouse.model.options import SendOptions, read_options
from posthouse.store import events
from posthouse.store.asset_tables import batch
from posthouse.store.connection import Connection, Row
from posthouse.store.quotas import GivenUp, Room, waited_for_room
from posthouse.store.statement import RowsStatement, Statement, given_key, insert_once
from posthouse.store.tables import delivery, message, word
from posthouse.store.versions import raise_stops

GOING, PAUSED, CANCELLED = "", "pause", "cancel"
STEP_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Batch:
    """`status`: GOING, PAUSED or CANCELLED. `keep_s`: of a paused one, how long after its time mail is kept
    that is held; 0: until somebody says."""

    account_id: str
    id: str
    status: str
    created_at: float
    keep_s: float = 0.0


Pair = tuple[str, str]
"""Account id and batch id."""

_insert = upsert_into(batch).values({column.name: bindparam(column.name) for column in batch.columns})
_names = [column.name for column in batch.columns]
_register = insert_once(batch)
_mark = Statement(
    _insert.on_conflict_do_update(
        index_elements=list(batch.primary_key.columns),
        set_={"status": _insert.excluded.status, "keep_s": _insert.excluded.keep_s},
    ),
    *_names,
)
_is_it = (batch.c.account_id == bindparam("of_account"), batch.c.id == bindparam("of_batch"))
_find = Statement(select(batch).where(*_is_it), "of_account", "of_batch")
_locked_status = Statement(
    select(batch.c.status).where(*_is_it).with_for_update(read=True), "of_account", "of_batch"
)
_locked = Statement(select(batch).where(*_is_it).with_for_update(), "of_account", "of_batch")
_list_stopped = Statement(
    select(batch)
    .where(batch.c.account_id == bindparam("of_account"), batch.c.status != word(""))
    .order_by(batch.c.created_at.desc(), batch.c.id)
    .limit(bindparam("most")),
    "of_account",
    "most",
)
_list = Statement(
    select(batch)
    .where(batch.c.account_id == bindparam("of_account"))
    .order_by(batch.c.created_at.desc(), batch.c.id)
    .limit(bindparam("most")),
    "of_account",
    "most",
)
_list_limited = Statement(
    select(batch)
    .where(batch.c.keep_s > literal_column("0"))  # as the partial index has it
    .order_by(batch.c.created_at, batch.c.id)
    .limit(bindparam("most")),
    "most",
)
_key_type = given_key(batch.c.id.type)[0][1]
_stopped = RowsStatement(
    [("of_account", _key_type), ("of_batch", _key_type)],
    lambda given: (
        select(batch.c.account_id, batch.c.id, batch.c.status)
        .join(given, (batch.c.account_id == given.c.of_account) & (batch.c.id == given.c.of_batch))
        .where(batch.c.status != word(""))
    ),
)


def enter(conn: Connection, pairs: Iterable[Pair], now: float) -> dict[Pair, str]:
    """Mail of these batches is added in this transaction: each one's status. A batch that is new is made."""
    found = {}
    for pair in sorted(set(pairs)):  # one order for all: no deadlock between two that add at once
        conn.change(_register, *pair, GOING, now, 0.0)
        found[pair] = conn.rows(_locked_status, *pair)[0][0]
    return found


def stopped(conn: Connection, pairs: Iterable[Pair]) -> dict[Pair, str]:
    """Those of the batches that are paused or cancelled, with their status; for mail that is taken again."""
    return {(row[0], row[1]): row[2] for row in conn.answers(_stopped, list(dict.fromkeys(pairs)))}


def find(conn: Connection, account_id: str, batch_id: str) -> Batch | None:
    row = conn.row(_find, account_id, batch_id)
    return None if row is None else Batch(*row)


def find_locked(conn: Connection, account_id: str, batch_id: str) -> Batch | None:
    """The same, and nobody else changes it or adds mail to it before this transaction ends."""
    row = conn.row(_locked, account_id, batch_id)
    return None if row is None else Batch(*row)


def list_stopped(conn: Connection, account_id: str, limit: int) -> list[Batch]:
    """Those that are paused or cancelled, the newest first."""
    return [Batch(*row) for row in conn.rows(_list_stopped, account_id, limit)]


def list_batches(conn: Connection, account_id: str, limit: int = 100) -> list[Batch]:
    """The newest first."""
    return [Batch(*row) for row in conn.rows(_list, account_id, limit)]


def list_limited(conn: Connection, limit: int = 1_000) -> list[Batch]:
    """Those of all accounts that are paused and do not keep mail for ever, the oldest first."""
    return [Batch(*row) for row in conn.rows(_list_limited, limit)]


def set_status(
    conn: Connection, account_id: str, batch_id: str, status: str, now: float, keep_s: float = 0.0
) -> None:
    """Mark a batch, made if need be: what comes later follows. For what is in the queue, see the steps.
    `keep_s` counts for PAUSED only."""
    conn.change(_mark, account_id, batch_id, status, now, keep_s if status == PAUSED else 0.0)
    if status != GOING:
        raise_stops(conn)


# Steps: each changes up to `limit` deliveries behind the place where the last one ended


class Step(NamedTuple):
    """How many deliveries a step changed, and behind which delivery id the next one goes on; "" when the
    batch is through."""

    changed: int
    place: str


# What waits for its domain to be verified (`model.message.until_verified`) does not wait for the batch.
_is_of_batch = or_(
    delivery.c.last_code != literal_column("0"),
    func.substr(delivery.c.last_text, literal_column("1"), literal_column("11")) != word(UNTIL),
)


def _walk(*states: str, where: ColumnElement[bool] | None = None, names: tuple[str, ...] = ()) -> Statement:
    """Deliveries of the batch in these states, in the order of ids. `names`: further parameters."""
    return Statement(
        select(delivery.c.id)
        .select_from(message)
        .join(
            delivery,
            # "/" follows "." in the collation: the key range of the message's deliveries
            (delivery.c.id > message.c.id + word(".")) & (delivery.c.id < message.c.id + word("/")),
        )
        .where(
            message.c.batch_id == bindparam("of_batch"),
            message.c.batch_id != word(""),  # so that the partial index is seen
            message.c.account_id == bindparam("of_account"),
            message.c.id >= bindparam("of_message"),
            delivery.c.id > bindparam("place"),
            delivery.c.state.in_([word(state) for state in states]),
            *([] if where is None else [where]),
        )
        .order_by(message.c.id, delivery.c.id)
        .limit(bindparam("most")),
        "of_batch",
        "of_account",
        "of_message",
        "place",
        "most",
        *names,
    )


def _change(state: str, *before: str) -> RowsStatement:
    return RowsStatement(
        given_key(delivery.c.id.type),
        lambda given: (
            update(delivery)
            .where(
                delivery.c.id.in_(select(given.c.key)),
                delivery.c.state.in_([word(name) for name in before]),
            )
            .values(state=word(state))
            .returning(
                delivery.c.id,
                delivery.c.message_id,
                delivery.c.account_id,
                delivery.c.recipient,
                delivery.c.lane,
                delivery.c.personal,
                delivery.c.due_at,
                delivery.c.attempt,
                delivery.c.last_code,
                delivery.c.last_text,
            )
        ),
        most=100,
    )


_WAITING, _HELD, _CANCELLED = (
    state.value for state in (DeliveryState.WAITING, DeliveryState.HELD, DeliveryState.CANCELLED)
)
_pause = (_walk(_WAITING), _change(_HELD, _WAITING), EventKind.HELD)
_resume = (_walk(_HELD, where=_is_of_batch), _change(_WAITING, _HELD), EventKind.RELEASED)
_cancel = (_walk(_WAITING, _HELD), _change(_CANCELLED, _WAITING, _HELD), EventKind.CANCELLED)
_was_due = and_(_is_of_batch, delivery.c.due_at < bindparam("before", type_=delivery.c.due_at.type))
_expire = (_walk(_HELD, where=_was_due, names=("before",)), _change(_CANCELLED, _HELD), EventKind.CANCELLED)


def pause_batch(
    conn: Connection, pair: Pair, place: str, now: float, ids: Ids, *, limit: int = STEP_ROWS
) -> Step:
    """waiting -> held, with `held` events."""
    return _step(conn, _pause, pair, place, now, ids, limit)


def resume_batch(
    conn: Connection, pair: Pair, place: str, now: float, ids: Ids, *, limit: int = STEP_ROWS
) -> Step:
    """held -> waiting, due when it was due before, with `released` events; also what a person held, but
    not what waits for its domain to be verified."""
    return _step(conn, _resume, pair, place, now, ids, limit)


def cancel_batch(
    conn: Connection, pair: Pair, place: str, now: float, ids: Ids, room: Room, *, limit: int = STEP_ROWS
) -> Step:
    """waiting, held -> cancelled, with `cancelled` events; nothing is sent to anybody. `room` is told."""
    return _step(conn, _cancel, pair, place, now, ids, limit, room)


def expire_batch(
    conn: Connection, item: Batch, place: str, now: float, ids: Ids, room: Room, *, limit: int = STEP_ROWS
) -> Step:
    """The same for what is held and was due longer ago than the batch keeps mail, when nobody has changed the
    batch since `item` was read."""
    if find_locked(conn, item.account_id, item.id) != item:
        return Step(0, "")
    pair, before = (item.account_id, item.id), now - item.keep_s
    return _step(conn, _expire, pair, place, now, ids, limit, room, reason="paused", more=(before,))


def _step(
    conn: Connection,
    verb: tuple[Statement, RowsStatement, EventKind],
    pair: Pair,
    place: str,
    now: float,
    ids: Ids,
    limit: int,
    room: Room | None = None,
    *,
    reason: str = "batch",
    more: tuple[float, ...] = (),
) -> Step:
    walk, change, kind = verb
    account_id, batch_id = pair
    found = conn.rows(walk, batch_id, account_id, place.partition(".")[0], place, limit, *more)
    changed = conn.answers(change, found)
    about = _about_messages(conn, changed)
    events.append(conn, _facts(about, changed, kind, reason, batch_id, now, ids))
    if room is not None:
        room(conn, _roomy(about, changed))
    return Step(len(changed), found[-1][0] if len(found) == limit else "")


_About = dict[str, tuple[str, SendOptions]]
"""By message id: the sending domain and the options."""
_about = RowsStatement(
    given_key(message.c.id.type),
    lambda given: select(message.c.id, message.c.domain, message.c.options).where(
        message.c.id.in_(select(given.c.key))
    ),
    most=100,
)


def _about_messages(conn: Connection, changed: list[Row]) -> _About:
    message_ids = dict.fromkeys(row[1] for row in changed)
    return {
        row[0]: (row[1], read_options(row[2]))
        for row in conn.answers(_about, [(key,) for key in message_ids])
    }


def _facts(
    about: _About, changed: list[Row], kind: EventKind, reason: str, batch_id: str, now: float, ids: Ids
) -> list[Event]:
    facts = []
    for delivery_id, message_id, account_id, recipient, lane, personal, *_ in sorted(changed):
        domain, options = about[message_id]
        data: dict[str, Any] = {"reason": reason, "batch_id": batch_id, "lane": lane}
        data |= labels(options, personal)
        facts.append(
            Event(ids.new(), kind, now, account_id, domain, message_id, delivery_id, recipient, data)
        )
    return facts


def _roomy(about: _About, changed: list[Row]) -> list[GivenUp]:
    return [
        GivenUp(account_id, about[message_id][0], due_at, text)
        for _, message_id, account_id, *_, due_at, attempt, code, text in changed
        if waited_for_room(attempt, code, text)
    ]
