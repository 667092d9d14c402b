"""A letter and its deliveries, what a conversation with the other side brought, and what that means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from posthouse.model.options import NOBODY_SPECIAL, PLAIN, RecipientOptions, SendOptions
from posthouse.model.trust import TlsCheck


class DeliveryState(StrEnum):
    """waiting -> taken -> (delivered | failed | dropped | cancelled), or back to waiting; held waits for a
    person. The `where` clauses of `store.queue` are the state machine."""

    WAITING = "waiting"
    TAKEN = "taken"
    HELD = "held"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class Recipient:
    """One accepted RCPT: `address` in wire form (local part as given, domain in lower-case A-label form).

    `notify` is the RFC 3461 NOTIFY value in upper case ("" when not given), `orcpt` its ORCPT as given.
    `options`: what this recipient's copy differs in; `deliver_at`: its own time, 0 for the message's.
    `drop_reason`: not "" when this recipient is accepted on paper only, "dropped" at once for that reason.
    """

    address: str
    domain: str
    notify: str = ""
    orcpt: str = ""
    options: RecipientOptions = NOBODY_SPECIAL
    deliver_at: float = 0.0
    drop_reason: str = ""


@dataclass(slots=True)
class Message:
    """One accepted letter. `sender` is the envelope sender in wire form, "" for the null sender.

    `ret` is RET ("FULL", "HDRS" or ""), `envid` the ENVID as given (xtext). `is_utf8` says that the
    transaction asked for SMTPUTF8, `is_8bit` that the content has octets above 127.
    `expires_at`: deliveries give up at that instant, unless they have an own one. `options`: what the sender
    asked for; `batch_id` repeats its batch for look-ups. `author` and `addressed`: the From and To fields as
    people read them, cut at 500 characters.
    """

    id: str
    account_id: str
    domain: str
    credential_id: str
    sender: str
    subject: str
    header_id: str
    size_bytes: int
    accepted_at: float
    expires_at: float
    is_utf8: bool = False
    is_8bit: bool = False
    ret: str = ""
    envid: str = ""
    options: SendOptions = PLAIN
    batch_id: str = ""
    author: str = ""
    addressed: str = ""


@dataclass(slots=True)
class Delivery:
    """Message x recipient, one row of the queue. `id` is the message's id, a dot and a running number.

    `lane` is "recipient-domain|account|class": what shares one fate and one place in the fair choice.
    `attempt` counts the takes, the first is 1; with `owner` it fences late results. `personal` is the JSON
    text of its `RecipientOptions`, "" for none: read when the copy is made, not before.
    """

    id: str
    message_id: str
    account_id: str
    recipient: str
    domain: str
    lane: str
    state: DeliveryState
    due_at: float
    expires_at: float
    attempt: int = 0
    owner: str = ""
    notify: str = ""
    orcpt: str = ""
    last_code: int = 0
    last_text: str = ""
    personal: str = ""


class Phase(StrEnum):
    """Where a delivery attempt ended."""

    DNS = "dns"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    DONE = "done"
    LOCAL = "local"


@dataclass(slots=True)
class SmtpResult:
    """What one attempt brought, in the other side's words or, where it never spoke, in ours (`code` 0).

    `ambiguous`: the final dot or the last chunk was sent and no reply was read (RFC 5321 4.5.3.2.6): the copy
    may exist. `tls` is "" in clear, else version and cipher. `transcript` is text, a line per command and
    reply, bodies and credentials left out. `mx` and `address` name the host that decided.
    `connection_failed`: this host could not be used at all (connect, greeting, EHLO, 421), which counts
    against the site. `passes_dsn_on`: the host offers DSN and got our NOTIFY (RFC 3461 5.2.1). `policy`:
    which TLS policy held for the connection and why, a sentence; `checks`: of every connection of this
    attempt. `is_pretended`: no host was asked, the address itself wanted this (`rules.pretended`).
    """

    phase: Phase
    code: int
    enhanced: str
    text: str
    mx: str = ""
    address: str = ""
    source: str = ""
    tls: str = ""
    transcript: str = ""
    ambiguous: bool = False
    connection_failed: bool = False
    passes_dsn_on: bool = False
    policy: str = ""
    checks: tuple[TlsCheck, ...] = ()
    is_pretended: bool = False

    @property
    def is_delivered(self) -> bool:
        return self.phase is Phase.DONE and 200 <= self.code < 300


class Verdict(StrEnum):
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    FAILED = "failed"


@dataclass(slots=True)
class Outcome:
    """What a result means for the delivery. `reason` is a machine word (bad-mailbox, policy-block,
    greylisted, dns, connection, expired, …). `retry_at` is set for DEFERRED only.
    `backs_off_site`: the whole site should rest (connection trouble, 421, rate replies). `automation`: which
    one the reply has set off, "" for none."""

    verdict: Verdict
    code: int
    enhanced: str
    text: str
    reason: str
    retry_at: float = 0.0
    backs_off_site: bool = False
    automation: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """One MX host of a site: its name in A-label form without the final dot, preference, and addresses
    (IPv6 and IPv4 literals in the order to try)."""

    name: str
    preference: int
    addresses: tuple[str, ...]
    port: int


@dataclass(frozen=True, slots=True)
class Site:
    """Where a domain's mail goes: `name` rolls up all domains with the same set of MX hosts, so that they
    share limits and connections. `hosts` are sorted by preference, equals already shuffled.
    `is_route`: a static route of the operator."""

    name: str
    hosts: tuple[Host, ...]
    is_route: bool = False


@dataclass(slots=True)
class Outgoing:
    """What the courier hands over: envelope and bytes. `head` and `body` are the finished letter with CRLF
    line ends, not yet dot-stuffed; head ends with the empty line. `promises_tls` and `tls_optional` as in
    `SendOptions`."""

    sender: str
    recipient: str
    head: bytes
    body: bytes
    is_utf8: bool = False
    is_8bit: bool = False
    ret: str = ""
    envid: str = ""
    notify: str = ""
    orcpt: str = ""
    require_tls: bool = False
    verify_tls: bool = False
    promises_tls: bool = False
    tls_optional: bool = False


UNTIL = "held until "
FOR_ROOM = "waits for room in its limits: "
"""How a delivery's `last_text` begins, with `last_code` 0, that limits have put off. The names of the limits
follow (`rules.limits`) that it was counted in, in the windows that hold `due_at`."""


def until_verified(domain: str) -> str:
    """What a delivery says (`last_text`, with `last_code` 0) that is held until its domain is verified."""
    return f"{UNTIL}{domain} is verified"


@dataclass(slots=True)
class Submission:
    """A letter that a door hands to the pipeline: envelope, content as it will be stored (our Received
    field on top, which names `id`, the message's id to be) and what the door already read in its header.
    `held_for`: accepted, but kept until this domain is verified. `domain`: the sending domain when the
    credential does not name one. `drop_reason` and `drop_text`: accepted with 250, then dropped at once for
    every recipient, with a notice to the sender. `method`: how it came, "http", or "" by SMTP."""

    id: str
    sender: str
    recipients: list[Recipient]
    content: bytes
    subject: str
    header_id: str
    is_utf8: bool = False
    is_8bit: bool = False
    ret: str = ""
    envid: str = ""
    held_for: str = ""
    domain: str = ""
    options: SendOptions = PLAIN
    drop_reason: str = ""
    drop_text: str = ""
    author: str = ""
    addressed: str = ""
    method: str = ""


class Receipt(msgspec.Struct, frozen=True):
    """What the customer may be told once the commit is on disk."""

    message_id: str
    accepted_at: float
