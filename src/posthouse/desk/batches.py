"""Batches of mail: paused, resumed and cancelled together.

Public: pause, resume, cancel, mark, VERBS, load, batch_row; and for callers that register a batch
before they use it: register, stop, restate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
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
VALID_S = 10 * 86_400.0
"""How long a batch counts towards MOST_STOPPED."""
MOST_STOPPED = 100
VERBS: Mapping[str, Callable[..., Step]] = MappingProxyType(
    {
        PAUSED: batches.pause_batch,
        GOING: batches.resume_batch,
        CANCELLED: partial(batches.cancel_batch, room=give_room_back),
    }
)
"""By the batch's new status: what is done to some of what is there, inside the caller's transaction. How many
there were, and where to go on ("": the end)."""


def pause(conn: Connection, pair: Pair, now: float, ids: Ids) -> int:
    """Hold what waits of a batch and what comes later; how many deliveries are held now."""
    return _change(conn, pair, PAUSED, now, ids)


def resume(conn: Connection, pair: Pair, now: float, ids: Ids) -> int:
    """Let a batch go on; how many deliveries were released. Raises Refused for a batch that is not there."""
    load(conn, *pair)
    return _change(conn, pair, GOING, now, ids)


def cancel(conn: Connection, pair: Pair, now: float, ids: Ids) -> int:
    """Give up what waits or is held of a batch and what comes later; how many deliveries."""
    return _change(conn, pair, CANCELLED, now, ids)


def _change(conn: Connection, pair: Pair, status: str, now: float, ids: Ids) -> int:
    """The mark first, committed: what comes from now on follows it. Then step by step what is there."""
    with conn.transaction():
        mark(conn, pair, status, now)
    total, place = 0, ""
    while True:
        with conn.transaction():
            changed, place = VERBS[status](conn, pair, place, now, ids)
        total += changed
        if not place:
            return total


def mark(conn: Connection, pair: Pair, status: str, now: float, keep_s: float = 0.0) -> None:
    """Say what is to become of a batch, inside the caller's transaction; `keep_s` as in `Batch`. Raises
    Refused."""
    account_id, batch_id = pair
    if not batch_id.strip() or not batch_id.isprintable() or len(batch_id) > MAX_ID:
        raise Refused(501, "5.5.4", f"A batch's id has 1 to {MAX_ID} visible characters", reason="bad-name")
    batches.set_status(conn, account_id, batch_id, status, now, keep_s)


def register(conn: Connection, pair: Pair, now: float) -> None:
    """A batch before its first mail, inside the caller's transaction."""
    batches.enter(conn, [pair], now)


def stop(conn: Connection, pair: Pair, status: str, now: float, keep_s: float = 0.0) -> None:
    """Mark a batch that goes on as paused or cancelled, inside the caller's transaction; `keep_s` as in
    `Batch`. Raises Refused (`no-batch`, `is-stopped`, `many-batches`)."""
    found = _load_locked(conn, pair)
    if found.status != GOING:
        text = f"The batch is {STATES[found.status]} already; change that or let it go on"
        raise Refused(501, "5.5.4", text, reason="is-stopped")
    recent = batches.list_stopped(conn, found.account_id, MOST_STOPPED)
    if len(recent) == MOST_STOPPED and recent[-1].created_at > now - VALID_S:
        text = f"{MOST_STOPPED} batches are paused or cancelled; let one of them go on first"
        raise Refused(501, "5.5.4", text, reason="many-batches")
    mark(conn, pair, status, now, keep_s)


def restate(conn: Connection, pair: Pair, status: str, now: float, keep_s: float = 0.0) -> None:
    """Another status for a batch that is paused or cancelled, inside the caller's transaction. Raises Refused
    (`no-batch`) also for one that goes on."""
    if _load_locked(conn, pair).status == GOING:
        raise _absent(pair[1])
    mark(conn, pair, status, now, keep_s)


def _load_locked(conn: Connection, pair: Pair) -> Batch:
    found = batches.find_locked(conn, *pair)
    if found is None:
        raise _absent(pair[1])
    return found


def load(conn: Connection, account_id: str, batch_id: str) -> Batch:
    """Raises Refused."""
    found = batches.find(conn, account_id, batch_id)
    if found is None:
        raise _absent(batch_id)
    return found


def _absent(batch_id: str) -> Refused:
    return Refused(501, "5.5.4", f"There is no batch {batch_id[:MAX_ID]} here", reason="no-batch")


def batch_row(item: Batch) -> dict[str, Any]:
    """One batch as plain values."""
    return {
        "id": item.id,
        "status": item.status,
        "state": STATES[item.status],
        "created_at": item.created_at,
        "created_time": utc_text(item.created_at),
    }
