"""The HTML of a letter as the checks look at it: links with their texts, pictures, what is hidden, what acts.

One pass over the first `LOOKED_AT` characters; never raises.

Public: SeenHtml, Link, Picture, see_html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from posthouse.mail.html import attributes_of, scan, tag_at
from posthouse.mail.html_text import text_of_html

LOOKED_AT = 400_000  # characters: four times what Gmail shows
_MOST = 5_000  # links, and pictures
_LONGEST_WORDS = 300
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
_ACTIVE = {
    "script": "scripts",
    "iframe": "frames",
    "frame": "frames",
    "object": "embedded objects",
    "embed": "embedded objects",
    "applet": "embedded objects",
    "form": "forms",
    "video": "video",
    "audio": "audio",
}
_hides = re.compile(
    r"display\s*+:\s*+none|visibility\s*+:\s*+hidden|font-size\s*+:\s*+0(?![.\d]*[1-9])|opacity\s*+:\s*+0(?![.\d]*[1-9])"
    r"|max-height\s*+:\s*+0(?![.\d]*[1-9])",
    re.IGNORECASE,
).search


@dataclass(slots=True)
class Link:
    """`target` "" for a link without one; `words`: its text, on one line."""

    target: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """`alt` None: not said. `is_sized`: both sides are said."""

    source: str
    alt: str | None
    is_sized: bool
    is_dot: bool


@dataclass(slots=True)
class SeenHtml:
    """`text`: what is to be read; `shown`, `hidden`: how many of its characters are to be
    seen and how many not; `active`: what mail
    programs take out, in words; `has_base`: relative addresses mean something."""

    text: str = ""
    links: list[Link] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    active: set[str] = field(default_factory=set)
    shown: int = 0
    hidden: int = 0
    has_base: bool = False


@dataclass(slots=True)
class _Walk:
    """Where the walk is: in which link, and in which hidden element (`hidden_in`, `depth` of its name)."""

    seen: SeenHtml
    link: Link | None = None
    hidden_in: str = ""
    depth: int = 0

    def text(self, piece: str) -> None:
        if self.hidden_in:
            self.seen.hidden += len(piece.strip())
        else:
            self.seen.shown += len(piece.strip())
        if self.link is not None and len(self.link.words) < _LONGEST_WORDS:
            self.link.words = " ".join(f"{self.link.words} {piece[:_LONGEST_WORDS]}".split())

    def tag(self, name: str, given: Mapping[str, str]) -> None:
        seen = self.seen
        if name == "a" and len(seen.links) < _MOST:
            self.link = Link(given.get("href", "").strip())
            seen.links.append(self.link)
        elif name in ("/a", "a"):
            self.link = None
        elif name == "img" and len(seen.pictures) < _MOST:
            seen.pictures.append(_picture(given))
        elif name == "base" and given.get("href"):
            seen.has_base = True
        if name in _ACTIVE:
            seen.active.add(_ACTIVE[name])
        if any(attribute.startswith("on") and len(attribute) > 3 for attribute in given):
            seen.active.add("scripts in attributes")
        self._hide(name, given)

    def _hide(self, name: str, given: Mapping[str, str]) -> None:
        if self.hidden_in:
            if name == self.hidden_in:
                self.depth += 1
            elif name == f"/{self.hidden_in}":
                self.depth -= 1
                self.hidden_in = self.hidden_in if self.depth else ""
        elif name[0] != "/" and name not in _VOID and ("hidden" in given or _hides(given.get("style", ""))):
            self.hidden_in, self.depth = name, 1


def see_html(html: str) -> SeenHtml:
    """Any text -> what is in it."""
    html = html[:LOOKED_AT]
    seen = SeenHtml(text=text_of_html(html))
    walk = _Walk(seen)
    places = scan(html)
    at = 0
    for start, end in zip(places.tag_starts, places.tag_ends, strict=True):
        if at < start:
            walk.text(html[at:start])
        at = end
        if found := tag_at(html, start):
            name, tag_end = found
            walk.tag(name, dict(reversed(attributes_of(html, start + 1 + len(name), tag_end))))
    walk.text(html[at:])
    return seen


def _picture(given: Mapping[str, str]) -> Picture:
    style = given.get("style", "").lower()
    sides = [given.get(side, "").strip().removesuffix("px") for side in ("width", "height")]
    is_sized = all(side or name in style for side, name in zip(sides, ("width", "height"), strict=True))
    is_dot = all(side in ("0", "1") for side in sides)
    return Picture(given.get("src", "").strip(), given.get("alt"), is_sized, is_dot)
