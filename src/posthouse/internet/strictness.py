"""What a strict receiving server finds wrong: pure checks of command lines and contents.

Written apart from Posthouse's own grammar on purpose, so that one mistake is not made twice.

Public: `PathLine`, `Complaint`, `read_path_line`, `complaints_about`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATH = re.compile(
    rb"(?i)(?:MAIL FROM|RCPT TO):"
    rb"<((?:\"(?:[^\"\\\x00-\x1f]|\\[\x20-\x7e])*\"@)?[^<>\x00-\x20]*)>"
    rb"(?: (.*))?\Z"
)
_SIZE = re.compile(r"(?i)(?:^| )SIZE=([0-9]{1,20})(?: |\Z)")
_NEEDED = {
    "BODY": "8BITMIME",
    "SMTPUTF8": "SMTPUTF8",
    "RET": "DSN",
    "ENVID": "DSN",
    "NOTIFY": "DSN",
    "ORCPT": "DSN",
}
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_LONG_LINE = re.compile(rb"[^\n]{1000,}")


@dataclass(frozen=True, slots=True)
class PathLine:
    """MAIL or RCPT: the path as it stood, its parameters as they stood."""

    path: str
    params: str

    @property
    def wants_utf8(self) -> bool:
        return "SMTPUTF8" in self.params.upper().split()

    @property
    def wants_8bit(self) -> bool:
        return "BODY=8BITMIME" in self.params.upper().split()

    @property
    def size(self) -> int:
        """SIZE=n of MAIL, 0 when not given (RFC 1870 6.3)."""
        match = _SIZE.search(self.params)
        return int(match[1]) if match else 0


@dataclass(frozen=True, slots=True)
class Complaint:
    """A violation and the reply that a strict server gives."""

    violation: str
    reply: str


def read_path_line(
    line: bytes, extensions: tuple[str, ...], *, has_size: bool, is_utf8: bool
) -> PathLine | Complaint:
    """Read `MAIL FROM:<…> …` or `RCPT TO:<…> …`. `is_utf8`: the transaction asked for SMTPUTF8."""
    match = _PATH.match(line)
    if match is None:
        return Complaint(f"syntax: {line[:120]!r}", "501 5.5.2 Syntax")
    read = PathLine(
        match[1].decode("utf-8", "backslashreplace"), (match[2] or b"").decode("ascii", "backslashreplace")
    )
    for word in read.params.split():
        key = word.partition("=")[0].upper()
        needed = _NEEDED.get(key)
        # RFC 5321 2.2.1: only what the server offered may be used.
        if (needed and needed not in extensions) or (key == "SIZE" and not has_size):
            return Complaint(f"parameter that is not offered: {word}", "555 5.5.4 Unknown parameter")
    if not match[1].isascii() and not (is_utf8 or read.wants_utf8):
        return Complaint("UTF-8 address without SMTPUTF8", "553 5.6.7 Address is not ASCII")
    return read


def complaints_about(content: bytes, *, is_8bit_declared: bool) -> list[str]:
    """What no careful sender sends: bare CR or LF, NUL, lines above 998 octets, 8-bit without saying so."""
    found: list[str] = []
    if _BARE.search(content):
        found.append("bare CR or LF in the content")
    if b"\0" in content:
        found.append("NUL in the content")
    if _LONG_LINE.search(content):  # RFC 5321 4.5.3.1.6: 1000 octets with CRLF
        found.append("line of more than 998 octets")
    if content and not content.endswith(b"\r\n"):
        found.append("content without a final CRLF")
    if not is_8bit_declared and not content.isascii():
        found.append("8-bit content without BODY=8BITMIME")
    return found
