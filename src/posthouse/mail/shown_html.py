"""The HTML of a letter as a page that may be shown: nothing in it runs, leads away or asks outside.

The frame that shows it has no rights and its policy lets nothing in (`doors.web.dashboard.mail_view`). This
takes away what those two do not stop (a browser connects ahead to what `<link rel=preconnect>` names), and
puts the letter's own pictures in. The text between the tags stays; what is left of the markup are whole tags
without those of `_DROPPED`, so a browser reads it as `mail.html` does.

Public: ShownHtml, shown_html, PICTURE_TYPES.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from urllib.parse import unquote

from posthouse.mail.html import Href, scan, tag_at

PICTURE_TYPES = frozenset(f"image/{kind}" for kind in ("png", "jpeg", "jpg", "gif", "webp", "avif", "bmp"))
PICTURES_MAX = 6 << 20  # characters of all pictures together, each time that one is shown

# What a frame has no use for. Those whose content is no markup go with it: `mail.html.scan` hands them out as
# one. SVG and MathML go because the same characters are other tags in them.
_DROPPED = frozenset({
    "script", "link", "meta", "base", "title", "textarea", "xmp", "plaintext", "noscript", "template",
    "iframe", "frame", "frameset", "noframes", "noembed", "object", "embed", "applet", "param", "portal",
    "fencedframe", "form", "svg", "math", "audio", "video", "source", "track",
})  # fmt: skip
_find_cid = re.compile(r"cid:([^\s\"'()<>\\]{1,500})", re.IGNORECASE)
_is_remote = re.compile(
    r"(?:\b(?:src|srcset|background|poster)[ \t\r\n]*+=|url\()[ \t\r\n]*+[\"']?[ \t\r\n]*+(?:https?:|//)",
    re.IGNORECASE,
).search
_find_markup = re.compile(r"<(?=[A-Za-z/!?])")
_find_scheme = re.compile(r"prefers-color-scheme[ \t\r\n]*+:[ \t\r\n]*+(dark|light)", re.IGNORECASE)
_ALWAYS, _NEVER = "min-width: 0", "max-width: 0"
_LIGHT = ":root{color-scheme:only light}"
_DARK = ":root{color-scheme:only dark}"
_FRAME = "body{margin:8px;font-family:sans-serif;overflow-wrap:break-word}"


@dataclass(frozen=True, slots=True)
class ShownHtml:
    """`page`: a whole document. `is_remote`: it has pictures that lie elsewhere. `left_out`: how many of its
    own pictures were too much."""

    page: str
    is_remote: bool
    left_out: int


def shown_html(html: str, pictures: Mapping[str, tuple[str, bytes]], *, is_dark: bool = False) -> ShownHtml:
    """Any text -> a document; never raises. `pictures`: type and octets by Content-ID. `is_dark`: as a reader
    in the dark sees it, where the letter says what that is. Links lead nowhere."""
    own = _Own(pictures)
    pieces = list(_pieces(html, own, is_dark=is_dark))
    inside = "".join(pieces)
    is_remote = any(_is_remote(piece) for piece in pieces if piece.startswith("<"))
    head = f'<!doctype html><meta charset="utf-8"><style>{_DARK if is_dark else _LIGHT}{_FRAME}</style>'
    return ShownHtml(head + inside, is_remote, own.left_out)


def _pieces(html: str, own: _Own, *, is_dark: bool) -> Iterator[str]:
    places = scan(html)
    hrefs = places.hrefs[::-1]  # the next one last
    at = 0
    for start, end in zip(places.tag_starts, places.tag_ends, strict=True):
        yield html[at:start].replace("<", "&lt;")  # or it makes a tag with what comes behind a dropped one
        at = end
        tag = tag_at(html, start)
        if tag is None or tag[0].removeprefix("/") in _DROPPED or tag[0] in ("/style", "/body", "/html"):
            continue
        name, inside_at = tag
        if name == "style":
            yield f"<style>{_style(html[inside_at:end], own, is_dark=is_dark)}</style>"
            continue
        yield own.put_in(_without_target(html, start, end, hrefs))
    yield html[at:].replace("<", "&lt;")


def _without_target(html: str, start: int, end: int, hrefs: list[Href]) -> str:
    while hrefs and hrefs[-1].start < start:
        hrefs.pop()
    if hrefs and hrefs[-1].start < end:
        href = hrefs.pop()
        return f"{html[start : href.start]}#{html[href.end : end]}"
    return html[start:end]


def _style(text: str, own: _Own, *, is_dark: bool) -> str:
    """What browsers may take for markup, where they do not take this for a style, becomes a CSS escape."""
    words = {"dark": _ALWAYS if is_dark else _NEVER, "light": _NEVER if is_dark else _ALWAYS}
    text = text.replace("<!--", "").replace("-->", "")
    text = _find_scheme.sub(lambda match: words[match[1].lower()], text)
    return _find_markup.sub(r"\\3c ", own.put_in(text))


class _Own:
    """The letter's own pictures, each in its places, as long as there is room."""

    def __init__(self, pictures: Mapping[str, tuple[str, bytes]]) -> None:
        self._pictures = pictures
        self._made: dict[str, str] = {}
        self._room = PICTURES_MAX
        self.left_out = 0

    def put_in(self, text: str) -> str:
        return _find_cid.sub(self._address, text) if "cid:" in text or "CID:" in text else text

    def _address(self, match: re.Match[str]) -> str:
        name = unquote(unescape(match[1]))
        if name not in self._pictures:
            return match[0]
        kind, octets = self._pictures[name]
        if len(octets) * 4 // 3 > self._room:
            self.left_out += 1
            return match[0]
        if name not in self._made:
            self._made[name] = f"data:{kind};base64,{base64.b64encode(octets).decode()}"
        self._room -= len(self._made[name])
        return self._made[name]
