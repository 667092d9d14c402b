"""What we know of recipients: their time zones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.store.asset_tables import contact
from posthouse.store.connection import Connection
from posthouse.store.statement import RowsStatement, Statement, given_key


@dataclass(frozen=True, slots=True)
class Contact:
    """`address` is lower case, `time_zone` a name of the zone database."""

    account_id: str
    address: str
    time_zone: str


_fresh = upsert_into(contact).values({column.name: bindparam(column.name) for column in contact.columns})
_put = Statement(
    _fresh.on_conflict_do_update(
        index_elements=list(contact.primary_key.columns), set_={"time_zone": _fresh.excluded.time_zone}
    ),
    *[column.name for column in contact.columns],
)
_remove = Statement(
    delete(contact).where(
        contact.c.account_id == bindparam("of_account"), contact.c.address == bindparam("of_address")
    ),
    "of_account",
    "of_address",
)
_list = Statement(
    select(contact)
    .where(contact.c.account_id == bindparam("of_account"), contact.c.address > bindparam("after"))
    .order_by(contact.c.address)
    .limit(bindparam("most")),
    "of_account",
    "after",
    "most",
)
_key_type = given_key(contact.c.address.type)[0][1]
_find = RowsStatement(
    [("of_account", _key_type), ("of_address", _key_type)],
    lambda given: select(contact).join(
        given, (contact.c.account_id == given.c.of_account) & (contact.c.address == given.c.of_address)
    ),
    most=100,
)


def set_zone(conn: Connection, account_id: str, address: str, time_zone: str) -> None:
    """Note a recipient's time zone, in the place of one noted before."""
    conn.change(_put, account_id, address.lower(), time_zone)


def zones_of(conn: Connection, account_id: str, addresses: Iterable[str]) -> dict[str, str]:
    """Lower-case address -> time zone, for those that we know."""
    keys = dict.fromkeys((account_id, address.lower()) for address in addresses)
    return {row[1]: row[2] for row in conn.answers(_find, list(keys))}


def list_contacts(conn: Connection, account_id: str, limit: int = 100, after: str = "") -> list[Contact]:
    """One page by address; `after` is the last address of the page before."""
    return [Contact(*row) for row in conn.rows(_list, account_id, after, limit)]


def remove_contact(conn: Connection, account_id: str, address: str) -> bool:
    """False: we know nothing of that address."""
    return conn.change(_remove, account_id, address.lower()) > 0
