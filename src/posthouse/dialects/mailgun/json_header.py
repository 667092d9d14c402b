"""From the octets of a JSON header to one object, whatever mail programs did to it on its way.

The documentation asks for folding of long values (RFC 5322 2.2.3) and no more; the repairs are our decision.
Tried in this order until one is a JSON object:

1. RFC 2047 encoded words decoded, folds kept as white space, then removed;
2. as it came, the line breaks of folding gone and their white space kept: it is either between tokens or
   stood in a string before;
3. the white space removed as well: a relay cut a long line inside a token.

Octets above 127 are UTF-8, else Latin-1. Encoded words that are left inside strings are decoded there.

Public: object_of, DEPTH_MAX.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from posthouse.dialects.depth import is_too_deep
from posthouse.mail.words import decode_words

DEPTH_MAX = 32
_SLICE_BYTES = 50_000  # decode_words reads 64 KiB at most

_FOLD = re.compile(rb"\r\n[ \t]+")
_WORD = re.compile(rb"=\?[^?\s]{1,60}\?[BbQq]\?")
# An escape of JSON; the group is a half of a surrogate pair without its other half.
_ESCAPE = re.compile(
    r"\\(?:[^u]|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|u)"
)


def object_of(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in the octets behind a field's colon, with their folding; None if there is none.

    Everything in it can be stored: no numbers beyond what JSON programs share, no halves of characters,
    at most `DEPTH_MAX` levels.
    """
    has_words = _WORD.search(raw) is not None
    for text, is_decoded in _readings(raw, has_words):
        value = _object(text)
        if value is not None:
            return _decoded_strings(value) if has_words and not is_decoded else value
    return None


def _readings(raw: bytes, has_words: bool) -> Iterator[tuple[str, bool]]:
    removed = _FOLD.sub(b"", raw)
    if has_words:
        yield _decoded(raw), True
        yield _decoded(removed), True
    yield _text(raw.replace(b"\r\n", b"")), False
    if len(removed) < len(raw):
        yield _text(removed), False


def _text(octets: bytes) -> str:
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        text = octets.decode("latin-1")
    # a tab can only have come from folding: JSON writes it as \t inside strings
    return text.replace("\t", " ").strip().removeprefix("\ufeff")


def _decoded(raw: bytes) -> str:
    """`decode_words` slice by slice, cut between lines."""
    text = ""
    before = b""
    for piece in _sliced(raw.split(b"\r\n")):
        # RFC 2047 6.2: white space between neighbouring words is none of the text
        is_between = before.endswith(b"?=") and piece.lstrip().startswith(b"=?")
        text += decode_words(piece) if is_between else f" {decode_words(piece)}"
        before = piece.rstrip()
    return text.strip()


def _sliced(lines: list[bytes]) -> Iterator[bytes]:
    gathered: list[bytes] = []
    size = 0
    for line in lines:
        if gathered and size + len(line) > _SLICE_BYTES:
            yield b"\r\n".join(gathered)
            gathered, size = [], 0
        gathered.append(line)
        size += len(line)
    yield b"\r\n".join(gathered)


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(_whole_characters(text))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and not is_too_deep(value, DEPTH_MAX) else None


def _whole_characters(text: str) -> str:
    """Programs that shorten names may cut a character in two (`\\ud83d` alone)."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return _ESCAPE.sub(lambda match: "\\ufffd" if match[1] else match[0], text)


def _decoded_strings(value: Any) -> Any:
    if isinstance(value, str):
        return decode_words(value.encode()) if "=?" in value else value
    if isinstance(value, dict):
        return {_decoded_strings(key): _decoded_strings(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decoded_strings(item) for item in value]
    return value
