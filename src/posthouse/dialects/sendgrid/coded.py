"""Encoded words (RFC 2047) inside of a JSON field: exact and unlimited in length, unlike `mail.words`, which
makes one short line for people.

Public: has_words, decoded.
"""

from __future__ import annotations

import binascii
import re

_WORD = re.compile(rb"=\?([A-Za-z0-9_.*-]{1,60})\?([BbQq])\?([^?\r\n]*)\?=")
_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
# Not any name that Python knows: some of its codecs are slow or no character sets.
_CHARSET = re.compile(
    r"(us-ascii|utf-?8|iso-8859-\d{1,2}|windows-125\d|koi8-[ru]|shift_jis|euc-(jp|kr)|gb18030)\Z"
)


def has_words(raw: bytes) -> bool:
    return b"=?" in raw and _WORD.search(raw) is not None


def decoded(raw: bytes) -> str:
    """`raw` with its encoded words decoded; all else stays, folding too. White space between neighbouring
    words goes (RFC 2047 6.2), and their octets are joined before decoding: some programs cut a character
    between two words."""
    parts: list[str] = []
    charset, run = "", b""
    at = 0
    for match in _WORD.finditer(raw):
        between = raw[at : match.start()]
        name = match[1].partition(b"*")[0].decode("ascii").lower()  # RFC 2231 5: a language may follow
        is_neighbour = bool(at) and not between.strip()
        if not is_neighbour or name != charset:
            parts.append(_text(run, charset))
            run = b""
        if not is_neighbour:
            parts.append(_text(between, ""))
        charset = name
        run += _octets(match[2], match[3])
        at = match.end()
    parts += (_text(run, charset), _text(raw[at:], ""))
    return "".join(parts)


def _octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"Qq":
        return _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), text.replace(b"_", b" "))
    letters = _NO_BASE64.sub(b"", text)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def _text(octets: bytes, charset: str) -> str:
    if charset and _CHARSET.match(charset):
        try:
            return octets.decode(charset, "replace")
        except LookupError:
            pass
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")
