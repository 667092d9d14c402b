"""How connections fared against receivers' TLS policies, by day and domain, and which days were reported.

Days are counted from the epoch (UTC). Counts only grow; old days are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import msgspec
from sqlalchemy import bindparam, delete, exists, select
from sqlalchemy.dialects.postgresql import insert as upsert_into

from posthouse.model.trust import TlsCheck
from posthouse.store.connection import Connection
from posthouse.store.rows import harmless
from posthouse.store.site_tables import tls_report, tls_result
from posthouse.store.statement import Statement, insert_once
from posthouse.store.tables import word


class _Policy(msgspec.Struct, frozen=True, omit_defaults=True):
    """The part of a check that is the same for a whole day's sessions; stored as JSON."""

    kind: str
    domain: str
    lines: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()


class _Detail(msgspec.Struct, frozen=True, omit_defaults=True):
    """What else is known of a failure; stored as JSON."""

    mx: str = ""
    address: str = ""
    source: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DayResult:
    """So many sessions with a recipient domain that fared alike."""

    day: int
    domain: str
    check: TlsCheck
    count: int


@dataclass(frozen=True, slots=True)
class DayReport:
    """The report about a day: `state` is "sent", "unwanted" (the domain publishes no address) or "unsent" (we
    have no domain to send it from); `text` says where it went."""

    day: int
    domain: str
    report_id: str
    at: float
    state: str
    text: str


Key = tuple[int, str, TlsCheck]
"""(day, recipient domain, how it fared)."""

_MOST_LINES, _LONGEST_LINE = 40, 300
_encode = msgspec.json.Encoder().encode
_read_policy = msgspec.json.Decoder(_Policy).decode
_read_detail = msgspec.json.Decoder(_Detail).decode
_key_columns = list(tls_result.primary_key.columns)
_c = tls_result.c
_in_order = (_c.day, _c.domain, _c.policy, _c.result, _c.detail)
_fresh = upsert_into(tls_result).values(
    {column.name: bindparam(column.name) for column in tls_result.columns}
)
_add = Statement(
    _fresh.on_conflict_do_update(
        index_elements=_key_columns, set_={"count": tls_result.c.count + _fresh.excluded.count}
    ),
    *[column.name for column in tls_result.columns],
)
_of = Statement(
    select(tls_result)
    .where(tls_result.c.day == bindparam("of_day"), tls_result.c.domain == bindparam("of_domain"))
    .order_by(*_in_order),
    "of_day",
    "of_domain",
)
_since = Statement(
    select(tls_result).where(tls_result.c.day >= bindparam("from_day")).order_by(*_in_order), "from_day"
)
_unreported = Statement(
    select(tls_result.c.domain)
    .where(
        tls_result.c.day == bindparam("of_day"),
        tls_result.c.domain > bindparam("after"),
        ~exists().where(tls_report.c.day == tls_result.c.day, tls_report.c.domain == tls_result.c.domain),
    )
    .distinct()
    .order_by(tls_result.c.domain)
    .limit(bindparam("most")),
    "of_day",
    "after",
    "most",
)
_claim = insert_once(tls_report)
_reports = Statement(
    select(tls_report)
    .where(tls_report.c.day >= bindparam("from_day"))
    .order_by(tls_report.c.day, tls_report.c.domain),
    "from_day",
)
_forget_successes = Statement(
    delete(tls_result).where(
        tls_result.c.day == bindparam("of_day"),
        tls_result.c.domain == bindparam("of_domain"),
        tls_result.c.result == word(""),
    ),
    "of_day",
    "of_domain",
)
_drop_results = Statement(delete(tls_result).where(tls_result.c.day < bindparam("before")), "before")
_drop_reports = Statement(delete(tls_report).where(tls_report.c.day < bindparam("before")), "before")


def add(conn: Connection, counts: Mapping[Key, int]) -> None:
    """Count sessions; for write transactions."""
    rows: dict[tuple[int, str, str, str, str], int] = {}
    for (day, domain, check), count in counts.items():
        key = (day, domain, *_texts(check))
        rows[key] = rows.get(key, 0) + count
    for key in sorted(rows):  # one order for all: no deadlock between two that count at once
        day, domain, *texts = key
        conn.change(_add, day, domain, _kind(texts), *texts, rows[key])


def _kind(texts: Sequence[str]) -> str:
    return blake2b("\0".join(texts).encode(), digest_size=16).hexdigest()


def _texts(check: TlsCheck) -> tuple[str, str, str]:
    """(policy, result, detail) as they are stored; a success needs no detail."""
    lines, patterns = _bounded(check.policy_lines), _bounded(check.mx_patterns)
    policy = _Policy(check.policy, check.policy_domain, lines, patterns)
    detail = _Detail()
    if check.result:
        detail = _Detail(check.mx, check.address, check.source, harmless(check.reason)[:_LONGEST_LINE])
    return _encode(policy).decode(), check.result, "" if detail == _Detail() else _encode(detail).decode()


def _bounded(lines: Sequence[str]) -> tuple[str, ...]:
    """A policy as it will stand in the report: its owner knows the rest."""
    return tuple(harmless(line)[:_LONGEST_LINE] for line in lines[:_MOST_LINES])


def of_day(conn: Connection, day: int, domain: str) -> list[DayResult]:
    """What was counted for a domain."""
    return [_result(row) for row in conn.rows(_of, day, domain)]


def since(conn: Connection, day: int) -> list[DayResult]:
    """What was counted for all domains from a day on, by day and domain."""
    return [_result(row) for row in conn.rows(_since, day)]


def _result(row: Sequence[object]) -> DayResult:
    day, domain, _, policy_text, result, detail_text, count = row
    policy = _read_policy(str(policy_text))
    check = TlsCheck(
        policy.kind, policy.domain, str(result), policy_lines=policy.lines, mx_patterns=policy.mx
    )
    if detail_text:
        known = _read_detail(str(detail_text))
        check = replace(check, mx=known.mx, address=known.address, source=known.source, reason=known.reason)
    return DayResult(int(str(day)), str(domain), check, int(str(count)))


def unreported(conn: Connection, day: int, after: str, limit: int) -> list[str]:
    """Domains with results of a day behind `after` in the alphabet, of which no report was claimed."""
    return [row[0] for row in conn.rows(_unreported, day, after, limit)]


def claim(conn: Connection, report: DayReport) -> bool:
    """Note a report, in the transaction that sends it. False: another worker was first."""
    added = conn.change(
        _claim, report.day, report.domain, report.report_id, report.at, 1, report.state, harmless(report.text)
    )
    return added == 1


def forget_successes(conn: Connection, day: int, domain: str) -> int:
    """Keep only what failed: nobody wants to know the rest, and there is a row of it for every domain."""
    return conn.change(_forget_successes, day, domain)


def reports_since(conn: Connection, day: int) -> list[DayReport]:
    """Reports from a day on, by day and domain."""
    return [
        DayReport(day, domain, report_id, at, state, text)
        for day, domain, report_id, at, _, state, text in conn.rows(_reports, day)
    ]


def drop_before(conn: Connection, day: int) -> int:
    """Forget the days before that one; how many rows of results."""
    conn.change(_drop_reports, day)
    return conn.change(_drop_results, day)
