"""Who is alive, who takes over from the dead, and nudges.

A worker registers before its first take and beats every few seconds. When its beat is stale its row goes and
its deliveries wait again, in one transaction; a worker whose beat finds no row was declared dead and must
begin anew under another id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select, update

from posthouse.store import hook_queue, jobs, queue, sites
from posthouse.store.connection import Connection
from posthouse.store.statement import Statement, insert_row
from posthouse.store.tables import nudge as nudge_table
from posthouse.store.tables import worker

STALE_S = 30.0
_NUDGES_KEPT = 1000


@dataclass(slots=True)
class Worker:
    """One worker process; `id` is the owner of the deliveries it takes."""

    id: str
    host: str
    pid: int
    started_at: float
    beat_at: float


_register = insert_row(worker)
_beat = Statement(
    update(worker).where(worker.c.id == bindparam("of_id")).values(beat_at=bindparam("now")), "of_id", "now"
)
_live = Statement(
    select(worker).where(worker.c.beat_at >= bindparam("since")).order_by(worker.c.started_at, worker.c.id),
    "since",
)
_all_ids = Statement(select(worker.c.id))
_bury = Statement(delete(worker).where(worker.c.beat_at < bindparam("since")).returning(worker.c.id), "since")
_forget = Statement(delete(worker).where(worker.c.id == bindparam("of_id")), "of_id")


def register(conn: Connection, new: Worker) -> None:
    """Make a worker known; before it takes anything. It may be known already: a commit was in doubt."""
    conn.change(_forget, new.id)
    conn.change(_register, new.id, new.host, new.pid, new.started_at, new.beat_at)


def beat(conn: Connection, items: Sequence[tuple[str, float]]) -> list[bool]:
    """(worker id, now) "I am alive"; a writing function. False: declared dead, the row is gone."""
    return [conn.change(_beat, *item) == 1 for item in items]


def live(conn: Connection, now: float, stale_s: float = STALE_S) -> list[Worker]:
    """Workers whose last beat is not stale, the oldest first."""
    return [Worker(*row) for row in conn.rows(_live, now - stale_s)]


def take_over(conn: Connection, now: float, stale_s: float = STALE_S) -> list[str]:
    """Bury workers whose beat is stale and release what they had; their ids. Run it in a write transaction.

    Deliveries of owners without a row are released too: a worker that was declared dead may have taken some
    just before it learned so, and then died indeed.
    """
    buried = [row[0] for row in conn.rows(_bury, now - stale_s)]
    queue.release_all_but(conn, [row[0] for row in conn.rows(_all_ids)])
    jobs.release_lost_jobs(conn)
    hook_queue.release_lost(conn)
    sites.drop_lost_views(conn)
    return buried


def forget(conn: Connection, worker_id: str) -> None:
    """A worker that ends in good order: its row goes, and what it still had waits again."""
    conn.change(_forget, worker_id)
    queue.release_owner(conn, worker_id)
    jobs.release_jobs(conn, worker_id)
    hook_queue.release(conn, worker_id)
    sites.drop_lost_views(conn)


# Nudges


@dataclass(frozen=True, slots=True)
class Nudge:
    """A hint that something changed; numbers rise."""

    number: int
    kind: str
    detail: str


_nudge = Statement(
    insert(nudge_table)
    .values(kind=bindparam("kind"), detail=bindparam("detail"))
    .returning(nudge_table.c.number),
    "kind",
    "detail",
)
_drop_nudges = Statement(delete(nudge_table).where(nudge_table.c.number <= bindparam("last")), "last")
_nudges = Statement(
    select(nudge_table.c.number, nudge_table.c.kind, nudge_table.c.detail)
    .where(nudge_table.c.number > bindparam("after"))
    .order_by(nudge_table.c.number),
    "after",
)


def nudge(conn: Connection, kind: str, detail: str = "") -> None:
    """Leave a hint for the workers; the newest 1,000 are kept. Nothing may depend on its arriving."""
    number = conn.rows(_nudge, kind, detail)[0][0]
    conn.change(_drop_nudges, number - _NUDGES_KEPT)


def nudges(conn: Connection, after: int) -> list[Nudge]:
    """Hints with a number above `after`, in order."""
    return [Nudge(*row) for row in conn.rows(_nudges, after)]
