"""Things to do for people on the web, such as handing over a delivered copy: kept until done or given up.

A job is written with the fact that causes it. It is free (`owner` "") or with a worker, which settles it; a
settlement of somebody else changes nothing.

    free --take--> owned --settle--> gone (done, given up), or free again at a later time
    owned --release--> free
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, select, update

from posthouse.store.asset_tables import job
from posthouse.store.connection import Connection
from posthouse.store.rows import harmless
from posthouse.store.statement import RowsStatement, Statement, rows_insert
from posthouse.store.tables import word, worker

ARCHIVE = "archive"
TLS_REPORT = "tls-report"
SPAM_REPORT = "spam-report"


@dataclass(slots=True)
class WebJob:
    """Hand `content` to `url`. `attempt` counts the takes, the first is 1; `last_text` is what the last one
    brought."""

    id: str
    kind: str
    account_id: str
    message_id: str
    delivery_id: str
    url: str
    content: bytes
    due_at: float
    expires_at: float
    attempt: int = 0
    owner: str = ""
    last_text: str = ""


_IS_FREE = job.c.owner == word("")
_IS_OWNED = job.c.owner != word("")
# a content may be large, and an engine takes only so much in one statement: a row each
_put: RowsStatement = rows_insert(job)
_put.most = 1
_head = (
    select(job.c.id)
    .where(_IS_FREE, job.c.due_at <= bindparam("now"))
    .order_by(job.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("head")
)
_take = Statement(
    update(job)
    .where(job.c.id.in_(select(_head.c.id)))
    .values(owner=bindparam("for_owner"), attempt=job.c.attempt + 1)
    .returning(*job.columns),
    "now",
    "most",
    "for_owner",
)
_is_own = (job.c.id == bindparam("of_id"), job.c.owner == bindparam("by_owner"), _IS_OWNED)
_finish = Statement(delete(job).where(*_is_own), "of_id", "by_owner")
_put_off = Statement(
    update(job)
    .where(*_is_own)
    .values(owner=word(""), due_at=bindparam("again_at"), last_text=bindparam("text")),
    "of_id",
    "by_owner",
    "again_at",
    "text",
)
_release = Statement(
    update(job).where(_IS_OWNED, job.c.owner == bindparam("by_owner")).values(owner=word("")), "by_owner"
)
_release_lost = Statement(
    update(job).where(_IS_OWNED, job.c.owner.not_in(select(worker.c.id))).values(owner=word(""))
)
_next_due = Statement(select(func.min(job.c.due_at)).where(_IS_FREE))


def add_jobs(conn: Connection, items: Sequence[WebJob]) -> None:
    """Write new jobs; a writing function's part."""
    conn.put(_put, [_row(item) for item in items])


def _row(item: WebJob) -> tuple[object, ...]:
    return (
        item.id,
        item.kind,
        item.account_id,
        item.message_id,
        item.delivery_id,
        item.url,
        item.content,
        item.due_at,
        item.expires_at,
        item.attempt,
        item.owner,
        harmless(item.last_text),
    )


def take_jobs(conn: Connection, owner: str, now: float, limit: int) -> list[WebJob]:
    """free -> owned, attempt + 1: up to `limit` that are due, the longest due first."""
    taken = [WebJob(*row) for row in conn.rows(_take, now, limit, owner)]
    return sorted(taken, key=lambda item: (item.due_at, item.id))


def settle_job(conn: Connection, job_id: str, owner: str, due_at: float | None, text: str = "") -> bool:
    """owned -> gone with `due_at` None, else free again at that time. False: it is not `owner`'s any more."""
    if due_at is None:
        return conn.change(_finish, job_id, owner) == 1
    return conn.change(_put_off, job_id, owner, due_at, harmless(text)) == 1


def release_jobs(conn: Connection, owner: str) -> int:
    """A worker's jobs are free again, due as before; how many."""
    return conn.change(_release, owner)


def release_lost_jobs(conn: Connection) -> int:
    """The same for every owner that is not among the workers any more."""
    return conn.change(_release_lost)


def next_job_due(conn: Connection) -> float | None:
    """When the next free job is due; None without one."""
    row = conn.row(_next_due)
    return None if row is None or row[0] is None else float(row[0])
