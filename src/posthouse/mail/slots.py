"""The places of a text that change: found once, filled for every copy.

`find_slots` takes a part's text and gives spans with a `Slot` each: tags, links, the pixel, and fixed edits
(an opt-out attribute goes, a campaign parameter comes). Tags are covered with letters before links are looked
for, so that whatever an author's tag is made of, the link around it is found whole; it then changes as a
whole. Links that a value brings are found when the value is there.

Public: Slot, Fixed, Span, find_slots, octets_of, Numbering.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from posthouse.mail.decorate import LINKS_MAX, PIXEL, Decoration, destination, pixel_place, with_parameters
from posthouse.mail.html import Href, Html, escaped, scan, unescaped
from posthouse.mail.personalise import HTML, TEXT, Copy, Tag, Tags
from posthouse.mail.text_links import links as text_links
from posthouse.mail.tokens import Links, click_data
from posthouse.model.options import PIXEL_PLACEHOLDER

_VALUE_OCTETS = 200  # expected of a tag's value
_FILLER = "x"


class Slot(Protocol):
    """What stands at a place. `longest`: octets to expect; `is_ascii`: never an octet above 127; `is_fixed`:
    the same in all copies."""

    @property
    def longest(self) -> int: ...

    @property
    def is_ascii(self) -> bool: ...

    @property
    def is_fixed(self) -> bool: ...

    def octets(self, copy: Copy) -> bytes: ...


Span = tuple[int, int, Slot]


@dataclass(slots=True)
class Numbering:
    """Counts the links of a message, over all its parts."""

    next: int = 0
    tracked: int = 0


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same for everybody."""

    text: bytes
    is_fixed: bool = True

    @property
    def longest(self) -> int:
        return len(self.text)

    @property
    def is_ascii(self) -> bool:
        return self.text.isascii()

    def octets(self, copy: Copy) -> bytes:
        return self.text


@dataclass(frozen=True, slots=True)
class TagSlot:
    """A tag. `decoration`: links in its value are looked for, None where there can be none."""

    tag: Tag
    place: str
    decoration: Decoration | None
    longest: int = _VALUE_OCTETS
    is_ascii: bool = False
    is_fixed: bool = False

    def octets(self, copy: Copy) -> bytes:
        text = copy.text_of(self.tag, self.place)
        if self.decoration and "://" in text:
            text = _decorated(text, self.place, self.decoration, copy)
        return octets_of(text)


@dataclass(frozen=True, slots=True)
class TrackedLink:
    """A link that is the same for everybody, followed. `data` is of its token. Nothing in a token needs to be
    escaped in HTML."""

    data: bytes
    longest: int
    is_ascii: bool = True
    is_fixed: bool = False

    def octets(self, copy: Copy) -> bytes:
        return copy.links.click(copy.delivery, self.data)


@dataclass(frozen=True, slots=True)
class VariableLink:
    """A link with tags in it. `quote` as in `html.Href`; `number`: of the link, -1 when not followed."""

    pieces: tuple[str | Tag, ...]
    place: str
    quote: str
    number: int
    decoration: Decoration
    longest: int
    is_ascii: bool = False
    is_fixed: bool = False

    def octets(self, copy: Copy) -> bytes:
        joined = "".join(
            [each if isinstance(each, str) else copy.text_of(each, self.place) for each in self.pieces]
        )
        return octets_of(_led(joined, self.place, self.quote, self.decoration, copy, self.number))


@dataclass(frozen=True, slots=True)
class PixelSlot:
    longest: int = 300
    is_ascii: bool = True
    is_fixed: bool = False

    def octets(self, copy: Copy) -> bytes:
        return PIXEL.replace("{url}", copy.links.pixel(copy.delivery)).encode()


def find_slots(
    text: str, kind: str, tags: Tags, decoration: Decoration, numbering: Numbering, links: Links
) -> list[Span]:
    """The spans of `text` that change, in order and apart. `kind` as in `parts.TextPart`: texts of the kind
    "other" are personalised only. `decoration.pixel` is for this very part."""
    place = HTML if kind == "html" else TEXT
    found = tags.find(text)
    if kind == "other":
        return [(tag.start, tag.end, TagSlot(tag, place, None)) for tag in found]
    finder = _Finder(text, place, found, decoration, numbering, links)
    if kind == "html":
        finder.in_html()
    else:
        finder.in_plain()
    return finder.spans()


