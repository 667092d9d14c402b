"""What a DKIM signature covers: relaxed canonicalisation of body and header (RFC 6376 3.4) and the choice of
header fields (5.4).

Input has CRLF line ends only. Everything here is linear in its input (S11) and mostly one pass in C each.

Public names: relaxed_body, relaxed_lines, body_hash, signed_header, SIGNED, OVERSIGNED.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256

from posthouse.mail.letter import Field

# DK-5: listed once more than present, so that adding one breaks the signature (RFC 6376 5.4.2, 8.15).
OVERSIGNED = (
    b"from",
    b"to",
    b"cc",
    b"subject",
    b"date",
    b"reply-to",
    b"sender",
    b"message-id",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
)
# DK-4: signed where present. A closed list: a name from the letter could hold `;` and `=` and so write tags.
SIGNED = frozenset(OVERSIGNED) | {
    b"in-reply-to",
    b"references",
    b"content-id",
    b"content-description",
    b"resent-date",
    b"resent-from",
    b"resent-sender",
    b"resent-to",
    b"resent-cc",
    b"resent-reply-to",
    b"resent-message-id",
    b"list-id",
    b"list-subscribe",
    b"list-post",
    b"list-owner",
    b"list-archive",
    b"list-help",
    b"feedback-id",
    b"auto-submitted",
}

_collapse_blanks = re.compile(rb"[ \t]+").sub


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376 3.4.4: blanks at line ends off, runs of blanks to one space, empty lines at the end off.

    An empty result stays empty, any other ends with CRLF. Ordinary text is not copied on the way.
    """
    if b"\t" in body:
        body = body.replace(b"\t", b" ")
    while (
        b"  " in body
    ):  # each turn halves the longest run: at most 26 turns for 50 MB, quicker than a pattern
        body = body.replace(b"  ", b" ")
    # Runs are single spaces by now: a plain replacement instead of a pattern that could go quadratic.
    body = body.replace(b" \r\n", b"\r\n").rstrip(b" \r\n")
    return body + b"\r\n" if body else b""


def relaxed_lines(text: bytes) -> bytes:
    """RFC 6376 3.4.4 for whole lines out of a body: like `relaxed_body`, but empty lines at the end stay.

    A last line without CRLF counts as ended: in a body a part's end always is a line's end.
    """
    if b"\t" in text:
        text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    if b" \r\n" in text:
        text = text.replace(b" \r\n", b"\r\n")
    return text[:-1] if text.endswith(b" ") else text


def body_hash(body: bytes) -> bytes:
    """The value of the bh= tag: base64 of the SHA-256 of the relaxed body, 44 octets."""
    return b64encode(sha256(relaxed_body(body)).digest())


def signed_header(head: bytes, fields: Sequence[Field]) -> tuple[tuple[bytes, ...], bytes]:
    """(names, text): the names for the h= tag without the over-signed ones behind them, and the relaxed
    canonical form of those fields in that order, each with CRLF.

    From the bottom up, as RFC 6376 5.4.2 wants for repeated fields.
    """
    relaxed = _relaxed_value if _has_odd_blanks(head) else _relaxed_plain_value
    names: list[bytes] = []
    lines: list[bytes] = []
    for field in reversed(fields):
        name = field.name
        if name in SIGNED:
            names.append(name)
            lines.append(b"%b:%b\r\n" % (name, relaxed(head[head.index(b":", field.start) + 1 : field.end])))
    return tuple(names), b"".join(lines)


def _has_odd_blanks(head: bytes) -> bool:
    """Does `bytes.split` see white space here that RFC 6376 does not (VT, FF, a lone CR or LF)?"""
    return b"\v" in head or b"\f" in head or not head.count(b"\r") == head.count(b"\n") == head.count(b"\r\n")


def _relaxed_plain_value(value: bytes) -> bytes:
    return b" ".join(value.split())


def _relaxed_value(value: bytes) -> bytes:
    """RFC 6376 3.4.2: unfold, runs of blanks to one space, none at the ends."""
    return _collapse_blanks(b" ", value.replace(b"\r\n", b"")).strip(b" ")
