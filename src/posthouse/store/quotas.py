"""How much of a limit is used up, counted in fixed windows.

A scope names whose limit it is and of which kind (`acc|hour|example.com`); the window is a number that rises
with time, such as the hours since the epoch. Windows to come have rows where mail waits for them.
"""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.store.asset_tables import quota
from posthouse.store.connection import Connection
from posthouse.store.statement import Statement

MOST_WINDOWS = 500  # read at once when looking for one with room

_fresh = upsert_into(quota).values(
    scope=bindparam("of_scope"), window=bindparam("of_window"), used=bindparam("more")
)
_reserve = Statement(
    _fresh.on_conflict_do_update(
        index_elements=list(quota.primary_key.columns),
        set_={"used": quota.c.used + _fresh.excluded.used},
        where=quota.c.used + _fresh.excluded.used <= bindparam("most"),
    ).returning(quota.c.used),
    "of_scope",
    "of_window",
    "more",
    "most",
)
_drop_old = Statement(
    delete(quota).where(quota.c.scope.like(bindparam("of_kind")), quota.c.window < bindparam("of_window")),
    "of_kind",
    "of_window",
)
_is_of = (quota.c.scope == bindparam("of_scope"), quota.c.window == bindparam("of_window"))
_give_back = Statement(
    update(quota).where(*_is_of).values(used=quota.c.used - bindparam("less", type_=quota.c.used.type)),
    "of_scope",
    "of_window",
    "less",
)
_used = Statement(select(quota.c.used).where(*_is_of), "of_scope", "of_window")
_windows = Statement(
    select(quota.c.window, quota.c.used)
    .where(quota.c.scope == bindparam("of_scope"), quota.c.window >= bindparam("of_window"))
    .order_by(quota.c.window)
    .limit(bindparam("most")),
    "of_scope",
    "of_window",
    "most",
)


def reserve(conn: Connection, scope: str, window: int, count: int, limit: int) -> int:
    """Count `count` more in the window: how many that makes; 0, and nothing is counted, if it would be more
    than `limit`.

    On PostgreSQL the row stays locked until the commit: who reserves in several scopes in one transaction
    does it in their order.
    """
    if count > limit:
        return 0
    row = conn.row(_reserve, scope, window, count, limit)
    return int(row[0]) if row else 0


def give_back(conn: Connection, scope: str, window: int, count: int) -> None:
    """Take back what was reserved and not used."""
    conn.change(_give_back, scope, window, count)


def drop_before(conn: Connection, kind: str, window: int) -> int:
    """Forget the windows of a kind ("hour") that are over; how many."""
    return conn.change(_drop_old, f"%|{kind}|%", window)


def used(conn: Connection, scope: str, window: int) -> int:
    """How much of the window is used up."""
    row = conn.row(_used, scope, window)
    return int(row[0]) if row else 0


def first_open(conn: Connection, scope: str, window: int, limit: int) -> tuple[int, int]:
    """The first window from this one on that is not full, and how much of it is used up."""
    while True:
        rows = conn.rows(_windows, scope, window, MOST_WINDOWS)
        for found, count in rows:
            if found > window:
                return window, 0
            if count < limit:
                return window, int(count)
            window += 1
        if len(rows) < MOST_WINDOWS:
            return window, 0
