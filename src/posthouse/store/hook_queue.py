"""What receivers have not taken yet: an item for each event and hook, kept until taken or given up.

    free --take--> owned --settle--> gone (taken, given up), or free again at a later time
    owned --release--> free

An item is due at `due_at` and is tried until `expires_at`. All changes are for write transactions.

Public: MOST_COUNTED, HookItem, HookDue, Settled, enqueue, again, hooks_due, take, settle, put_back, release,
release_lost, drop_expired, hooks_waiting, counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, literal_column, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert_into
from sqlalchemy.sql.expression import Executable, FromClause

from posthouse.store.connection import Connection
from posthouse.store.event_tables import hook, hook_item
from posthouse.store.skip_scan import heads_of
from posthouse.store.statement import RowsStatement, Statement
from posthouse.store.tables import word, worker


@dataclass(frozen=True, slots=True)
class HookItem:
    """An event for a hook. `attempt` counts the takes, the first is 1."""

    hook_id: str
    event_id: str
    due_at: float
    expires_at: float
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class HookDue:
    """A hook that may be posted to now, and since when its first item is due."""

    hook_id: str
    account_id: str
    dialect: str
    failures: int
    due_at: float


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a taken item: gone with `due_at` None, else free again at that time."""

    event_id: str
    due_at: float | None = None


_is_free = hook_item.c.owner == word("")
_is_owned = hook_item.c.owner != word("")
_names = [column.name for column in hook_item.columns]
_columns = [(column.name, type(column.type)()) for column in hook_item.columns]


def _fresh(given: FromClause) -> Executable:
    # `where true`: SQLite would read ON CONFLICT as a join's ON
    chosen = select(*[given.c[name] for name in _names]).where(true())
    return upsert_into(hook_item).from_select(_names, chosen).on_conflict_do_nothing()


def _renewed(given: FromClause) -> Executable:
    chosen = select(*[given.c[name] for name in _names]).where(true())
    fresh = upsert_into(hook_item).from_select(_names, chosen)
    return fresh.on_conflict_do_update(
        index_elements=[hook_item.c.hook_id, hook_item.c.event_id],
        set_={name: fresh.excluded[name] for name in ("due_at", "expires_at", "attempt")},
        where=_is_free,
    )


_enqueue = RowsStatement(_columns, _fresh)
_again = RowsStatement(_columns, _renewed)


def enqueue(conn: Connection, items: Sequence[HookItem]) -> None:
    """Write new items; those that are there already stay as they are."""
    conn.put(_enqueue, [_row(item) for item in items])


def again(conn: Connection, items: Sequence[HookItem]) -> None:
    """The same for a person who wants them posted (again): those that wait begin anew."""
    conn.put(_again, [_row(item) for item in items])


def _row(item: HookItem) -> tuple[object, ...]:
    return (item.hook_id, item.event_id, item.due_at, item.expires_at, item.attempt, "")


# Who is due


_heads = heads_of(hook_item.c.hook_id, _is_free)
_first_due = (
    select(func.min(hook_item.c.due_at))
    .where(_is_free, hook_item.c.hook_id == hook.c.id)
    .correlate(hook)
    .scalar_subquery()
)
_waiting = (
    select(
        hook.c.id,
        hook.c.account_id,
        hook.c.dialect,
        hook.c.failures,
        hook.c.rests_until,
        _first_due.label("due_at"),
    )
    .select_from(_heads.join(hook, hook.c.id == _heads.c.hook_id))
    .where(hook.c.is_enabled == 1)
    .subquery("waiting")
)
_hooks_due = Statement(
    select(_waiting.c.id, _waiting.c.account_id, _waiting.c.dialect, _waiting.c.failures, _waiting.c.due_at)
    .where(_waiting.c.due_at <= bindparam("now"), _waiting.c.rests_until <= bindparam("now"))
    # however many are in trouble, and have been for long: a page of them must not hide the others (F43)
    .order_by(_waiting.c.failures > literal_column("0"), _waiting.c.due_at)
    .limit(bindparam("most")),
    "now",
    "most",
)
_hooks_waiting = Statement(select(_heads.c.hook_id).where(_heads.c.hook_id.is_not(None)))


def hooks_due(conn: Connection, now: float, most: int) -> list[HookDue]:
    """Enabled hooks that do not rest and whose first item is due: those in trouble last, else the longest
    due first."""
    return [HookDue(*row) for row in conn.rows(_hooks_due, now, most)]


def hooks_waiting(conn: Connection) -> list[str]:
    """Every hook with free items, whatever its state."""
    return [row[0] for row in conn.rows(_hooks_waiting)]


# Take and settle

