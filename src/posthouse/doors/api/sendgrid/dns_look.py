"""A look at DNS for a domain, with what follows from it, as a call asks for it.

Public: Looked, look, result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posthouse.desk import domain_checks, domains, verification
from posthouse.doors.api.call import Call
from posthouse.model.account import Domain, DomainKey
from posthouse.model.errors import Refused
from posthouse.rules.checks import Check
from posthouse.rules.records import Record, needed
from posthouse.store.connection import Connection


@dataclass(frozen=True, slots=True)
class Looked:
    """`records`: what the domain needs; `checks`: how it stands with each."""

    domain: Domain
    is_verified: bool
    records: Sequence[Record]
    checks: Mapping[Record, Check]


async def look(call: Call, chosen: Callable[[Connection, Call], Domain]) -> Looked:
    """Look now, and let go the mail that waited for the domain. Raises what `chosen` raises, Refused."""

    def read(conn: Connection) -> tuple[Domain, list[DomainKey], Any]:
        domain = chosen(conn, call)
        keys = domains.load(conn, call.account_id, domain.name)[1]
        return domain, keys, domain_checks.sender_of(conn, call.parts.settings, call.account_id)

    parts = call.parts
    domain, keys, sender = await call.read(read)
    checks = await domain_checks.ask_now(parts.settings, parts.clock, domain, keys, sender)
    settled = await call.write(verification.settle, domain, checks, call.now, parts.settings)
    if settled is None:
        raise Refused(550, "5.1.2", f"There is no domain {domain.name} here", reason="no-domain")
    released = int(settled.lets_go)
    while released:
        released = await call.write(verification.release_held, domain, call.now, parts.ids)
    by_record = {check.record: check for check in checks}
    return Looked(domain, settled.is_verified, needed(domain, keys, sender), by_record)


def result(check: Check) -> dict[str, Any]:
    """As the service tells of one record."""
    return {"valid": check.is_there, "reason": None if check.is_there else check.text}
