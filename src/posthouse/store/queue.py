"""The delivery table as a queue: which lanes are due, take, settle, give back, release.

The `where` clauses are the state machine. A row is taken for an owner with `attempt` raised by one; only that
owner with that attempt may settle it, so a late result of a worker that was declared dead changes nothing.

    waiting --take--> taken --settle--> delivered | failed | dropped | cancelled | waiting | held
    taken --give_back, release_owner--> waiting         (`give_back` and an untried settlement: attempt - 1)
    waiting <--hold, release--> held        waiting, held --drop--> cancelled

Two parts live in modules of their own and are offered here: `lanes` (what is due, what is where) and
`selection` (what an operator does to many deliveries).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Float, Integer, Text, bindparam, select, update
from sqlalchemy.sql.expression import Executable, FromClause

from posthouse.model.event import Event
from posthouse.model.message import Delivery, DeliveryState
from posthouse.model.suppression import Suppression
from posthouse.store import events, suppressions
from posthouse.store.captures import Capture, add_captures
from posthouse.store.connection import Connection
from posthouse.store.jobs import WebJob, add_jobs
from posthouse.store.lanes import LaneDue, counts, lanes_due, next_due, open_counts
from posthouse.store.messages import Accepted, add_accepted
from posthouse.store.rows import harmless, to_delivery
from posthouse.store.selection import Selector, drop, flush, hold, in_steps, release
from posthouse.store.statement import ALL_OR_NOTHING, GivenColumn, RowsStatement, Statement, given_key
from posthouse.store.tables import delivery, word

__all__ = [
    "LaneDue",
    "Selector",
    "Settlement",
    "TakeOrder",
    "counts",
    "deliveries_of",
    "drop",
    "find_delivery",
    "flush",
    "give_back",
    "hold",
    "in_steps",
    "lanes_due",
    "next_due",
    "open_counts",
    "release",
    "release_all_but",
    "release_owner",
    "settle",
    "take",
]

_is_waiting = delivery.c.state == word("waiting")
_is_taken = delivery.c.state == word("taken")


# Take


@dataclass(frozen=True, slots=True)
class TakeOrder:
    """Take up to `limit` due deliveries of `lane` for `owner` (a worker's id)."""

    lane: str
    limit: int
    owner: str
    now: float


# A CTE that locks its rows is evaluated once; a limited sub-select in IN may be run again and lock more. On
# SQLite the clause is left out: the immediate transaction is the lock.
_head = (
    select(delivery.c.id)
    .where(_is_waiting, delivery.c.lane == bindparam("in_lane"), delivery.c.due_at <= bindparam("now"))
    .order_by(delivery.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("head")
)
_take = Statement(
    update(delivery)
    .prefix_with(*ALL_OR_NOTHING, dialect="sqlite")
    .where(delivery.c.id.in_(select(_head.c.id)))
    .values(state=word("taken"), owner=bindparam("for_owner"), attempt=delivery.c.attempt + 1)
    .returning(*delivery.columns),
    "in_lane",
    "now",
    "most",
    "for_owner",
)


def take(conn: Connection, items: Sequence[TakeOrder]) -> list[list[Delivery]]:
    """waiting -> taken, attempt + 1. Per order the deliveries, the longest due first; a writing function."""
    taken = []
    for order in items:
        rows = conn.rows(_take, order.lane, order.now, order.limit, order.owner)
        taken.append(sorted(map(to_delivery, rows), key=_by_due))
    return taken


def _by_due(item: Delivery) -> tuple[float, str]:
    return item.due_at, item.id


# Settle


@dataclass(slots=True)
class Settlement:
    """What became of a taken delivery. `state` is not TAKEN; with WAITING it is due again at `due_at`.

    `was_tried`: False gives the attempt back, as `give_back` does; then it must not be repeated after
    CommitInDoubt, because the same attempt may have been taken again.

    `events`, `follow_up` (a letter of ours, such as a report to the sender), `capture`, `jobs` (things to do
    on the web) and `suppressions` (lists that the recipient is on now) are written with it, or not at all.
    """

    delivery_id: str
    owner: str
    attempt: int
    state: DeliveryState
    due_at: float
    code: int = 0
    text: str = ""
    events: list[Event] = field(default_factory=list)
    follow_up: Accepted | None = None
    capture: Capture | None = None
    jobs: list[WebJob] = field(default_factory=list)
    suppressions: list[Suppression] = field(default_factory=list)
    was_tried: bool = True


_settled_columns: list[GivenColumn] = [
    ("id", Text()),
    ("owner", Text()),
    ("attempt", Integer()),
    ("state", Text()),
    ("due_at", Float()),
    ("code", Integer()),
    ("text", Text()),
]


def _settle_given(given: FromClause) -> Executable:
    return (
        update(delivery)
        .prefix_with(*ALL_OR_NOTHING, dialect="sqlite")
        .where(
            delivery.c.id == given.c.id,
            delivery.c.owner == given.c.owner,
            delivery.c.attempt == given.c.attempt,
            _is_taken,
        )
        .values(
            state=given.c.state,
            owner=word(""),
            due_at=given.c.due_at,
            last_code=given.c.code,
            last_text=given.c.text,
        )
        .returning(delivery.c.id)
    )


_settle = RowsStatement(_settled_columns, _settle_given)
_untried = Statement(
    update(delivery)
    .where(delivery.c.id == bindparam("of_id"), delivery.c.attempt == bindparam("at_attempt"))
    .values(attempt=delivery.c.attempt - 1),
    "of_id",
    "at_attempt",
)


def settle(conn: Connection, items: Sequence[Settlement]) -> list[bool]:
    """taken -> its outcome, with its events. HOT; a writing function.

    False: fenced, somebody else has this delivery or it is settled already; nothing of it was written. So a
    settlement of an attempt may be repeated after CommitInDoubt: False then means that the first one held.
    """
    first = {item.delivery_id: item for item in reversed(items)}  # twice in a group: the first counts
    answers = conn.answers(_settle, [_settled_row(item) for item in first.values()])
    held = {row[0] for row in answers}
    results = [item.delivery_id in held and first[item.delivery_id] is item for item in items]
    kept = [item for item, holds in zip(items, results, strict=True) if holds]
    for item in kept:
        if not item.was_tried:
            conn.change(_untried, item.delivery_id, item.attempt)
    events.append(conn, [event for item in kept for event in item.events])
    follow_ups = [item.follow_up for item in kept if item.follow_up is not None]
    if follow_ups:
        add_accepted(conn, follow_ups)
    captures = [item.capture for item in kept if item.capture is not None]
    if captures:
        add_captures(conn, captures)
    web_jobs = [job for item in kept for job in item.jobs]
    if web_jobs:
        add_jobs(conn, web_jobs)
    listed = [row for item in kept for row in item.suppressions]
    if listed:
        suppressions.add_found(conn, listed)
    return results


def _settled_row(item: Settlement) -> tuple[str, str, int, str, float, int, str]:
    if item.state is DeliveryState.TAKEN:
        raise ValueError("a settlement cannot leave its delivery taken")
    return (
        item.delivery_id,
        item.owner,
        item.attempt,
        item.state.value,
        item.due_at,
        item.code,
        harmless(item.text),
    )


# Give back, release

_give_back = Statement(
    update(delivery)
    .where(
        delivery.c.id == bindparam("of_id"),
        delivery.c.owner == bindparam("by_owner"),
        delivery.c.attempt == bindparam("at_attempt"),
        _is_taken,
    )
    .values(state=word("waiting"), owner=word(""), attempt=delivery.c.attempt - 1),
    "of_id",
    "by_owner",
    "at_attempt",
)
_release_owner = Statement(
    update(delivery)
    .where(_is_taken, delivery.c.owner == bindparam("by_owner"))
    .values(state=word("waiting"), owner=word("")),
    "by_owner",
)
_owners = Statement(select(delivery.c.owner).where(_is_taken).distinct())


def give_back(conn: Connection, items: Sequence[tuple[str, str, int]]) -> list[bool]:
    """(delivery id, owner, attempt) taken but never begun: waiting again, attempt - 1; a writing function.

    For the owner's own use only: the next take gives the same attempt again.
    """
    return [conn.change(_give_back, *item) == 1 for item in items]


def release_owner(conn: Connection, owner: str) -> int:
    """A dead worker's deliveries wait again, due as before; how many. `attempt` stays: it fences the dead."""
    return conn.change(_release_owner, owner)


def release_all_but(conn: Connection, owners: Sequence[str]) -> int:
    """`release_owner` for everybody who is not in `owners`; how many deliveries."""
    keep = set(owners)
    return sum(release_owner(conn, owner) for (owner,) in conn.rows(_owners) if owner not in keep)


# Look

_of_message = Statement(
    select(delivery)
    .where(delivery.c.id >= bindparam("first"), delivery.c.id < bindparam("end"))
    .order_by(delivery.c.id),
    "first",
    "end",
)


_delivery = Statement(select(delivery).where(delivery.c.id == bindparam("of_id")), "of_id")


def find_delivery(conn: Connection, delivery_id: str) -> Delivery | None:
    """By its id; None if there is none."""
    row = conn.row(_delivery, delivery_id)
    return None if row is None else to_delivery(row)


_these = RowsStatement(
    given_key(delivery.c.id.type),
    lambda given: select(delivery).where(delivery.c.id.in_(select(given.c.key))),
    most=100,
)


def load_deliveries(conn: Connection, delivery_ids: Iterable[str]) -> dict[str, Delivery]:
    """By id, those that there are."""
    found = conn.answers(_these, [(delivery_id,) for delivery_id in dict.fromkeys(delivery_ids)])
    return {row[0]: to_delivery(row) for row in found}


_lock = Statement(select(delivery.c.id).where(delivery.c.id == bindparam("of_id")).with_for_update(), "of_id")


def lock_delivery(conn: Connection, delivery_id: str) -> None:
    """Whoever else does this waits until the transaction ends."""
    conn.row(_lock, delivery_id)


def deliveries_of(conn: Connection, message_id: str) -> list[Delivery]:
    """All deliveries of a letter in the order of their numbers."""
    # "/" follows "." in the collation: the key range of the message
    return [to_delivery(row) for row in conn.rows(_of_message, f"{message_id}.", f"{message_id}/")]
