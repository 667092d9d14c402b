"""Settings of mail on its way out: name servers, the watch over sending domains, delivery, the spam scanner.

Public: DELIVERY (rows of the table), DnsSettings, DomainsSettings, DeliverySettings, SpamSettings.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from posthouse.config import kinds
from posthouse.config.kinds import Endpoint, Route
from posthouse.config.setting import Setting

MIB = 1024 * 1024
_ANY_SPEED = kinds.whole(0, 100_000, zero="the shaping rules of the receiving site decide")

DELIVERY: tuple[Setting, ...] = (
    Setting("dns.servers", kinds.resolvers, [], "Name servers to ask; empty: the system's."),
    Setting(
        "dns.validates",
        kinds.flag,
        False,
        "Whether the name servers validate DNSSEC and the way to them can be trusted; DANE needs it.",
    ),
    Setting(
        "domains.recheck_s",
        kinds.pauses,
        [30, 60, 120, 300, 900, 3600, 21600],
        "Pauses between looks at the DNS records of a domain that is not verified; the last repeats.",
    ),
    Setting(
        "domains.verified_recheck_s",
        kinds.seconds(1, 7 * 86400),
        86400,
        "Pause between looks at the DNS records of a verified domain.",
    ),
    Setting("delivery.port", kinds.whole(1, 65535), 25, "Port of the receiving MX hosts."),
    Setting(
        "delivery.route", kinds.routes, [], "Static routes instead of MX look-ups; the first match wins."
    ),
    Setting("delivery.capture", kinds.flag, False, "Keep every copy in the store and send nothing."),
    Setting(
        "delivery.source_addresses",
        kinds.addresses,
        [],
        "Local addresses to send from; empty: the system chooses.",
    ),
    Setting(
        "delivery.private_networks",
        kinds.choice("refuse", "allow"),
        "refuse",
        "Whether MX records may lead to loopback and private addresses; static routes always may.",
    ),
    Setting(
        "delivery.post_private_networks",
        kinds.choice("refuse", "allow"),
        "refuse",
        "Whether archive copies and webhooks may be posted to loopback and private addresses.",
    ),
    Setting(
        "delivery.mta_sts",
        kinds.flag,
        True,
        "Keep to the MTA-STS policies of recipient domains.",
    ),
    Setting(
        "delivery.mta_sts_port",
        kinds.whole(1, 65535),
        443,
        "Port of the hosts that publish MTA-STS policies; another one only in test beds.",
    ),
    Setting(
        "delivery.dane",
        kinds.flag,
        True,
        "Keep to the TLSA records of MX hosts; only where dns.validates is true.",
    ),
    Setting(
        "delivery.tls_ca",
        kinds.path,
        "",
        "Certificate authorities (PEM) to trust besides the system's, for MX hosts and MTA-STS policies.",
    ),
    Setting(
        "delivery.chunking",
        kinds.flag,
        True,
        "Send content by BDAT instead of DATA to hosts that offer CHUNKING.",
    ),
    Setting(
        "delivery.expire_s",
        kinds.seconds(1, 30 * 86400),
        432_000,
        "A message that could not be delivered for this long fails.",
    ),
    Setting(
        "delivery.bounce_mail",
        kinds.choice("asked", "always", "never"),
        "asked",
        "When a failure report goes to the sender: where NOTIFY asks for it, always, or never.",
    ),
    Setting(
        "delivery.tls_reports",
        kinds.choice("send", "count"),
        "send",
        "Whether domains that ask for it get a daily report about TLS connections to them (RFC 8460).",
    ),
    Setting(
        "delivery.retry_s", kinds.pauses, [], "Pauses between attempts; the last repeats; empty: built-in."
    ),
    Setting("delivery.connections", _ANY_SPEED, 0, "Most connections to one receiving site."),
    Setting(
        "delivery.messages_per_connection", _ANY_SPEED, 0, "Messages after which a connection is renewed."
    ),
    Setting(
        "delivery.shaping",
        kinds.path,
        "",
        "File of shaping rules and automations over the built-in ones; read again when it changes.",
    ),
    Setting(
        "delivery.hand_over_messages",
        kinds.whole(0, 1_000_000, zero="everything is read back from the store"),
        2000,
        "Accepted messages that may go to delivery from memory.",
    ),
    Setting(
        "delivery.hand_over_bytes",
        kinds.whole(0, 1024 * 1024 * MIB, "bytes"),
        32 * MIB,
        "Bytes of accepted messages that may go to delivery from memory.",
    ),
    Setting(
        "spam.scanner",
        kinds.scanner,
        "",
        "SpamAssassin's spamd, or Rspamd, for mail that asks for a check; empty: nobody checks.",
    ),
    Setting("spam.timeout_s", kinds.seconds(1, 600), 30, "How long the scanner may take for a letter."),
    Setting(
        "spam.wait_s",
        kinds.seconds(0, 7 * 86400),
        900,
        "How long a letter waits for a scanner that does not answer before it is sent unchecked.",
    ),
)


@dataclass(frozen=True, slots=True)
class DnsSettings:
    servers: tuple[Endpoint, ...]
    validates: bool


@dataclass(frozen=True, slots=True)
class DomainsSettings:
    recheck_s: tuple[float, ...]
    verified_recheck_s: float


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    port: int
    route: tuple[Route, ...]
    capture: bool
    source_addresses: tuple[str, ...]
    private_networks: str
    post_private_networks: str
    mta_sts: bool
    mta_sts_port: int
    dane: bool
    tls_ca: Path | None
    chunking: bool
    expire_s: float
    bounce_mail: str
    tls_reports: str
    retry_s: tuple[float, ...]
    connections: int
    messages_per_connection: int
    shaping: Path | None
    hand_over_messages: int
    hand_over_bytes: int


@dataclass(frozen=True, slots=True)
class SpamSettings:
    """`scanner`: host and port, the path of a socket, or None."""

    scanner: Endpoint | str | None
    timeout_s: float
    wait_s: float
