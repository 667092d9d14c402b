"""Events counted by hour and day, and by account, domain, tag, site, sending address and credential.

Counting happens in the transaction that takes the events out of the outbox, so the counters always equal the
events that are not in the outbox any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.store.connection import Connection
from posthouse.store.event_tables import tally
from posthouse.store.statement import Statement

HOUR, DAY = "hour", "day"
SPAN_S = {HOUR: 3600, DAY: 86400}

Key = tuple[str, str, str, str, int, str]
"""account id, dim, name, span, number of the span since the epoch, metric."""

_fresh = upsert_into(tally).values({column.name: bindparam(column.name) for column in tally.columns})
_add = Statement(
    _fresh.on_conflict_do_update(
        index_elements=list(tally.primary_key.columns),
        set_={"count": tally.c.count + _fresh.excluded.count},
    ),
    *[column.name for column in tally.columns],
)


def add(conn: Connection, counts: Mapping[Key, int]) -> None:
    """Add to the counters; for write transactions."""
    for key in sorted(counts):  # one order for all: no deadlock between two that count at once
        conn.change(_add, *key, counts[key])


@dataclass(frozen=True, slots=True)
class Tally:
    """So many of one metric in one span; `at` is its number since the epoch, UTC."""

    account_id: str
    dim: str
    name: str
    span: str
    at: int
    metric: str
    count: int


_read = Statement(
    select(tally)
    .where(
        tally.c.account_id == bindparam("of_account"),
        tally.c.dim == bindparam("by_dim"),
        tally.c.name == bindparam("of_name"),
        tally.c.span == bindparam("of_span"),
        tally.c.at >= bindparam("first"),
        tally.c.at <= bindparam("last"),
    )
    .order_by(*tally.primary_key.columns),
    "of_account",
    "by_dim",
    "of_name",
    "of_span",
    "first",
    "last",
)


def read(
    conn: Connection, account_id: str, dim: str, name: str, span: str, first: int, last: int
) -> list[Tally]:
    """The counters of one name over these spans, both included, by span and metric."""
    return [Tally(*row) for row in conn.rows(_read, account_id, dim, name, span, first, last)]


_totals = Statement(
    select(tally.c.account_id, tally.c.metric, func.sum(tally.c.count))
    .where(
        tally.c.span == bindparam("of_span"),
        tally.c.at >= bindparam("first"),
        tally.c.at <= bindparam("last"),
        tally.c.dim == bindparam("by_dim"),
    )
    .group_by(tally.c.account_id, tally.c.metric),
    "of_span",
    "first",
    "last",
    "by_dim",
)


def account_totals(conn: Connection, span: str, first: int, last: int) -> dict[str, dict[str, int]]:
    """Counts by account and metric over these spans, both included."""
    found: dict[str, dict[str, int]] = {}
    for account, metric, count in conn.rows(_totals, span, first, last, "account"):
        found.setdefault(account, {})[metric] = int(count)
    return found
