"""The fields that we put on a letter: Received, Message-ID, Date (RFC 5321 4.4, RFC 5322 3.6).

Whatever comes from the client is checked against a narrow pattern before it is written; what does not fit is
replaced or left out, so no octet of theirs can begin a new field.

Public names: received_field, on_top, with_word, message_id, message_id_field, date_field, date_text.
"""

from __future__ import annotations

import ipaddress
import re
import time
from functools import lru_cache

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HIDDEN_CLIENT = "hidden.invalid"  # RFC 2606: names nobody, and the grammar of RFC 5321 wants a name

_is_domain = re.compile(r"(?=.{1,255}\Z)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\Z").match
_is_literal = re.compile(r"\[(?:IPv6:)?[0-9A-Fa-f:.]{2,45}\]\Z", re.IGNORECASE).match
_is_path = re.compile("[^\x00-\x20\x7f-\x9f<>\u2028\u2029\ud800-\udfff]+\\Z").match


def received_field(
    *,
    hello: str,
    client_ip: str,
    by_host: str,
    protocol: str,
    id: str,
    at: float,
    recipient: str | None = None,
    hides_client: bool = False,
) -> bytes:
    """The Received field that goes on top at acceptance (SRV-50), folded, with CRLF.

    `hello` is what the client called itself (any text), `client_ip` its address as the socket gives it (""
    for none), `protocol` a `with_word`, `recipient` the only recipient or None, `at` seconds since the epoch.
    `hides_client` writes neither name nor address of the client.
    """
    source = HIDDEN_CLIENT if hides_client else _source(hello, client_ip)
    fits = recipient and (recipient.isascii() or protocol.startswith("UTF8")) and _is_path(recipient)
    target = f"\r\n\tfor <{recipient}>" if fits else ""
    return (
        f"Received: from {source}\r\n\tby {by_host} with {protocol} id {id}{target};\r\n\t{date_text(at)}\r\n"
    ).encode()


def on_top(received: bytes, raw: bytes) -> bytes:
    """The content as it is stored: our Received field above the letter as it came.

    A letter that begins with white space has no header; an empty line keeps its text from being read as the
    continuation of our field.
    """
    return received + b"\r\n" + raw if raw.startswith((b" ", b"\t")) else received + raw


def with_word(*, is_extended: bool, is_tls: bool, is_authenticated: bool, is_utf8: bool) -> str:
    """The protocol word of RFC 3848, or with SMTPUTF8 of RFC 6531 4.3."""
    if not is_extended:
        return "SMTP"
    word = "UTF8SMTP" if is_utf8 else "ESMTP"
    return word + ("S" if is_tls else "") + ("A" if is_authenticated else "")


def message_id(id: str, domain: str) -> str:
    """The Message-ID that a letter without one gets: always the same for the same message (R2)."""
    return f"<{id}@{domain}>"


def message_id_field(id: str, domain: str) -> bytes:
    return f"Message-ID: {message_id(id, domain)}\r\n".encode()


def date_field(at: float) -> bytes:
    return f"Date: {date_text(at)}\r\n".encode()


def date_text(at: float) -> str:
    """Seconds since the epoch -> `Tue, 14 Nov 2023 22:13:20 +0000` (RFC 5322 3.3)."""
    return _date_text(int(at))


@lru_cache(maxsize=16)
def _date_text(at_s: int) -> str:
    year, month, day, hour, minute, second, weekday, _, _ = time.gmtime(at_s)
    # Not strftime: names of days and months follow the locale there.
    return (
        f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} +0000"
    )


def _source(hello: str, client_ip: str) -> str:
    """`name ([address])`, RFC 5321 4.4 Extended-Domain; a name that is none gives way to the address."""
    literal = _literal(client_ip)
    name = hello if _is_domain(hello) or _is_literal(hello) else literal or "unknown"
    return f"{name} ({literal})" if literal else name


@lru_cache(maxsize=1024)
def _literal(client_ip: str) -> str:
    """A socket's address -> RFC 5321 4.1.3 literal; "" when it is not an IP address."""
    try:
        address = ipaddress.ip_address(client_ip.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return f"[{address}]"
    return f"[{address.ipv4_mapped}]" if address.ipv4_mapped else f"[IPv6:{address}]"
