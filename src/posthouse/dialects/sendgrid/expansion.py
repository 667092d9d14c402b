"""Substitution tags and section tags: literal texts that stand for other texts.

One pass replaces all tags at once from left to right, the longest first, and never looks into what it has
inserted. A text gets one pass of substitutions, then up to four rounds of sections and substitutions, so
that a value may name a section and a section may hold tags; a section inside a section stays as it is
(satisfies every example that the service has published).

Public: Expansion, TooMuch.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

_ROUNDS = 4
MOST_CHARS = 20_000  # of one text while it grows
MOST_WORK = 32 << 20  # characters looked at for all recipients of a message

_Piece = tuple[str, bool]  # text, and whether a section brought it


class TooMuch(Exception):
    """A text grew, or all of them together cost, more than anybody means."""


class Expansion:
    """The tags and sections of one message. Tags must not be empty."""

    def __init__(self, tags: Sequence[str], sections: Mapping[str, str]) -> None:
        self._tags = tuple(tags)
        self._sections = sections
        self._find_tag = _pattern(tags)
        self._find_section = _pattern(sections)
        self._work = 0

    def touches(self, text: str) -> bool:
        """Does any tag or section occur in the text itself?"""
        return any(find and find.search(text) for find in (self._find_tag, self._find_section))

    def expand(self, text: str, values: Sequence[str]) -> str:
        """`values` belong to the tags, in their order; without values only sections are replaced.
        Raises TooMuch."""
        by_tag = dict(zip(self._tags, values, strict=False))
        find_tag = self._find_tag if values else None
        pieces, _ = self._pass([(text, False)], find_tag, by_tag, False)
        for _ in range(_ROUNDS):
            pieces, with_section = self._pass(pieces, self._find_section, self._sections, True)
            pieces, with_tag = self._pass(pieces, find_tag, by_tag, False)
            if not with_section and not with_tag:
                break
        return "".join([piece for piece, _ in pieces])

    def _pass(
        self, pieces: list[_Piece], find: re.Pattern[str] | None, texts: Mapping[str, str], is_section: bool
    ) -> tuple[list[_Piece], bool]:
        """One replacement everywhere, of sections only outside of sections; and whether there was any."""
        if find is None:
            return pieces, False
        done: list[_Piece] = []
        for piece in pieces:
            self._work += len(piece[0])
            if is_section and piece[1]:
                done.append(piece)
            else:
                done += _replaced(piece, find, texts, is_section)
        if self._work > MOST_WORK or sum([len(text) for text, _ in done]) > MOST_CHARS:
            raise TooMuch
        changed = len(done) != len(pieces) or any(a is not b for a, b in zip(done, pieces, strict=True))
        return _joined(done), changed


def _replaced(
    piece: _Piece, find: re.Pattern[str], texts: Mapping[str, str], is_section: bool
) -> list[_Piece]:
    text, mark = piece
    done: list[_Piece] = []
    at, size = 0, 0
    for match in find.finditer(text):
        inserted = texts[match[0]]
        size += len(inserted)
        if size > MOST_CHARS:
            raise TooMuch
        done += ((text[at : match.start()], mark), (inserted, is_section))
        at = match.end()
    return [*done, (text[at:], mark)] if done else [piece]


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """Neighbours of one kind become one text again, so that a tag is found across their seam."""
    if len(pieces) == 1:
        return pieces
    return [
        ("".join([text for text, _ in group]), mark)
        for mark, group in itertools.groupby(pieces, key=lambda piece: piece[1])
    ]


def _pattern(tags: Sequence[str] | Mapping[str, str]) -> re.Pattern[str] | None:
    """Finds the longest tag at each place. Common beginnings are matched once: thousands of tags that begin
    alike do not make the search slow."""
    return re.compile(_alternatives(sorted(set(tags)))) if tags else None


def _alternatives(words: list[str]) -> str:
    """`words` sorted, without doubles."""
    common = _common(words[0], words[-1])
    rests = [word[len(common) :] for word in words]
    if rests == [""]:
        return re.escape(common)
    branches = [
        _alternatives(list(group))
        for _, group in itertools.groupby(filter(None, rests), lambda rest: rest[0])
    ]
    shorter = ["|"] if rests[0] == "" else []  # the empty branch comes last: longest first
    return f"{re.escape(common)}(?:{'|'.join(branches)}{''.join(shorter)})"


def _common(first: str, last: str) -> str:
    for at, (a, b) in enumerate(zip(first, last, strict=False)):
        if a != b:
            return first[:at]
    return min(first, last, key=len)
