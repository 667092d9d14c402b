"""Literal tags and sections: texts that stand for other texts.

One pass replaces all tags at once from left to right, the longest first, and never looks into what it has
inserted. A text gets one pass of tags, then up to four rounds of sections and tags, so that a value may name
a section and a section may hold tags; a section inside a section stays as it is (satisfies every example that
the service with this syntax has published).

Public: Expansion, TooMuch, literal_pattern.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence

_ROUNDS = 4
_MOST_NESTED = 60  # levels of groups in one expression; the compiler of `re` is recursive
MOST_CHARS = 1 << 20  # of one text while it grows

_Piece = tuple[str, bool]  # text, and whether a section brought it


class TooMuch(Exception):
    """A text grew, or all of them together cost, more than anybody means."""


class Expansion:
    """The tags and sections of one message. Tags must not be empty.

    `most_chars`: of one text while it grows; `most_work`: characters looked at in all calls together, 0 for
    no limit.
    """

    def __init__(
        self,
        tags: Sequence[str],
        sections: Mapping[str, str],
        *,
        most_chars: int = MOST_CHARS,
        most_work: int = 0,
    ) -> None:
        self._tags = tuple(tags)
        self._sections = sections
        self.tag_pattern = literal_pattern(tags)
        self.section_pattern = literal_pattern(sections)
        self._most_chars = most_chars
        self._most_work = most_work
        self._work = 0

    def touches(self, text: str) -> bool:
        """Does any tag or section occur in the text itself?"""
        return any(find and find.search(text) for find in (self.tag_pattern, self.section_pattern))

    def expand(self, text: str, values: Sequence[str]) -> str:
        """`values` belong to the tags, in their order, missing ones are ""; without any values only sections
        are replaced. Raises TooMuch."""
        by_tag = dict(itertools.zip_longest(self._tags, values[: len(self._tags)], fillvalue=""))
        find_tag = self.tag_pattern if values else None
        pieces, _ = self._pass([(text, False)], find_tag, by_tag, False)
        for _ in range(_ROUNDS):
            pieces, with_section = self._pass(pieces, self.section_pattern, self._sections, True)
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
        changed = False
        for piece in pieces:
            self._work += len(piece[0])
            new = [piece] if is_section and piece[1] else self._replaced(piece, find, texts, is_section)
            changed = changed or new[0] is not piece
            done += new
        if (self._most_work and self._work > self._most_work) or (
            sum([len(text) for text, _ in done]) > self._most_chars
        ):
            raise TooMuch
        return _joined(done), changed

    def _replaced(
        self, piece: _Piece, find: re.Pattern[str], texts: Mapping[str, str], is_section: bool
    ) -> list[_Piece]:
        text, mark = piece
        done: list[_Piece] = []
        at, size = 0, 0
        for match in find.finditer(text):
            inserted = texts[match[0]]
            size += len(inserted)
            if size > self._most_chars:
                raise TooMuch
            done += ((text[at : match.start()], mark), (inserted, is_section))
            at = match.end()
        return [*done, (text[at:], mark)] if done else [piece]


def literal_pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    """Finds the longest of `words` at each place; None if there are none. Common beginnings are matched once:
    thousands of words that begin alike do not make the search slow."""
    found = sorted(set(filter(None, words)))
    return re.compile(_alternatives(found, 0)) if found else None


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """Neighbours of one kind become one text again, so that a tag is found across their seam."""
    if len(pieces) == 1:
        return pieces
    return [
        ("".join([text for text, _ in group]), mark)
        for mark, group in itertools.groupby(pieces, key=lambda piece: piece[1])
    ]


def _alternatives(words: list[str], depth: int) -> str:
    """`words` sorted, without doubles."""
    if depth >= _MOST_NESTED:
        return f"(?:{'|'.join([re.escape(word) for word in reversed(words)])})"
    common = _common(words[0], words[-1])
    rests = [word[len(common) :] for word in words]
    if rests == [""]:
        return re.escape(common)
    branches = [
        _alternatives(list(group), depth + 1)
        for _, group in itertools.groupby(filter(None, rests), lambda rest: rest[0])
    ]
    shorter = "|" if rests[0] == "" else ""  # the empty branch comes last: longest first
    return f"{re.escape(common)}(?:{'|'.join(branches)}{shorter})"


def _common(first: str, last: str) -> str:
    for at, (a, b) in enumerate(zip(first, last, strict=False)):
        if a != b:
            return first[:at]
    return min(first, last, key=len)
