"""One letter on a page: as HTML (phone, desktop, dark), as text, its links, fields, source and parts.

Whatever page shows a letter includes `_letter.html` with what `letter_view` makes, and has the addresses
below its own that `letter_pages` serves. The HTML stands in a frame without any right (S13): no script, no
form, no way out, nothing from outside unless the person asked for the pictures. Its links lead nowhere; they
are listed beside it.

Public: letter_view, letter_pages, frame_headers, LetterView, Find.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import HTMLResponse, Response

from posthouse.doors.web.dashboard.page import Page
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.forms import FormTrouble
from posthouse.mail.leaves import Leaf
from posthouse.mail.seen_letter import (
    HTML_MAX,
    LINKS_MAX,
    TEXT_MAX,
    VALUE_MAX,
    SeenLetter,
    cut_text,
    links_of,
    see_letter,
)

Find = Callable[[Visit], Awaitable[bytes]]
"""The octets of the letter that the address names. Raises FormTrouble: there is none."""

PARTS_SHOWN = 200
_FRAMED = ("phone", "desktop", "dark")
_NAMES = {
    "phone": "Phone",
    "desktop": "Desktop",
    "dark": "Dark",
    "text": "Text",
    "links": "Links",
    "headers": "Headers",
    "source": "Source",
    "parts": "Parts",
}
_REMOTE = {False: "img-src data:", True: "img-src data: https: http:"}
_OPENED = ("http://", "https://", "mailto:", "tel:")
_unsafe = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd/\\:*?\"<>|]+")


@dataclass(frozen=True, slots=True)
class LetterView:
    """What `_letter.html` shows. `tabs`: name, label, address; `view`: the chosen one. `frame`, `whole`: the
    addresses of the HTML and of the letter as a file. `images`: how to ask for remote pictures, "" when there
    are none to ask for. `shown`: what the view shows, by name."""

    view: str
    tabs: list[tuple[str, str, str]]
    frame: str
    whole: str
    images: str
    notes: list[str]
    shown: dict[str, Any] = field(default_factory=dict)


async def letter_view(visit: Visit, raw: bytes, at: str, keep: Mapping[str, str] | None = None) -> LetterView:
    """For the page that is being asked for: `view` and `images` of its query choose. `at`: the address below
    which `letter_pages` serves; `keep`: other parameters of the page, which its links keep."""
    return await asyncio.to_thread(_made, visit, raw, at, dict(keep or {}))  # a large letter takes a while


def letter_pages(path: str, action: str, find: Find) -> tuple[Page, ...]:
    """`path`/shown for the frame, `path`/whole and `path`/parts/{number} as files."""

    async def shown(visit: Visit) -> Response:
        has_images = visit.query("images") == "yes"
        letter = await asyncio.to_thread(see_letter, await find(visit))
        is_dark = visit.query("view") == "dark"
        page = await asyncio.to_thread(letter.page, is_dark=is_dark, has_images=has_images)
        return HTMLResponse(page.page, headers=frame_headers(has_images))

    async def whole(visit: Visit) -> Response:
        return _file(await find(visit), "message.eml")

    async def part(visit: Visit) -> Response:
        letter = await asyncio.to_thread(see_letter, await find(visit))
        number = visit.param("number")
        is_number = number.isascii() and number.isdecimal() and len(number) < 6
        if not is_number or not 1 <= int(number) <= len(letter.leaves):
            raise FormTrouble(404, f"The message has no part {number[:20]}; it has {len(letter.leaves)}.")
        leaf = letter.leaves[int(number) - 1]
        return _file(leaf.content, _file_name(leaf, int(number)))

    return (
        Page(f"{path}/shown", action, shown),
        Page(f"{path}/whole", action, whole),
        Page(f"{path}/parts/{{number}}", action, part),
    )


def _made(visit: Visit, raw: bytes, at: str, keep: dict[str, str]) -> LetterView:
    letter = see_letter(raw)
    view = _view(visit.query("view"), letter)
    has_images = visit.query("images") == "yes"
    page = letter.page() if view in _FRAMED else None
    asked = {"view": view, **({"images": "yes"} if has_images else {})}
    return LetterView(
        view=view,
        tabs=[
            (name, label, "?" + urlencode(keep | asked | {"view": name}) + "#letter")
            for name, label in _NAMES.items()
            if letter.html is not None or name not in (*_FRAMED, "links")
        ],
        frame=f"{at}/shown?{urlencode(keep | asked)}",
        whole=f"{at}/whole?{urlencode(keep)}" if keep else f"{at}/whole",
        images="?" + urlencode(keep | asked | {"images": "yes"}) + "#letter"
        if page and page.is_remote and not has_images
        else "",
        notes=_notes(letter, view, page.left_out if page else 0),
        shown=_shown(letter, view, at, keep),
    )


def _view(asked: str, letter: SeenLetter) -> str:
    usual = "desktop" if letter.html is not None else "text"
    if asked not in _NAMES or (letter.html is None and asked in (*_FRAMED, "links")):
        return usual
    return asked


def _notes(letter: SeenLetter, view: str, left_out: int) -> list[str]:
    found = []
    if letter.trouble:
        found.append(f"This mail cannot be taken apart: {letter.trouble}.")
    if view in (*_FRAMED, "links") and len(letter.html or "") > HTML_MAX:
        found.append(f"Its HTML is too long to show whole; these are the first {HTML_MAX:,} characters.")
    if left_out:
        found.append("Not all of its own pictures are shown: together they are too large.")
    if view == "text" and letter.plain is None and letter.html is not None:
        found.append("This mail has no plain text of its own; this is its HTML as text.")
    return found


def _shown(letter: SeenLetter, view: str, at: str, keep: Mapping[str, str]) -> dict[str, Any]:
    if view == "text":
        return {"words": letter.text()}
    if view == "links":
        links = links_of((letter.html or "")[:HTML_MAX])
        shown = [(link[:VALUE_MAX], link.lower().startswith(_OPENED)) for link in links[:LINKS_MAX]]
        return {"links": shown, "more": len(links) - len(shown)}
    if view == "headers":
        return {"fields": letter.fields()}
    if view == "source":
        # no more octets than can be shown: each is at most one character
        source = letter.raw[:TEXT_MAX].decode("utf-8", "replace").replace("\r\n", "\n")
        return {"words": cut_text(source), "left_out": max(0, len(letter.raw) - TEXT_MAX)}
    if view == "parts":
        query = f"?{urlencode(keep)}" if keep else ""
        rows = [
            {"number": n, "leaf": leaf, "size": len(leaf.content), "at": f"{at}/parts/{n}{query}"}
            for n, leaf in enumerate(letter.leaves[:PARTS_SHOWN], 1)
        ]
        return {"parts": rows, "more": len(letter.leaves) - len(rows)}
    return {}


def frame_headers(has_images: bool) -> dict[str, str]:
    """Of a page of HTML that strangers wrote: it may do nothing, and stands in frames of ours only."""
    policy = (
        f"sandbox; default-src 'none'; style-src 'unsafe-inline'; {_REMOTE[has_images]}; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "no-referrer",
        "X-DNS-Prefetch-Control": "off",
    }


def _file(content: bytes, name: str) -> Response:
    """To keep, of no type: a browser must not show a stranger's file as ours (S17)."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    headers = {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "sandbox",
    }
    return Response(content, 200, headers, "application/octet-stream")


def _file_name(leaf: Leaf, number: int) -> str:
    name = _unsafe.sub("_", leaf.name).strip(" ._")[-100:]
    if name:
        return name
    kind = {"text/plain": ".txt", "text/html": ".html.txt", "message/rfc822": ".eml"}.get(leaf.type, "")
    return f"part-{number}{kind}"
