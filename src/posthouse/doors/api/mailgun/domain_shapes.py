"""A sending domain and its DNS records as Mailgun's API shows them (mailgun.md 5.6).

Public: Known, known_of, shown, with_records, sending_records, record_shown, links_of, tracking_url,
without_effect, SYSTEM_USER.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from posthouse.config import Settings
from posthouse.desk import domain_checks, domains, verification
from posthouse.desk.verification import Findings
from posthouse.doors.api.mailgun.asked import GMT, date_text
from posthouse.model.account import Domain, DomainKey, DomainSettings
from posthouse.rules.checks import State
from posthouse.rules.records import Record, Sender, Use, needed
from posthouse.rules.tracking_hosts import USUAL_LABEL, tracking_host
from posthouse.store.connection import Connection

_VALID = {State.OK.value: "valid", State.MISSING.value: "invalid", State.WRONG.value: "invalid"}
_RECEIVING = frozenset({Use.INBOUND})
SYSTEM_USER = "postmaster"
_USUAL = {"spam_action": "disabled", "use_automatic_sender_security": "no", "wildcard": "no"}
"""What has no effect here -> what a domain says of it until a call says something else."""


@dataclass(frozen=True, slots=True)
class Known:
    """A domain, its keys, where its mail leaves, and what DNS said of it lately."""

    domain: Domain
    keys: Sequence[DomainKey]
    sender: Sender
    findings: Findings | None


def known_of(conn: Connection, settings: Settings, account_id: str, name: str) -> Known:
    """Raises Refused."""
    domain, keys = domains.load(conn, account_id, name)
    sender = domain_checks.sender_of(conn, settings, account_id)
    return Known(domain, keys, sender, verification.last_findings(conn, domain.id))


def shown(domain: Domain, installation_url: str, keeps_s: float) -> dict[str, Any]:
    """The domain's own object. `installation_url`: the base of all links where domains have none of their
    own; `keeps_s`: how long letters are kept."""
    settings = domain.settings
    links = links_of(domain, installation_url)
    idle = without_effect(settings)
    return {
        "created_at": date_text(domain.created_at, GMT),
        "encrypt_incoming_message": False,
        "id": domain.id,
        "is_disabled": False,
        "message_ttl": round(keeps_s),
        "name": domain.name,
        "require_tls": settings.require_tls,
        "skip_verification": settings.skip_verification,
        "smtp_login": f"{SYSTEM_USER}@{domain.name}",
        "spam_action": idle["spam_action"],
        "state": "active" if domain.verified_at is not None else "unverified",
        "type": "sandbox" if settings.is_sandbox else "custom",
        "tracking_host": links.host,
        "use_automatic_sender_security": idle["use_automatic_sender_security"] == "yes",
        "web_prefix": links.prefix,
        "web_scheme": links.scheme,
        "wildcard": idle["wildcard"] == "yes",
        **({"archive_to": settings.archive_url} if settings.archive_url else {}),
    }


def without_effect(settings: DomainSettings) -> dict[str, str]:
    """What calls said of the domain that has no effect here. Terraform fails where a read gives back anything
    else than what its write said."""
    said = dict(pair.split("=", 1) for pair in settings.remembered)
    return {name: said.get(name, usual) for name, usual in _USUAL.items()}


class Links(NamedTuple):
    """Where tracked links of a domain lead; `prefix` is what stands in front of the domain."""

    scheme: str
    prefix: str
    host: str


def links_of(domain: Domain, installation_url: str) -> Links:
    own = domain.settings.tracking_url
    host = tracking_host(domain.name, own or installation_url)
    below = host.removesuffix(f".{domain.name}")
    prefix = USUAL_LABEL if below == host else below
    return Links(urlsplit(own or installation_url).scheme or "https", prefix, host)


def tracking_url(domain: Domain, installation_url: str, *, prefix: str = "", scheme: str = "") -> str:
    """The setting that gives the domain's links another prefix or scheme."""
    links = links_of(domain, installation_url)
    made = f"{scheme or links.scheme}://{prefix or links.prefix}.{domain.name}"
    usual = f"https://{USUAL_LABEL}.{domain.name}"
    return "" if made == usual and not installation_url else made


# Records


def with_records(known: Known) -> dict[str, Any]:
    """Both lists of records, with what the last look at DNS has found."""
    wanted = needed(known.domain, known.keys, known.sender, is_inbound=True)
    return {
        "receiving_dns_records": [
            record_shown(record, known.findings) for record in wanted if record.use in _RECEIVING
        ],
        "sending_dns_records": sending_records(known),
    }


def sending_records(known: Known) -> list[dict[str, Any]]:
    domain = known.domain
    wanted = needed(domain, known.keys, known.sender)
    own = domain.settings.tracking_url
    host = tracking_host(domain.name, own)
    if own and host.endswith(f".{domain.name}"):
        wanted.append(Record(Use.TRACKING, "tracked links", "CNAME", host, f"{known.sender.hostname}."))
    return [record_shown(record, known.findings) for record in wanted]


def record_shown(record: Record, findings: Findings | None, *, is_active: bool = True) -> dict[str, Any]:
    """One record, with what the last look at DNS has found there."""
    seen = next((row for row in findings.records if _is_of(row, record)), None) if findings else None
    made: dict[str, Any] = {
        "is_active": is_active,
        "cached": [seen["found"]] if seen and seen["found"] else [],
        "name": record.name,
        "record_type": record.kind,
        "valid": _VALID.get(seen["state"], "unknown") if seen else "unknown",
        "value": record.value,
    }
    if record.kind == "MX":
        priority, _, host = record.value.partition(" ")
        made |= {"priority": priority, "value": host.removesuffix(".")}
        if record.use in _RECEIVING:
            del made["name"]
    elif record.kind == "CNAME":
        made["value"] = record.value.removesuffix(".")
    return made


def _is_of(row: dict[str, Any], record: Record) -> bool:
    return (row["kind"], row["name"], row["value"]) == (record.kind, record.name, record.value)
