"""Is a captured copy in order? Its own octets, and what is known of its domain, say it.

Public: Checked, load_checked, finding_rows, worst.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from posthouse.config import Settings
from posthouse.desk import captures
from posthouse.desk.outside_names import link_base, takes_returns
from posthouse.desk.verification import last_findings
from posthouse.mail.checks import Finding, Level, Seen, Standing
from posthouse.model.account import DEFAULTS, Domain
from posthouse.model.lane import is_batch
from posthouse.model.message import Message
from posthouse.rules.checks import State
from posthouse.rules.records import return_host
from posthouse.store import identity, queue
from posthouse.store.connection import Connection


@dataclass(frozen=True, slots=True)
class Checked:
    """What `mail.checks.check_letter` asks for; that is slow for a large letter, so it is not done here."""

    content: bytes
    standing: Standing


def load_checked(
    conn: Connection, settings: Settings, account_id: str, domain: str, delivery_id: str
) -> Checked:
    """`domain` "": of any sending domain. Raises Refused."""
    copy, message = captures.load_own(conn, account_id, domain, delivery_id)
    return Checked(copy.content, _standing(conn, settings, message, delivery_id))


def finding_rows(found: Sequence[Finding]) -> list[dict[str, Any]]:
    """For programs: check, level, text."""
    return [asdict(each) | {"level": each.level.value} for each in found]


def worst(found: Sequence[Finding]) -> Level:
    """Of all that was found."""
    levels = {each.level for each in found}
    return next((level for level in (Level.BAD, Level.WARN) if level in levels), Level.GOOD)


def _standing(conn: Connection, settings: Settings, message: Message, delivery_id: str) -> Standing:
    domain = identity.find_domain(conn, message.domain)
    findings = last_findings(conn, domain.id) if domain else None
    delivery = queue.find_delivery(conn, delivery_id)
    records = {row["use"]: row for row in findings.records} if findings else {}
    return Standing(
        domain=message.domain,
        return_domain=_return_domain(settings, message, domain, returns=bool(findings and findings.returns)),
        records={
            use: Seen(row["state"] in (State.OK, State.UNKNOWN), row["text"]) for use, row in records.items()
        },
        links=link_base(settings, message.domain, domain.settings if domain else DEFAULTS),
        goes_to_many=bool(message.batch_id) or (delivery is not None and is_batch(delivery.lane)),
    )


def _return_domain(settings: Settings, message: Message, domain: Domain | None, *, returns: bool) -> str:
    """Of the envelope sender that it leaves with (`pipeline.return_paths`)."""
    own = message.sender.rpartition("@")[2]
    is_kept = domain is not None and domain.settings.return_path == "keep"
    if not own or not message.credential_id or message.options.keeps_return_path or is_kept:
        return own
    if not takes_returns(settings):
        return own
    return return_host(message.domain) if returns else settings.returns.domain or own
