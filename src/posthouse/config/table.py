"""Every setting with its kind, its default and one sentence: the only place where a default is written.

`docs/settings.md` has one heading for each row, and a test compares the two. `load` reads the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from posthouse.config import kinds
from posthouse.config.kinds import Kind

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Setting:
    """`key` is family.name, or a bare name for the three that stand at the top of the file. `default` is
    the raw value as one would write it in the file."""

    key: str
    kind: Kind
    default: Any
    help: str

    @property
    def family(self) -> str:
        """The TOML table the setting stands in, "" for the top of the file."""
        return self.key.rpartition(".")[0]

    @property
    def name(self) -> str:
        return self.key.rpartition(".")[2]


_ANY_SPEED = kinds.whole(0, 100_000, zero="the shaping rules of the receiving site decide")

TABLE: tuple[Setting, ...] = (
    Setting("region", kinds.region_name, "us", "The region of this installation and of domains made here."),
    Setting("state_dir", kinds.path, "var", "Directory of the installation key and the generated TLS pair."),
    Setting(
        "workers",
        kinds.whole(0, 64, zero="one on SQLite, one per core on PostgreSQL"),
        0,
        "Number of worker processes; SQLite takes one.",
    ),
    Setting(
        "pin_workers",
        kinds.flag,
        True,
        "Keep each worker on a core of its own and its signing on the others.",
    ),
    Setting("store.url", kinds.store_url, "sqlite:///var/posthouse.db", "Where mail, queue and events live."),
    Setting(
        "smtp.hostname",
        kinds.hostname,
        "",
        "Name in the greeting, in EHLO to other hosts and in Received; empty: the machine's own name.",
    ),
    Setting(
        "smtp.listen",
        kinds.endpoints,
        ["0.0.0.0:25", "0.0.0.0:587", "0.0.0.0:2525"],
        "Ports that start in clear and offer STARTTLS.",
    ),
    Setting("smtp.listen_tls", kinds.endpoints, ["0.0.0.0:465"], "Ports that speak TLS from the first byte."),
    Setting(
        "smtp.tls_cert", kinds.path, "", "Certificate chain (PEM); a self-signed pair is made when absent."
    ),
    Setting("smtp.tls_key", kinds.path, "", "Private key of the certificate (PEM, without passphrase)."),
    Setting(
        "smtp.require_tls_for_auth",
        kinds.flag,
        True,
        "Refuse sign-in on a connection in clear; clients on the loopback interface are excepted.",
    ),
    Setting(
        "smtp.message_bytes",
        kinds.whole(1024, 1024 * MIB, "bytes"),
        50 * MIB,
        "Largest message taken; announced by the SIZE extension.",
    ),
    Setting("smtp.recipients", kinds.whole(1, 100_000), 1000, "Most recipients of one message."),
    Setting(
        "smtp.idle_s", kinds.seconds(1, 3600), 300, "A client that is silent this long is closed with 421."
    ),
    Setting("smtp.connections", kinds.whole(1, 1_000_000), 2000, "Most client connections to one worker."),
    Setting(
        "smtp.connections_per_address",
        kinds.whole(0, 1_000_000, zero="no limit"),
        200,
        "Most connections from one client address.",
    ),
    Setting(
        "smtp.bare_line_ends",
        kinds.choice("normalize", "reject"),
        "normalize",
        "What a bare CR or LF in a signed-in client's message becomes: CRLF, or a refusal.",
    ),
    Setting("smtp.hide_client", kinds.flag, False, "Leave the client's name and address out of Received."),
    Setting("smtp.queue_id_in_reply", kinds.flag, False, "Add the message id to the reply after DATA."),
    Setting(
        "smtp.memory_bytes",
        kinds.whole(MIB, 1024 * 1024 * MIB, "bytes"),
        128 * MIB,
        "Memory of one worker for messages still arriving; past it clients wait, then get 452.",
    ),
    Setting(
        "returns.port",
        kinds.whole(0, 65535, zero="none, and mail leaves with the senders that its authors gave"),
        25,
        "Port of smtp.listen that takes returned mail, to our return paths only, without sign-in.",
    ),
    Setting(
        "returns.domain",
        kinds.hostname,
        "",
        "Domain of the return paths of mail whose sending domain has none of its own; empty: none.",
    ),
    Setting(
        "http.listen",
        kinds.endpoints,
        ["127.0.0.1:8025"],
        "Ports of tracked links, unsubscribe pages, signing in, the status page and /metrics.",
    ),
    Setting(
        "http.listen_tls",
        kinds.endpoints,
        [],
        "Ports of the same over TLS; each tracking host may show a certificate of its own.",
    ),
    Setting(
        "http.url",
        kinds.base_url,
        "",
        "Where programs reach the HTTP APIs; empty: events sent to webhooks name no address of stored mail.",
    ),
    Setting(
        "http.request_bytes",
        kinds.whole(1024, 1024 * MIB, "bytes"),
        50 * MIB,
        "Largest request to the HTTP APIs, after decompression.",
    ),
    Setting(
        "http.calls_per_minute",
        kinds.whole(0, 1_000_000, zero="no limit"),
        600,
        "Most calls of one key to the HTTP APIs in a minute, mail not counted; 0 for no limit.",
    ),
    Setting(
        "http.sendgrid_errors",
        kinds.base_url,
        "",
        "Page about errors of SendGrid's mail/send that its answers point to; empty: this server's own.",
    ),
    Setting(
        "tracking.url",
        kinds.base_url,
        "",
        "Where tracked links and unsubscribe pages live; empty: https://email.<sending domain>.",
    ),
    Setting(
        "tracking.zones",
        kinds.path,
        "",
        "GeoIP database (MMDB) that tells the time zone of a click's address.",
    ),
    Setting(
        "limits.connection_messages",
        kinds.numbers_by_dialect,
        [],
        "Most messages of one connection by dialect, over the dialects' own: sendgrid=5000; 0 for no limit.",
    ),
    Setting(
        "limits.address_connections",
        kinds.numbers_by_dialect,
        [],
        "Most signed-in connections of one client address by dialect: sendgrid=10000; 0 for no limit.",
    ),
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
        "keep.content_days", kinds.days(0, 3650), 3, "Days a message's text stays after its last delivery."
    ),
    Setting("keep.event_days", kinds.days(0.01, 3650), 90, "Days events and message rows stay."),
    Setting("keep.hour_days", kinds.days(1, 3650), 92, "Days the counters of single hours stay."),
    Setting(
        "keep.hook_days", kinds.days(0, 3650), 7, "Days the log of posts to webhooks stays, 1,000 a webhook."
    ),
    Setting(
        "keep.audit_days",
        kinds.days(1, 3650),
        365,
        "Days the audit log stays: who changed what, when and from where.",
    ),
    Setting(
        "hooks.plain_http",
        kinds.choice("refuse", "allow"),
        "refuse",
        "Whether webhooks may have http URLs, which anybody on the way can read and change.",
    ),
    Setting(
        "policy.from_domain",
        kinds.choice("account", "any"),
        "account",
        "Domains a user may send from: the account's own, or any.",
    ),
    Setting(
        "policy.unverified",
        kinds.choice("refuse", "hold"),
        "refuse",
        "What happens to mail of a domain whose DNS records were not verified yet.",
    ),
    Setting(
        "policy.over_limit",
        kinds.choice("refuse", "queue"),
        "refuse",
        "What happens past a limit of a domain or account: 452, or the mail waits until the limit frees.",
    ),
    Setting(
        "tester.private_networks",
        kinds.choice("refuse", "allow"),
        "refuse",
        "Whether the SMTP tester may go to loopback and private addresses; this server it may always test.",
    ),
    Setting(
        "tester.ports",
        kinds.ports,
        [25, 465, 587, 2525],
        "Ports to which the SMTP tester may go, besides this server's own.",
    ),
)

BY_KEY: dict[str, Setting] = {setting.key: setting for setting in TABLE}
FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(setting.family for setting in TABLE if setting.family))
