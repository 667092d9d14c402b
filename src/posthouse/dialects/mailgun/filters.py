"""Filter expressions of Mailgun's event calls: `failed OR rejected`, `news AND NOT beta`, `"exact phrase"`,
`>1000 <2000` (documented until 2024, still sent by programs).

Words side by side must all be there. Operators are words in capitals, NOT binds closest, then AND, then OR.

Public: Filter, parse_filter, number_holds, BadFilter, MOST_CHARS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MOST_CHARS = 2_000
_MOST_DEPTH = 40
_TOKEN = re.compile(r'\s*(?:([()])|"([^"]*)"|([^\s()"]+))')
_NUMBER = re.compile(r"([<>])=?(\d{1,15}(?:\.\d{1,6})?)\Z")

Matches = Callable[[str], bool]
"""Does the field hold this text (lower case)? For numbers the text is as written (`>10`)."""


class BadFilter(ValueError):
    """The expression cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`verb`: "term" (with `text`, lower case), "and", "or" (with `parts`), "not" (with one part)."""

    verb: str
    text: str = ""
    parts: tuple[Filter, ...] = ()

    def holds(self, matches: Matches) -> bool:
        if self.verb == "term":
            return matches(self.text)
        if self.verb == "not":
            return not self.parts[0].holds(matches)
        return (all if self.verb == "and" else any)(part.holds(matches) for part in self.parts)

    @property
    def required(self) -> tuple[str, ...] | None:
        """The terms, where all of them and nothing else is asked for; None for any other expression."""
        if self.verb == "term":
            return (self.text,)
        if self.verb == "and" and all(part.verb == "term" for part in self.parts):
            return tuple(part.text for part in self.parts)
        return None


def parse_filter(text: str) -> Filter:
    """Raises BadFilter."""
    if len(text) > MOST_CHARS:
        raise BadFilter(f"the filter is longer than {MOST_CHARS} characters")
    return _Parser(_tokens(text)).whole()


def number_holds(term: str, value: float) -> bool:
    """`>10`, `<10`, `10`."""
    match = _NUMBER.match(term)
    if match is None:
        return term.isdigit() and len(term) < 16 and value == int(term)
    return value > float(match[2]) if match[1] == ">" else value < float(match[2])


def _tokens(text: str) -> list[tuple[str, str]]:
    """(kind, text): kinds are "(", ")", "AND", "OR", "NOT" and "term"."""
    found: list[tuple[str, str]] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadFilter("a quotation mark is not closed")
        at = match.end()
        if match[1]:
            found.append((match[1], ""))
        elif match[3] in ("AND", "OR", "NOT"):
            found.append((match[3], ""))
        else:
            found.append(("term", (match[3] if match[3] is not None else match[2]).lower()))
    if not found:
        raise BadFilter("the filter is empty")
    return found


class _Parser:
    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Filter:
        found = self._any()
        if self._kind:
            raise BadFilter("a bracket is closed that was not opened")
        return found

    @property
    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _any(self) -> Filter:
        parts = [self._all()]
        while self._kind == "OR":
            self._at += 1
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Filter("or", parts=tuple(parts))

    def _all(self) -> Filter:
        parts = [self._one()]
        while self._kind in ("AND", "NOT", "term", "("):
            if self._kind == "AND":
                self._at += 1
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Filter("and", parts=tuple(parts))

    def _one(self) -> Filter:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise BadFilter("the filter is nested too deeply")
        kind = self._kind
        self._at += 1
        if kind == "term":
            found = Filter("term", self._tokens[self._at - 1][1])
        elif kind == "NOT":
            found = Filter("not", parts=(self._one(),))
        elif kind == "(":
            found = self._any()
            if self._kind != ")":
                raise BadFilter("a bracket is not closed")
            self._at += 1
        else:
            raise BadFilter(f"something is missing {f'before {kind}' if kind else 'at the end'}")
        self._depth -= 1
        return found
