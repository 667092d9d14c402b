"""Links and the pixel: which links are followed, what becomes of them, where the pixel stands.

Followed are http and https links only, at most a thousand in a letter (documented by a service); never our
own links, and never one that its author opted out. Campaign parameters go into the destination before the
link is made trackable, so the event shows them (service behaviour, our order).

Public: Decoration, destination, with_parameters, pixel_place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from posthouse.mail.html import Html
from posthouse.mail.tokens import URL_MAX
from posthouse.model.options import CLICKS_ALL, CLICKS_HTML, PIXEL_PLACEHOLDER, PIXEL_TOP, SendOptions

LINKS_MAX = 1000
PIXEL = '<img src="{url}" alt="" width="1" height="1" border="0">'

# What a browser drops from an attribute before it reads the URL (URL standard 4.4).
_DROPPED = re.compile("[\t\r\n]+")
_is_web = re.compile(r"https?://[^/?#\s]", re.IGNORECASE).match
_BAD = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_PARAMETER_NAME = re.compile(r"[?&]([^=&#]*)")


@dataclass(frozen=True, slots=True)
class Decoration:
    """What is done to the parts of a message."""

    tracks_html: bool = False
    tracks_text: bool = False
    parameters: tuple[tuple[str, str], ...] = ()
    pixel: str = ""  # "" for none, else where
    pixel_placeholder: str = ""

    @classmethod
    def of(cls, options: SendOptions) -> Decoration:
        clicks = options.track_clicks
        return cls(
            tracks_html=clicks in (CLICKS_HTML, CLICKS_ALL),
            tracks_text=clicks == CLICKS_ALL,
            parameters=options.utm,
            pixel=(options.pixel or "bottom") if options.track_opens else "",
            pixel_placeholder=options.pixel_placeholder if options.pixel == PIXEL_PLACEHOLDER else "",
        )

    def tracks(self, part: str) -> bool:
        return self.tracks_html if part == "html" else self.tracks_text

    def touches_links(self, part: str) -> bool:
        return self.tracks(part) or bool(self.parameters)

    @property
    def touches_body(self) -> bool:
        """Anything at all to do?"""
        return bool(self.tracks_html or self.tracks_text or self.parameters or self.pixel)


def destination(url: str) -> str:
    """The http(s) URL that a browser would follow, "" for any other kind of link or one too long to track."""
    url = _DROPPED.sub("", url).strip(" \f")
    if not _is_web(url) or _BAD.search(url) or len(url) > URL_MAX:
        return ""
    return url.replace(" ", "%20")


def with_parameters(url: str, parameters: tuple[tuple[str, str], ...]) -> str:
    """`url` with the parameters that it does not have yet, before the fragment."""
    if not parameters:
        return url
    address, mark, fragment = url.partition("#")
    present = {name.lower() for name in _PARAMETER_NAME.findall(address)}
    added = [f"{_quoted(name)}={_quoted(value)}" for name, value in parameters if name.lower() not in present]
    if not added:
        return url
    joint = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
    return f"{address}{joint}{'&'.join(added)}{mark}{fragment}"


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


def pixel_place(text: str, html: Html, where: str) -> int:
    """The offset for the pixel: in the body's beginning or end; of a fragment, the text's."""
    if where == PIXEL_TOP:
        if html.body_open_end >= 0:
            return html.body_open_end
        # above a doctype it would change how the whole page is drawn
        is_page = text[:2000].lstrip("\ufeff \t\r\n").lower().startswith(("<!doctype", "<html", "<?xml"))
        if not is_page:
            return 0
    return html.body_close_start if html.body_close_start >= 0 else len(text)
