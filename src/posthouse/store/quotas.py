"""How much of a limit is used up, counted in fixed windows.

A scope names whose limit it is and of which kind ("hour|example.com"); the window is a number that rises with
time, such as the hours since the epoch. The rows of windows that are over go when a new one begins.
"""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.store.asset_tables import quota
from posthouse.store.connection import Connection
from posthouse.store.statement import Statement

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
    delete(quota).where(quota.c.scope == bindparam("of_scope"), quota.c.window < bindparam("of_window")),
    "of_scope",
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


def reserve(conn: Connection, scope: str, window: int, count: int, limit: int) -> bool:
    """Count `count` more in the window, unless it would be more than `limit` in all: then False.

    On PostgreSQL the row stays locked until the commit: who reserves in several scopes in one transaction
    does it in one order.
    """
    if count > limit:
        return False
    row = conn.row(_reserve, scope, window, count, limit)
    if row is not None and row[0] == count:  # the first of this window
        conn.change(_drop_old, scope, window)
    return row is not None


def give_back(conn: Connection, scope: str, window: int, count: int) -> None:
    """Undo a reservation of this transaction: another limit said no."""
    conn.change(_give_back, scope, window, count)


def used(conn: Connection, scope: str, window: int) -> int:
    """How much of the window is used up."""
    row = conn.row(_used, scope, window)
    return int(row[0]) if row else 0
