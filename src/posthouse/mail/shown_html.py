"""The HTML of a letter as a page that may be shown: nothing in it runs, leads away or asks outside.

The frame that shows it has no rights and its policy lets nothing in (`doors.web.dashboard.mail_view`). This
takes away what those two do not stop (a browser connects ahead to what `<link rel=preconnect>` names) and
what they would complain about, and puts the letter's own pictures in. The text between the tags stays; what
is left of the markup are whole tags without those of `_DROPPED`, so a browser reads it as `mail.html` does.

Public: ShownHtml, shown_html, PICTURE_TYPES.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from urllib.parse import unquote

from posthouse.mail.html import raw_attributes, scan, tag_at

PICTURE_TYPES = frozenset(f"image/{kind}" for kind in ("png", "jpeg", "jpg", "gif", "webp", "avif", "bmp"))
PICTURES_MAX = 6 << 20  # characters of all pictures together, each time that one is shown

# What a frame has no use for. Those whose content is no markup go with it: `mail.html.scan` hands them out as
# one. SVG and MathML go because the same characters are other tags in them.
_DROPPED = frozenset({
    "script", "link", "meta", "base", "title", "textarea", "xmp", "plaintext", "noscript", "template",
    "iframe", "frame", "frameset", "noframes", "noembed", "object", "embed", "applet", "param", "portal",
    "fencedframe", "form", "svg", "math", "audio", "video", "source", "track",
})  # fmt: skip
# Attributes that run something, leave the frame, or ask for something when they are used.
_ACTIVE = frozenset({"target", "ping", "action", "formaction", "srcdoc", "attributionsrc", "autofocus"})
_PICTURES = frozenset({"src", "srcset", "background", "poster"})
_NO_PICTURE = "data:,"  # beside others in one attribute: a browser asks for any other address, and complains
_find_cid = re.compile(r"cid:([^\s\"'()<>\\]{1,500})", re.IGNORECASE)
_is_remote = re.compile(r"[\"' \t\r\n]*+(?:https?:|//)", re.IGNORECASE).match
_is_own = re.compile(r"[\"' \t\r\n]*+data:image/", re.IGNORECASE).match
_find_url = re.compile(r"url\([^)]*+\)?", re.IGNORECASE)
_find_import = re.compile(r"@import\b[^;]*+;?", re.IGNORECASE)
_find_font = re.compile(r"@font-face", re.IGNORECASE)
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


def shown_html(
    html: str,
    pictures: Mapping[str, tuple[str, bytes]],
    *,
    is_dark: bool = False,
    has_images: bool = False,
) -> ShownHtml:
    """Any text -> a document; never raises. `pictures`: type and octets by Content-ID. `is_dark`: as a reader
    in the dark sees it, where the letter says what that is. `has_images`: with pictures from elsewhere. Links
    lead nowhere."""
    shown = _Shown(_Own(pictures), is_dark=is_dark, has_images=has_images)
    inside = "".join(shown.pieces(html))
    head = f'<!doctype html><meta charset="utf-8"><style>{_DARK if is_dark else _LIGHT}{_FRAME}</style>'
    return ShownHtml(head + inside, shown.is_remote, shown.own.left_out)


class _Shown:
    """One letter's HTML on its way to the page."""

    def __init__(self, own: _Own, *, is_dark: bool, has_images: bool) -> None:
        self.own = own
        self.is_remote = False
        self._has_images = has_images
        self._schemes = {"dark": _ALWAYS, "light": _NEVER} if is_dark else {"dark": _NEVER, "light": _ALWAYS}

    def pieces(self, html: str) -> Iterator[str]:
        places = scan(html)
        at = 0
        for start, end in zip(places.tag_starts, places.tag_ends, strict=True):
            yield html[at:start].replace("<", "&lt;")  # or it makes a tag with what follows a dropped one
            at = end
            tag = tag_at(html, start)
            if tag is None or tag[0].removeprefix("/") in _DROPPED or tag[0] in ("/style", "/body", "/html"):
                continue
            name, inside_at = tag
            if name == "style":
                yield f"<style>{self._style(html[inside_at:end])}</style>"
            else:
                yield self._tag(html, name, start + 1 + len(name), end)
        yield html[at:].replace("<", "&lt;")

    def _tag(self, html: str, name: str, start: int, end: int) -> str:
        kept = [f"<{name}"]
        for attribute, value, whole in raw_attributes(html, start, end):
            if attribute.startswith("on") or attribute in _ACTIVE:
                continue
            if attribute == "href":
                kept.append('href="#"')
            elif attribute in _PICTURES:
                kept += self._picture(whole, value)
            else:
                kept.append(self._urls(whole) if attribute == "style" else whole)
        return " ".join(kept) + ">"

    def _picture(self, whole: str, value: str) -> list[str]:
        """The attribute, with the letter's own picture in it, if it may be shown."""
        filled = self.own.put_in(value)
        self.is_remote |= bool(_is_remote(value))
        if _is_own(filled) or (self._has_images and _is_remote(value)):
            return [whole.replace(value, filled)]
        return []

    def _style(self, text: str) -> str:
        """What browsers may take for markup where this is no style to them becomes a CSS escape."""
        text = text.replace("<!--", "").replace("-->", "")
        text = _find_scheme.sub(lambda match: self._schemes[match[1].lower()], text)
        text = _find_font.sub("@font", _find_import.sub("", text))  # the policy has no room for fonts
        return _find_markup.sub(r"\\3c ", self._urls(text))

    def _urls(self, css: str) -> str:
        return _find_url.sub(self._url, css)

    def _url(self, match: re.Match[str]) -> str:
        inside = match[0][4:]
        filled = self.own.put_in(inside)
        self.is_remote |= bool(_is_remote(inside))
        may_stay = _is_own(filled) or (self._has_images and _is_remote(inside))
        return f"url({filled}" if may_stay else "none"


class _Own:
    """The letter's own pictures, each in its places, as long as there is room."""

    def __init__(self, pictures: Mapping[str, tuple[str, bytes]]) -> None:
        self._pictures = pictures
        self._made: dict[str, str] = {}
        self._room = PICTURES_MAX
        self.left_out = 0

    def put_in(self, text: str) -> str:
        return _find_cid.sub(self._address, text) if "cid:" in text.lower() else text

    def _address(self, match: re.Match[str]) -> str:
        name = unquote(unescape(match[1]))
        if name not in self._pictures:
            return _NO_PICTURE
        kind, octets = self._pictures[name]
        if len(octets) * 4 // 3 > self._room:
            self.left_out += 1
            return _NO_PICTURE
        if name not in self._made:
            self._made[name] = f"data:{kind};base64,{base64.b64encode(octets).decode()}"
        self._room -= len(self._made[name])
        return self._made[name]
