"""Pages of a sending domain's list of suppressed addresses in alphabetical order, forwards and backwards.

Each page is a short range of the index over list and address, however long the list is.

Public: Span, page, of_address, drop_some.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlalchemy import bindparam, select

from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.store import suppressions
from posthouse.store.asset_tables import suppression
from posthouse.store.connection import Connection
from posthouse.store.statement import Statement

_LOWEST, _HIGHEST = "\x01", "\U0010ffff"  # what sorts first and last of all that may follow a text
_OF = ("of_account", "of_kind", "of_domain")
_is_it = [
    suppression.c.account_id == bindparam("of_account"),
    suppression.c.kind == bindparam("of_kind"),
    suppression.c.domain == bindparam("of_domain"),
]


@dataclass(frozen=True, slots=True)
class Span:
    """A list of a sending domain ("": of the whole account), between two addresses that are not in it ("":
    open), or only what begins with `prefix`; all in lower case. `is_backwards`: from its end."""

    account_id: str
    kind: SuppressionKind
    domain: str
    after: str = ""
    before: str = ""
    prefix: str = ""
    is_backwards: bool = False


@cache
def _pages(has_end: bool, is_backwards: bool) -> Statement:
    address, scope = suppression.c.address, suppression.c.scope
    query = select(suppression).where(*_is_it, address >= bindparam("low"))
    if has_end:
        query = query.where(address < bindparam("high"))
    order = (address.desc(), scope.desc()) if is_backwards else (address, scope)
    names = [*_OF, "low", *(["high"] if has_end else []), "most"]
    return Statement(query.order_by(*order).limit(bindparam("most")), *names)


_one = Statement(
    select(suppression)
    .where(*_is_it, suppression.c.address == bindparam("of_address"))
    .order_by(suppression.c.scope),
    *_OF,
    "of_address",
)


def page(conn: Connection, span: Span, most: int) -> list[list[Suppression]]:
    """The rows of up to `most` addresses, by address; those of one address by scope."""
    found: dict[str, list[Suppression]] = {}
    low, high = _ends(span)
    while True:
        ends = (low, high) if high else (low,)
        statement = _pages(bool(high), span.is_backwards)
        asked = most + 1
        rows = conn.rows(statement, span.account_id, span.kind.value, span.domain, *ends, asked)
        for item in map(suppressions.to_suppression, rows):
            found.setdefault(item.address, []).append(item)
        if len(rows) < asked:
            break
        last = next(reversed(found))
        if len(found) > most:
            found.pop(last)
            break
        # the rows of the last address may go on: take it whole
        found[last] = of_address(conn, span.account_id, last, span.kind, span.domain)
        if len(found) == most:
            break
        low, high = (low, last) if span.is_backwards else (last + _LOWEST, high)
    groups = [sorted(rows, key=lambda item: item.scope) for rows in found.values()]
    return groups[::-1] if span.is_backwards else groups


def _ends(span: Span) -> tuple[str, str]:
    """(the first that may be in the page, the first behind it that may not, "" for none)."""
    low = span.after + _LOWEST if span.after else ""
    if not span.prefix:
        return low, span.before
    end = span.prefix + _HIGHEST
    return max(low, span.prefix), min(span.before, end) if span.before else end


def of_address(
    conn: Connection, account_id: str, address: str, kind: SuppressionKind, domain: str
) -> list[Suppression]:
    """All rows of an address on that list, by scope."""
    rows = conn.rows(_one, account_id, kind.value, domain, address.lower())
    return [suppressions.to_suppression(row) for row in rows]


def drop_some(conn: Connection, span: Span, most: int) -> int:
    """Take the first rows of the list off; how many, 0 when nothing is left."""
    ends = (span.account_id, span.kind.value, span.domain, "")
    gone = [suppressions.to_suppression(row) for row in conn.rows(_pages(False, False), *ends, most)]
    suppressions.drop(conn, gone)
    return len(gone)
