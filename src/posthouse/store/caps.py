"""How many recipients a day accounts have earned so far (`rules.reputation`). All changes raise the identity
version: workers keep the caps in memory."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select, update

from posthouse.store.connection import Connection
from posthouse.store.identity_tables import account_cap
from posthouse.store.statement import Statement, insert_once
from posthouse.store.versions import raise_identity


@dataclass(frozen=True, slots=True)
class Cap:
    """`day`: days since the epoch, the one that the cap was made for. `note` says why in words."""

    account_id: str
    day: int
    most: int
    note: str


_all = Statement(select(account_cap).order_by(account_cap.c.account_id))
_one = Statement(select(account_cap).where(account_cap.c.account_id == bindparam("of_account")), "of_account")
_forget = Statement(
    delete(account_cap).where(account_cap.c.account_id == bindparam("of_account")), "of_account"
)
_add = insert_once(account_cap)
_change = Statement(
    update(account_cap)
    .where(account_cap.c.account_id == bindparam("of_account"), account_cap.c.day == bindparam("judged_day"))
    .values(day=bindparam("new_day"), cap=bindparam("most"), note=bindparam("new_note")),
    "of_account",
    "judged_day",
    "new_day",
    "most",
    "new_note",
)


def list_caps(conn: Connection) -> list[Cap]:
    """All, by account."""
    return [Cap(*row) for row in conn.rows(_all)]


def find_cap(conn: Connection, account_id: str) -> Cap | None:
    row = conn.row(_one, account_id)
    return Cap(*row) if row else None


def add_cap(conn: Connection, cap: Cap) -> bool:
    """The first cap of an account. False: it has one."""
    return _changed(conn, conn.change(_add, cap.account_id, cap.day, cap.most, cap.note))


def change_cap(conn: Connection, cap: Cap, judged_day: int) -> bool:
    """A new cap in the place of that of an earlier day. False: another worker was quicker."""
    changed = conn.change(_change, cap.account_id, judged_day, cap.day, cap.most, cap.note)
    return _changed(conn, changed)


def forget_cap(conn: Connection, account_id: str) -> None:
    """The account begins anew."""
    _changed(conn, conn.change(_forget, account_id))


def _changed(conn: Connection, rows: int) -> bool:
    if rows:
        raise_identity(conn)
    return rows > 0
