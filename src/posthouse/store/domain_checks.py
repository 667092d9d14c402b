"""When each domain was looked at in DNS, with what findings, and when it is looked at next.

A worker takes a domain that is due by moving its next look into the future, and only if nobody else moved
it meanwhile: so one of many workers looks. One that dies on the way leaves the domain due again.

Public: CheckRow, begin, begin_all, find, find_all, find_some, Unwell,
unwell, due, take, hasten, settle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import bindparam, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert_into
from sqlalchemy.sql.elements import ColumnElement

from posthouse.store.connection import Connection
from posthouse.store.identity_tables import domain, domain_check
from posthouse.store.statement import RowsStatement, Statement, given_key, insert_once


@dataclass(frozen=True, slots=True)
class CheckRow:
    """`checked_at` 0: never; `tries`, `lost_at`: see `rules.recheck.Standing`; `findings`: JSON text."""

    domain_id: str
    checked_at: float
    next_at: float
    tries: int = 0
    lost_at: float | None = None
    findings: str = ""


class Unwell(NamedTuple):
    """A domain that somebody must see to; `is_lost`: a required record of it is gone."""

    name: str
    is_verified: bool
    is_lost: bool


_names = [column.name for column in domain_check.columns]
_fresh = upsert_into(domain_check)
_begin = insert_once(domain_check)
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
_find_some = RowsStatement(
    given_key(domain_check.c.domain_id.type),
    lambda given: select(domain_check).join(given, domain_check.c.domain_id == given.c.key),
)
_find_every = Statement(select(domain_check))
_unwell = Statement(
    select(domain.c.name, domain.c.verified_at, domain_check.c.lost_at)
    .join(domain_check, domain_check.c.domain_id == domain.c.id, isouter=True)
    .where(
        domain.c.account_id == bindparam("of_account"),
        or_(domain.c.verified_at.is_(None), domain_check.c.lost_at.is_not(None)),
    )
    .order_by(domain.c.name)
    .limit(bindparam("most")),
    "of_account",
    "most",
)
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


def find_some(conn: Connection, domain_ids: Iterable[str]) -> dict[str, CheckRow]:
    """Those of these domains, by domain id."""
    return {row[0]: CheckRow(*row) for row in conn.answers(_find_some, [(each,) for each in domain_ids])}


def unwell(conn: Connection, account_id: str, most: int) -> list[Unwell]:
    """The first of an account's domains, by name, that are not verified or that lost a record."""
    return [
        Unwell(name, verified_at is not None, lost_at is not None)
        for name, verified_at, lost_at in conn.rows(_unwell, account_id, most)
    ]


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
