"""Keys that sign our posts to customers' receivers, private halves sealed: one an account (or a domain of it)
and dialect.

All changes are for write transactions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.store.connection import Connection
from posthouse.store.identity_tables import hook_key
from posthouse.store.statement import Statement
from posthouse.store.trouble import Duplicate


@dataclass(frozen=True, slots=True)
class SealedHookKey:
    """`domain` "" is the whole account. `public` "" for a secret that both sides know."""

    id: str
    account_id: str
    domain: str
    dialect: str
    algorithm: str
    private: bytes = field(repr=False)
    public: str
    created_at: float


_COLUMNS = [column.name for column in hook_key.columns]
_OF = ("of_account", "of_domain", "of_dialect")
_is_it = (
    hook_key.c.account_id == bindparam("of_account"),
    hook_key.c.domain == bindparam("of_domain"),
    hook_key.c.dialect == bindparam("of_dialect"),
)
_add = Statement(
    upsert_into(hook_key).values({name: bindparam(name) for name in _COLUMNS}).on_conflict_do_nothing(),
    *_COLUMNS,
)
_find = Statement(select(hook_key).where(*_is_it), *_OF)
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
    .order_by(hook_key.c.dialect, hook_key.c.domain),
    "of_account",
)


def add_hook_key(conn: Connection, new: SealedHookKey) -> None:
    """Raises Duplicate if there is one for that account, domain and dialect."""
    values = (new.id, new.account_id, new.domain, new.dialect, new.algorithm, new.private, new.public)
    if not conn.change(_add, *values, new.created_at):
        raise Duplicate(f"there is a {new.dialect} hook key already")


def find_hook_key(conn: Connection, account_id: str, domain: str, dialect: str) -> SealedHookKey | None:
    row = conn.row(_find, account_id, domain, dialect)
    return None if row is None else SealedHookKey(*row)


def list_hook_keys(conn: Connection, account_id: str) -> list[SealedHookKey]:
    """An account's, by dialect and domain."""
    return [SealedHookKey(*row) for row in conn.rows(_list, account_id)]


def remove_hook_key(conn: Connection, account_id: str, domain: str, dialect: str) -> bool:
    """False: there is none."""
    return conn.change(_remove, account_id, domain, dialect) > 0


def remove_hook_keys_of(conn: Connection, account_id: str, domain: str) -> None:
    """Those of a domain that goes."""
    conn.change(_remove_domain, account_id, domain)
