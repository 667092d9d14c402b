"""Content-Transfer-Encodings: quoted-printable and base64 in both directions (RFC 2045 6.7, 6.8).

Public names: LINE_MAX, SOFT, decode, encode, quoted_lines, base64_lines, QuotedPlaces.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect_right

LINE_MAX = 998  # RFC 5322 2.1.1, without CRLF
SOFT = b"=\r\n"  # a soft line break
_LITERAL = bytes(octet for octet in range(32, 127) if octet != 61)  # RFC 2045 6.7 (2), (3)
_has_bad_escape = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*+(?:\r\n|\Z))").search
# What decodes to fewer octets than it has: an escape, a soft break, blanks at a line end (RFC 2045 6.7 (3)).
# Blanks are looked for at the beginning of a run only: linear, but every octet is visited.
_ESCAPE = rb"=(?:([0-9A-Fa-f]{2})|[ \t]*+(?:\r\n|\Z))"
_PADDING = rb"(?<![ \t])[ \t]++(?=\r\n|\Z)"
_find_escapes = re.compile(_ESCAPE).finditer
_find_escapes_and_padding = re.compile(_ESCAPE + b"|" + _PADDING).finditer
_drop_padding = re.compile(_PADDING).sub
_find_nul_or_lf = re.compile(rb"[\0\n]").findall
_replace_nul = re.compile(rb"=00").sub


def decode(encoded: bytes, transfer: str) -> bytes | None:
    """The octets of a text; None for what is malformed: then leave the part alone."""
    if transfer == "base64":
        try:
            return binascii.a2b_base64(encoded.translate(None, b" \t\r\n"), strict_mode=True)
        except ValueError:
            return None
    if transfer != "quoted-printable":
        return encoded
    if _has_bad_escape(encoded):
        return None
    if _has_padding(encoded):
        encoded = _drop_padding(b"", encoded)
    return binascii.a2b_qp(encoded)


def encode(decoded: bytes, transfer: str) -> bytes:
    """Octets in quoted-printable (CRLF stays a line break, any other octet survives) or base64."""
    if transfer == "base64":
        return base64_lines(decoded)
    breaks = decoded.count(b"\r\n")
    is_clean = decoded.count(b"\r") == decoded.count(b"\n") == breaks
    if is_clean and breaks and b" \r\n" not in decoded and b"\t\r\n" not in decoded:
        # not with blanks before a line's end: the C function writes those past column 76
        return binascii.b2a_qp(decoded, istext=True)
    lines = [_quoted_line(line) for line in decoded.split(b"\r\n")]
    return b"\n".join(lines).replace(b"\n", b"\r\n")


def _quoted_line(line: bytes) -> bytes:
    """One line in quoted-printable with LF as its line ends. The C function uses a column too many before an
    LF that is to be encoded, so such an LF travels as NUL, which has the same width."""
    if b"\n" not in line:
        return binascii.b2a_qp(line, istext=False)
    originals = iter(_find_nul_or_lf(line))
    encoded = binascii.b2a_qp(line.replace(b"\n", b"\0"), istext=False)
    return _replace_nul(lambda _: b"=0A" if next(originals) == b"\n" else b"=00", encoded)


def quoted_lines(value: bytes) -> bytes:
    """A value in quoted-printable on lines of its own, ended by a soft break or by its own line break."""
    if not value:
        return b""
    if not value.translate(None, _LITERAL):  # links, most names: quicker than the general way
        if len(value) < 76:
            return value + SOFT
        return SOFT.join([value[at : at + 75] for at in range(0, len(value), 75)]) + SOFT
    # the octet behind it keeps column 76 free, where our `=` goes
    lines = encode(value + b"~", "quoted-printable")[:-1]
    return lines if lines.endswith(b"\n") else lines + SOFT


def base64_lines(octets: bytes) -> bytes:
    """Lines of 76 characters, each with CRLF."""
    if not octets:
        return b""
    text = binascii.b2a_base64(octets, newline=False)
    if len(text) <= 76:
        return text + b"\r\n"
    return b"\r\n".join([text[at : at + 76] for at in range(0, len(text), 76)]) + b"\r\n"


class QuotedPlaces:
    """Where each octet of the decoded text stands in quoted-printable text."""

    __slots__ = ("encoded", "starts", "tokens")

    def __init__(self, encoded: bytes) -> None:
        self.encoded = encoded
        self.starts: list[int] = []  # of each token, in decoded octets
        self.tokens: list[tuple[int, int, int]] = []  # its span in `encoded`, how many octets it stands for
        removed = 0
        find = _find_escapes_and_padding if _has_padding(encoded) else _find_escapes
        for match in find(encoded):
            start, end = match.span()
            width = 1 if match[1] else 0
            self.starts.append(start - removed)
            self.tokens.append((start, end, width))
            removed += end - start - width

    def of(self, octet: int) -> int:
        """The encoded offset of decoded octet `octet`, behind the soft breaks before it."""
        number = bisect_right(self.starts, octet) - 1
        if number < 0:
            return octet
        start, end, width = self.tokens[number]
        beyond = octet - self.starts[number]
        return start if width and not beyond else end + beyond - width

    def behind(self, octet: int) -> int:
        """The encoded offset behind the octet before `octet`, before the soft breaks between the two."""
        if octet == 0:
            return 0
        last = self.of(octet - 1)
        return last + (3 if self.encoded.startswith(b"=", last) else 1)


def _has_padding(encoded: bytes) -> bool:
    return b" \r\n" in encoded or b"\t\r\n" in encoded or encoded.endswith((b" ", b"\t"))
