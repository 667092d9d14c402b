"""A letter as people look at it: its fields, its HTML and text, where it leads, its parts.

For looking only; every text of it was written by strangers, and each has a limit.

Public: SeenLetter, see_letter, Words, cut_text, links_of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from posthouse.mail.html import scan, unescaped
from posthouse.mail.html_text import text_of_html
from posthouse.mail.leaves import Leaf, first_text, leaves_of
from posthouse.mail.letter import BadLetter, parse
from posthouse.mail.shown_html import PICTURE_TYPES, ShownHtml, shown_html
from posthouse.mail.words import decode_words

HTML_MAX = 2_000_000  # characters
TEXT_MAX = 200_000
FIELDS_MAX = 300
VALUE_MAX = 2000
LINKS_MAX = 300


@dataclass(frozen=True, slots=True)
class Words:
    """A text that may be too long to show whole: `left_out` of its characters are missing."""

    text: str
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class SeenLetter:
    """`leaves`: all its parts; `html` and `plain`: the texts that are shown, None for none. `trouble`: why it
    could not be taken apart, "" when it could."""

    raw: bytes
    leaves: Sequence[Leaf] = ()
    html: str | None = None
    plain: str | None = None
    trouble: str = ""

    def fields(self) -> list[tuple[str, Words]]:
        """Name and readable value of the header's first fields."""
        try:
            letter = parse(self.raw)
        except BadLetter:
            return []
        found = []
        for each in letter.fields[:FIELDS_MAX]:
            name = letter.raw[each.start : each.end].partition(b":")[0].decode("latin-1").strip()
            found.append((name[:200], cut_text(decode_words(letter.value(each)), VALUE_MAX)))
        return found

    def text(self) -> Words:
        """Its plain text; of a letter that has none, its HTML as text."""
        if self.plain is not None:
            return cut_text(self.plain)
        return cut_text(text_of_html((self.html or "")[:HTML_MAX]))

    def page(self, *, is_dark: bool = False, has_images: bool = False) -> ShownHtml:
        """Its HTML as a page that may be shown, as far as `HTML_MAX`; as in `shown_html`."""
        pictures = {
            leaf.content_id: (leaf.type, leaf.content)
            for leaf in self.leaves
            if leaf.content_id and leaf.type in PICTURE_TYPES
        }
        return shown_html((self.html or "")[:HTML_MAX], pictures, is_dark=is_dark, has_images=has_images)


def see_letter(raw: bytes) -> SeenLetter:
    """Any octets -> what is to be seen of them. Never raises; slow for a large letter."""
    try:
        leaves = leaves_of(raw)
    except BadLetter as error:
        return SeenLetter(raw, trouble=str(error))
    return SeenLetter(raw, leaves, first_text(leaves, "text/html"), first_text(leaves, "text/plain"))


def cut_text(text: str, most: int = TEXT_MAX) -> Words:
    return Words(text[:most], max(0, len(text) - most))


def links_of(html: str) -> list[str]:
    """Where an HTML text leads, in order, once each."""
    found = [unescaped(html[href.start : href.end]).strip() for href in scan(html).hrefs]
    return list(dict.fromkeys(link for link in found if link))
