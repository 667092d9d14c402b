"""What differs from recipient to recipient: the live tags of a message, and one copy's texts for them.

Four kinds of tags, looked for in two scans so that the first has precedence (service behaviour, documented):
the author's literal tags; then section tags, tags that stand for links of ours, and the `%recipient.key%`
syntax. In what a tag brings, sections and tags are expanded (`expansion`), then link tags; nothing else.

Values go in as they are, also in HTML, because authors pass markup (documented). What we make ourselves for
`%recipient%` is escaped there.

Public: Tags, Tag, Copy, CannotRender, HTML, TEXT, HEADER.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from posthouse.mail import percent
from posthouse.mail.expansion import Expansion, TooMuch, literal_pattern
from posthouse.mail.fields import shown_mailbox
from posthouse.mail.tokens import Links, packed
from posthouse.model.options import LinkTag, RecipientOptions, SendOptions

# Where a tag stands decides what a link tag brings.
HTML, TEXT, HEADER = "html", "text", "header"
MOST_TAGS = 20_000  # places in one text; further ones stay as they are
_MOST_COPY_CHARS = 32 << 20  # all values of one copy together

_SCOPES = {
    "unsubscribe": "",
    "unsubscribe_tags": "tags",
    "unsubscribe_global": "global",
    "preferences": "preferences",
}


class CannotRender(Exception):
    """This copy can never be made; the text is a sentence without final stop, for people."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One place in a text: `text[start:end]` is `literal`. `kind`: "verbatim", "section", "link" or
    "percent"."""

    start: int
    end: int
    literal: str
    kind: str

    @property
    def is_link(self) -> bool:
        """Does it stand for a link of ours?"""
        return self.kind == "link" or (self.kind == "percent" and "unsubscribe_" in self.literal)


class Tags:
    """The live tags of one message. `more_links`: beside those of the options."""

    def __init__(self, options: SendOptions, more_links: Sequence[LinkTag] = ()) -> None:
        self.links: Mapping[str, LinkTag] = {
            each.literal: each for each in (*reversed(more_links), *reversed(options.links)) if each.literal
        }
        self.has_percent = options.percent
        self.group = options.unsubscribe_group
        self._verbatim = tuple(options.verbatim)
        self._sections = {key: value for key, value in options.sections.items() if key}
        self.expansion = Expansion(self._verbatim, self._sections)
        words = literal_pattern([*self._sections, *self.links])
        patterns = [words.pattern] if words else []
        if self.has_percent:
            patterns.append(percent.PATTERN.pattern)
        # the percent syntax has groups of its own, read again with its own pattern: none is read here
        self._second = re.compile("|".join(patterns)) if patterns else None
        links = literal_pattern(self.links)
        self._link_pattern = links

    @property
    def is_empty(self) -> bool:
        return not self._second and not self.expansion.tag_pattern

    def are_in(self, text: str) -> bool:
        """Is any tag alive in `text`? Cheaper than `find`."""
        first = self.expansion.tag_pattern
        return bool((first and first.search(text)) or (self._second and self._second.search(text)))

    def link_is_in(self, text: str) -> bool:
        """Does a link tag stand in `text`?"""
        return bool(self._link_pattern and self._link_pattern.search(text)) or (
            self.has_percent and any(percent.link_of(match) for match in percent.PATTERN.finditer(text))
        )

    def find(self, text: str) -> list[Tag]:
        """The tags of `text`, in order."""
        found: list[Tag] = []
        at = 0
        first = self.expansion.tag_pattern
        for match in first.finditer(text) if first else ():
            self._find_second(text, at, match.start(), found)
            found.append(Tag(match.start(), match.end(), match[0], "verbatim"))
            at = match.end()
            if len(found) >= MOST_TAGS:
                return found
        self._find_second(text, at, len(text), found)
        return found[:MOST_TAGS]

    def _find_second(self, text: str, start: int, end: int, found: list[Tag]) -> None:
        if self._second is None or start == end or len(found) >= MOST_TAGS:
            return
        for match in self._second.finditer(text, start, end):
            literal = match[0]
            if literal in self._sections:
                kind = "section"
            else:
                kind = "link" if literal in self.links else "percent"
            found.append(Tag(match.start(), match.end(), literal, kind))

    def with_links(self, text: str, copy: Copy, place: str) -> str:
        """`text` with the link tags in it replaced."""
        if self._link_pattern:
            text = self._link_pattern.sub(lambda match: copy.link_text(self.links[match[0]], place), text)
        if self.has_percent and "unsubscribe_" in text:
            text = percent.PATTERN.sub(lambda match: copy.percent_link(match) or match[0], text)
        return text


@dataclass(slots=True)
class Copy:
    """One recipient's copy in the making: `delivery_id` goes into its links, `recipient` is the envelope's.

    The copy of a blind copy shows the values of the recipient whose mail it is.
    """

    tags: Tags
    links: Links
    delivery_id: str
    recipient: str
    personal: RecipientOptions
    name: str = ""  # what the author's To field calls the recipient; the recipient's own options win
    first_own_link: int = 0  # the number of the first link that a value may bring
    tracked: int = 0  # such links so far
    delivery: bytes = field(init=False)
    shown: str = field(init=False)  # the address that the copy is for
    _known: dict[tuple[str, str], str] = field(init=False, default_factory=dict)
    _urls: dict[str, str] = field(init=False, default_factory=dict)
    _room: int = field(init=False, default=_MOST_COPY_CHARS)

    def __post_init__(self) -> None:
        self.delivery = packed(self.delivery_id)
        self.shown = self.personal.copy_of or self.recipient
        self.name = self.personal.name or self.name

    def text_of(self, tag: Tag, place: str) -> str:
        """What takes the tag's place there. Raises CannotRender when all of it together is too much."""
        key = (tag.literal, place)
        text = self._known.get(key)
        if text is None:
            text = self._known[key] = self._made(tag, place)
        self._room -= len(text)
        if self._room < 0:
            raise CannotRender("the values of this recipient make the letter too large")
        return text

    def link(self, kind: str) -> str:
        """The URL (or address) of a kind of link."""
        url = self._urls.get(kind)
        if url is None:
            url = self._urls[kind] = self._link(kind)
        return url

    def link_text(self, tag: LinkTag, place: str) -> str:
        form = tag.html if place == HTML else tag.text if place == TEXT else ""
        url = self.link(tag.kind)
        return form.replace("{url}", url) if form else url

    def percent_link(self, match: re.Match[str]) -> str:
        kind = percent.link_of(match)
        return self.link(kind) if kind else ""

    def _link(self, kind: str) -> str:
        if kind == "unsubscribe_email":
            return self.links.unsubscribe_email(self.delivery)
        group = self.tags.group
        if kind == "unsubscribe_group":
            # a group's link without a group leads to the widest list that it could mean
            scope = f"group:{group}" if group else "global"
        else:
            scope = _SCOPES.get(kind, "")
        return self.links.unsubscribe(self.delivery, scope)

    def _made(self, tag: Tag, place: str) -> str:
        if tag.kind == "link":
            return self.link_text(self.tags.links[tag.literal], place)
        if tag.kind == "percent":
            return self._percent(tag.literal, place)
        if tag.kind == "verbatim" and not self.personal.values:
            return tag.literal  # nobody gave this recipient values
        try:
            text = self.tags.expansion.expand(tag.literal, self.personal.values)
        except TooMuch:
            raise CannotRender("the values of this recipient grow without end") from None
        return self.tags.with_links(text, self, place)

    def _percent(self, literal: str, place: str) -> str:
        match = percent.PATTERN.fullmatch(literal)
        assert match is not None
        if link := self.percent_link(match):
            return link
        if match[1] is not None:
            value = percent.value_of(match, self.shown, self.name, self.personal.variables)
            if value is None:
                return literal
            return self.tags.with_links(value, self, place) if "unsubscribe" in value else value
        if match[2] is None:
            value = shown_mailbox(self.name, self.shown)
        else:
            value = percent.value_of(match, self.shown, self.name, {}) or ""
        return html.escape(value) if place == HTML else value
