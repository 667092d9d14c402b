"""Parts of letters that are being made: texts in their encoding, and multiparts around them (RFC 2045, 2046).

The octets stay in pieces until the letter is whole, so that a large attachment is copied once.

Public: Entity, multipart, text_entity, whole_part, fresh_boundary, is_plain, fits_lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from posthouse.mail.transfer import LINE_MAX, encode

_ASCII = bytes(range(128))


class Entity(msgspec.Struct, frozen=True):
    """`fields` are its Content-* lines, each with CRLF; `body` its encoded octets in pieces. `is_8bit`: some
    of them are above 127 (RFC 2045 6.4: then every multipart around it says so)."""

    fields: bytes
    body: tuple[bytes, ...]
    is_8bit: bool = False


def whole_part(octets: bytes) -> Entity:
    """A part that is there already: its fields, an empty line, its body."""
    if octets.startswith(b"\r\n"):
        return Entity(b"", (octets[2:],))
    fields, _, body = octets.partition(b"\r\n\r\n")
    return Entity(fields + b"\r\n", (body,))


def multipart(kind: str, parts: Sequence[Entity], seed: str, more: str = "") -> Entity:
    """The parts under one head, in order; a single part is handed back itself. `more`: another parameter."""
    if len(parts) == 1:
        return parts[0]
    boundary = _unused(f"{kind} {seed}", [piece for part in parts for piece in (part.fields, *part.body)])
    mark = b"--" + boundary.encode()
    body: list[bytes] = []
    for part in parts:
        body += (mark, b"\r\n", part.fields, b"\r\n", *part.body, b"\r\n")
    body.append(mark + b"--\r\n")
    is_8bit = any(part.is_8bit for part in parts)
    parameter = f"; {more}" if more else ""
    fields = f'Content-Type: multipart/{kind}{parameter};\r\n boundary="{boundary}"\r\n'
    if is_8bit:
        fields += "Content-Transfer-Encoding: 8bit\r\n"
    return Entity(fields.encode(), tuple(body), is_8bit)


def text_entity(type: str, text: str, *, may_be_raw: bool = False) -> Entity:
    """A text in UTF-8, `type` with its other parameters; line ends may be CRLF, LF or CR.

    In the shorter of the two encodings; with `may_be_raw` ASCII in lines that fit goes as it is, which is
    much quicker. Without it later insertions always find room.
    """
    octets = _with_crlf(text).encode("utf-8", "replace")
    transfer = "7bit" if may_be_raw and is_plain(octets) else _shorter(octets)
    fields = f"Content-Type: {type}; charset=utf-8\r\nContent-Transfer-Encoding: {transfer}\r\n"
    return Entity(fields.encode(), (octets if transfer == "7bit" else encode(octets, transfer),))


def is_plain(octets: bytes) -> bool:
    """ASCII without NUL whose lines have at most 998 octets (RFC 2045 2.7); line ends are CRLF."""
    return octets.isascii() and fits_lines(octets)


def fits_lines(octets: bytes) -> bool:
    """No NUL, and no line has more than 998 octets; line ends are CRLF."""
    at, end = 0, len(octets)
    while end - at > LINE_MAX:
        at = octets.rfind(b"\r\n", at, at + LINE_MAX + 2) + 2
        if at < 2:
            return False
    return b"\0" not in octets


def fresh_boundary(raw: bytes, seed: str) -> str:
    """A boundary that does not occur in `raw`; the same for the same input.

    RFC 2045 6.7: with `=_` in it neither quoted-printable nor base64 text can ever contain it.
    """
    return _unused(seed, [raw])


def _unused(seed: str, pieces: Sequence[bytes]) -> str:
    """The pieces are one text, cut at line ends only: no boundary can lie across a cut."""
    number = 0
    while True:
        boundary = "=_" + sha256(f"{seed} {number}".encode("utf-8", "replace")).hexdigest()[:32]
        octets = boundary.encode()
        if not any(octets in piece for piece in pieces):
            return boundary
        number += 1


def _with_crlf(text: str) -> str:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\n", "\r\n")


def _shorter(octets: bytes) -> str:
    above = 0 if octets.isascii() else len(octets.translate(None, _ASCII))
    return "base64" if above * 6 > len(octets) else "quoted-printable"
