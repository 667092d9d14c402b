"""A letter that came back as a flat list of readable parts, whatever its MIME is worth.

Everything is guessed that a strict reader refuses: missing boundaries and empty lines, bare LF and CR, wrong
letter case, broken encodings. Only the first MiB is looked at, no more than 100 parts and 8 levels; what lies
past that does not exist. Never raises, linear time.

Public: Section, Fields, read_sections, parse_fields, ABOUT_TYPES.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from posthouse.mail.content_type import parse_content_type
from posthouse.mail.html_text import text_of_html
from posthouse.mail.words import codec_of, decode_words

BYTES_MAX = 1 << 20
PARTS_MAX = 100
DEPTH_MAX = 8
FIELDS_MAX = 500
_VALUE_MAX = 8_192
_HTML_MAX = 200_000

ABOUT_TYPES = frozenset(
    {
        "message/rfc822",
        "message/global",
        "message/rfc822-headers",
        "message/global-headers",
        "message/news",
        "message/partial",
        "text/rfc822-headers",
        "text/rfc822-header",
        "text/rfc822",
    }
)
_match_field = re.compile(rb"([!-9;-~]{1,100}+)[ \t]*+:").match
_boundary_of = re.compile(rb"boundary[ \t]*=[ \t]*\"?([^\";\r\n]{1,200})", re.IGNORECASE).search
_guessed_boundary = re.compile(
    rb"^--([^\s-][^\n]{1,120}|-[^\n]{1,120})\n(?:content-[a-z-]+[ \t]*:|\n)", re.IGNORECASE | re.MULTILINE
)
_soft_breaks = re.compile(rb"=[ \t]*\n").sub
_escapes = re.compile(rb"=([0-9A-Fa-f]{2})").sub
_not_base64 = re.compile(rb"[^A-Za-z0-9+/]+").sub


@dataclass(frozen=True, slots=True)
class Fields:
    """Header fields in order: names in lower case, values decoded on one line."""

    items: tuple[tuple[str, str], ...] = ()

    def first(self, name: str) -> str:
        """The topmost value of that name, or ""."""
        return next((value for each, value in self.items if each == name), "")

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.items if each == name]

    def __contains__(self, name: str) -> bool:
        return any(each == name for each, _ in self.items)


@dataclass(frozen=True, slots=True)
class Section:
    """`type` in lower case, `fields` the part's own; `text` its decoded body with LF line ends (of a letter
    in the letter: all of it), `octets` the same with its character set left as it is."""

    type: str
    fields: Fields
    text: str
    octets: bytes


def read_sections(raw: bytes) -> tuple[Fields, list[Section]]:
    """The letter's own fields, and its leaves in order."""
    octets = raw[:BYTES_MAX].replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\0", b"")
    fields, types, body = _opened(octets.lstrip(), is_letter=True)
    found: list[Section] = []
    _walk(fields, types, body, found, 0)
    return fields, found


def parse_fields(octets: bytes) -> tuple[Fields, bytes]:
    """The header at the start of `octets` (LF line ends), and what follows it."""
    fields, _, body = _opened(octets.lstrip(b"\n"), is_letter=True)
    return fields, body


def _walk(fields: Fields, types: bytes, body: bytes, found: list[Section], depth: int) -> None:
    kind, parameters = parse_content_type(types) if types else ("text/plain", {})
    kind = kind or _word_of(types)
    if kind.startswith("multipart/") and depth < DEPTH_MAX:
        pieces = list(_pieces(body, _boundary(types, parameters, body)))
        for octets in pieces:
            if len(found) >= PARTS_MAX:
                return
            _walk(*_opened(octets), found, depth + 1)
        if pieces:
            return
        kind = "text/plain"
    if len(found) < PARTS_MAX:
        octets = _decoded(body, fields.first("content-transfer-encoding"))
        found.append(Section(kind, fields, _text(octets, kind, parameters.get("charset", "")), octets))


def _opened(octets: bytes, is_letter: bool = False) -> tuple[Fields, bytes, bytes]:
    """(fields, the raw value of Content-Type, body) of a letter or a part."""
    items: list[tuple[str, str]] = []
    types = b""
    at = 0
    if is_letter and octets.startswith((b"From ", b">From ")):
        at = octets.find(b"\n") + 1
    while len(items) < FIELDS_MAX:
        match = _match_field(octets, at)
        if match is None:
            break
        end = octets.find(b"\n", at)
        while end >= 0 and octets[end + 1 : end + 2] in (b" ", b"\t"):
            line_end = octets.find(b"\n", end + 1)
            if not octets[end + 1 : line_end if line_end >= 0 else None].strip():
                break
            end = line_end
        value = octets[match.end() : end if end >= 0 else None][:_VALUE_MAX]
        name = match[1].decode("latin-1").lower()
        if name == "content-type" and not types:
            types = value.replace(b"\n", b" ").strip() or b"text/plain"
        items.append((name, decode_words(value)))
        at = end + 1 if end >= 0 else len(octets)
    if octets.startswith(b"\n", at):
        at += 1
    return Fields(tuple(items)), types, octets[at:]


def _word_of(types: bytes) -> str:
    """The type of a field that is malformed behind it."""
    return types.split(b";")[0].strip().decode("latin-1").lower().replace(" ", "")


def _boundary(types: bytes, parameters: dict[str, str], body: bytes) -> bytes:
    """As declared; if no line of the body is one, the first line that looks like one."""
    boundary = parameters.get("boundary", "").rstrip().encode("latin-1", "replace")
    if not boundary:
        match = _boundary_of(types)
        boundary = match[1].strip() if match else b""
    if boundary and (body.startswith(b"--" + boundary) or b"\n--" + boundary in body):
        return boundary
    guess = _guessed_boundary.search(body)
    return guess[1].rstrip() if guess else b""


def _pieces(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """What lies between the delimiter lines; a last one may lack its end."""
    if not boundary:
        return
    mark = b"\n--" + boundary
    text = b"\n" + body
    at = text.find(mark)
    while at >= 0:
        line_end = text.find(b"\n", at + len(mark))
        rest = text[at + len(mark) : line_end if line_end >= 0 else None].strip()
        if line_end < 0 or rest == b"--":
            return
        next_at = text.find(mark, line_end)
        if not rest:
            yield text[line_end + 1 : next_at if next_at >= 0 else None]
        at = next_at


def _decoded(body: bytes, encoding: str) -> bytes:
    word = encoding.strip().lower()
    if word.startswith("quoted"):
        return _escapes(lambda match: bytes((int(match[1], 16),)), _soft_breaks(b"", body))
    if word.startswith("base64"):
        letters = _not_base64(b"", body.partition(b"\n\n--")[0])
        letters = letters[: len(letters) - (len(letters) % 4 == 1)]
        try:
            octets = binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
        except ValueError:
            return body
        return octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return body


def _text(octets: bytes, kind: str, charset: str) -> str:
    codec = codec_of(charset.strip().strip("'\"").lower())
    if not codec and b"\x1b$B" in octets:
        codec = "iso2022_jp"  # undeclared, as old Japanese hosts write
    text = _characters(octets, codec)
    return text_of_html(text[:_HTML_MAX]) if kind == "text/html" else text


def _characters(octets: bytes, codec: str) -> str:
    names = [codec] if codec and codec != "ascii" else []
    for name in (*names, "utf-8"):
        try:
            return octets.decode(name)
        except UnicodeDecodeError:
            continue
    return octets.decode(codec or "latin-1", "replace") if codec != "ascii" else octets.decode("latin-1")
