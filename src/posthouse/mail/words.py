"""Encoded words (RFC 2047) made readable, for display only.

Lenient, because people must be able to read what real programs wrote: over-long words, words glued to text,
characters cut between neighbouring words, missing padding. Bounded, because the input is anybody's. The
result is one line without control characters; it is never parsed again for addresses.

Public: decode_words, codec_of.
"""

from __future__ import annotations

import binascii
import codecs
import re

MAX_BYTES = 65_536

_WORD = re.compile(rb"=\?([^?\s\x00-\x20]{1,60})\?([BbQq])\?([^?\r\n]*)\?=")
_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
_BREAKS = re.compile(r"[\r\n]\s*+")  # begins at a break only: nothing is scanned twice
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
# Only real character sets: Python's codec table also holds idna, unicode_escape and the like, some of them
# slow.
_CHARSET = re.compile(
    r"(us-?ascii|ascii|utf-?8|iso-?8859-[0-9]{1,2}(-[ei])?|(windows|cp)-?[0-9]{3,4}|koi8-[rut]|big5(-?hkscs)?"
    r"|gb2312|gbk|gb18030|hz-gb-2312|euc-(jp|kr)|iso-2022-(jp(-[123])?|kr)|shift[_-]jis|ks_c_5601-1987|mac(intosh|-?roman)"
    r"|tis-620|utf-?16(be|le)?)\Z",
    re.IGNORECASE,
)


def decode_words(value: bytes) -> str:
    """A header value, folded or not -> one line of text. Never raises; input past 64 KiB is cut off."""
    value = value[:MAX_BYTES]
    if b"=?" not in value:
        return _one_line(_raw(value))
    parts: list[str] = []
    charset, run = "", b""
    at = 0
    for match in _WORD.finditer(value):
        between = value[at : match.start()]
        # RFC 2047 6.2: white space between neighbouring words is not shown
        is_neighbour = bool(at) and not between.strip()
        name = match[1].partition(b"*")[0].decode("ascii", "replace").lower()  # RFC 2231 5: language
        if not is_neighbour or name != charset:
            parts.append(_text(run, charset))
            run = b""
        if not is_neighbour:
            parts.append(_raw(between))
        charset = name
        # joined before decoding: some programs cut a character between two words
        run += _octets(match[2], match[3])
        at = match.end()
    parts += (_text(run, charset), _raw(value[at:]))
    return _one_line("".join(parts))


def codec_of(charset: str) -> str:
    """The name under which Python knows a real character set, "" for anything else."""
    if not _CHARSET.match(charset):
        return ""
    name = _ALIASES.get(charset, charset)
    try:
        return codecs.lookup(name).name
    except LookupError:
        return ""


def _octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"Qq":
        return _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), text.replace(b"_", b" "))
    letters = text.translate(None, _NOT_BASE64)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))


def _text(octets: bytes, charset: str) -> str:
    if not octets:
        return ""
    if not _CHARSET.match(charset):
        return _raw(octets)
    try:
        return octets.decode(_ALIASES.get(charset, charset), "replace")
    except LookupError:
        return _raw(octets)


_ALIASES = {"iso-8859-8-i": "iso-8859-8", "iso-8859-8-e": "iso-8859-8", "ks_c_5601-1987": "cp949"}


def _raw(octets: bytes) -> str:
    """Octets without a name for their character set: UTF-8 if they are, else Latin-1."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return codecs.decode(octets, "latin-1")


def _one_line(text: str) -> str:
    if text.isprintable():  # none of what follows is in it
        return text.strip()
    return _CONTROLS.sub("\ufffd", _BREAKS.sub(" ", text)).replace("\t", " ").strip()
