"""What people ask of TLS reports: how connections fared by day and domain, and what was reported.

Public: day_of, day_rows, report_of.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from posthouse.model.address import BadAddress, ascii_domain
from posthouse.model.errors import Refused
from posthouse.model.trust import ReportHead
from posthouse.rules.tlsrpt import DAY_S, Tally, report_json
from posthouse.store import tls_results
from posthouse.store.engine import Connection
from posthouse.store.tls_results import DayResult


def day_of(text: str, now: float) -> int:
    """`2026-11-26`, "" for today, as days since the epoch (UTC). Raises Refused."""
    if not text:
        return int(now // DAY_S)
    try:
        date = dt.date.fromisoformat(text)
    except ValueError as error:
        raise Refused(
            501, "5.5.4", f"{text!r} is no day; write it as 2026-11-26", reason="bad-day"
        ) from error
    return (date - dt.date(1970, 1, 1)).days


def day_rows(conn: Connection, first_day: int) -> list[dict[str, Any]]:
    """A row for each day and domain from `first_day` on: sessions, failures by kind, policies, the report."""
    reports = {(each.day, each.domain): each for each in tls_results.reports_since(conn, first_day)}
    rows = []
    for (day, domain), group in groupby(
        tls_results.since(conn, first_day), key=lambda result: (result.day, result.domain)
    ):
        found = list(group)
        report = reports.get((day, domain))
        rows.append(
            {
                "day": _day_text(day),
                "domain": domain,
                "policies": sorted({result.check.policy for result in found}),
                "sessions": sum(result.count for result in found),
                "failures": _failures(found),
                "report": report.state if report else "",
                "reported_to": report.text if report else "",
            }
        )
    return rows


def _failures(results: Iterable[DayResult]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for result in results:
        if result.check.result:
            counts[result.check.result] = counts.get(result.check.result, 0) + result.count
    return counts


def report_of(conn: Connection, domain: str, day: int, hostname: str) -> dict[str, Any]:
    """The report of a day as it was sent, or would be sent now (RFC 8460 4.4). Raises Refused."""
    try:
        name = ascii_domain(domain.strip().removesuffix("."))
    except BadAddress as error:
        raise Refused(501, "5.1.2", f"Not a domain: {error}", reason="bad-domain") from error
    found = tls_results.of_day(conn, day, name)
    if not found:
        text = f"There was no connection for {name} on {_day_text(day)}"
        raise Refused(550, "5.1.2", text, reason="no-results")
    sent = [each for each in tls_results.reports_since(conn, day) if (each.day, each.domain) == (day, name)]
    report_id = sent[0].report_id if sent else "not-sent-yet"
    head = ReportHead(hostname, f"postmaster@{hostname}", report_id, name, day)
    report: dict[str, Any] = json.loads(
        report_json(head, [Tally(result.check, result.count) for result in found])
    )
    return report


def _day_text(day: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()
