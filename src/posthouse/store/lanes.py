"""Which lanes are due, and what is where: reads of the queue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, func, or_, select

from posthouse.model.message import DeliveryState
from posthouse.store.connection import Connection, Row
from posthouse.store.skip_scan import heads_of
from posthouse.store.statement import Statement
from posthouse.store.tables import delivery, message, word

_is_waiting = delivery.c.state == word("waiting")


@dataclass(frozen=True, slots=True)
class LaneDue:
    """A lane with something due, and since when its first delivery is due."""

    lane: str
    due_at: float


@dataclass(slots=True)
class LaneSummary:
    """A lane with open deliveries. `oldest_at`: acceptance of its oldest letter; `next_due_at`: None if
    nothing waits; `last_code`, `last_text`: the last reply to the delivery that waits longest from now."""

    lane: str
    domain: str
    account_id: str
    waiting: int = 0
    taken: int = 0
    held: int = 0
    oldest_at: float = 0.0
    next_due_at: float | None = None
    last_code: int = 0
    last_text: str = ""


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


# Summaries

_account = bindparam("of_account", type_=delivery.c.id.type)
_OPEN = ("waiting", "taken", "held")


def _summed(state: str) -> Select[Any]:
    return (
        select(
            delivery.c.lane,
            func.min(delivery.c.domain),
            func.min(delivery.c.account_id),
            func.count(),
            func.min(delivery.c.message_id),  # ids sort by time: the oldest letter
            func.min(delivery.c.due_at),
        )
        .where(delivery.c.state == word(state), or_(_account == word(""), delivery.c.account_id == _account))
        .group_by(delivery.c.lane)
    )


_by_lane = {state: Statement(_summed(state), "of_account") for state in _OPEN}
_in_lane = {
    state: Statement(_summed(state).where(delivery.c.lane == bindparam("of_lane")), "of_account", "of_lane")
    for state in _OPEN
}
_accepted_at = Statement(select(message.c.accepted_at).where(message.c.id == bindparam("id")), "id")
_latest = {
    state: Statement(
        select(delivery.c.last_code, delivery.c.last_text)
        .where(delivery.c.state == word(state), delivery.c.lane == bindparam("of_lane"))
        .order_by(delivery.c.due_at.desc())
        .limit(1),
        "of_lane",
    )
    for state in ("waiting", "held")
}
_all_counts = Statement(select(delivery.c.state, func.count()).group_by(delivery.c.state))
_open_counts = {
    state: Statement(select(func.count()).where(delivery.c.state == word(state))) for state in _by_lane
}


def overview(conn: Connection, now: float, account_id: str = "") -> list[LaneSummary]:
    """Every lane with open deliveries, of an account or of all ("") of them; those with something due (at
    `now`) first, then by name."""
    found = {state: conn.rows(statement, account_id) for state, statement in _by_lane.items()}
    return sorted(_summaries(conn, found), key=lambda lane: (_waits_until(lane) > now, lane.lane))


def summary(conn: Connection, account_id: str, lane: str) -> LaneSummary | None:
    """One of them; None where nothing of the account ("": of anybody) is open in a lane of that name."""
    found = {state: conn.rows(statement, account_id, lane) for state, statement in _in_lane.items()}
    return next(iter(_summaries(conn, found)), None)


def _summaries(conn: Connection, found: Mapping[str, Iterable[Row]]) -> list[LaneSummary]:
    lanes: dict[str, LaneSummary] = {}
    oldest: dict[str, str] = {}
    for state, rows in found.items():
        for row in rows:
            _add(lanes, oldest, state, row)
    for lane in lanes.values():
        accepted = conn.row(_accepted_at, oldest[lane.lane])
        lane.oldest_at = accepted[0] if accepted else 0.0
        if lane.waiting or lane.held:
            state = "waiting" if lane.waiting else "held"
            lane.last_code, lane.last_text = conn.row(_latest[state], lane.lane) or (0, "")
    return list(lanes.values())


def _add(lanes: dict[str, LaneSummary], oldest: dict[str, str], state: str, row: Row) -> None:
    name, domain, account_id, count, message_id, due_at = row
    lane = lanes.setdefault(name, LaneSummary(name, domain, account_id))
    setattr(lane, state, count)
    oldest[name] = min(oldest.get(name, message_id), message_id)
    if state == "waiting":
        lane.next_due_at = due_at


def _waits_until(lane: LaneSummary) -> float:
    return float("inf") if lane.next_due_at is None else lane.next_due_at


def _troubled_in(state: str) -> Statement:
    some = (
        select(delivery.c.domain, delivery.c.last_code, delivery.c.last_text, delivery.c.attempt)
        .where(delivery.c.state == word(state), or_(_account == word(""), delivery.c.account_id == _account))
        .limit(bindparam("most"))
        .subquery()
    )
    query = select(some.c.domain, func.count(), func.max(some.c.last_code), func.max(some.c.last_text))
    if state == "waiting":
        query = query.where(some.c.attempt > 0)
    query = query.group_by(some.c.domain).order_by(func.count().desc()).limit(bindparam("names"))
    return Statement(query, "of_account", "most", "names")


_troubled = {state: _troubled_in(state) for state in ("waiting", "held")}


def troubled(
    conn: Connection, account_id: str, state: str, names: int, most: int = 20_000
) -> list[tuple[str, int, int, str]]:
    """Recipient domains with most deliveries that wait though they were tried, or ("held") that are held: how
    many, the last code and text. It looks at `most` deliveries, so the counts of a larger queue are parts."""
    return [tuple(row) for row in conn.rows(_troubled[state], account_id, most, names)]


def counts(conn: Connection) -> dict[DeliveryState, int]:
    """Deliveries by state, all states. Reads the whole table: for people and checks, not for loops."""
    found = {DeliveryState(state): count for state, count in conn.rows(_all_counts)}
    return {state: found.get(state, 0) for state in DeliveryState}


def open_counts(conn: Connection) -> dict[DeliveryState, int]:
    """Waiting, taken and held deliveries: counted in their indexes, for loops and metrics."""
    return {DeliveryState(state): conn.rows(statement)[0][0] for state, statement in _open_counts.items()}
