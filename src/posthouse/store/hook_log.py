"""Posts that were made to receivers, for people who look for what went wrong.

Public: HookAttempt, pack, unpack, add_attempts, find_attempt, list_attempts, trim.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, delete, select

from posthouse.store.connection import Connection, Row
from posthouse.store.event_tables import hook, hook_attempt
from posthouse.store.rows import harmless
from posthouse.store.statement import Statement, rows_insert


@dataclass(frozen=True, slots=True)
class HookAttempt:
    """One POST. `request`: headers and body as far as they are kept, as `pack` makes it. `status` 0: there
    was no answer, `answer` says why."""

    id: str
    hook_id: str
    at: float
    attempt: int
    status: int
    took_ms: int
    is_taken: bool
    event_ids: Sequence[str]
    request: bytes = field(repr=False)
    answer: str


_SMALL = 4096  # deflating less costs more time than its room is worth
_DEFLATED = b"\x78"  # how a zlib stream begins (RFC 1950 2.2); a request begins with a letter


def pack(request: bytes) -> bytes:
    """A request for the log, deflated when it is large."""
    return request if len(request) <= _SMALL else zlib.compress(request, 1)


def unpack(kept: bytes) -> bytes:
    """The request again."""
    return zlib.decompress(kept) if kept.startswith(_DEFLATED) else kept


_put = rows_insert(hook_attempt)
_is_of = hook_attempt.c.hook_id == bindparam("of_hook")
_own = (
    select(hook_attempt)
    .join(hook, hook.c.id == hook_attempt.c.hook_id)
    .where(hook.c.account_id == bindparam("of_account"))
)
_find = Statement(_own.where(hook_attempt.c.id == bindparam("of_id")), "of_account", "of_id")
_newest = (
    select(hook_attempt)
    .where(_is_of, hook_attempt.c.id < bindparam("before_id"))
    .order_by(hook_attempt.c.id.desc())
    .limit(bindparam("most"))
)
_list = Statement(_newest, "of_hook", "before_id", "most")
_list_failed = Statement(_newest.where(hook_attempt.c.is_taken == 0), "of_hook", "before_id", "most")
_END = "~"  # behind every id


def add_attempts(conn: Connection, items: Sequence[HookAttempt]) -> None:
    conn.put(_put, [_row(item) for item in items])


def find_attempt(conn: Connection, account_id: str, attempt_id: str) -> HookAttempt | None:
    """A post to one of the account's hooks."""
    row = conn.row(_find, account_id, attempt_id)
    return None if row is None else _to_attempt(row)


def list_attempts(
    conn: Connection, hook_id: str, most: int, *, before_id: str = "", only_failed: bool = False
) -> list[HookAttempt]:
    """Posts to a hook, the newest first; `before_id` continues behind the last one of a page."""
    statement = _list_failed if only_failed else _list
    return [_to_attempt(row) for row in conn.rows(statement, hook_id, before_id or _END, most)]


_nth = Statement(
    select(hook_attempt.c.id)
    .where(_is_of)
    .order_by(hook_attempt.c.id.desc())
    .offset(bindparam("kept"))
    .limit(1),
    "of_hook",
    "kept",
)
_old = (
    select(hook_attempt.c.id)
    .where(_is_of, hook_attempt.c.id <= bindparam("last_id"))
    .order_by(hook_attempt.c.id)
    .limit(bindparam("most"))
    .subquery("old")
)
_drop = Statement(
    delete(hook_attempt).where(hook_attempt.c.id.in_(select(_old.c.id))), "of_hook", "last_id", "most"
)


def trim(conn: Connection, hook_id: str, kept: int, before_id: str, most: int) -> int:
    """Delete up to `most` of a hook's oldest posts: those before that id, and those beyond the `kept` newest.
    How many."""
    row = conn.row(_nth, hook_id, kept)
    last_id = max(before_id, row[0]) if row else before_id
    return conn.change(_drop, hook_id, last_id, most)


def _row(item: HookAttempt) -> Row:
    return (
        item.id,
        item.hook_id,
        item.at,
        item.attempt,
        item.status,
        item.took_ms,
        int(item.is_taken),
        "\n".join(item.event_ids),
        item.request,
        harmless(item.answer),
    )


def _to_attempt(row: Row) -> HookAttempt:
    fields = list(row)
    fields[6:8] = bool(row[6]), tuple(row[7].split("\n"))
    return HookAttempt(*fields)
