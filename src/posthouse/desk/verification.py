"""Are a domain's records in DNS? Looks them up and compares; a domain may send once its DKIM key is there.

The look-ups are plain and blocking, for the command line. TXT strings are joined without a space (RFC 7208
3.3), DKIM records are compared by their p= tag, SPF by having one record at all that lets this host pass.

Public: Finding, look_up, compare, may_send, note_verified.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from posthouse.model.account import Domain
from posthouse.rules.records import Record
from posthouse.store import identity

if TYPE_CHECKING:
    from posthouse.store.engine import Connection

_LOOK_UP_S = 5.0


class Server(Protocol):
    """A name server's address; `config.Endpoint` is one."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """A record and what DNS said: `text` is what was found, or why nothing was."""

    record: Record
    is_there: bool
    text: str

    def as_row(self) -> dict[str, Any]:
        return {
            "name": self.record.name,
            "kind": self.record.kind,
            "value": self.record.value,
            "is_required": self.record.is_required,
            "is_there": self.is_there,
            "found": self.text,
        }


def look_up(records: Iterable[Record], servers: Sequence[Server]) -> list[Finding]:
    """Ask the servers (none: the system's) for each record."""
    import dns.exception
    import dns.resolver

    resolver = dns.resolver.Resolver(configure=not servers)
    if servers:
        # one port per resolver in dnspython; ours all have 53 unless they are a test's
        resolver.nameservers = [server.host for server in servers]
        resolver.nameserver_ports = {server.host: server.port for server in servers}
    resolver.lifetime = _LOOK_UP_S
    findings: list[Finding] = []
    for record in records:
        try:
            answer = resolver.resolve(record.name + ".", record.kind)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            findings.append(Finding(record, False, "nothing"))
        except dns.exception.DNSException as error:
            findings.append(Finding(record, False, f"no answer: {error}"))
        else:
            texts = [_text_of(data) for data in answer]
            findings.append(compare(record, texts))
    return findings


def _text_of(data: Any) -> str:
    strings = getattr(data, "strings", None)
    return b"".join(strings).decode("utf-8", "replace") if strings is not None else str(data.to_text())


def compare(record: Record, found: Sequence[str]) -> Finding:
    """Does one of the texts that DNS has do what the record is for?"""
    matching = [text for text in found if _serves(record.value, text)]
    shown = matching[0] if matching else " | ".join(found)
    return Finding(record, bool(matching), shown[:200])


def _serves(wanted: str, text: str) -> bool:
    if wanted.startswith("v=DKIM1"):
        return bool(_tags(wanted).get("p")) and _tags(wanted).get("p") == _tags(text).get("p")
    if wanted.startswith("v=spf1"):
        terms = text.lower().split()
        own = set(wanted.lower().split()[1:-1])
        return terms[:1] == ["v=spf1"] and own <= {term.lstrip("+") for term in terms}
    if wanted.startswith("v=DMARC1"):
        return text.replace(" ", "").lower().startswith("v=dmarc1;")
    return wanted.lower().rstrip(".") == text.lower().rstrip(".")


def _tags(text: str) -> dict[str, str]:
    """RFC 6376 3.2 tag list; white space inside values does not count."""
    pairs = [part.partition("=") for part in text.split(";")]
    return {name.strip(): "".join(value.split()) for name, _, value in pairs}


def may_send(findings: Iterable[Finding]) -> bool:
    """The required records are all there."""
    return all(finding.is_there for finding in findings if finding.record.is_required)


def note_verified(conn: Connection, domain: Domain, now: float) -> None:
    """Write down that DNS agrees, inside the caller's transaction; a domain that was verified stays so."""
    if domain.verified_at is None:
        identity.set_verified(conn, domain.name, now)
