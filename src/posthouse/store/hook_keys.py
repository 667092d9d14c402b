"""Keys that sign our posts to customers' receivers, private halves sealed: one an account (or a domain of it)
and dialect, and besides it those before it whose time is not over yet.

All changes are for write transactions.

Public: SealedHookKey, add_hook_key, find_hook_key, hook_keys_of, list_hook_keys, end_hook_keys,
remove_hook_key, remove_newest, remove_older, remove_hook_keys_of, drop_ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import bindparam, delete, literal_column, or_, select, update

from posthouse.store.connection import Connection
from posthouse.store.identity_tables import hook_key
from posthouse.store.statement import Statement, insert_once
from posthouse.store.trouble import Duplicate


@dataclass(frozen=True, slots=True)
class SealedHookKey:
    """`domain` "" is the whole account. `public` "" for a secret that both sides know. `ends_at` 0: it is the
    newest, and stays."""

    id: str
    account_id: str
    domain: str
    dialect: str
    algorithm: str
    private: bytes = field(repr=False)
    public: str
    created_at: float
    ends_at: float = 0.0


_OF = ("of_account", "of_domain", "of_dialect")
_is_it = (
    hook_key.c.account_id == bindparam("of_account"),
    hook_key.c.domain == bindparam("of_domain"),
    hook_key.c.dialect == bindparam("of_dialect"),
)
_add = insert_once(hook_key)
_is_newest = hook_key.c.ends_at == literal_column("0")
_is_older = hook_key.c.ends_at != literal_column("0")
_find = Statement(select(hook_key).where(*_is_it, _is_newest), *_OF)
_all_of = Statement(select(hook_key).where(*_is_it).order_by(hook_key.c.created_at, hook_key.c.id), *_OF)
_end = Statement(
    update(hook_key)
    .where(*_is_it, or_(_is_newest, hook_key.c.ends_at > bindparam("until")))
    .values(ends_at=bindparam("until")),
    *_OF,
    "until",
)
_remove_newest = Statement(delete(hook_key).where(*_is_it, _is_newest), *_OF)
_remove_older = Statement(delete(hook_key).where(*_is_it, _is_older), *_OF)
_ended = (
    select(hook_key.c.id).where(_is_older, hook_key.c.ends_at <= bindparam("now")).limit(bindparam("most"))
)
_drop_ended = Statement(delete(hook_key).where(hook_key.c.id.in_(_ended)), "now", "most")
_remove = Statement(delete(hook_key).where(*_is_it), *_OF)
_remove_domain = Statement(
    delete(hook_key).where(
        hook_key.c.account_id == bindparam("of_account"), hook_key.c.domain == bindparam("of_domain")
    ),
    "of_account",
    "of_domain",
)
_list = Statement(
    select(hook_key)
    .where(hook_key.c.account_id == bindparam("of_account"))
    .order_by(hook_key.c.dialect, hook_key.c.domain, hook_key.c.created_at, hook_key.c.id),
    "of_account",
)


def add_hook_key(conn: Connection, new: SealedHookKey) -> None:
    """Raises Duplicate if there is one that stays for that account, domain and dialect."""
    values = (new.id, new.account_id, new.domain, new.dialect, new.algorithm, new.private, new.public)
    if not conn.change(_add, *values, new.created_at, new.ends_at):
        raise Duplicate(f"there is a {new.dialect} hook key already")


def find_hook_key(conn: Connection, account_id: str, domain: str, dialect: str) -> SealedHookKey | None:
    """The newest."""
    row = conn.row(_find, account_id, domain, dialect)
    return None if row is None else SealedHookKey(*row)


def hook_keys_of(conn: Connection, account_id: str, domain: str, dialect: str) -> list[SealedHookKey]:
    """The newest and those before it, also such as have ended and were not dropped yet; the oldest first."""
    return [SealedHookKey(*row) for row in conn.rows(_all_of, account_id, domain, dialect)]


def list_hook_keys(conn: Connection, account_id: str) -> list[SealedHookKey]:
    """An account's, by dialect and domain, the oldest first."""
    return [SealedHookKey(*row) for row in conn.rows(_list, account_id)]


def end_hook_keys(conn: Connection, account_id: str, domain: str, dialect: str, until: float) -> None:
    """All that are there end then, or earlier where that was said before."""
    conn.change(_end, account_id, domain, dialect, until)


def remove_hook_key(conn: Connection, account_id: str, domain: str, dialect: str) -> bool:
    """With those before it. False: there is none."""
    return conn.change(_remove, account_id, domain, dialect) > 0


def remove_newest(conn: Connection, account_id: str, domain: str, dialect: str) -> None:
    """Those before it stay until their end."""
    conn.change(_remove_newest, account_id, domain, dialect)


def remove_older(conn: Connection, account_id: str, domain: str, dialect: str) -> int:
    """All but the newest; how many."""
    return conn.change(_remove_older, account_id, domain, dialect)


def remove_hook_keys_of(conn: Connection, account_id: str, domain: str) -> None:
    """Those of a domain that goes."""
    conn.change(_remove_domain, account_id, domain)


def drop_ended(conn: Connection, now: float, most: int) -> int:
    """Those whose time is over, up to `most`; how many."""
    return conn.change(_drop_ended, now, most)
