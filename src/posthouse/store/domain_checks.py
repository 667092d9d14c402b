"""When each domain was looked at in DNS, with what findings, and when it is looked at next.

A worker takes a domain that is due by moving its next look into the future, and only if nobody else moved
it meanwhile: so one of many workers looks. One that dies on the way leaves the domain due again.

Public: CheckRow, begin, begin_all, find, find_all, due, take, hasten, settle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as upsert_into
from sqlalchemy.sql.elements import ColumnElement

from posthouse.store.connection import Connection
from posthouse.store.identity_tables import domain, domain_check
from posthouse.store.statement import Statement


@dataclass(frozen=True, slots=True)
class CheckRow:
    """`checked_at` 0: never; `tries`, `lost_at`: see `rules.recheck.Standing`; `findings`: JSON text."""

    domain_id: str
    checked_at: float
    next_at: float
    tries: int = 0
    lost_at: float | None = None
    findings: str = ""


_names = [column.name for column in domain_check.columns]
_fresh = upsert_into(domain_check)
_begin = Statement(
    _fresh.values({name: bindparam(name) for name in _names}).on_conflict_do_nothing(), *_names
)
_nought: ColumnElement[int] = literal_column("0")
_begin_all = Statement(
    _fresh.from_select(
        ["domain_id", "checked_at", "next_at", "tries", "findings"],
        select(domain.c.id, _nought, _nought, _nought, literal_column("''")).where(
            domain.c.id.not_in(select(domain_check.c.domain_id))
        ),
    )
)
_find = Statement(select(domain_check).where(domain_check.c.domain_id == bindparam("of_domain")), "of_domain")
_find_all = Statement(
    select(domain_check)
    .join(domain, domain.c.id == domain_check.c.domain_id)
    .where(domain.c.account_id == bindparam("of_account")),
    "of_account",
)
_find_every = Statement(select(domain_check))
_due = Statement(
    select(domain_check)
    .join(domain, domain.c.id == domain_check.c.domain_id)
    .where(domain_check.c.next_at <= bindparam("now"), domain.c.region == bindparam("of_region"))
    .order_by(domain_check.c.next_at)
    .limit(bindparam("most")),
    "now",
    "of_region",
    "most",
)
_take = Statement(
    update(domain_check)
    .where(domain_check.c.domain_id == bindparam("of_domain"), domain_check.c.next_at == bindparam("seen"))
    .values(next_at=bindparam("until")),
    "of_domain",
    "seen",
    "until",
)
_hasten = Statement(
    update(domain_check)
    .where(
        domain_check.c.domain_id == bindparam("of_domain"),
        domain_check.c.checked_at <= bindparam("since"),
        domain_check.c.next_at > bindparam("now"),
    )
    .values(next_at=bindparam("now"), tries=0),
    "of_domain",
    "since",
    "now",
)
_settle = Statement(
    update(domain_check)
    .where(domain_check.c.domain_id == bindparam("of_domain"))
    .values({name: bindparam(f"new_{name}") for name in _names[1:]}),
    "of_domain",
    *[f"new_{name}" for name in _names[1:]],
)


def begin(conn: Connection, domain_id: str, now: float) -> None:
    """A domain that is new is due at once."""
    conn.change(_begin, domain_id, 0.0, now, 0, None, "")


def begin_all(conn: Connection) -> int:
    """The same for domains made before there were checks; how many."""
    return conn.change(_begin_all)


def find(conn: Connection, domain_id: str) -> CheckRow | None:
    row = conn.row(_find, domain_id)
    return None if row is None else CheckRow(*row)


def find_all(conn: Connection, account_id: str | None = None) -> dict[str, CheckRow]:
    """Those of all domains, or of an account's, by domain id."""
    rows = conn.rows(_find_every) if account_id is None else conn.rows(_find_all, account_id)
    return {row[0]: CheckRow(*row) for row in rows}


def due(conn: Connection, now: float, region: str, most: int) -> list[CheckRow]:
    """Domains of the region that are due, the longest due first."""
    return [CheckRow(*row) for row in conn.rows(_due, now, region, most)]


def take(conn: Connection, rows: Sequence[CheckRow], until: float) -> list[CheckRow]:
    """Those of the rows that are ours until then: nobody took them since they were read."""
    taken = []
    for row in sorted(rows, key=lambda row: row.domain_id):  # one order for all: no deadlock between workers
        if conn.change(_take, row.domain_id, row.next_at, until):
            taken.append(row)
    return taken


def hasten(conn: Connection, domain_id: str, since: float, now: float) -> bool:
    """Somebody works on the domain's records: it is due now, and soon again, unless it was looked at after
    `since`."""
    return conn.change(_hasten, domain_id, since, now) > 0


def settle(conn: Connection, row: CheckRow) -> bool:
    """What the look has shown. False: the domain is gone."""
    values = (row.checked_at, row.next_at, row.tries, row.lost_at, row.findings)
    return conn.change(_settle, row.domain_id, *values) > 0
