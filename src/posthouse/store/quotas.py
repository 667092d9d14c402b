"""How much of a limit is used up, counted in fixed windows.

A scope names whose limit it is and of which kind (`acc|hour|example.com`); the window is a number that rises
with time, such as the hours since the epoch. Windows to come have rows where mail waits for them.

On PostgreSQL a row stays locked until the commit. Who touches rows of several scopes or windows first waits
for the accounts' turns (`in_turn`), one after another by id: then nobody waits crosswise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.model.message import FOR_ROOM
from posthouse.store.asset_tables import quota
from posthouse.store.connection import Connection
from posthouse.store.identity_tables import account
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
# not FOR UPDATE: rows that refer to the account may be added meanwhile
_in_turn = Statement(
    select(account.c.id).where(account.c.id == bindparam("of_account")).with_for_update(key_share=True),
    "of_account",
)
_windows = Statement(
    select(quota.c.window, quota.c.used)
    .where(quota.c.scope == bindparam("of_scope"), quota.c.window >= bindparam("of_window"))
    .order_by(quota.c.window)
    .limit(bindparam("most")),
    "of_scope",
    "of_window",
    "most",
)


def in_turn(conn: Connection, account_id: str) -> None:
    """Wait until nobody else is in a transaction that counts for this account, and make others wait."""
    conn.rows(_in_turn, account_id)


def reserve(conn: Connection, scope: str, window: int, count: int, limit: int) -> int:
    """Count `count` more in the window: how many that makes; 0, and nothing is counted, if it would be more
    than `limit`."""
    if count > limit:
        return 0
    row = conn.row(_reserve, scope, window, count, limit)
    return int(row[0]) if row else 0


class GivenUp(NamedTuple):
    """A delivery that waited for room in limits (`text` says in which, see `model.message.FOR_ROOM`) and was
    given up before anybody tried to send it. `domain`: the sending one."""

    account_id: str
    domain: str
    due_at: float
    text: str


Room = Callable[[Connection, Sequence[GivenUp]], None]
"""Gives back the room of what was given up, in the transaction that gives it up."""


def waited_for_room(attempt: int, code: int, text: str) -> bool:
    """Of a delivery that is given up: is room kept for it in windows of limits?"""
    return not attempt and not code and text.startswith(FOR_ROOM)


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
