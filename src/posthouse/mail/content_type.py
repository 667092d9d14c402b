"""The values of Content-Type and Content-Disposition (RFC 2045 5.1, RFC 2183) with comments, quoted strings
and the charset and continuation forms of RFC 2231.

Lenient where every mail program is (missing or doubled semicolons, unquoted `=` in a boundary), strict where
two programs could read two different things: the result is ("", {}) then, and the caller leaves the part
alone.

Public names: parse_content_type, parameters.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from posthouse.mail.letter import unfolded

VALUE_BYTES_MAX = 65_536
_PARAMETERS_MAX = 200
_DECIDING = frozenset({"boundary", "charset"})  # two readings of these would be two different letters

_TCHAR = r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]"
_match_type = re.compile(rf"({_TCHAR}++)[ \t]*+/[ \t]*+({_TCHAR}++)").match
_match_word = re.compile(rf"{_TCHAR}++").match
_match_name = re.compile(rf"({_TCHAR}++)[ \t]*+=").match
_match_quoted = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*)"', re.DOTALL).match
_match_plain = re.compile(r"[^;( \t\r\n\"][^;( \t\r\n]*+").match
_match_blanks = re.compile(r"[ \t\r\n]*+").match
_comment_marks = re.compile(r"[()]|\\.", re.DOTALL).finditer
_unquote = re.compile(r"\\(.)", re.DOTALL).sub


def parse_content_type(value: bytes) -> tuple[str, dict[str, str]]:
    """`text/HTML; charset="x"` -> ("text/html", {"charset": "x"}): type and names in lower case.

    ("", {}) when it is malformed, over 64 KiB, or names two boundaries or two charsets.
    """
    text = unfolded(value[: VALUE_BYTES_MAX + 1]).decode("latin-1")
    match = _match_type(text, _skipped(text, 0))
    if match is None or len(value) > VALUE_BYTES_MAX:
        return "", {}
    pairs = _pairs(text, match.end())
    merged = None if pairs is None else _merged(pairs)
    return ("", {}) if merged is None else (f"{match[1]}/{match[2]}".lower(), merged)


def parameters(value: bytes) -> tuple[str, frozenset[str]]:
    """`attachment; filename*0=a` -> ("attachment", {"filename"}): the word and which parameters there are.

    A value that cannot be read has the word "": the caller takes that for an unknown disposition.
    """
    text = unfolded(value[:VALUE_BYTES_MAX]).decode("latin-1")
    match = _match_word(text, _skipped(text, 0))
    pairs = _pairs(text, match.end()) if match else None
    if match is None or pairs is None:
        return "", frozenset()
    return match[0].lower(), frozenset(name.partition("*")[0] for name, _ in pairs)


def _pairs(text: str, at: int) -> list[tuple[str, str]] | None:
    """The (name, value) pairs from offset `at` on, names in lower case; None for an open quotation."""
    pairs: list[tuple[str, str]] = []
    while (at := _skipped(text, at)) < len(text):
        name = _match_name(text, at)
        if text[at] == ";" or name is None:
            after = text.find(";", at)  # what is no parameter is stepped over
            at = after + 1 if after >= 0 else len(text)
            continue
        at = _skipped(text, name.end())
        if text.startswith('"', at):
            value = _match_quoted(text, at)
            if value is None:
                return None
            pairs.append((name[1].lower(), _unquote(r"\1", value[1])))
        elif value := _match_plain(text, at):
            pairs.append((name[1].lower(), value[0]))
        at = value.end() if value else at
        if len(pairs) > _PARAMETERS_MAX:
            return None
    return pairs


def _skipped(text: str, at: int) -> int:
    """The offset behind blanks and comments (RFC 5322 3.2.2, nested)."""
    while True:
        at = _match_blanks(text, at).end()  # type: ignore[union-attr]  # it matches nothing too
        if not text.startswith("(", at):
            return at
        at = _after_comment(text, at)


def _after_comment(text: str, at: int) -> int:
    depth = 0
    for mark in _comment_marks(text, at):
        depth += (mark[0] == "(") - (mark[0] == ")")
        if depth == 0:
            return mark.end()
    return len(text)


def _merged(pairs: list[tuple[str, str]]) -> dict[str, str] | None:
    """One value a name, RFC 2231's pieces joined; None for two deciding values that differ."""
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, value in pairs:
        base, star, place = name.partition("*")
        number = place.removesuffix("*") or "0"
        if not star:
            if _is_contradiction(base, plain.get(base, value), value):
                return None
            plain.setdefault(base, value)
        elif number.isascii() and number.isdecimal() and len(number) < 4:
            is_encoded = not place or place.endswith("*")
            pieces.setdefault(base, {}).setdefault(int(number), (value, is_encoded))
    for base, found in pieces.items():
        value = _joined(found)
        if _is_contradiction(base, plain.get(base, value), value):
            return None
        plain[base] = value
    return plain


def _is_contradiction(name: str, one: str, other: str) -> bool:
    if name == "charset":
        return one.lower() != other.lower()
    return name in _DECIDING and one != other


def _joined(pieces: dict[int, tuple[str, bool]]) -> str:
    """The pieces 0, 1, 2, … up to the first gap; an encoded first piece carries charset'language'."""
    octets = b""
    charset = "latin-1"
    for number in range(len(pieces)):
        if number not in pieces:
            break
        text, is_encoded = pieces[number]
        if is_encoded and number == 0 and text.count("'") >= 2:
            named, _, text = text.split("'", 2)
            charset = "utf-8" if named.lower() in ("utf-8", "utf8") else "latin-1"
        raw = text.encode("latin-1")
        octets += unquote_to_bytes(raw) if is_encoded else raw
    return octets.decode(charset, "replace")
