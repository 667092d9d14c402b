"""From the octets of an `X-SMTPAPI` field to one JSON object, repairing what mail programs did to it.

Readings are tried in this order until one is a JSON object (our decision; the service documents only the
first and leaves its customers with the rest):

1. unfolded as RFC 5322 2.2.3 says: the line break goes, its white space stays;
2. line break and white space both go: a relay cut a long line inside a token;
3. RFC 2047 encoded words decoded, then 1 and 2;
4. raw 8-bit octets read as UTF-8, else as Latin-1, then 1 and 2.

Three refinements. A field with encoded words is tried decoded first: inside a JSON string the coded form is
valid JSON too, but not what its author wrote. A reading in which white space splits an address or a key is
taken only if no other reading is whole. And where all lines have the length at which relays cut, 2 goes
before 1.

Public: Reading, Malformed, read_object, MAX_CHARS, MAX_DEPTH.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from posthouse.dialects.depth import is_too_deep
from posthouse.dialects.sendgrid.coded import decoded, has_words
from posthouse.dialects.sendgrid.values import mapped_strings

MAX_CHARS = 4 << 20
MAX_DEPTH = 64
_CUT_LENGTHS = (990, 998)  # octets of a line, as sendmail and Postfix cut

_CUT_INSIDE = re.compile(rb"\r?\n[ \t](?=[\x80-\xbf])")
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_FOLD_AND_ONE = re.compile(r"\r?\n[ \t]")
_FOLD_AND_ALL = re.compile(r"\r?\n[ \t]+")
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
_SPACE = re.compile(r"[ \t\r\n]")
_UNSHOWABLE = re.compile(r"[^\x20-\x7e\xa1-\ud7ff\ue000-\ufffd]")

RULES = {
    1: "unfolded",
    2: "line breaks inside of tokens removed with their white space",
    3: "encoded words decoded",
    4: "raw 8-bit octets decoded",
}
# Python's words for what is wrong, in ours.
_TROUBLES = {
    "Expecting value": "a value is missing",
    "Expecting property name enclosed in double quotes": "a key in double quotes is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing",
    "Unterminated string starting at": "a string is not closed that begins",
    "Extra data": "something follows the end of the object",
    "Invalid \\escape": "a backslash stands before a character that it cannot escape",
    "Invalid \\uXXXX escape": "a \\u escape has not four hexadecimal digits",
    "Illegal trailing comma before end of object": "a comma stands before a closing bracket",
    "Illegal trailing comma before end of array": "a comma stands before a closing bracket",
}


class Malformed(ValueError):
    """No reading is a JSON object; the text says what is wrong, and where."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The object, and which rules made it readable, in the order of their use."""

    value: dict[str, Any]
    rules: tuple[int, ...]

    @property
    def effect(self) -> str:
        return "read by " + ", ".join(f"rule {number} ({RULES[number]})" for number in self.rules)


def read_object(raw: bytes, title: str = "X-SMTPAPI") -> Reading:
    """`raw`: the octets behind the colon with their folding. `title` counts for columns. Raises Malformed."""
    if len(raw) > MAX_CHARS:
        raise Malformed("it is longer than 4 MiB")
    best: Reading | None = None
    fewest = 0
    tried: set[str] = set()
    for rules, text in _candidates(raw, title):
        if text in tried:
            continue
        tried.add(text)
        value = _object(text)
        if value is None:
            continue
        splits = _splits(value)
        if not splits:
            return _finished(value, text, rules)
        if best is None or splits < fewest:
            best, fewest = _finished(value, text, rules), splits
    if best is not None:
        return best
    raise Malformed(_trouble(decoded(raw) if has_words(raw) else _as_text(raw), len(title) + 1))


def _candidates(raw: bytes, title: str) -> Iterator[tuple[tuple[int, ...], str]]:
    cut_first = _is_cut(raw, len(title) + 1)
    if has_words(raw):
        for rule, text in _unfoldings(decoded(raw), False):
            yield (3, rule), text
    before = () if raw.isascii() else (4,)
    for rule, text in _unfoldings(_as_text(raw), cut_first):
        yield (*before, rule), text


