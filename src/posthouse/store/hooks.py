"""Who wants to be told: receivers of posts, and how they are doing.

All changes are for write transactions. What waits for a receiver and what was posted to it hang on its row
and go with it.

Public: add_hook, find_hook, find_any, list_hooks, all_ids, change_hook, set_state, remove_hook, begin_probe,
note_taken, note_failed, switch_off, subscribers.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import bindparam, delete, literal_column, or_, select, update

from posthouse.model.event import EventKind
from posthouse.model.hook import Hook, HookSettings
from posthouse.store.connection import Connection, Row
from posthouse.store.event_tables import hook
from posthouse.store.rows import harmless
from posthouse.store.statement import RowsStatement, Statement, given_key, rows_insert

_KNOWN = {kind.value: kind for kind in EventKind}
_encode = msgspec.json.Encoder().encode
_read_settings = msgspec.json.Decoder(HookSettings).decode

_put = rows_insert(hook)
_is_on = hook.c.is_enabled == literal_column("1")
_is_it = hook.c.id == bindparam("of_id")
_is_own = (_is_it, hook.c.account_id == bindparam("of_account"))
_find_any = Statement(select(hook).where(_is_it), "of_id")
_find = Statement(select(hook).where(*_is_own), "of_account", "of_id")
_list = Statement(
    select(hook).where(hook.c.account_id == bindparam("of_account")).order_by(hook.c.id), "of_account"
)
_all_ids = Statement(select(hook.c.id).order_by(hook.c.id))
_CHANGES = ("domain", "url", "kinds", "name", "settings", "changed_at")
_change = Statement(
    update(hook).where(_is_it).values({name: bindparam(f"new_{name}") for name in _CHANGES}),
    "of_id",
    *[f"new_{name}" for name in _CHANGES],
)
_set_state = Statement(
    update(hook)
    .where(_is_it)
    .values(
        is_enabled=bindparam("enabled"),
        changed_at=bindparam("now"),
        note=bindparam("why"),
        troubled_at=0.0,
        failures=0,
        rests_until=0.0,
    ),
    "of_id",
    "enabled",
    "now",
    "why",
)
_remove = Statement(delete(hook).where(_is_it), "of_id")


def add_hook(conn: Connection, new: Hook) -> None:
    conn.put(_put, [_row(new)])


def find_hook(conn: Connection, account_id: str, hook_id: str) -> Hook | None:
    """An account's hook; another's is None like one that does not exist."""
    row = conn.row(_find, account_id, hook_id)
    return None if row is None else _to_hook(row)


def find_any(conn: Connection, hook_id: str) -> Hook | None:
    """Whosever it is."""
    row = conn.row(_find_any, hook_id)
    return None if row is None else _to_hook(row)


def list_hooks(conn: Connection, account_id: str) -> list[Hook]:
    """An account's, the oldest first."""
    return [_to_hook(row) for row in conn.rows(_list, account_id)]


def all_ids(conn: Connection) -> list[str]:
    """Every hook's."""
    return [row[0] for row in conn.rows(_all_ids)]


def change_hook(conn: Connection, changed: Hook) -> None:
    """Write what people say about a hook: domain, URL, kinds, name, settings, changed_at."""
    values = (changed.domain, changed.url, _words(changed.kinds), harmless(changed.name))
    conn.change(_change, changed.id, *values, _settings_text(changed.settings), changed.changed_at)


def set_state(conn: Connection, hook_id: str, *, is_enabled: bool, now: float, note: str = "") -> None:
    """Switch on or off; troubles of the past are forgotten."""
    conn.change(_set_state, hook_id, int(is_enabled), now, harmless(note))


def remove_hook(conn: Connection, hook_id: str) -> None:
    """With all that waits for it and its log."""
    conn.change(_remove, hook_id)


# Trouble. `rests_until` serves as a lease too: whoever moves it on may make the next try.

