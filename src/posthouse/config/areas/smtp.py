"""Settings of the SMTP doors: mail that customers send, and mail that comes back.

Public: SMTP (rows of the table), SmtpSettings, ReturnSettings.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from posthouse.config import kinds
from posthouse.config.kinds import Endpoint
from posthouse.config.setting import Setting

MIB = 1024 * 1024

SMTP: tuple[Setting, ...] = (
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
)


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """`tls_cert` and `tls_key` are absolute; they may not exist yet (`desk.certificates` makes them)."""

    hostname: str
    listen: tuple[Endpoint, ...]
    listen_tls: tuple[Endpoint, ...]
    tls_cert: Path
    tls_key: Path
    require_tls_for_auth: bool
    message_bytes: int
    recipients: int
    idle_s: float
    connections: int
    connections_per_address: int
    bare_line_ends: str
    hide_client: bool
    queue_id_in_reply: bool
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class ReturnSettings:
    port: int
    domain: str
