"""A text part taken out of its encodings, changed for all recipients alike, and put back.

What does not have to change keeps its octets. A part whose text changes here, or that will get values which
its character set may not have, becomes UTF-8 (service behaviour: only parts that change are written anew);
its Content-Type and Content-Transfer-Encoding fields then say so.

Public: Source, opened, with_text, ready_for_values, with_encoding, EDIT_MAX.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from posthouse.mail.letter import Letter, closed
from posthouse.mail.parts import TextPart, parse_content_type
from posthouse.mail.transfer import LINE_MAX, decode, encode
from posthouse.mail.words import codec_of

EDIT_MAX = 8 << 20  # octets; longer texts are left alone, nobody reads them

# Character sets in which ASCII octets are not always ASCII characters.
_is_shifting = re.compile(r"utf[-_]?(16|32|7)|iso2022|hz|big5|gb|cp9(32|36|49|50)|shift|johab|euc").match
_is_token = re.compile(r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]+\Z").match
_line_ends = re.compile("\r\n|\r|\n").sub


@dataclass(frozen=True, slots=True)
class Source:
    """A part as we work on it. `octets` are decoded, `encoded` as in the letter, `codec` turns `text` into
    `octets` place by place. `charset`: what the Content-Type field must say, "" for no change."""

    part: TextPart
    encoded: bytes
    octets: bytes
    text: str
    codec: str
    transfer: str
    charset: str = ""

    def offsets(self, places: list[int]) -> list[int]:
        """Places in `text` (ascending) as places in `octets`."""
        if len(self.text) == len(self.octets):
            return places
        found: list[int] = []
        at, octet = 0, 0
        for place in places:
            octet += len(_encoded(self.text[at:place], self.codec))
            at = place
            found.append(octet)
        return found


def opened(raw: bytes, part: TextPart) -> Source | None:
    """The part's text; None when it cannot be read and must be left alone."""
    encoded = raw[part.start : part.end]
    octets = decode(encoded, part.transfer) if len(encoded) <= EDIT_MAX else None
    if octets is None:
        return None
    codec = codec_of(part.charset)
    if codec in ("", "ascii", "utf-8") or (octets.isascii() and not _is_shifting(codec)):
        # an unknown set: nearly all hold ASCII, and other octets come back as they were
        return Source(
            part, encoded, octets, octets.decode("utf-8", "surrogateescape"), "utf-8", part.transfer
        )
    try:
        text = octets.decode(codec)
    except UnicodeDecodeError:
        if _is_shifting(codec):
            return None
        text, codec = octets.decode("utf-8", "surrogateescape"), "utf-8"
    source = Source(part, encoded, octets, text, codec, part.transfer)
    return _in_utf8(source) if _is_shifting(codec) else source


def with_text(source: Source, text: str) -> Source:
    """The part with another text, in UTF-8. Line ends become CRLF, NUL goes."""
    if text == source.text:
        return source
    return _in_utf8(replace(source, text=_line_ends("\r\n", text).replace("\0", ""), codec="utf-8"))


def ready_for_values(source: Source) -> Source:
    """The part declared as UTF-8, so that any value may be put in."""
    if source.codec != "utf-8":
        return _in_utf8(source)
    is_declared = codec_of(source.charset or source.part.charset) == "utf-8"
    return source if is_declared or not _is_valid(source.text) else replace(source, charset="utf-8")


def with_encoding(head: Letter, charset: str, transfer: str) -> bytes:
    """The header of a part (or of a letter of one part) that declares these; "" changes nothing."""
    raw = head.raw
    values = {b"content-type": b"", b"content-transfer-encoding": b""}
    if charset:
        values[b"content-type"] = _content_type(head, charset)
    if transfer:
        values[b"content-transfer-encoding"] = f"Content-Transfer-Encoding: {transfer}\r\n".encode()
    pieces: list[bytes] = []
    done: set[bytes] = set()
    for item in head.fields:
        new = values.get(item.name, b"")
        if not new:
            pieces.append(closed(raw[item.start : item.end]))
        elif item.name not in done:
            done.add(item.name)
            pieces.append(new)
    return b"".join([*pieces, *[new for name, new in values.items() if name not in done]])


def _in_utf8(source: Source) -> Source:
    octets = _encoded(source.text, "utf-8")
    transfer = source.transfer
    if transfer in ("7bit", "8bit"):
        transfer = _raw_transfer(octets, transfer)
    encoded = octets if transfer in ("7bit", "8bit") else encode(octets, transfer)
    needs_name = not octets.isascii() or codec_of(source.part.charset) not in ("", "ascii", "utf-8")
    is_named = codec_of(source.part.charset) == "utf-8"
    charset = "utf-8" if needs_name and not is_named else source.charset
    return replace(source, encoded=encoded, octets=octets, codec="utf-8", transfer=transfer, charset=charset)


def _is_valid(text: str) -> bool:
    """Was it all UTF-8, so that we may say so?"""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _raw_transfer(octets: bytes, transfer: str) -> str:
    """May these octets go as they are? RFC 2045 2.7, 2.8; else quoted-printable."""
    is_clean = octets.count(b"\r") == octets.count(b"\n") == octets.count(b"\r\n") and b"\0" not in octets
    if not is_clean or (transfer == "7bit" and not octets.isascii()):
        return "quoted-printable"
    longest = max(map(len, octets.split(b"\r\n")))
    return transfer if longest <= LINE_MAX else "quoted-printable"


def _encoded(text: str, codec: str) -> bytes:
    errors = "surrogateescape" if codec == "utf-8" else "strict"
    try:
        return text.encode(codec, errors)
    except UnicodeEncodeError:  # a surrogate out of a value
        return text.encode(codec, "replace")


def _content_type(head: Letter, charset: str) -> bytes:
    """The field with another charset; type and other parameters stay."""
    kind, parameters = parse_content_type(head.first(b"content-type") or b"text/plain")
    kept = {name: value for name, value in parameters.items() if name != "charset"}
    line = f"Content-Type: {kind}; charset={charset}"
    for name, value in kept.items():
        value = value.encode("ascii", "replace").decode()
        if not _is_token(value):
            value = '"' + re.sub(r'(["\\])', r"\\\1", re.sub("[\x00-\x1f\x7f]", "", value)) + '"'
        line += f";\r\n {name}={value}"
    version = (
        b""
        if head.first(b"content-type") is not None or head.first(b"mime-version")
        else b"MIME-Version: 1.0\r\n"
    )
    return version + line.encode() + b"\r\n"
