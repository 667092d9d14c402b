"""JSON values one after the other, from a file or an answer that may be larger than memory.

What stands in arrays at the top, in lines or simply one behind the other comes out value by value; a single
value has at most `MOST_VALUE` characters. Duplicate keys: the last one counts; NaN and Infinity are refused
(RFC 8259 6).

Public: values, parse, BadJson, MOST_VALUE.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

MOST_VALUE = 16 * 1024 * 1024
_STEP = 64 * 1024
_AFTER = frozenset(", \t\r\n]")
_BETWEEN = re.compile(r"[\s,\ufeff]*")


class BadJson(ValueError):
    """The message is a sentence for people."""


def _no_constant(word: str) -> Any:
    raise BadJson(f"{word} is no JSON value")


_decoder = json.JSONDecoder(parse_constant=_no_constant)


def parse(text: str) -> Any:
    """One whole value. Raises BadJson."""
    try:
        return _decoder.decode(text)
    except BadJson:
        raise
    except (ValueError, RecursionError) as error:
        raise BadJson(_why(error)) from None


def values(read: Callable[[int], bytes]) -> Iterator[Any]:
    """`read(most)` gives the next octets, b"" at the end. Raises BadJson where it breaks."""
    text = _Text(read)
    in_array = False
    while first := text.peek():
        if first in "[]" and in_array != (first == "["):
            in_array = first == "["
            text.skip(1)
            continue
        yield text.value()
    if in_array:
        raise BadJson("the array has no end: the file was cut off")


class _Text:
    """What was read and not used yet."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="strict").decode
        self._held, self._at, self._has_ended = "", 0, False

    def peek(self) -> str:
        """The next character that is neither blank nor a comma; "" at the end."""
        while True:
            self._at = _end_of_blanks(self._held, self._at)
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._more():
                return ""

    def skip(self, number: int) -> None:
        self._at += number

    def value(self) -> Any:
        """Raises BadJson."""
        wanted = _STEP
        while True:
            try:
                found, end = _decoder.raw_decode(self._held, self._at)
                # a number may go on in the next piece
                is_whole = isinstance(found, dict | list | str) or self._held[end : end + 1] in _AFTER
                if is_whole or self._has_ended:
                    self._at = end
                    return found
            except BadJson:
                raise
            except (ValueError, RecursionError) as error:
                if self._has_ended or isinstance(error, RecursionError):
                    raise BadJson(_why(error)) from None
            if len(self._held) - self._at > MOST_VALUE:
                raise BadJson(f"a value is longer than {MOST_VALUE:,} characters")
            # twice as much before each new attempt, so that a large value costs no more than twice its size
            wanted = max(wanted, 2 * (len(self._held) - self._at))
            while len(self._held) - self._at < wanted and self._more():
                pass

    def _more(self) -> bool:
        if self._has_ended:
            return False
        octets = self._read(_STEP)
        self._has_ended = not octets
        try:
            fresh = self._decode(octets, not octets)
        except UnicodeDecodeError:
            raise BadJson("it is not in UTF-8") from None
        self._held, self._at = self._held[self._at :] + fresh, 0
        return bool(octets)


def _end_of_blanks(text: str, start: int) -> int:
    found = _BETWEEN.match(text, start)
    return found.end() if found else start


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON: {error.msg[:100]}"
    return "it holds a number that is too large"