def _unfoldings(text: str, cut_first: bool) -> list[tuple[int, str]]:
    text = text.removesuffix("\n").removesuffix("\r").lstrip("\ufeff")
    if "\n" not in text:
        return [(1, text)]
    # a relay adds one space; whoever wraps by program may add more
    found = [(1, _FOLD.sub("", text)), (2, _FOLD_AND_ONE.sub("", text)), (2, _FOLD_AND_ALL.sub("", text))]
    return [found[1], found[0], found[2]] if cut_first else found


def _is_cut(raw: bytes, before: int) -> bool:
    """All lines but the last are as long as relays make them. `before`: octets of the name and its colon."""
    lengths = [len(line.rstrip(b"\r")) for line in raw.rstrip(b"\r\n").split(b"\n")[:-1]]
    if not lengths:
        return False
    if raw[: lengths[0]].strip():
        lengths[0] += before
    else:
        del lengths[0]  # the value begins on the second line
    if not lengths or lengths[0] not in _CUT_LENGTHS:
        return False
    return all(length - lengths[0] in (0, 1) for length in lengths)  # the space that the cut added


def _as_text(raw: bytes) -> str:
    """Octets as UTF-8, else Latin-1. A relay that cuts at a column may cut inside a character."""
    for octets in (raw, _CUT_INSIDE.sub(b"", raw)):
        with contextlib.suppress(UnicodeDecodeError):
            return octets.decode("utf-8")
    return raw.decode("latin-1")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (math.inf, -math.inf):
        raise ValueError("a number is too large")
    return number


def _integer(text: str) -> int | str:
    """Past 64 bits it is a name made of digits: as text it keeps all of them."""
    return int(text) if len(text) < 19 else text


# Not strict: a tab that folding left inside a string is white space like another.
_load = json.JSONDecoder(
    strict=False, parse_constant=_no_constant, parse_float=_finite, parse_int=_integer
).decode


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = _load(text)
    except (ValueError, RecursionError):
        return None
    if value == []:
        return {}  # PHP's json_encode of an empty array
    if not isinstance(value, dict) or is_too_deep(value, MAX_DEPTH + 1):
        return None
    return mapped_strings(value, _whole_characters) if _HALF_PAIR.search(text) else value


def _finished(value: dict[str, Any], text: str, rules: tuple[int, ...]) -> Reading:
    """Encoded words that stand inside of strings, for example in a display name, are decoded there."""
    if 3 in rules or "=?" not in text:
        return Reading(value, rules)
    return Reading(mapped_strings(value, _decoded_text), rules)


def _decoded_text(text: str) -> str:
    return decoded(text.encode()) if "=?" in text else text


def _whole_characters(text: str) -> str:
    """A half of a surrogate pair cannot be written in UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _splits(value: dict[str, Any]) -> int:
    """How many addresses and keys hold white space that a cut may have put there."""
    filters = value.get("filters")
    names = [*value, *(filters if isinstance(filters, dict) else ())]
    to = value.get("to")
    entries = to if isinstance(to, list) else [to]
    return sum(bool(_SPACE.search(name)) for name in names) + sum(
        isinstance(entry, str) and _is_split(entry) for entry in entries
    )


def _is_split(entry: str) -> bool:
    entry = entry.strip()
    if entry.endswith(">"):
        entry = entry[entry.rfind("<") + 1 : -1].strip()
    return "@" in entry and bool(_SPACE.search(entry))


def _trouble(text: str, before: int) -> str:
    """What is wrong, with line and column of the field as it was sent, its name counted."""
    try:
        _load(text)
    except json.JSONDecodeError as error:
        what = _TROUBLES.get(error.msg, "the JSON is not valid")
        column = error.colno + (before if error.lineno == 1 else 0)
        around = text[max(error.pos - 20, 0) : error.pos + 20]
        shown = _UNSHOWABLE.sub(" ", around.replace("\r", "").replace("\n", ""))
        return f"{what} at line {error.lineno}, column {column}: {shown.strip()}"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError:
        return "a number is none of JSON's, or too large"
    return "it is not a JSON object, or one nested too deeply"