_begin_probe = Statement(
    update(hook)
    .where(_is_it, hook.c.rests_until <= bindparam("now"), _is_on)
    .values(rests_until=bindparam("until")),
    "of_id",
    "now",
    "until",
)
_note_taken = Statement(
    update(hook)
    .where(_is_it, or_(hook.c.failures > 0, hook.c.troubled_at > 0.0))
    .values(failures=0, troubled_at=0.0, rests_until=0.0),
    "of_id",
)
# posts that ran side by side fail for one reason: only the first of them counts, or a short outage would
# look like a long one
_note_failed = Statement(
    update(hook)
    .where(
        _is_it,
        or_(hook.c.rests_until <= bindparam("began_at"), hook.c.rests_until == bindparam("probe_until")),
    )
    .values(failures=hook.c.failures + 1, rests_until=bindparam("until")),
    "of_id",
    "began_at",
    "probe_until",
    "until",
)
_first_trouble = Statement(
    update(hook).where(_is_it, hook.c.troubled_at == 0.0).values(troubled_at=bindparam("now")), "of_id", "now"
)
_switch_off = Statement(
    update(hook)
    .where(_is_it, _is_on)
    .values(is_enabled=0, changed_at=bindparam("now"), note=bindparam("why")),
    "of_id",
    "now",
    "why",
)


def begin_probe(conn: Connection, hook_id: str, now: float, until: float) -> bool:
    """May this caller make the one try at a troubled receiver? Nobody else until `until`, or its settling."""
    return conn.change(_begin_probe, hook_id, now, until) == 1


def note_taken(conn: Connection, hook_id: str) -> None:
    """A post was taken: no trouble any more."""
    conn.change(_note_taken, hook_id)


def note_failed(
    conn: Connection, hook_id: str, now: float, *, began_at: float, probe_until: float, until: float
) -> None:
    """A post that began at `began_at` failed: nothing more before `until`. `probe_until`: what `begin_probe`
    had set, 0 for an ordinary post."""
    conn.change(_note_failed, hook_id, began_at, probe_until or -1.0, until)
    conn.change(_first_trouble, hook_id, now)


def switch_off(conn: Connection, hook_id: str, now: float, note: str) -> bool:
    """By us, for trouble; False: it was off already."""
    return conn.change(_switch_off, hook_id, now, harmless(note)) == 1


# Who is to be told

_any = Statement(select(hook.c.id).limit(1))
_subscribers = RowsStatement(
    given_key(hook.c.id.type),
    # an insert into what waits needs that the hook is still there at the commit
    lambda given: (
        select(hook)
        .where(hook.c.account_id.in_(select(given.c.key)), _is_on)
        .with_for_update(read=True, key_share=True, of=hook)
    ),
)


def subscribers(conn: Connection, account_ids: Iterable[str]) -> list[Hook]:
    """The enabled hooks of these accounts, kept from being removed while the transaction lasts."""
    if conn.row(_any) is None:
        return []
    rows = conn.answers(_subscribers, [(account_id,) for account_id in sorted(account_ids)])
    return [_to_hook(row) for row in rows]


# Rows


def _row(item: Hook) -> Row:
    return (
        item.id,
        item.account_id,
        item.domain,
        item.dialect,
        item.url,
        _words(item.kinds),
        harmless(item.name),
        int(item.is_enabled),
        _settings_text(item.settings),
        item.created_at,
        item.changed_at,
        item.troubled_at,
        item.failures,
        item.rests_until,
        harmless(item.note),
    )


def _to_hook(row: Row) -> Hook:
    fields = list(row)
    fields[5] = frozenset(_KNOWN[name] for name in row[5].split() if name in _KNOWN)
    fields[7] = bool(row[7])
    fields[8] = _read_settings(row[8])
    return Hook(*fields)


def _words(kinds: Iterable[EventKind]) -> str:
    return " ".join(sorted(kind.value for kind in kinds))


def _settings_text(settings: HookSettings) -> str:
    return _encode(settings).decode()
