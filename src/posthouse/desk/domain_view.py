"""A sending domain, its records and its keys as rows for programs.

Public: domain_row, domain_rows, state_word, record_row, key_row.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from posthouse.desk.key_states import gone_at
from posthouse.desk.verification import Findings, findings_of
from posthouse.model.account import Domain, DomainKey, KeyState
from posthouse.rules.records import Record, dkim_record, host_field
from posthouse.store import identity
from posthouse.store.connection import Connection
from posthouse.store.parts import EVERYTHING, Part


def domain_row(domain: Domain, found: Findings | None) -> dict[str, Any]:
    """A domain, what DNS said lately, and its settings."""
    return {
        "name": domain.name,
        "region": domain.region,
        "state": state_word(domain, found),
        "verified": domain.verified_at is not None,
        "verified_at": domain.verified_at,
        "created_at": domain.created_at,
        "checked_at": found.checked_at if found else None,
        "next_look_at": found.next_at if found else None,
        "lost_at": found.lost_at if found else None,
        "checks": found.records if found else [],
        "settings": asdict(domain.settings),
    }


def domain_rows(
    conn: Connection, account_id: str | None, part: Part = EVERYTHING, region: str = ""
) -> list[dict[str, Any]]:
    """The domains of an account, or (None) of all, by name; of an account also those of one region."""
    found = identity.list_domains(conn, account_id, part, region)
    looks = findings_of(conn, [domain.id for domain in found])
    return [domain_row(domain, looks.get(domain.id)) for domain in found]


def state_word(domain: Domain, found: Findings | None) -> str:
    """verified, lost (still verified, but its record is gone), or unverified."""
    if domain.verified_at is None:
        return "unverified"
    return "lost" if found and found.lost_at is not None else "verified"


def record_row(record: Record, zone: str) -> dict[str, Any]:
    """A record to publish, and its name within a zone."""
    fields = ("use", "purpose", "kind", "name", "value", "is_required")
    return {field: getattr(record, field) for field in fields} | {
        "zone": zone,
        "host": host_field(record.name, zone),
    }


def key_row(domain: Domain, key: DomainKey, expire_s: float) -> dict[str, Any]:
    """A DKIM key; `record_until` of a retiring one: how long its record must stay. `expire_s`: how long mail
    is tried."""
    record = dkim_record(domain, key)
    row = {
        "selector": key.selector,
        "algorithm": key.algorithm,
        "state": key.state.value,
        "since": key.since,
        "record": {"name": record.name, "kind": record.kind, "value": record.value},
    }
    if key.state is KeyState.RETIRING:
        row["record_until"] = gone_at(key, expire_s)
    return row
