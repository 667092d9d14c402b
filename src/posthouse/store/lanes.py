"""Which lanes are due, and how much is where: reads of the queue.

Public: LaneDue, lanes_due, next_due, counts, open_counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from posthouse.model.message import DeliveryState
from posthouse.store.connection import Connection
from posthouse.store.skip_scan import heads_of
from posthouse.store.statement import Statement
from posthouse.store.tables import delivery, word

_is_waiting = delivery.c.state == word("waiting")


@dataclass(frozen=True, slots=True)
class LaneDue:
    """A lane with something due, and since when its first delivery is due."""

    lane: str
    due_at: float


_heads = heads_of(delivery.c.lane, _is_waiting)
_first_due = select(func.min(delivery.c.due_at)).where(_is_waiting, delivery.c.lane == _heads.c.lane)
_lanes = (
    select(_heads.c.lane, _first_due.correlate(_heads).scalar_subquery().label("due_at"))
    .where(_heads.c.lane.is_not(None))
    .subquery("lanes")
)
_lanes_due = Statement(
    select(_lanes.c.lane, _lanes.c.due_at)
    .where(_lanes.c.due_at <= bindparam("now"))
    .order_by(_lanes.c.due_at)
    .limit(bindparam("most")),
    "now",
    "most",
)
_next_due = Statement(select(func.min(_lanes.c.due_at)).where(_lanes.c.due_at > bindparam("now")), "now")


def lanes_due(conn: Connection, now: float, limit: int) -> list[LaneDue]:
    """Lanes whose first delivery is due, the longest due first."""
    return [LaneDue(*row) for row in conn.rows(_lanes_due, now, limit)]


def next_due(conn: Connection, now: float) -> float | None:
    """When the next lane that is not due yet becomes due; None if none will."""
    row = conn.row(_next_due, now)
    return row[0] if row else None


# Counts

_all_counts = Statement(select(delivery.c.state, func.count()).group_by(delivery.c.state))
_open_counts = {
    state: Statement(select(func.count()).where(delivery.c.state == word(state)))
    for state in ("waiting", "taken", "held")
}


def counts(conn: Connection) -> dict[DeliveryState, int]:
    """Deliveries by state, all states. Reads the whole table: for people and checks, not for loops."""
    found = {DeliveryState(state): count for state, count in conn.rows(_all_counts)}
    return {state: found.get(state, 0) for state in DeliveryState}


def open_counts(conn: Connection) -> dict[DeliveryState, int]:
    """Waiting, taken and held deliveries: counted in their indexes, for loops and metrics."""
    return {DeliveryState(state): conn.rows(statement)[0][0] for state, statement in _open_counts.items()}
