"""TLS reports (RFC 8460): where a domain wants them, and what they say.

A domain publishes `v=TLSRPTv1; rua=mailto:…,https://…` at `_smtp._tls.<domain>`. Whoever sends mail there may
tell it once a day how its connections fared: how many were as they should be, how many not and why.

Public: Tally, destinations, report_json, due_at, DAY_S.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from posthouse.model.trust import STS, ReportHead, TlsCheck

DAY_S = 86400
SPREAD_S = 4 * 3600
_MOST_PLACES = 5
_LONGEST_URI = 1000
_VERSION = re.compile(r"v=TLSRPTv1[ \t]*;", re.ASCII)
_MOST_DETAILS = 500


@dataclass(frozen=True, slots=True)
class Tally:
    """So many sessions with one policy and one result. Of a success `check` tells only the policy."""

    check: TlsCheck
    count: int


def destinations(texts: Iterable[str]) -> tuple[str, ...]:
    """The addresses that want reports: `mailto:` and `https:` URIs, at most 5.

    RFC 8460 3: several records, or one that cannot be read, count as none.
    """
    records = [text for text in texts if _VERSION.match(text)]
    if len(records) != 1:
        return ()
    fields = [part.strip().partition("=") for part in records[0].split(";")]
    values = [value.strip() for name, _, value in fields if name.strip() == "rua"]
    if len(values) != 1:
        return ()
    wanted = [uri.strip() for uri in values[0].split(",")]
    return tuple(uri for uri in wanted if _is_usable(uri))[:_MOST_PLACES]


def _is_usable(uri: str) -> bool:
    if len(uri) > _LONGEST_URI or not uri.isascii() or not uri.isprintable() or " " in uri:
        return False
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    if parts.scheme == "mailto":
        return "@" in unquote(parts.path) and not parts.query
    return parts.scheme == "https" and bool(parts.hostname) and not parts.username


def due_at(day: int, submitter: str, domain: str) -> float:
    """When the report about a day may go: within four hours of its end, so that not all come at once (RFC
    8460 4.2: a random delay). The same for all workers."""
    digest = hashlib.sha256(f"{submitter} {domain} {day}".encode()).digest()
    return (day + 1) * DAY_S + int.from_bytes(digest[:4], "big") % SPREAD_S


def report_json(head: ReportHead, tallies: Sequence[Tally]) -> bytes:
    """The report as ASCII JSON (RFC 8460 4.4), the policies in the order of their first tally."""
    begin = dt.datetime.fromtimestamp(head.day * DAY_S, dt.UTC)
    report = {
        "organization-name": head.submitter,
        "date-range": {
            "start-datetime": begin.strftime("%Y-%m-%dT00:00:00Z"),
            "end-datetime": begin.strftime("%Y-%m-%dT23:59:59Z"),
        },
        "contact-info": head.contact,
        "report-id": head.report_id,
        "policies": [_policy(head.domain, part) for part in _by_policy(tallies)],
    }
    return json.dumps(report, separators=(",", ":")).encode()


def _by_policy(tallies: Sequence[Tally]) -> list[list[Tally]]:
    parts: dict[tuple[object, ...], list[Tally]] = {}
    for tally in tallies:
        check = tally.check
        parts.setdefault((check.policy, check.policy_lines, check.mx_patterns), []).append(tally)
    return list(parts.values())


def _policy(domain: str, part: Sequence[Tally]) -> dict[str, Any]:
    first = part[0].check
    policy: dict[str, Any] = {"policy-type": first.policy, "policy-domain": domain}
    if first.policy_lines:
        policy["policy-string"] = list(first.policy_lines)
    if first.policy == STS and first.mx_patterns:
        policy["mx-host"] = list(first.mx_patterns)
    failed = [tally for tally in part if tally.check.result]
    told: dict[str, Any] = {
        "policy": policy,
        "summary": {
            "total-successful-session-count": sum(tally.count for tally in part if not tally.check.result),
            "total-failure-session-count": sum(tally.count for tally in failed),
        },
    }
    if failed:
        told["failure-details"] = [_failure(tally) for tally in failed[:_MOST_DETAILS]]
    return told


def _failure(tally: Tally) -> dict[str, Any]:
    check = tally.check
    values: Mapping[str, str] = {
        "sending-mta-ip": check.source,
        "receiving-mx-hostname": check.mx,
        "receiving-ip": check.address,
        "additional-information": check.reason,
    }
    told = {name: value for name, value in values.items() if value}
    return {"result-type": check.result, **told, "failed-session-count": tally.count}
