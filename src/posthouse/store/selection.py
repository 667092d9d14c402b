"""What an operator does to many deliveries at once: flush, hold, release, drop.

Each verb changes at most `limit` rows per call and returns how many, so that a million rows do not hold the
store for seconds: `in_steps` repeats it, a transaction per step, until nothing is left to do. Deliveries that
are out with a worker (taken) are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, case, exists, func, literal_column, select, update
from sqlalchemy.sql.elements import ColumnElement

from posthouse.model.clock import Ids
from posthouse.model.event import Event, EventKind
from posthouse.model.labels import labels
from posthouse.model.lane import lanes_between
from posthouse.model.message import FOR_ROOM, until_verified
from posthouse.model.options import PLAIN, SendOptions, read_options
from posthouse.store import events
from posthouse.store.connection import Connection, Row
from posthouse.store.quotas import GivenUp, Room, waited_for_room
from posthouse.store.rows import to_delivery
from posthouse.store.statement import Statement
from posthouse.store.tables import delivery, message, word

STEP_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Selector:
    """Which deliveries: exactly one of them is set, beside `account_id`. `domain` is the recipient's,
    `recipient` an address, `sending_domain` the sender's. `account_id`: only of this account, "" for all."""

    lane: str = ""
    domain: str = ""
    message_id: str = ""
    recipient: str = ""
    everything: bool = False
    account_id: str = ""
    sending_domain: str = ""

    def chosen(self) -> tuple[tuple[str, bool], tuple[str, ...]]:
        """(field, of one account?) and the values of its statements. Raises ValueError unless exactly one is
        set."""
        given = [(name, str(getattr(self, name))) for name in _WHERE if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(
                "choose one of: a lane, a domain, a message, a recipient, everything, a sending domain"
            )
        field, value = given[0]
        if not self.account_id:
            return (field, False), (value,)
        if field in _FOUND_ALONE:
            return (field, True), (value, self.account_id)
        return (field, True), (value, *lanes_between(self.account_id, value if field == "domain" else ""))


_value = bindparam("value", type_=delivery.c.id.type)
_is_theirs = delivery.c.account_id == bindparam("account")
# An account's lanes lie side by side in the indexes: a neighbour's millions are not looked at.
_in_their_lanes = and_(delivery.c.lane > bindparam("first"), delivery.c.lane < bindparam("end"))
_FOUND_ALONE = ("lane", "message_id")  # by an index of their own
_WHERE: dict[str, ColumnElement[bool]] = {
    "lane": delivery.c.lane == _value,
    "domain": delivery.c.domain == _value,
    # "/" follows "." in the collation: the key range of the message's deliveries
    "message_id": and_(delivery.c.id >= _value.concat(word(".")), delivery.c.id < _value.concat(word("/"))),
    "recipient": delivery.c.recipient == _value,
    "everything": _value != word(""),
    "sending_domain": exists().where(message.c.id == delivery.c.message_id, message.c.domain == _value),
}


def _changes(
    state: str, new: dict[str, Any], *more: ColumnElement[bool], names: tuple[str, ...] = ()
) -> dict[tuple[str, bool], Statement]:
    """By selector, of all accounts and of one: change up to `most` rows that are in `state`, answer what they
    are now."""
    made = {}
    for field, where in _WHERE.items():
        made[field, False] = _change(state, new, (where, *more), ["value"], names)
        if field in _FOUND_ALONE:
            owned, values = _is_theirs, ["value", "account"]
        else:
            owned, values = _in_their_lanes, ["value", "first", "end"]
        made[field, True] = _change(state, new, (where, owned, *more), values, names)
    return made


def _change(
    state: str,
    new: dict[str, Any],
    where: tuple[ColumnElement[bool], ...],
    values: Sequence[str],
    names: tuple[str, ...] = (),
) -> Statement:
    head = (
        select(delivery.c.id)
        .where(delivery.c.state == word(state), *where)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .cte("head")
    )
    change = update(delivery).where(delivery.c.id.in_(select(head.c.id))).values(new)
    return Statement(change.returning(*delivery.columns), *values, "most", *names)


_now = bindparam("now", type_=delivery.c.due_at.type)
_is_for_room = and_(
    delivery.c.last_code == literal_column("0"),
    func.substr(delivery.c.last_text, literal_column("1"), literal_column(str(len(FOR_ROOM))))
    == word(FOR_ROOM),
)
# What is flushed keeps the room that was counted for it, and can no longer say in which windows that is.
_flushed_text = case((_is_for_room, word("")), else_=delivery.c.last_text)
_flush = _changes(
    "waiting", {"due_at": _now, "last_text": _flushed_text}, delivery.c.due_at > _now, names=("now",)
)
_hold = _changes("waiting", {"state": word("held")})
_release = _changes("held", {"state": word("waiting")})
_drop_waiting = _changes("waiting", {"state": word("cancelled")})
_drop_held = _changes("held", {"state": word("cancelled")})
_release_verified = _change(
    "held",
    {"state": word("waiting"), "last_text": word("")},
    (
        _in_their_lanes,
        delivery.c.last_code == literal_column("0"),  # our own word, not a receiver's
        delivery.c.last_text == bindparam("cause"),
    ),
    ["first", "end", "cause"],
)
_about = Statement(select(message.c.domain, message.c.options).where(message.c.id == bindparam("id")), "id")


def flush(conn: Connection, selector: Selector, now: float, *, limit: int = STEP_ROWS) -> int:
    """Waiting deliveries become due now."""
    field, values = selector.chosen()
    return len(conn.rows(_flush[field], *values, limit, now))


def hold(conn: Connection, selector: Selector, now: float, ids: Ids, *, limit: int = STEP_ROWS) -> int:
    """waiting -> held, with `held` events."""
    field, values = selector.chosen()
    return _note(conn, conn.rows(_hold[field], *values, limit), EventKind.HELD, now, ids)


def release(conn: Connection, selector: Selector, now: float, ids: Ids, *, limit: int = STEP_ROWS) -> int:
    """held -> waiting, due when it was due before, with `released` events."""
    field, values = selector.chosen()
    return _note(conn, conn.rows(_release[field], *values, limit), EventKind.RELEASED, now, ids)


def release_verified(
    conn: Connection, account_id: str, domain: str, now: float, ids: Ids, *, limit: int = STEP_ROWS
) -> int:
    """The same for an account's mail that waited for this domain to be verified, and for nothing else."""
    rows = conn.rows(_release_verified, *lanes_between(account_id), until_verified(domain), limit)
    return _note(conn, rows, EventKind.RELEASED, now, ids, "verified")


def drop(
    conn: Connection, selector: Selector, now: float, ids: Ids, room: Room, *, limit: int = STEP_ROWS
) -> int:
    """waiting, held -> cancelled, with `cancelled` events; nothing is sent to anybody. `room` is told."""
    field, values = selector.chosen()
    rows = conn.rows(_drop_waiting[field], *values, limit)
    rows += conn.rows(_drop_held[field], *values, limit - len(rows))
    count = _note(conn, rows, EventKind.CANCELLED, now, ids)
    room(conn, _roomy(conn, rows))
    return count


def _roomy(conn: Connection, rows: list[Row]) -> list[GivenUp]:
    domains: dict[str, str] = {}
    found = []
    for item in map(to_delivery, rows):
        if not waited_for_room(item.attempt, item.last_code, item.last_text):
            continue
        if item.message_id not in domains:
            about = conn.row(_about, item.message_id)
            domains[item.message_id] = about[0] if about else ""
        found.append(GivenUp(item.account_id, domains[item.message_id], item.due_at, item.last_text))
    return found


def _note(
    conn: Connection, rows: list[Row], kind: EventKind, now: float, ids: Ids, reason: str = "operator"
) -> int:
    known: dict[str, tuple[str, SendOptions]] = {}
    facts = []
    for item in map(to_delivery, rows):
        if item.message_id not in known:
            found = conn.row(_about, item.message_id)
            known[item.message_id] = (found[0], read_options(found[1])) if found else ("", PLAIN)
        domain, options = known[item.message_id]
        data = {"reason": reason, "lane": item.lane} | labels(options, item.personal)
        facts.append(
            Event(
                ids.new(), kind, now, item.account_id, domain, item.message_id, item.id, item.recipient, data
            )
        )
    events.append(conn, facts)
    return len(rows)


def in_steps(conn: Connection, verb: Callable[..., int], *values: Any) -> int:
    """`verb(conn, *values)` again and again, each time in a transaction of its own, until it finds nothing.

    How many rows in all: `in_steps(conn, queue.drop, Selector(domain="example.com"), now, ids)`.
    """
    total = 0
    while True:
        with conn.transaction():
            changed = verb(conn, *values)
        if not changed:
            return total
        total += changed
