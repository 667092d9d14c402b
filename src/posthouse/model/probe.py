"""A test of an SMTP server: what was asked for, what was said, and how it ended.

Public: ProbeWish, Security, Mechanism, ProbeStep, ProbeLine, ProbeEnd, ProbeTls, ShownCertificate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Security(StrEnum):
    """NONE: all in clear; STARTTLS: begins in clear; TLS: from the first byte (RFC 8314)."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class Mechanism(StrEnum):
    """AUTO: PLAIN where it is offered, else LOGIN, else CRAM-MD5 (RFC 2195)."""

    AUTO = "auto"
    PLAIN = "plain"
    LOGIN = "login"
    CRAM_MD5 = "cram-md5"


class ProbeStep(StrEnum):
    """Where a test stands, in the order of the conversation."""

    DNS = "dns"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ProbeWish:
    """`user` "": no sign-in. `only_sign_in`: nothing is sent. `any_certificate`: go on although the
    certificate does not hold."""

    host: str
    port: int
    security: Security = Security.STARTTLS
    user: str = ""
    password: str = field(default="", repr=False)
    mechanism: Mechanism = Mechanism.AUTO
    sender: str = ""
    recipient: str = ""
    only_sign_in: bool = False
    any_certificate: bool = False


@dataclass(frozen=True, slots=True)
class ProbeLine:
    """`who`: "C" what we said, "S" what the server said, "*" what happened. `at_ms`: since the beginning."""

    at_ms: int
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    """What stands in the server's own certificate; instants in seconds."""

    subject: str
    names: tuple[str, ...]
    issuer: str
    valid_from: float
    valid_until: float


@dataclass(frozen=True, slots=True)
class ProbeTls:
    """`fault` "": the certificate holds; else "name", "expired", "not-yet", "self-signed", "not-trusted",
    "not-checked" (as asked for) or, with TLS itself, "in-clear", "old" or "failed"; `reason` in OpenSSL's
    words."""

    version: str = ""
    cipher: str = ""
    certificate: ShownCertificate | None = None
    fault: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProbeEnd:
    """How a test ended. `fault` "": well; else a machine word: "refused" (by a reply, whose `code`,
    `enhanced` and `text` follow), "silent", "closed", "not-smtp", "no-starttls", "no-auth", "no-mechanism",
    "no-smtputf8", "tls", "no-listener", "unreachable", "no-name", "no-address", "null-mx", "mail-domain",
    "dns", "private", "too-much", "too-long".

    `mechanisms`: what was offered for signing in; `offers_starttls`, `is_signed_in`. `mx`: where the mail of
    the name goes, when it has no address. `address`: where the connection went.
    """

    step: ProbeStep
    fault: str = ""
    code: int = 0
    enhanced: str = ""
    text: str = ""
    mechanisms: tuple[str, ...] = ()
    offers_starttls: bool = False
    is_signed_in: bool = False
    tls: ProbeTls | None = None
    mx: str = ""
    address: str = ""
