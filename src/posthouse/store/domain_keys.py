"""The DKIM keys of domains, private halves sealed. Each change raises the identity version.

All changes are for write transactions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import bindparam, delete, select, update

from posthouse.model.account import DomainKey, KeyState
from posthouse.store.connection import Connection, Row
from posthouse.store.identity_tables import domain_key
from posthouse.store.statement import Statement, insert_once
from posthouse.store.trouble import Duplicate
from posthouse.store.versions import raise_identity

_add = insert_once(domain_key)
_all = Statement(select(domain_key).order_by(domain_key.c.id))
_of = Statement(
    select(domain_key).where(domain_key.c.domain_id == bindparam("of_domain")).order_by(domain_key.c.id),
    "of_domain",
)
_in_state = Statement(
    select(domain_key)
    .where(domain_key.c.state == bindparam("of_state"), domain_key.c.since <= bindparam("until"))
    .order_by(domain_key.c.id),
    "of_state",
    "until",
)
_set_state = Statement(
    update(domain_key)
    .where(domain_key.c.id == bindparam("of_id"), domain_key.c.state == bindparam("old_state"))
    .values(state=bindparam("new_state"), since=bindparam("at")),
    "of_id",
    "old_state",
    "new_state",
    "at",
)
_remove = Statement(
    delete(domain_key).where(domain_key.c.id == bindparam("of_id"), domain_key.c.state == bindparam("state")),
    "of_id",
    "state",
)


def add_key(conn: Connection, new: DomainKey) -> None:
    """Raises Duplicate if the domain has a key at that selector."""
    added = conn.change(
        _add,
        new.id,
        new.domain_id,
        new.selector,
        new.algorithm,
        new.private,
        new.public,
        new.state.value,
        new.since,
    )
    if not added:
        raise Duplicate(f"the domain has a key at the selector {new.selector} already")
    raise_identity(conn)


def keys_of(conn: Connection, domain_id: str) -> list[DomainKey]:
    """The domain's keys, the oldest first."""
    return _read(conn.rows(_of, domain_id))


def keys_by_domain(conn: Connection) -> Mapping[str, tuple[DomainKey, ...]]:
    """All keys by domain id, each domain's oldest first."""
    found: dict[str, list[DomainKey]] = defaultdict(list)
    for key in _read(conn.rows(_all)):
        found[key.domain_id].append(key)
    return {domain_id: tuple(keys) for domain_id, keys in found.items()}


def keys_in_state(conn: Connection, state: KeyState, until: float) -> list[DomainKey]:
    """The keys of all domains that have been in this state since `until` or longer."""
    return _read(conn.rows(_in_state, state.value, until))


def set_state(conn: Connection, key: DomainKey, state: KeyState, at: float) -> bool:
    """A new state for a key that still has the state it was read with. False: it has not, or is gone."""
    is_changed = conn.change(_set_state, key.id, key.state.value, state.value, at) > 0
    if is_changed:
        raise_identity(conn)
    return is_changed


def remove_key(conn: Connection, key: DomainKey) -> bool:
    """Remove a key that still has the state it was read with. False: it has not, or is gone."""
    is_gone = conn.change(_remove, key.id, key.state.value) > 0
    if is_gone:
        raise_identity(conn)
    return is_gone


def _read(rows: Sequence[Row]) -> list[DomainKey]:
    keys = [DomainKey(*row) for row in rows]
    return [replace(key, state=KeyState(key.state)) for key in keys]
