"""What the server engine tells the session, and the limits it keeps.

Events that want exactly one `ServerEngine.reply`: AuthTry, MailFrom, RcptTo, BodyStart, BodyEnd.
Events that want none: StartTls (the door upgrades, then calls `tls_started`), Quit and Junk (the engine is
closing; send what `to_send` gives and close).

Public: Event, AuthTry, MailFrom, RcptTo, BodyStart, BodyEnd, StartTls, Quit, Junk, Limits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from posthouse.model.address import Address
from posthouse.smtp.grammar import MailParams, RcptParams


@dataclass(slots=True)
class AuthTry:
    """Credentials to judge: answer 235, 535 or, when the store fails, 454. Never log the password."""

    mechanism: str
    user: str
    password: str = field(repr=False)


@dataclass(slots=True)
class MailFrom:
    """A sender to judge: None is the null sender `<>`."""

    sender: Address | None
    params: MailParams


@dataclass(slots=True)
class RcptTo:
    """A recipient to judge."""

    address: Address
    params: RcptParams


@dataclass(slots=True)
class BodyStart:
    """A body wants to begin: answer 354 to take it, anything else refuses it. Behind BDAT the 354 is not
    sent, and a refusal is sent after the chunk was swallowed."""


@dataclass(slots=True)
class BodyEnd:
    """A whole body, unstuffed, with CRLF only and no NUL. It may be empty, and behind BDAT its last line
    may lack a CRLF. Its 250 is a promise: reply after the commit (RFC 5321 6.1)."""

    body: bytes


@dataclass(slots=True)
class StartTls:
    """The 220 is queued: send it, shake hands, then call `tls_started`. Feed nothing in between."""


@dataclass(slots=True)
class Quit:
    """The 221 is queued and the engine is closing."""


@dataclass(slots=True)
class Junk:
    """The engine is closing because of what the client did; `reason` is for the log."""

    reason: str


Event = AuthTry | MailFrom | RcptTo | BodyStart | BodyEnd | StartTls | Quit | Junk


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one connection. Octets are `_bytes`; counts are the highest that is still served.

    `line_bytes`: a command line with CRLF (RFC 5321 4.5.3.1.4 and all extensions: 2 KiB at least).
    `auth_line_bytes`: a continuation line of AUTH (RFC 4954 4). `line_discard_bytes`: how much of an
    over-long line is swallowed before 421. `discard_bytes`: likewise for a body past `message_bytes`.
    Text lines inside a body have no limit of their own: they count towards `message_bytes`.
    `bad_commands` and `idle_commands` (NOOP, RSET, EHLO, …) are counted between accepted messages,
    `commands_before_auth` only where signing in is required. `refused_recipients` counts a connection's.
    `received_hops` is for the session's loop check (RFC 5321 6.3).
    """

    line_bytes: int = 4096
    auth_line_bytes: int = 12288
    line_discard_bytes: int = 65536
    message_bytes: int = 52_428_800
    discard_bytes: int = 1 << 30
    recipients: int = 1000
    refused_recipients: int = 1000
    bad_commands: int = 20
    idle_commands: int = 1000
    auth_failures: int = 3
    commands_before_auth: int = 100
    received_hops: int = 100
