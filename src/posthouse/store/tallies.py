"""Events counted by hour and day, and by account, domain, tag, site, sending address and credential.

Counting happens in the transaction that takes the events out of the outbox, so the counters always equal the
events that are not in the outbox any more.

Public: HOUR, DAY, Key, Tally, add, read, totals, by_name, account_totals, of_spans, first_counted,
last_counted, claim_recount, recounts, drop_hours_before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert_into
from sqlalchemy.sql.expression import FromClause

from posthouse.store.connection import Connection
from posthouse.store.event_tables import tally
from posthouse.store.statement import GivenColumn, RowsStatement, Statement, given_key
from posthouse.store.tables import mark, word

HOUR, DAY = "hour", "day"

Key = tuple[str, str, str, str, int, str]
"""account id, dim, name, span, number of the span since the epoch, metric."""

_COLUMNS: list[GivenColumn] = [(column.name, given_key(column.type)[0][1]) for column in tally.columns]


def _added(given: FromClause) -> object:
    # `where true`: without it SQLite reads ON CONFLICT as a join condition of the SELECT
    fresh = upsert_into(tally).from_select([name for name, _ in _COLUMNS], select(given).where(true()))
    return fresh.on_conflict_do_update(
        index_elements=list(tally.primary_key.columns), set_={"count": tally.c.count + fresh.excluded.count}
    )


_add = RowsStatement(_COLUMNS, _added)  # type: ignore[arg-type]


def add(conn: Connection, counts: Mapping[Key, int]) -> None:
    """Add to the counters; for write transactions."""
    # one order for all: no deadlock between two that count at once
    conn.put(_add, [(*key, counts[key]) for key in sorted(counts)])


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


_of_dim = (tally.c.account_id == bindparam("of_account"), tally.c.dim == bindparam("by_dim"))
_of_time = (
    tally.c.span == bindparam("of_span"),
    tally.c.at >= bindparam("first"),
    tally.c.at <= bindparam("last"),
)
_read = Statement(
    select(tally)
    .where(*_of_dim, tally.c.name == bindparam("of_name"), *_of_time)
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


_totals_of = Statement(
    select(tally.c.metric, func.sum(tally.c.count))
    .where(*_of_dim, tally.c.name == bindparam("of_name"), *_of_time)
    .group_by(tally.c.metric),
    "of_account",
    "by_dim",
    "of_name",
    "of_span",
    "first",
    "last",
)


def totals(
    conn: Connection, account_id: str, dim: str, name: str, span: str, first: int, last: int
) -> dict[str, int]:
    """The counts of one name by metric, over these spans, both included."""
    rows = conn.rows(_totals_of, account_id, dim, name, span, first, last)
    return {metric: int(count) for metric, count in rows}


_sum = func.sum(tally.c.count).label("sum")
_by_name = Statement(
    select(tally.c.name, _sum)
    .where(*_of_dim, *_of_time, tally.c.metric == bindparam("of_metric"))
    .group_by(tally.c.name)
    .order_by(_sum.desc(), tally.c.name)
    .limit(bindparam("most")),
    "of_account",
    "by_dim",
    "of_span",
    "first",
    "last",
    "of_metric",
    "most",
)


def by_name(
    conn: Connection, account_id: str, dim: str, span: str, first: int, last: int, metric: str, most: int
) -> list[tuple[str, int]]:
    """The names of a dim with most of one metric over these spans, the largest first."""
    found = conn.rows(_by_name, account_id, dim, span, first, last, metric, most)
    return [(name, int(count)) for name, count in found]


_totals = Statement(
    select(tally.c.account_id, tally.c.metric, func.sum(tally.c.count))
    .where(*_of_time, tally.c.dim == bindparam("by_dim"))
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


# Comparing with the log

_all_of = Statement(select(tally).where(*_of_time), "of_span", "first", "last")
_first_counted = Statement(
    select(func.min(tally.c.at)).where(tally.c.span == bindparam("of_span")), "of_span"
)


def of_spans(conn: Connection, span: str, first: int, last: int) -> dict[Key, int]:
    """All counters of these spans, both included; those that are 0 are left out."""
    rows = conn.rows(_all_of, span, first, last)
    return {(row[0], row[1], row[2], row[3], row[4], row[5]): row[6] for row in rows if row[6]}


def first_counted(conn: Connection, span: str) -> int | None:
    """The earliest span of this kind that has a counter; None without any."""
    row = conn.row(_first_counted, span)
    return None if row is None or row[0] is None else int(row[0])


_last_counted = Statement(select(func.max(tally.c.at)).where(tally.c.span == bindparam("of_span")), "of_span")


def last_counted(conn: Connection, span: str) -> int | None:
    """The latest span of this kind that has a counter; None without any."""
    row = conn.row(_last_counted, span)
    return None if row is None or row[0] is None else int(row[0])


_RECOUNT = "recounts"
_recounts = Statement(select(mark.c.number).where(mark.c.name == word(_RECOUNT)))
_first_recount = Statement(
    upsert_into(mark)
    .values(name=word(_RECOUNT), number=bindparam("number"), value=word(""))
    .on_conflict_do_nothing(),
    "number",
)
_claim = Statement(
    update(mark)
    .where(mark.c.name == word(_RECOUNT), mark.c.number == bindparam("was"))
    .values(number=mark.c.number + 1),
    "was",
)


def recounts(conn: Connection) -> int:
    """How often counters were put right so far."""
    row = conn.row(_recounts)
    return int(row[0]) if row else 0


def claim_recount(conn: Connection, was: int) -> bool:
    """Begin to put counters right, if nobody did since `recounts` said `was`; in its transaction."""
    conn.change(_first_recount, 0)
    return conn.change(_claim, was) == 1


# Retention

_keys = list(tally.primary_key.columns)
_oldest = (
    select(*_keys)
    .where(tally.c.span == bindparam("of_span"), tally.c.at < bindparam("before"))
    .order_by(tally.c.at)
    .limit(bindparam("most"))
)
_drop = Statement(delete(tally).where(tuple_(*_keys).in_(_oldest)), "of_span", "before", "most")


def drop_hours_before(conn: Connection, before: float, limit: int) -> int:
    """Delete up to `limit` counters of hours that were over at `before`; how many. Days stay."""
    return conn.change(_drop, HOUR, int(before // 3600), limit)
