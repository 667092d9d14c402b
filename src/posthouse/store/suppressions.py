"""The lists of addresses that must not get mail.

Addresses are kept and compared in lower case: a local part may tell cases apart (RFC 5321 2.4), but nobody
who unsubscribed as `Ann@` wants mail as `ann@`. Which rows hold for a letter is a rule, not a query.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import bindparam, delete, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert_into
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.sql.expression import Executable, FromClause

from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.store import allowed
from posthouse.store.asset_tables import suppression
from posthouse.store.connection import Connection, Row
from posthouse.store.rows import containing, harmless
from posthouse.store.statement import RowsStatement, Statement, given_key
from posthouse.store.versions import raise_stops

_KINDS = {kind.value: kind for kind in SuppressionKind}
_KEY = tuple(suppression.primary_key.columns)
_NAMES = tuple(column.name for column in suppression.columns)
_KEY_NAMES = tuple(column.name for column in _KEY)

Place = tuple[str, str, str, str]
"""Where a row stands in the order of a list: address, kind, domain, scope."""


def to_suppression(row: Row) -> Suppression:
    """A row with all columns of the table."""
    account_id, address, kind, domain, scope, at, detail = row
    return Suppression(account_id, address, _KINDS[kind], domain, scope, float(at), detail)


# Ask

_any = Statement(select(suppression.c.account_id).limit(1))
_key_type = given_key(suppression.c.address.type)[0][1]
_find = RowsStatement(
    [("of_account", _key_type), ("of_address", _key_type)],
    lambda given: select(suppression).join(
        given,
        (suppression.c.account_id == given.c.of_account) & (suppression.c.address == given.c.of_address),
    ),
    most=100,
)


def is_empty(conn: Connection) -> bool:
    """Nobody is on any list: then nobody needs to be looked up."""
    return conn.row(_any) is None


def find(conn: Connection, pairs: Iterable[tuple[str, str]]) -> list[Suppression]:
    """All rows of these (account id, address), in no order. HOT: a step for each 100 of them."""
    folded = dict.fromkeys((account_id, address.lower()) for account_id, address in pairs)
    return [to_suppression(row) for row in conn.answers(_find, list(folded))]


# Change


def _upsert(given: FromClause) -> Executable:
    # SQLite takes the ON of ON CONFLICT for a join's, unless the SELECT has a WHERE
    rows = select(given).where(literal_column("1=1"))
    fresh = upsert_into(suppression).from_select(list(_NAMES), rows)
    return fresh.on_conflict_do_update(
        index_elements=_KEY, set_={"at": fresh.excluded.at, "detail": fresh.excluded.detail}
    )


_put = RowsStatement(
    [(column.name, given_key(column.type)[0][1]) for column in suppression.columns], _upsert, most=100
)


def add(conn: Connection, items: Sequence[Suppression]) -> None:
    """Put addresses on lists; one that is there already gets the new `at` and `detail`. Mail that is on its
    way out is called back where that is possible."""
    _add(conn, items)
    raise_stops(conn)


def _add(conn: Connection, items: Sequence[Suppression]) -> None:
    rows = {_key_of(item): item for item in items}
    # one order for all: no deadlock between two that add at once
    conn.put(_put, [(*key, rows[key].at, harmless(rows[key].detail)) for key in sorted(rows)])


_AUTOMATIC = (SuppressionKind.BOUNCE, SuppressionKind.INVALID, SuppressionKind.BLOCK)


def add_found(conn: Connection, items: Sequence[Suppression]) -> None:
    """`add` for what no person asked for: the allow list keeps addresses off the lists that failures fill.
    Nobody is kept off those that recipients fill, and only these call mail back (`pipeline.recall`)."""
    judged = [(item.account_id, item.address) for item in items if item.kind in _AUTOMATIC]
    entries = allowed.find(conn, judged) if judged else frozenset()
    _add(
        conn,
        [
            item
            for item in items
            if item.kind not in _AUTOMATIC
            or not allowed.allows(entries, item.account_id, item.address, item.domain)
        ],
    )
    if len(judged) < len(items):
        raise_stops(conn)


def _key_of(item: Suppression) -> tuple[str, str, str, str, str]:
    address = harmless(item.address.lower())
    return item.account_id, address, item.kind.value, item.domain, harmless(item.scope)


@cache
def _remove(fields: tuple[str, ...]) -> Statement:
    wanted = [suppression.c[name] == bindparam(f"of_{name}") for name in fields]
    return Statement(delete(suppression).where(*wanted), *[f"of_{name}" for name in fields])


def remove(
    conn: Connection,
    account_id: str,
    address: str,
    *,
    kind: SuppressionKind | None = None,
    domain: str | None = None,
    scope: str | None = None,
) -> int:
    """Take an address off the lists; what is None does not restrict. How many rows went."""
    given = {"kind": kind and kind.value, "domain": domain, "scope": scope}
    chosen = {name: value for name, value in given.items() if value is not None}
    statement = _remove(("account_id", "address", *chosen))
    return conn.change(statement, account_id, address.lower(), *chosen.values())


def remove_scope(conn: Connection, account_id: str, scope: str) -> int:
    """Take everybody off the list of one scope, such as a group that ended. How many rows went."""
    return conn.change(_remove(("account_id", "scope")), account_id, scope)


# List


@dataclass(frozen=True, slots=True)
class SuppressionQuery:
    """What to list; None does not restrict. `since` (included) and `until` (not) are instants; `part` is in
    the address. `after` is the place of the last row of the page before."""

    account_id: str
    kind: SuppressionKind | None = None
    domain: str | None = None
    scope: str | None = None
    address: str | None = None
    since: float | None = None
    until: float | None = None
    part: str | None = None
    after: Place | None = None
    limit: int = 100


def _condition(name: str) -> ColumnElement[bool]:
    given: BindParameter[Any] = bindparam(f"of_{name}")
    match name:
        case "since":
            return suppression.c.at >= given
        case "until":
            return suppression.c.at < given
        case "part":
            return suppression.c.address.like(given, escape="!")
        case _:
            return suppression.c[name] == given


@cache
def _list(fields: tuple[str, ...], is_continued: bool) -> Statement:
    order = _KEY[1:]
    names = [f"of_{name}" for name in fields]
    query = select(suppression).where(*[_condition(name) for name in fields])
    if is_continued:
        place = [f"after_{column.name}" for column in order]
        behind = tuple_(*[bindparam(name, type_=_key_type) for name in place])
        query = query.where(tuple_(*order) > behind)
        names += place
    return Statement(query.order_by(*order).limit(bindparam("most")), *names, "most")


def listing(conn: Connection, query: SuppressionQuery) -> list[Suppression]:
    """One page by address, kind, domain, scope."""
    given = {
        "account_id": query.account_id,
        "kind": query.kind and query.kind.value,
        "domain": query.domain,
        "scope": query.scope,
        "address": None if query.address is None else query.address.lower(),
        "since": query.since,
        "until": query.until,
        "part": None if query.part is None else containing(query.part),
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    statement = _list(tuple(chosen), query.after is not None)
    return [
        to_suppression(row)
        for row in conn.rows(statement, *chosen.values(), *(query.after or ()), query.limit)
    ]


def place_of(item: Suppression) -> Place:
    """The place from which the next page goes on."""
    return item.address, item.kind.value, item.domain, item.scope


# Purge

_gone = RowsStatement(
    [(column.name, given_key(column.type)[0][1]) for column in (*_KEY, suppression.c.at)],
    lambda given: delete(suppression).where(
        tuple_(*_KEY, suppression.c.at).in_(select(*[given.c[name] for name in (*_KEY_NAMES, "at")]))
    ),
    most=100,
)


def drop(conn: Connection, items: Sequence[Suppression]) -> None:
    """Take exactly these rows off their lists, unless they have been renewed since they were read."""
    conn.put(_gone, [(*_key_of(item), item.at) for item in items])