_chosen = (
    select(hook_item.c.event_id)
    .where(
        _is_free,
        hook_item.c.hook_id == bindparam("of_hook"),
        hook_item.c.due_at <= bindparam("until"),
    )
    .order_by(hook_item.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("chosen")
)
_take = Statement(
    update(hook_item)
    .where(hook_item.c.hook_id == bindparam("of_hook"), hook_item.c.event_id.in_(select(_chosen.c.event_id)))
    .values(owner=bindparam("for_owner"), attempt=hook_item.c.attempt + 1)
    .returning(
        hook_item.c.hook_id,
        hook_item.c.event_id,
        hook_item.c.due_at,
        hook_item.c.expires_at,
        hook_item.c.attempt,
    ),
    "of_hook",
    "until",
    "most",
    "for_owner",
)
_key = [(name, type(hook_item.c[name].type)()) for name in ("hook_id", "event_id", "owner")]


def _is_given(given: FromClause) -> object:
    ours = tuple_(hook_item.c.hook_id, hook_item.c.event_id, hook_item.c.owner)
    return ours.in_(select(given.c.hook_id, given.c.event_id, given.c.owner))


_gone = RowsStatement(_key, lambda given: delete(hook_item).where(_is_given(given)))  # type: ignore[arg-type]
_put_back = RowsStatement(
    _key,
    lambda given: (
        update(hook_item)
        .where(_is_given(given))  # type: ignore[arg-type]
        .values(owner=word(""), attempt=hook_item.c.attempt - literal_column("1"))
    ),
)
_put_off = Statement(
    update(hook_item)
    .where(
        hook_item.c.hook_id == bindparam("of_hook"),
        hook_item.c.event_id == bindparam("of_event"),
        hook_item.c.owner == bindparam("by_owner"),
    )
    .values(owner=word(""), due_at=bindparam("again_at")),
    "of_hook",
    "of_event",
    "by_owner",
    "again_at",
)


def take(conn: Connection, hook_id: str, owner: str, until: float, most: int) -> list[HookItem]:
    """free -> owned, attempt + 1: up to `most` items that are due by `until`, the longest due first."""
    taken = [HookItem(*row) for row in conn.rows(_take, hook_id, until, most, owner)]
    return sorted(taken, key=lambda item: (item.due_at, item.event_id))


def settle(conn: Connection, hook_id: str, owner: str, items: Sequence[Settled]) -> None:
    """owned -> gone, or free again later; what is not `owner`'s any more stays as it is."""
    conn.put(_gone, [(hook_id, item.event_id, owner) for item in items if item.due_at is None])
    for item in items:
        if item.due_at is not None:
            conn.change(_put_off, hook_id, item.event_id, owner, item.due_at)


def put_back(conn: Connection, hook_id: str, owner: str, event_ids: Sequence[str]) -> None:
    """owned -> free as before: nothing was posted."""
    conn.put(_put_back, [(hook_id, event_id, owner) for event_id in event_ids])


# Owners that are gone

_free = {"owner": word("")}
_release = Statement(
    update(hook_item).where(_is_owned, hook_item.c.owner == bindparam("by_owner")).values(_free), "by_owner"
)
_release_lost = Statement(
    update(hook_item).where(_is_owned, hook_item.c.owner.not_in(select(worker.c.id))).values(_free)
)


def release(conn: Connection, owner: str) -> int:
    """A worker's items are free again, due as before; how many."""
    return conn.change(_release, owner)


def release_lost(conn: Connection) -> int:
    """The same for every owner that is not among the workers any more."""
    return conn.change(_release_lost)


# The end of patience

_oldest = (
    select(hook_item.c.event_id, hook_item.c.expires_at, hook_item.c.owner)
    .where(hook_item.c.hook_id == bindparam("of_hook"))
    .order_by(hook_item.c.event_id)
    .limit(bindparam("most"))
    .subquery("oldest")
)
_drop_expired = Statement(
    delete(hook_item).where(
        hook_item.c.hook_id == bindparam("of_hook"),
        hook_item.c.event_id.in_(
            select(_oldest.c.event_id).where(
                _oldest.c.expires_at < bindparam("now"), _oldest.c.owner == word("")
            )
        ),
    ),
    "of_hook",
    "now",
    "most",
)
MOST_COUNTED = 10_000
_of_hook = hook_item.c.hook_id == hook.c.id
_some: Select[Any] = (
    select(literal_column("1")).select_from(hook_item).where(_of_hook).limit(MOST_COUNTED).correlate(hook)
)
_counts = Statement(
    select(
        hook.c.id,
        select(func.count()).select_from(_some.subquery("some")).scalar_subquery(),
        select(func.min(hook_item.c.event_id)).where(_of_hook).correlate(hook).scalar_subquery(),
    ).where(hook.c.account_id == bindparam("of_account")),
    "of_account",
)


def drop_expired(conn: Connection, hook_id: str, now: float, most: int) -> int:
    """Delete what nobody waits for any more among the `most` oldest events of a hook; how many. So a call is
    bounded."""
    return conn.change(_drop_expired, hook_id, now, most)


def counts(conn: Connection, account_id: str) -> dict[str, tuple[int, str]]:
    """By hook how many items wait, `MOST_COUNTED` for so many or more, and the oldest event of them. For
    people: it reads up to so many items of each hook."""
    return {hook_id: (count, oldest) for hook_id, count, oldest in conn.rows(_counts, account_id) if count}
