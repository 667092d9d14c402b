"""What a receiving host offers, whether a letter can go to it, and the two commands of the envelope.

The letter is never changed here: a host that lacks what the letter needs gets nothing (EXT-5, EXT-9,
RFC 1870 6.1), and the reason is ours. Every value is looked at once more just before it becomes part of a
command (MX-16): a line break in an address would be a second command.

Public: Offers, parse_offers, Unfit, unfitness, envelope_commands, is_safe_value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from posthouse.model.message import Outgoing

# RFC 5321 4.1.2: spaces and angle brackets only inside quotes, controls and surrogates nowhere; linear, for
# each alternative begins with another character
_SAFE_PATH = re.compile(
    r'(?:[^\x00-\x20\x7f<>"\\\ud800-\udfff]|"(?:[^\x00-\x1f\x7f"\\\ud800-\udfff]|\\[\x20-\x7e])*")*'
)
_SAFE_VALUE = re.compile(r"[\x21-\x7e]*")
# RFC 6532 3.2 in the header of a part below the first; only asked when the peer lacks SMTPUTF8
_UTF8_PART_HEADER = re.compile(
    rb"(?im)^content-(?:type|disposition|description|id):[\x00-\x7f]{0,998}[\x80-\xff]"
)


@dataclass(frozen=True, slots=True)
class Offers:
    """The extensions of one EHLO answer that we use; all off after HELO.

    `size_limit` is 0 for none or not told (RFC 1870 4), `mail_max` is MAILMAX of LIMITS (RFC 9422) or 0.
    """

    has_pipelining: bool = False
    has_starttls: bool = False
    has_8bitmime: bool = False
    has_utf8: bool = False
    has_dsn: bool = False
    has_size: bool = False
    has_requiretls: bool = False
    has_chunking: bool = False
    size_limit: int = 0
    mail_max: int = 0


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why this letter cannot go to this host, in our words."""

    enhanced: str
    text: str


def parse_offers(lines: Sequence[str]) -> Offers:
    """The text lines of a 250 reply to EHLO -> Offers. The first is a greeting; unknown words are skipped."""
    words = {}
    for line in lines[1:]:
        keyword, _, rest = line.strip().partition(" ")
        words[keyword.upper()] = rest
    return Offers(
        has_pipelining="PIPELINING" in words,
        has_starttls="STARTTLS" in words,
        has_8bitmime="8BITMIME" in words,
        has_utf8="SMTPUTF8" in words,
        has_dsn="DSN" in words,
        has_size="SIZE" in words,
        has_requiretls="REQUIRETLS" in words,
        has_chunking="CHUNKING" in words,
        size_limit=_number(words.get("SIZE", "")),
        mail_max=_mail_max(words.get("LIMITS", "")),
    )


def _number(text: str) -> int:
    text = text.strip()
    # RFC 1870 3: up to 20 digits; anything else says nothing
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else 0


def _mail_max(text: str) -> int:
    for word in text.split():
        name, _, value = word.partition("=")
        if name.upper() == "MAILMAX":
            return _number(value)
    return 0


def unfitness(outgoing: Outgoing, offers: Offers, *, send_8bit_anyway: bool) -> Unfit | None:
    """None when the letter can be sent to a host with these offers, else why not."""
    return _unsafe(outgoing) or _lacking(outgoing, offers, send_8bit_anyway)


def _unsafe(outgoing: Outgoing) -> Unfit | None:
    if not _SAFE_PATH.fullmatch(outgoing.sender):
        return Unfit("5.1.7", "The envelope sender cannot be written in a command")
    if not outgoing.recipient or not _SAFE_PATH.fullmatch(outgoing.recipient):
        return Unfit("5.1.3", "The recipient cannot be written in a command")
    for value in (outgoing.ret, outgoing.envid, outgoing.notify, outgoing.orcpt):
        if value and not is_safe_value(value):
            return Unfit("5.5.4", "A parameter cannot be written in a command")
    return None


def is_safe_value(value: str) -> bool:
    """Printable ASCII without spaces: cannot end a parameter or a command."""
    return _SAFE_VALUE.fullmatch(value) is not None


def _lacking(outgoing: Outgoing, offers: Offers, send_8bit_anyway: bool) -> Unfit | None:
    limit = offers.size_limit
    # RFC 1870 3: octets without stuffing and final dot
    if limit and len(outgoing.head) + len(outgoing.body) > limit:
        return Unfit("5.3.4", f"The message is bigger than the {limit} octets that the host takes")
    if not offers.has_utf8 and _needs_utf8(outgoing):
        return Unfit("5.6.7", "The host does not take internationalised addresses or headers (SMTPUTF8)")
    if outgoing.promises_tls and not offers.has_requiretls:
        return Unfit("5.7.30", "The host does not promise TLS for the way on (REQUIRETLS)")
    if outgoing.is_8bit and not offers.has_8bitmime and not send_8bit_anyway:
        return Unfit("5.6.3", "The host does not take 8-bit content and it may not be converted")
    return None


def _needs_utf8(outgoing: Outgoing) -> bool:
    """RFC 6531 3.2: only what really has UTF-8 in envelope or headers, at any depth, needs SMTPUTF8."""
    if not (outgoing.sender.isascii() and outgoing.recipient.isascii()):
        return True
    if not (outgoing.is_utf8 and outgoing.is_8bit):
        return False
    return not outgoing.head.isascii() or bool(_UTF8_PART_HEADER.search(outgoing.body))


def envelope_commands(outgoing: Outgoing, offers: Offers) -> tuple[str, str]:
    """MAIL and RCPT without line ends; the values were found safe by `unfitness`."""
    mail = f"MAIL FROM:<{outgoing.sender}>"
    if offers.has_size:
        mail += f" SIZE={len(outgoing.head) + len(outgoing.body)}"
    if outgoing.is_8bit and offers.has_8bitmime:
        mail += " BODY=8BITMIME"
    if offers.has_utf8 and _wants_utf8(outgoing):
        mail += " SMTPUTF8"
    if outgoing.promises_tls:  # RFC 8689 4.2.1; `unfitness` has seen the offer
        mail += " REQUIRETLS"
    rcpt = f"RCPT TO:<{outgoing.recipient}>"
    if offers.has_dsn:  # DSN-2: handed on as given
        mail += _parameter("RET", outgoing.ret) + _parameter("ENVID", outgoing.envid)
        rcpt += _parameter("NOTIFY", outgoing.notify) + _parameter("ORCPT", outgoing.orcpt)
    return mail, rcpt


def _wants_utf8(outgoing: Outgoing) -> bool:
    if outgoing.is_utf8 and outgoing.is_8bit:
        return True
    return not (outgoing.sender.isascii() and outgoing.recipient.isascii())


def _parameter(name: str, value: str) -> str:
    return f" {name}={value}" if value else ""
