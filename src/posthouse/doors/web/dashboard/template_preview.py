"""`/templates/preview`: what the editor's texts make of sample values, while somebody types.

The HTML goes into a frame without any right, which the form is posted into; the rest is a piece of the page.

Public: PAGES.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from starlette.responses import HTMLResponse, Response

from posthouse.desk.template_samples import Filled, fill
from posthouse.dialects.native.sample import parse_sample
from posthouse.doors.web.dashboard import views
from posthouse.doors.web.dashboard.mail_view import frame_headers
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.templates import MOST_BYTES, PATH, draft_of
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.rim import sentence
from posthouse.mail.seen_letter import SeenLetter
from posthouse.model.errors import Refused
from posthouse.store.templates import HANDLEBARS, Version

_BODY_MARK = re.compile(r"<%[ \t]*body[ \t]*%>", re.IGNORECASE)
_BODY = "<p>[The letter's own text stands here.]</p>"


async def _look(visit: Visit) -> Response:
    return visit.go(visit.at(PATH))


async def _frame(visit: Visit) -> Response:
    """The page for the frame."""
    try:
        filled = await _filled(visit)
    except Refused as refused:
        text = views.rendered("_frame_trouble.html", sentence=sentence(refused))
        return HTMLResponse(text, headers=frame_headers(False))
    html = filled.html or "<p>This version has no HTML text.</p>"
    shown = await asyncio.to_thread(SeenLetter(b"", html=html).page)
    return HTMLResponse(shown.page, headers=frame_headers(False))


async def _words(visit: Visit) -> Response:
    """Subject and plain text, or what is wrong."""
    try:
        return visit.fragment("_template_words.html", filled=await _filled(visit), wrong="")
    except Refused as refused:
        return visit.fragment("_template_words.html", filled=None, wrong=sentence(refused))


async def _filled(visit: Visit) -> Filled:
    """Raises Refused."""
    draft = draft_of(visit, "preview", "")
    html = draft.html if draft.engine == HANDLEBARS else _BODY_MARK.sub(_BODY, draft.html)
    version = Version("", "", False, draft.engine, html, draft.text, draft.fields)
    values: dict[str, Any] = parse_sample(visit.raw("sample"))
    return await asyncio.to_thread(fill, version, values)  # may take a moment


PAGES = (
    Page(
        f"{PATH}/preview",
        "templates.read",
        _look,
        {"frame": Work("templates.read", _frame), "words": Work("templates.read", _words)},
        most_bytes=MOST_BYTES,
    ),
)
