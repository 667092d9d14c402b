"""What people ask of the lists of suppressed addresses: the words of a search, judged.

Public: Chosen, query_of, find_page.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from posthouse.desk import suppressions
from posthouse.model.address import BadAddress, parse_address
from posthouse.model.suppression import Suppression
from posthouse.store.connection import Connection
from posthouse.store.suppressions import SuppressionQuery, listing


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which rows, as somebody typed it; "" and 0 do not restrict. `part` is in the address."""

    kind: str = ""
    domain: str = ""
    tag: str = ""
    group: int = 0
    address: str = ""
    since: str = ""
    until: str = ""
    part: str = ""


def query_of(conn: Connection, account_id: str, chosen: Chosen, now: float) -> SuppressionQuery:
    """Raises Refused for what is not there or cannot be read."""
    where = suppressions.place(
        conn, account_id, kind=chosen.kind, domain=chosen.domain, tag=chosen.tag, group=chosen.group
    )
    return SuppressionQuery(
        account_id,
        where.kind,
        where.domain,
        where.scope,
        chosen.address.strip() or None,
        suppressions.parse_instant(chosen.since, now) if chosen.since else None,
        suppressions.parse_instant(chosen.until, now) if chosen.until else None,
        chosen.part.strip() or None,
    )


def find_page(conn: Connection, query: SuppressionQuery, after: str, most: int) -> list[Suppression]:
    """Up to `most` rows in alphabetical order behind the cursor `after`. Raises Refused.

    A text that is a whole address is looked up in the index first: only where nobody is called so, all
    addresses are searched for it."""
    query = replace(query, after=suppressions.place_after(after) if after else None, limit=most)
    if query.part and _is_address(query.part):
        found = listing(conn, replace(query, part=None, address=query.part))
        if found:
            return found
    return listing(conn, query)


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except BadAddress:
        return False
    return True
