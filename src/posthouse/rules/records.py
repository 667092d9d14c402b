"""The DNS records that a sending domain needs, and how people write them into a zone.

Only the record of the active key is required: without it no signature of ours verifies. Everything else
is advice. Keys that do not sign yet, or no longer, are published too: a rotation then waits for nobody, and
mail that is still on its way verifies.

Public: Record, Use, Sender, needed, return_host, dkim_record, dkim_value, txt_strings, spf_terms, host_field,
zone_file.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from posthouse.model.account import Domain, DomainKey, KeyState

TTL_S = 3600
RETURN_PREFIX = "return."
_STRING_OCTETS = 255  # RFC 1035 3.3
_BY_STATE = {
    KeyState.STANDBY: "DKIM key in reserve, published before it signs",
    KeyState.ACTIVE: "DKIM signature",
    KeyState.RETIRING: "DKIM key that signed until lately; keep it until that mail has arrived",
}


class Use(StrEnum):
    """What a record is for."""

    DKIM = "dkim"
    SPF = "spf"
    RETURN_MX = "return-mx"
    RETURN_SPF = "return-spf"
    DMARC = "dmarc"
    TRACKING = "tracking"
    INBOUND = "inbound"
    REPLIES = "replies"  # never published for us: a warning about what stands there


@dataclass(frozen=True, slots=True)
class Record:
    """A DNS record to publish. `value` is the whole text, not yet cut into strings of 255 octets; names in
    it are absolute, with a dot at the end. `purpose` is for people."""

    use: Use
    purpose: str
    kind: str
    name: str
    value: str
    is_required: bool = False

    @property
    def zone_text(self) -> str:
        """The record as a line of a zone file."""
        return f"{self.name}. IN {self.kind} {self.zone_value}"

    @property
    def zone_value(self) -> str:
        """The value as a zone file wants it: texts in quotes, cut where they must be."""
        if self.kind != "TXT":
            return self.value
        return " ".join(f'"{_escaped(part)}"' for part in txt_strings(self.value))


@dataclass(frozen=True, slots=True)
class Sender:
    """Where the mail leaves: the host's name, its addresses as far as they are set (else the host's own in
    DNS), those of pools, and whether tracked links are below each domain."""

    hostname: str
    sources: tuple[str, ...] = ()
    pooled: tuple[str, ...] = ()
    has_own_links: bool = True


def return_host(domain: str) -> str:
    """The host that takes the returned mail of a domain."""
    return f"{RETURN_PREFIX}{domain}"


def needed(
    domain: Domain, keys: Sequence[DomainKey], sender: Sender, *, is_inbound: bool = False
) -> list[Record]:
    """The records of a domain, the required ones first. `is_inbound`: its mail is to arrive here, too."""
    name, host = domain.name, f"{sender.hostname}."
    spf = f"v=spf1 {' '.join(spf_terms(sender))} ~all"
    back = return_host(name)
    records = [
        Record(Use.SPF, "SPF; joins an SPF record that is there", "TXT", name, spf),
        Record(Use.RETURN_MX, "return path: brings bounces back to us", "MX", back, f"10 {host}"),
        Record(Use.RETURN_SPF, "SPF of the return path", "TXT", back, spf),
        # RFC 9989 4.7: nothing more is needed to begin with; pct is gone
        Record(Use.DMARC, "DMARC, to begin with", "TXT", f"_dmarc.{name}", "v=DMARC1; p=none"),
    ]
    if sender.has_own_links and not domain.settings.tracking_url:
        records.append(Record(Use.TRACKING, "tracked links", "CNAME", f"email.{name}", host))
    if is_inbound:
        records.append(Record(Use.INBOUND, "mail to the domain", "MX", name, f"10 {host}"))
    has_rsa = any(key.is_active and _is_rsa(key) for key in keys)
    signing = [dkim_record(domain, key, has_rsa=has_rsa) for key in keys]
    return sorted(signing, key=lambda record: not record.is_required) + records


def _is_rsa(key: DomainKey) -> bool:
    return key.algorithm.startswith("rsa-")


def dkim_record(domain: Domain, key: DomainKey, *, has_rsa: bool = True) -> Record:
    """The record of one key. Required is that of an active RSA key; `has_rsa` False: the domain has none, so
    that of any active one."""
    return Record(
        Use.DKIM,
        _BY_STATE[key.state],
        "TXT",
        f"{key.selector}._domainkey.{domain.name}",
        dkim_value(key.public, key.algorithm),
        # many receivers know only RSA (RFC 8463 5): an Ed25519 key beside it is not what they need
        is_required=key.is_active and (_is_rsa(key) or not has_rsa),
    )


def dkim_value(public: str, algorithm: str) -> str:
    """The TXT record for `selector._domainkey.domain` as one text (RFC 6376 3.6.1, RFC 8463 4.2)."""
    return f"v=DKIM1; k={algorithm.partition('-')[0]}; p={public}"


def txt_strings(text: str) -> list[str]:
    """A text cut into the character strings of one TXT record, at most 255 octets each (RFC 1035 3.3)."""
    return [text[at : at + _STRING_OCTETS] for at in range(0, len(text), _STRING_OCTETS)] or [""]


def spf_terms(sender: Sender) -> list[str]:
    """What lets this host pass (RFC 7208 5): its addresses, or its name where none are set."""
    addresses = dict.fromkeys((*sender.sources, *sender.pooled))
    named = [f"ip{ipaddress.ip_address(address).version}:{address}" for address in addresses]
    return named if sender.sources else [f"a:{sender.hostname}", *named]


def host_field(name: str, zone: str) -> str:
    """What to type into a panel that appends the zone by itself: "@" for the zone's own name."""
    if name == zone:
        return "@"
    return name.removesuffix(f".{zone}") if name.endswith(f".{zone}") else f"{name}."


def zone_file(records: Iterable[Record], zone: str) -> str:
    """The records as a piece of a zone file (RFC 1035 5.1), each under a comment that says what it is for."""
    lines = [f"$ORIGIN {zone}.", f"$TTL {TTL_S}"]
    for record in records:
        advice = "" if record.is_required else " (advice)"
        lines += ["", f"; {record.purpose}{advice}"]
        lines.append(f"{host_field(record.name, zone)} IN {record.kind} {record.zone_value}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
