"""Batches of mail: paused, resumed and cancelled together.

Public: pause, resume, cancel, batch_row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from posthouse.desk.reports import utc_text
from posthouse.desk.room import give_room_back
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store import batches
from posthouse.store.batches import CANCELLED, GOING, PAUSED, Batch, Pair, Step
from posthouse.store.engine import Connection

STATES = {GOING: "going", PAUSED: "paused", CANCELLED: "cancelled"}
MAX_ID = 200


def pause(conn: Connection, pair: Pair, now: float, ids: Ids) -> int:
    """Hold what waits of a batch and what comes later; how many deliveries are held now."""
    return _change(conn, pair, PAUSED, batches.pause_batch, now, ids)


def resume(conn: Connection, pair: Pair, now: float, ids: Ids) -> int:
    """Let a batch go on; how many deliveries were released. Raises Refused for a batch that is not there."""
    if batches.find(conn, *pair) is None:
        raise Refused(501, "5.5.4", f"There is no batch {pair[1]} here", reason="no-batch")
    return _change(conn, pair, GOING, batches.resume_batch, now, ids)


def cancel(conn: Connection, pair: Pair, now: float, ids: Ids) -> int:
    """Give up what waits or is held of a batch and what comes later; how many deliveries."""
    return _change(conn, pair, CANCELLED, partial(batches.cancel_batch, room=give_room_back), now, ids)


def _change(
    conn: Connection, pair: Pair, status: str, verb: Callable[..., Step], now: float, ids: Ids
) -> int:
    """The mark first, committed: what comes from now on follows it. Then step by step what is there."""
    account_id, batch_id = pair
    if not batch_id.strip() or not batch_id.isprintable() or len(batch_id) > MAX_ID:
        raise Refused(501, "5.5.4", f"A batch's id has 1 to {MAX_ID} visible characters", reason="bad-name")
    with conn.transaction():
        batches.set_status(conn, account_id, batch_id, status, now)
    total, place = 0, ""
    while True:
        with conn.transaction():
            changed, place = verb(conn, pair, place, now, ids)
        total += changed
        if not place:
            return total


def batch_row(item: Batch) -> dict[str, Any]:
    """One batch as plain values."""
    return {
        "id": item.id,
        "status": item.status,
        "state": STATES[item.status],
        "created_at": item.created_at,
        "created_time": utc_text(item.created_at),
    }
