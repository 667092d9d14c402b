"""Unsubscribe groups: kinds of mail that a recipient may leave one by one.

Suppressions name a group as scope `group:NUMBER`. A number is never given twice, so a group that ended
cannot lend its list to a later one. Each change raises the identity version.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.store import suppressions
from posthouse.store.asset_tables import unsub_group
from posthouse.store.connection import Connection, Row
from posthouse.store.parts import EVERYTHING, Part, Parted
from posthouse.store.statement import Statement
from posthouse.store.trouble import Duplicate
from posthouse.store.versions import raise_identity


@dataclass(frozen=True, slots=True)
class Group:
    """`is_default`: shown on the page of preferences when a message does not choose which to show."""

    number: int
    account_id: str
    name: str
    description: str
    is_default: bool


_NEW = ("account_id", "name", "description", "is_default")
_add = Statement(
    upsert_into(unsub_group)
    .values({name: bindparam(name) for name in _NEW})
    .on_conflict_do_nothing()
    .returning(unsub_group.c.number),
    *_NEW,
)
_add_at = Statement(
    insert(unsub_group).values({name: bindparam(name) for name in ("number", *_NEW)}), "number", *_NEW
)
_all = Statement(select(unsub_group).order_by(unsub_group.c.number))
_of_account = Parted(
    select(unsub_group).where(unsub_group.c.account_id == bindparam("of_account")),
    "of_account",
    key=unsub_group.c.number,
    searched=(unsub_group.c.name,),
    start=0,
)
_one = Statement(
    select(unsub_group).where(
        unsub_group.c.account_id == bindparam("of_account"), unsub_group.c.number == bindparam("of_number")
    ),
    "of_account",
    "of_number",
)
_named = Statement(
    select(unsub_group.c.number).where(
        unsub_group.c.account_id == bindparam("of_account"), unsub_group.c.name == bindparam("of_name")
    ),
    "of_account",
    "of_name",
)
_change = Statement(
    update(unsub_group)
    .where(
        unsub_group.c.account_id == bindparam("of_account"), unsub_group.c.number == bindparam("of_number")
    )
    .values(
        name=bindparam("new_name"),
        description=bindparam("new_description"),
        is_default=bindparam("new_default"),
    ),
    "of_account",
    "of_number",
    "new_name",
    "new_description",
    "new_default",
)
_remove = Statement(
    delete(unsub_group).where(
        unsub_group.c.account_id == bindparam("of_account"), unsub_group.c.number == bindparam("of_number")
    ),
    "of_account",
    "of_number",
)


def _to_group(row: Row) -> Group:
    number, account_id, name, description, is_default = row
    return Group(number, account_id, name, description, bool(is_default))


def scope_of(number: int) -> str:
    """The scope of the group's suppressions."""
    return f"group:{number}"


def add_group(
    conn: Connection,
    account_id: str,
    name: str,
    description: str = "",
    *,
    is_default: bool = False,
    number: int = 0,
) -> Group:
    """A new group with the next number; with `number` instead where that is above every one that was ever
    given. Raises Duplicate if the account has one of that name."""
    row = conn.row(_add, account_id, name, description, int(is_default))
    if row is None:
        raise Duplicate(f"the group {name} is there already")
    given = int(row[0])
    if number > given:
        conn.change(_remove, account_id, given)
        conn.change(_add_at, number, account_id, name, description, int(is_default))
        if conn.engine.name == "postgresql":  # SQLite goes on from the highest by itself
            conn.script(f"select setval(pg_get_serial_sequence('unsub_group', 'number'), {number:d})")
        given = number
    raise_identity(conn)
    return Group(given, account_id, name, description, is_default)


def list_groups(conn: Connection, account_id: str | None = None, part: Part = EVERYTHING) -> list[Group]:
    """All groups, or an account's (which can be asked for in parts), by number."""
    rows = conn.rows(_all) if account_id is None else _of_account.rows(conn, part, account_id)
    return [_to_group(row) for row in rows]


def find_group(conn: Connection, account_id: str, number: int) -> Group | None:
    """One of the account's."""
    row = conn.row(_one, account_id, number)
    return None if row is None else _to_group(row)


def change_group(conn: Connection, group: Group) -> None:
    """Store name, description and default of a group that is there. Raises Duplicate if the account has
    another one of that name."""
    named = conn.row(_named, group.account_id, group.name)
    if named is not None and named[0] != group.number:
        raise Duplicate(f"the group {group.name} is there already")
    values = (group.name, group.description, int(group.is_default))
    conn.change(_change, group.account_id, group.number, *values)
    raise_identity(conn)


def remove_group(conn: Connection, account_id: str, number: int) -> bool:
    """End a group together with its list. False: the account has no such group."""
    if not conn.change(_remove, account_id, number):
        return False
    suppressions.remove_scope(conn, account_id, scope_of(number))
    raise_identity(conn)
    return True
