"""Which fields of a letter are option headers, and whose.

Only the top-level header block is looked at, never those of attached messages.

Public: Prefixes, header_of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from posthouse.dialects.dialect import Dialect, Header
from posthouse.mail.letter import Field, Letter


class Prefixes:
    """The beginnings of the header names that some dialect understands."""

    def __init__(self, dialects: Mapping[str, Dialect]) -> None:
        self._owners = [
            (prefix, dialect.name) for dialect in dialects.values() for prefix in dialect.prefixes
        ]
        self._all = tuple(prefix.encode("ascii") for prefix, _ in self._owners)

    def headers_in(self, letter: Letter) -> list[Header]:
        """The letter's option headers, from the top; most letters have none, so this is quick to see."""
        starts = self._all
        return [header_of(letter, field) for field in letter.fields if field.name.startswith(starts)]

    def by_dialect(self, headers: Iterable[Header]) -> dict[str, list[Header]]:
        """Headers by the name of their dialect; dialects in the order of their first header."""
        found: dict[str, list[Header]] = {}
        for header in headers:
            for prefix, name in self._owners:
                if header.name.startswith(prefix):
                    found.setdefault(name, []).append(header)
                    break
        return found


def header_of(letter: Letter, field: Field) -> Header:
    """A field of the letter as a `Header`; the line end behind it is not part of `raw`."""
    colon = letter.raw.index(b":", field.start)
    title = letter.raw[field.start : colon].rstrip(b" \t").decode("ascii")
    return Header(title.lower(), title, letter.raw[colon + 1 : field.end].removesuffix(b"\r\n"))
