"""Senders: addresses that programs note to send from, with names and a postal address.

Whether mail may come from one is up to its domain; nothing here lets anybody send.

Public: Sender, add, page, find, change, remove, count.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, select, update

from posthouse.store.api_tables import sender
from posthouse.store.connection import Connection
from posthouse.store.statement import Statement


@dataclass(frozen=True, slots=True)
class Sender:
    """`number` counts over all accounts; `data`: JSON text, as the service that noted it reads it."""

    number: int
    account_id: str
    email: str
    data: str
    created_at: float


_NEW = ("account_id", "email", "data", "created_at")
_own = sender.c.account_id == bindparam("of_account")
_one = (_own, sender.c.number == bindparam("of_number"))

_add = Statement(
    insert(sender).values({name: bindparam(name) for name in _NEW}).returning(sender.c.number), *_NEW
)
_page = Statement(
    select(sender)
    .where(_own, sender.c.number > bindparam("after"))
    .order_by(sender.c.number)
    .limit(bindparam("most")),
    "of_account",
    "after",
    "most",
)
_find = Statement(select(sender).where(*_one), "of_account", "of_number")
_change = Statement(
    update(sender).where(*_one).values(email=bindparam("new_email"), data=bindparam("new_data")),
    "of_account",
    "of_number",
    "new_email",
    "new_data",
)
_remove = Statement(delete(sender).where(*_one), "of_account", "of_number")
_count = Statement(select(func.count()).select_from(sender).where(_own), "of_account")


def add(conn: Connection, account_id: str, email: str, data: str, now: float) -> Sender:
    """A new one, with a number that no other one ever had."""
    ((number,),) = conn.rows(_add, account_id, email, data, now)
    return Sender(int(number), account_id, email, data, now)


def page(conn: Connection, account_id: str, limit: int, *, after: int = 0) -> list[Sender]:
    """An account's by number, those above `after`."""
    return [Sender(*row) for row in conn.rows(_page, account_id, after, limit)]


def find(conn: Connection, account_id: str, number: int) -> Sender | None:
    """One of the account's."""
    row = conn.row(_find, account_id, number)
    return None if row is None else Sender(*row)


def change(conn: Connection, new: Sender) -> bool:
    """Store email and data. False: the account has no such sender."""
    return bool(conn.change(_change, new.account_id, new.number, new.email, new.data))


def remove(conn: Connection, account_id: str, number: int) -> bool:
    """False: the account has no such sender."""
    return bool(conn.change(_remove, account_id, number))


def count(conn: Connection, account_id: str) -> int:
    return int(conn.rows(_count, account_id)[0][0])