def octets_of(text: str) -> bytes:
    """UTF-8; octets that were no UTF-8 come back as they were, lone surrogates of values become `?`."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


class _Finder:
    """Collects the spans of one text."""

    def __init__(
        self,
        text: str,
        place: str,
        found: list[Tag],
        decoration: Decoration,
        numbering: Numbering,
        links: Links,
    ) -> None:
        self.text = text
        self.place = place
        self.tags = found
        self.decoration = decoration
        self.numbering = numbering
        self.links = links
        self._found: list[Span] = []
        self._in_links: set[int] = set()  # starts of tags that a link took

    def in_html(self) -> None:
        wants_places = self.decoration.touches_links(HTML) or self.decoration.pixel
        html = scan(self._covered()) if wants_places else None
        if html is not None and self.decoration.touches_links(HTML):
            at = 0
            for href in html.hrefs:
                at = self._href(href, at)
        if self.decoration.pixel:
            assert html is not None
            self._pixel(html)
        self._rest(html)

    def in_plain(self) -> None:
        if self.decoration.touches_links(TEXT):
            at = 0
            for start, end in text_links(self._covered()):
                at = self._link(start, end, "", at, is_followed=True)
        self._rest(None)

    def spans(self) -> list[Span]:
        """In order; of two that overlap the later one goes."""
        kept: list[Span] = []
        end = 0
        for span in sorted(self._found, key=lambda span: (span[0], span[1])):
            if span[0] >= end:
                kept.append(span)
                end = span[1]
        return kept

    def _covered(self) -> str:
        """The text with letters in the places of the tags: of the same length."""
        if not self.tags:
            return self.text
        pieces: list[str] = []
        at = 0
        for tag in self.tags:
            pieces += (self.text[at : tag.start], _FILLER * (tag.end - tag.start))
            at = tag.end
        return "".join([*pieces, self.text[at:]])

    def _href(self, href: Href, at: int) -> int:
        for start, end in href.opt_out_spans:
            self._found.append((start, end, Fixed(b"")))
        return self._link(href.start, href.end, href.quote, at, is_followed=not href.is_opted_out)

    def _link(self, start: int, end: int, quote: str, at: int, *, is_followed: bool) -> int:
        """One link; `at`: the first tag that may stand in it. The next such number."""
        tags = self.tags
        while at < len(tags) and tags[at].end <= start:
            at += 1
        inside: list[Tag] = []
        while at < len(tags) and tags[at].start < end:
            inside.append(tags[at])
            at += 1
        number = self.numbering.next
        self.numbering.next += 1
        is_followed = (
            is_followed and self.decoration.tracks(self.place) and self.numbering.tracked < LINKS_MAX
        )
        if inside:
            self._variable(start, end, quote, inside, number if is_followed else -1)
        else:
            self._constant(start, end, quote, number if is_followed else -1)
        return at

    def _constant(self, start: int, end: int, quote: str, number: int) -> None:
        if number < 0 and not self.decoration.parameters:
            return  # it stays as it is, and a letter may have a million of them
        written = self.text[start:end]
        url = destination(unescaped(written) if self.place == HTML else written)
        if not url or self.links.is_own(url):
            return
        target = with_parameters(url, self.decoration.parameters)
        if number >= 0:
            self.numbering.tracked += 1
            data = click_data(target, number, self.place)
            self._found.append((start, end, TrackedLink(data, self.links.longest_click(data))))
        elif target != url:
            shown = escaped(target, quote) if self.place == HTML else target
            self._found.append((start, end, Fixed(octets_of(shown))))

    def _variable(self, start: int, end: int, quote: str, inside: list[Tag], number: int) -> None:
        if inside[0].start < start or inside[-1].end > end or any(tag.is_link for tag in inside):
            return  # a link of ours, or a tag across the link's end: the tags are filled one by one
        pieces: list[str | Tag] = []
        at = start
        for tag in inside:
            pieces += (self.text[at : tag.start], tag)
            at = tag.end
        pieces.append(self.text[at:end])
        if number >= 0:
            self.numbering.tracked += 1
        longest = 2 * (end - start) + _VALUE_OCTETS + self.links.longest_click(b"")
        slot = VariableLink(tuple(pieces), self.place, quote, number, self.decoration, longest)
        self._found.append((start, end, slot))
        self._in_links.update(tag.start for tag in inside)

    def _pixel(self, html: Html) -> None:
        placeholder = self.decoration.pixel_placeholder
        if self.decoration.pixel != PIXEL_PLACEHOLDER:
            at = pixel_place(self.text, html, self.decoration.pixel)
            self._found.append((at, at, PixelSlot()))
            return
        at = self.text.find(placeholder) if placeholder else -1
        slot: Slot = PixelSlot()
        while at >= 0:
            self._found.append((at, at + len(placeholder), slot))
            slot = Fixed(b"")
            at = self.text.find(placeholder, at + len(placeholder))

    def _rest(self, html: Html | None) -> None:
        """The tags outside of links."""
        looks = self.decoration.touches_links(self.place)
        for tag in self.tags:
            if tag.start in self._in_links:
                continue
            is_text = looks and not tag.is_link and (html is None or not html.is_in_tag(tag.start))
            self._found.append(
                (tag.start, tag.end, TagSlot(tag, self.place, self.decoration if is_text else None))
            )


def _decorated(text: str, place: str, decoration: Decoration, copy: Copy) -> str:
    """A value with its links made trackable."""
    if place == TEXT:
        places = [(start, end, "", True) for start, end in text_links(text)]
        removed: list[tuple[int, int]] = []
    else:
        hrefs = scan(text).hrefs
        places = [(each.start, each.end, each.quote, not each.is_opted_out) for each in hrefs]
        removed = [span for each in hrefs for span in each.opt_out_spans]
    edits = [(start, end, "") for start, end in removed]
    for start, end, quote, is_followed in places:
        is_followed = is_followed and decoration.tracks(place) and copy.tracked < LINKS_MAX
        number = copy.first_own_link + copy.tracked if is_followed else -1
        new = _led(text[start:end], place, quote, decoration, copy, number)
        if is_followed and new != text[start:end]:
            copy.tracked += 1
        edits.append((start, end, new))
    pieces: list[str] = []
    at = 0
    for start, end, new in sorted(edits):
        pieces += (text[at:start], new)
        at = end
    return "".join([*pieces, text[at:]])


def _led(written: str, place: str, quote: str, decoration: Decoration, copy: Copy, number: int) -> str:
    """A link as it leaves: through us when it has a number, with parameters, or as it is written."""
    url = destination(unescaped(written) if place == HTML else written)
    if not url or copy.links.is_own(url):
        return written
    target = with_parameters(url, decoration.parameters)
    if number >= 0:
        return copy.links.click(copy.delivery, click_data(target, number, place)).decode()
    if target == url:
        return written
    return escaped(target, quote) if place == HTML else target
