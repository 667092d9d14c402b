"""The queue in plain words: why a lane waits, how fast mail goes, and what is done to many deliveries.

Public: reason, kind_of, delivered_per_minute, VERBS, step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from posthouse.desk.room import give_room_back
from posthouse.model.clock import Ids
from posthouse.model.lane import lane_parts
from posthouse.rules.metrics import ACCOUNT, HOUR
from posthouse.store import queue, tallies
from posthouse.store.connection import Connection
from posthouse.store.queue import Selector

STEP_ROWS = 500  # short: mail is accepted through the same writer
_LEAST_S = 600.0  # a shorter piece of an hour says little about how fast mail goes


def reason(row: Mapping[str, Any], now: float) -> str:
    """Why what is in a lane (a row of `queue_view.overview`) has not gone yet, the most telling first."""
    answer = " ".join(part for part in (str(row["code"] or ""), row["text"]) if part)
    if row["suspended"]:
        return "The account is suspended: nothing of it goes out."
    if row["site_suspended_until"]:
        why = f": {row['site_reason']}" if row["site_reason"] else ""
        return f"Nothing goes to this receiver for now{why}."
    if row["held"] and not row["waiting"]:
        return f"Held: {answer}." if answer else "Held until somebody releases it."
    if answer:
        return f"The last answer was: {answer}"
    if row["next_due_at"] is not None and row["next_due_at"] > now:
        return "Meant for later."
    if row["taken"]:
        return "Being sent."
    return "Waits for its turn: the receiver gets as much at once as it bears."


def kind_of(lane: str) -> str:
    """ "single" or "batch": mail to one and mail to many do not stand in each other's way. With "-scanned": a
    spam scanner looks at it first."""
    return lane_parts(lane)[2]


def delivered_per_minute(conn: Connection, account_id: str, now: float) -> float:
    """In this hour; in its first minutes together with the hour before. Counted within a second or so."""
    hour = int(now // 3600)
    first, span_s = hour, now - hour * 3600.0
    if span_s < _LEAST_S:
        first, span_s = hour - 1, span_s + 3600.0
    counts = tallies.totals(conn, account_id, ACCOUNT, "", HOUR, first, hour)
    return counts.get("delivered", 0) * 60.0 / span_s


Verb = Callable[[Connection, Selector, float, Ids, int], int]


def _flush(conn: Connection, chosen: Selector, now: float, ids: Ids, limit: int) -> int:
    return queue.flush(conn, chosen, now, limit=limit)


def _hold(conn: Connection, chosen: Selector, now: float, ids: Ids, limit: int) -> int:
    return queue.hold(conn, chosen, now, ids, limit=limit)


def _release(conn: Connection, chosen: Selector, now: float, ids: Ids, limit: int) -> int:
    return queue.release(conn, chosen, now, ids, limit=limit)


def _drop(conn: Connection, chosen: Selector, now: float, ids: Ids, limit: int) -> int:
    return queue.drop(conn, chosen, now, ids, give_room_back, limit=limit)


VERBS: Mapping[str, Verb] = {"flush": _flush, "hold": _hold, "release": _release, "drop": _drop}


def step(conn: Connection, verb: str, chosen: Selector, now: float, ids: Ids, limit: int = STEP_ROWS) -> int:
    """Do one of `VERBS` to at most `limit` deliveries, inside the caller's transaction; how many. It is
    repeated until it finds nothing."""
    return VERBS[verb](conn, chosen, now, ids, limit)
