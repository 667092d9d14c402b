"""The words of a query of SendGrid's activity calls: names, signs, texts and numbers (sendgrid.md 3.13).

Public: Word, read_words, BadQuery, LONGEST_QUERY.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST_QUERY = 4_000  # characters
_MOST_WORDS = 800
_WORD = re.compile(
    r"""\s*(?:
      (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<number>-?[0-9]{1,15}(?:\.[0-9]{1,6})?(?![\w.]))
    | (?P<name>[A-Za-z_][A-Za-z0-9_.]*)
    | (?P<sign><=|>=|!=|<>|[=<>(),\[\]])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class BadQuery(ValueError):
    """What is wrong, for the customer."""


class Word(NamedTuple):
    """`kind`: text, number, name or sign; `written`: a text without its quotes."""

    kind: str
    written: str

    def says(self, *words: str) -> bool:
        """Is it this sign, or this name in any case?"""
        return self.kind in ("name", "sign") and self.written.upper() in words


END = Word("sign", "")


def read_words(query: str) -> list[Word]:
    """Raises BadQuery."""
    if len(query) > LONGEST_QUERY:
        raise BadQuery(f"invalid syntax: a query has at most {LONGEST_QUERY} characters")
    query = query.rstrip()
    found: list[Word] = []
    place = 0
    while place < len(query):
        match = _WORD.match(query, place)
        if match is None:
            raise BadQuery(f"invalid syntax: cannot read {query[place:].lstrip()[:20]!r}")
        if len(found) == _MOST_WORDS:
            raise BadQuery(f"invalid syntax: a query has at most {_MOST_WORDS} words")
        kind, written = str(match.lastgroup), match[str(match.lastgroup)]
        found.append(Word(kind, _ESCAPE.sub(r"\1", written[1:-1]) if kind == "text" else written))
        place = match.end()
    return found
