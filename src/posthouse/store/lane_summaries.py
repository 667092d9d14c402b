"""What is open, lane by lane, and what of it is in trouble.

The lanes of an account lie side by side in the indexes of what waits and of what is held (`model.lane`): a
neighbour's millions are not looked at. What is being sent is as much as memory holds, and is looked at whole.

Public: LaneSummary, outline, detailed, summary, troubled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, bindparam, func, null, select

from posthouse.model.lane import lane_parts, lanes_between
from posthouse.store.connection import Connection, Row
from posthouse.store.statement import RowsStatement, Statement, given_key
from posthouse.store.tables import delivery, message, word


@dataclass(slots=True)
class LaneSummary:
    """A lane with open deliveries. `oldest_at`: acceptance of its oldest letter (`oldest_id`); `next_due_at`:
    None if nothing waits; `last_code`, `last_text`: the last reply to the delivery that waits longest from
    now."""

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
    oldest_id: str = field(default="", compare=False)


_OPEN = ("waiting", "taken", "held")
_is_theirs = (delivery.c.lane > bindparam("first"), delivery.c.lane < bindparam("end"))


def _summed(state: str) -> Select[Any]:
    """What stands in the index of the state, where it can: rows are not looked up one by one."""
    due_at = func.min(delivery.c.due_at) if state == "waiting" else null()
    return (
        select(delivery.c.lane, func.count(), func.min(delivery.c.id), due_at)
        .where(delivery.c.state == word(state))
        .group_by(delivery.c.lane)
    )


_of_all = {state: Statement(_summed(state)) for state in _OPEN}
_of_account = {state: Statement(_summed(state).where(*_is_theirs), "first", "end") for state in _OPEN}
_in_lane = {
    state: Statement(_summed(state).where(delivery.c.lane == bindparam("of_lane")), "of_lane")
    for state in _OPEN
}
_accepted_at = RowsStatement(
    given_key(message.c.id.type),
    lambda given: select(message.c.id, message.c.accepted_at).where(message.c.id.in_(select(given.c.key))),
    most=100,
)
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


def outline(conn: Connection, now: float, account_id: str = "") -> list[LaneSummary]:
    """Every lane with open deliveries, of an account or of all ("") of them, without what `detailed` finds;
    those with something due (at `now`) first, then by name."""
    statements, values = (_of_account, lanes_between(account_id)) if account_id else (_of_all, ())
    found = _summaries((state, conn.rows(statement, *values)) for state, statement in statements.items())
    return sorted(found, key=lambda lane: (_waits_until(lane) > now, lane.lane))


def detailed(conn: Connection, lanes: Sequence[LaneSummary]) -> Sequence[LaneSummary]:
    """The same with `oldest_at`, `last_code` and `last_text`: a look-up a lane."""
    accepted: dict[str, float] = dict(conn.answers(_accepted_at, [(lane.oldest_id,) for lane in lanes]))
    for lane in lanes:
        lane.oldest_at = accepted.get(lane.oldest_id, 0.0)
        if lane.waiting or lane.held:
            state = "waiting" if lane.waiting else "held"
            lane.last_code, lane.last_text = conn.row(_latest[state], lane.lane) or (0, "")
    return lanes


def summary(conn: Connection, account_id: str, lane: str) -> LaneSummary | None:
    """One of them; None where nothing of the account ("": of anybody) is open in a lane of that name."""
    if account_id and not lane.startswith(lanes_between(account_id)[0]):
        return None
    found = _summaries((state, conn.rows(statement, lane)) for state, statement in _in_lane.items())
    return next(iter(detailed(conn, found)), None)


def _summaries(found: Iterable[tuple[str, Iterable[Row]]]) -> list[LaneSummary]:
    lanes: dict[str, LaneSummary] = {}
    for state, rows in found:
        for name, count, first_id, due_at in rows:
            lane = lanes.get(name)
            message_id = first_id.rpartition(".")[0]  # ids sort by time: the oldest letter
            if lane is None:
                account_id, domain, _ = lane_parts(name)
                lane = lanes[name] = LaneSummary(name, domain, account_id, oldest_id=message_id)
            setattr(lane, state, count)
            lane.oldest_id = min(lane.oldest_id, message_id)
            if state == "waiting":
                lane.next_due_at = due_at
    return list(lanes.values())


def _waits_until(lane: LaneSummary) -> float:
    return float("inf") if lane.next_due_at is None else lane.next_due_at


# Trouble


def _troubled_in(state: str) -> Statement:
    some = (
        select(delivery.c.domain, delivery.c.last_code, delivery.c.last_text, delivery.c.attempt)
        .where(delivery.c.state == word(state), *_is_theirs)
        .limit(bindparam("most"))
        .subquery()
    )
    query = select(some.c.domain, func.count(), func.max(some.c.last_code), func.max(some.c.last_text))
    if state == "waiting":
        query = query.where(some.c.attempt > 0)
    query = query.group_by(some.c.domain).order_by(func.count().desc()).limit(bindparam("names"))
    return Statement(query, "first", "end", "most", "names")


_troubled = {state: _troubled_in(state) for state in ("waiting", "held")}


def troubled(
    conn: Connection, account_id: str, state: str, names: int, most: int = 20_000
) -> list[tuple[str, int, int, str]]:
    """The account's recipient domains with most deliveries that wait though they were tried, or ("held") that
    are held: how many, the last code and text. It looks at `most` deliveries, so the counts of a larger queue
    are parts."""
    return [tuple(row) for row in conn.rows(_troubled[state], *lanes_between(account_id), most, names)]
