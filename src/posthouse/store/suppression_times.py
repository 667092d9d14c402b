"""Lists of suppressed addresses by time, the newest first, for the whole account.

Each page is a short range of the index over list and time, however long the list is; rows that an offset
leaves out are counted in the index.

Public: Span, newest, scope_page, count_scope, drop_oldest.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlalchemy import bindparam, func, select, tuple_

from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.store import suppressions
from posthouse.store.asset_tables import suppression
from posthouse.store.connection import Connection
from posthouse.store.statement import Statement, given_key
from posthouse.store.tables import word

_is_it = [
    suppression.c.account_id == bindparam("of_account"),
    suppression.c.kind == bindparam("of_kind"),
    suppression.c.scope == bindparam("of_scope"),
]
_text = given_key(suppression.c.address.type)[0][1]
_OF = ("of_account", "of_kind", "of_scope")


@dataclass(frozen=True, slots=True)
class Span:
    """A list of the account and of all its sending domains, or only what holds for the whole account
    (`is_account_wide`); listed since `since` (included) and before `until`."""

    account_id: str
    kind: SuppressionKind
    scope: str = ""
    since: float = 0.0
    until: float = 1e12
    is_account_wide: bool = False


@cache
def _newest(is_account_wide: bool, is_backwards: bool) -> Statement:
    at, address, domain = suppression.c.at, suppression.c.address, suppression.c.domain
    query = select(suppression).where(*_is_it, at >= bindparam("since"), at < bindparam("until"))
    if is_account_wide:
        query = query.where(domain == word(""))
    columns = (at, address, domain)
    order = columns if is_backwards else [column.desc() for column in columns]
    page = query.order_by(*order).limit(bindparam("most")).offset(bindparam("behind"))
    return Statement(page, *_OF, "since", "until", "most", "behind")


_place = tuple_(suppression.c.at, suppression.c.address)
_scope_page = Statement(
    select(suppression)
    .where(*_is_it, _place > tuple_(bindparam("after_at"), bindparam("after_address", type_=_text)))
    .order_by(suppression.c.at, suppression.c.address)
    .limit(bindparam("most")),
    *_OF,
    "after_at",
    "after_address",
    "most",
)
_count = Statement(select(func.count()).select_from(suppression).where(*_is_it), *_OF)


def newest(conn: Connection, span: Span, limit: int, offset: int = 0) -> list[Suppression]:
    """A page, the newest first."""
    return _rows(conn, _newest(span.is_account_wide, False), span, limit, offset)


def scope_page(
    conn: Connection, account_id: str, scope: str, after: tuple[float, str], most: int
) -> list[Suppression]:
    """Some of those who left a scope, such as a group, the oldest first; `after`: time and address of the
    last one of the page before."""
    given = (account_id, SuppressionKind.UNSUBSCRIBE.value, scope, *after, most)
    return [suppressions.to_suppression(row) for row in conn.rows(_scope_page, *given)]


def count_scope(conn: Connection, account_id: str, scope: str) -> int:
    """How many left this scope, such as a group."""
    kind = SuppressionKind.UNSUBSCRIBE.value
    return int(conn.rows(_count, account_id, kind, scope)[0][0])


def drop_oldest(conn: Connection, span: Span, most: int) -> int:
    """Take some of the list off it, the oldest first; how many. For a write transaction."""
    rows = _rows(conn, _newest(span.is_account_wide, True), span, most, 0)
    suppressions.drop(conn, rows)
    return len(rows)


def _rows(conn: Connection, statement: Statement, span: Span, limit: int, offset: int) -> list[Suppression]:
    given = (span.account_id, span.kind.value, span.scope, span.since, span.until, limit, offset)
    return [suppressions.to_suppression(row) for row in conn.rows(statement, *given)]
