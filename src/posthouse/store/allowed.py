"""The allow list: addresses and recipient domains that no automatism puts on a list of suppressions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import bindparam, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.model.suppression import Allowed
from posthouse.store.connection import Connection, Row
from posthouse.store.event_tables import allowed
from posthouse.store.rows import harmless
from posthouse.store.statement import RowsStatement, Statement, given_key

_KEY = tuple(allowed.primary_key.columns)
_NAMES = tuple(column.name for column in allowed.columns)
_key_type = given_key(allowed.c.value.type)[0][1]


def _to_allowed(row: Row) -> Allowed:
    account_id, domain, value, at, detail = row
    return Allowed(account_id, domain, value, float(at), detail)


# Ask

_any = Statement(select(allowed.c.account_id).limit(1))
_find = RowsStatement(
    [("of_account", _key_type), ("of_value", _key_type)],
    lambda given: select(allowed.c.account_id, allowed.c.domain, allowed.c.value).join(
        given, (allowed.c.account_id == given.c.of_account) & (allowed.c.value == given.c.of_value)
    ),
    most=100,
)

Entry = tuple[str, str, str]
"""Account id, sending domain, value."""


def find(conn: Connection, pairs: Iterable[tuple[str, str]]) -> frozenset[Entry]:
    """The entries that speak of these (account id, address); ask `allows` about each. One cheap question when
    there are none."""
    if conn.row(_any) is None:
        return frozenset()
    wanted = {
        (account_id, value)
        for account_id, address in pairs
        for value in (address.lower(), domain_entry(address))
    }
    return frozenset((row[0], row[1], row[2]) for row in conn.answers(_find, sorted(wanted)))


def allows(entries: frozenset[Entry], account_id: str, address: str, domain: str) -> bool:
    """Do the entries allow this address, for lists of the sending domain ("": of all the account)?"""
    if not entries:
        return False
    places = {"", domain}
    return any(
        (account_id, place, value) in entries
        for place in places
        for value in (address.lower(), domain_entry(address))
    )


def domain_entry(address: str) -> str:
    """The value that allows all of the address's domain."""
    return f"@{address.rpartition('@')[2].lower()}"


# Change

_fresh = upsert_into(allowed).values({name: bindparam(name) for name in _NAMES})
_put = Statement(
    _fresh.on_conflict_do_update(
        index_elements=_KEY, set_={"at": _fresh.excluded.at, "detail": _fresh.excluded.detail}
    ),
    *_NAMES,
)
_wanted = [allowed.c[name] == bindparam(f"of_{name}") for name in ("account_id", "domain", "value")]
_remove = Statement(delete(allowed).where(*_wanted), "of_account_id", "of_domain", "of_value")
_remove_everywhere = Statement(delete(allowed).where(_wanted[0], _wanted[2]), "of_account_id", "of_value")


def add(conn: Connection, items: Sequence[Allowed]) -> None:
    """Put entries on the list; one that is there already gets the new `at` and `detail`."""
    rows = {(item.account_id, item.domain, harmless(item.value.lower())): item for item in items}
    for key in sorted(rows):  # one order for all: no deadlock between two that add at once
        conn.change(_put, *key, rows[key].at, harmless(rows[key].detail))


def remove(conn: Connection, account_id: str, value: str, domain: str | None = None) -> int:
    """Take an entry off, for one sending domain or (None) wherever it stands. How many rows went."""
    if domain is None:
        return conn.change(_remove_everywhere, account_id, value.lower())
    return conn.change(_remove, account_id, domain, value.lower())


# List


@dataclass(frozen=True, slots=True)
class AllowedQuery:
    """What to list; None does not restrict. `after`: (domain, value) of the last row of the page before."""

    account_id: str
    domain: str | None = None
    after: tuple[str, str] | None = None
    limit: int = 100


@cache
def _list(by_domain: bool, is_continued: bool) -> Statement:
    query = select(allowed).where(_wanted[0])
    names = ["of_account_id"]
    if by_domain:
        query, names = query.where(_wanted[1]), [*names, "of_domain"]
    if is_continued:
        place = ["after_domain", "after_value"]
        behind = tuple_(*[bindparam(name, type_=_key_type) for name in place])
        query, names = query.where(tuple_(*_KEY[1:]) > behind), names + place
    return Statement(query.order_by(*_KEY[1:]).limit(bindparam("most")), *names, "most")


def listing(conn: Connection, query: AllowedQuery) -> list[Allowed]:
    """One page by domain and value."""
    statement = _list(query.domain is not None, query.after is not None)
    given = [query.account_id, *([] if query.domain is None else [query.domain]), *(query.after or ())]
    return [_to_allowed(row) for row in conn.rows(statement, *given, query.limit)]


@cache
def _pages(has_end: bool, is_backwards: bool) -> Statement:
    value = allowed.c.value
    query = select(allowed).where(_wanted[0], _wanted[1], value >= bindparam("low"))
    names = ["of_account_id", "of_domain", "low"]
    if has_end:
        query, names = query.where(value < bindparam("high")), [*names, "high"]
    order = value.desc() if is_backwards else value
    return Statement(query.order_by(order).limit(bindparam("most")), *names, "most")


def page(
    conn: Connection,
    account_id: str,
    domain: str,
    ends: tuple[str, str] = ("", ""),
    *,
    is_backwards: bool = False,
    most: int = 100,
) -> list[Allowed]:
    """Entries of one sending domain by value. `ends`: the first value that may be among them and the first
    behind them, "" for none; `is_backwards`: those at the end, still in ascending order."""
    low, high = ends
    given = [account_id, domain, low, *([high] if high else []), most]
    rows = [_to_allowed(row) for row in conn.rows(_pages(bool(high), is_backwards), *given)]
    return rows[::-1] if is_backwards else rows


_is_value = allowed.c.value == bindparam("of_value")
_find_one = Statement(
    select(allowed).where(_wanted[0], _wanted[1], _is_value), "of_account_id", "of_domain", "of_value"
)


def find_one(conn: Connection, account_id: str, domain: str, value: str) -> Allowed | None:
    """One entry of a sending domain."""
    row = conn.row(_find_one, account_id, domain, value.lower())
    return None if row is None else _to_allowed(row)
