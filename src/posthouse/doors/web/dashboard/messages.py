"""`/messages`: the log in one box with filters, as rows that follow what happens.

Public: PAGES.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from posthouse.desk.message_search import Found, find_messages, suggestions
from posthouse.desk.search_line import FILTERS, Search, parse_search
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.page import Page
from posthouse.doors.web.dashboard.polled import digest_of, piece
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.rim import sentence
from posthouse.model.errors import Refused
from posthouse.store import messages
from posthouse.store.connection import Connection

PATH = "/messages"


async def _look(visit: Visit) -> Response:
    text = visit.query("q")
    try:
        search = parse_search(text, visit.now)
        wanted = search.query.message_id
        is_there: bool = bool(wanted) and await visit.read(_is_there, visit.account_id, wanted)
        if is_there:
            return visit.go(visit.at(f"{PATH}/{{}}", wanted))
        shown = await _shown(visit, text, search)
    except Refused as refused:
        visit.trouble, visit.status = sentence(refused), 400
        shown = _values(visit, text, Found([], "", 0.0), is_asked=False)
    return visit.page("messages.html", "Messages", filters=FILTERS, **shown)


def _is_there(conn: Connection, account_id: str, message_id: str) -> bool:
    found = messages.load_message(conn, message_id)
    return found is not None and found.account_id == account_id


async def _shown(visit: Visit, text: str, search: Search) -> dict[str, Any]:
    found = await visit.read(find_messages, visit.account_id, search, paging.place(visit), paging.ROWS)
    return _values(visit, text, found, is_asked=True)


def _values(visit: Visit, text: str, found: Found, *, is_asked: bool) -> dict[str, Any]:
    kept = {"q": text} if text else {}
    pages = paging.pages(visit, kept, found.cursor)
    is_live = visit.query("live") == "yes" and pages.is_first and is_asked
    mark = digest_of(found.rows)
    return {
        "text": text,
        "rows": found.rows,
        "looked_to": found.looked_to,
        "is_asked": is_asked,
        "is_live": is_live,
        "pages": pages,
        "newest": "?" + urlencode(kept),
        "start_live": "?" + urlencode({**kept, "live": "yes"}),
        "again": visit.at(f"{PATH}/rows") + "?" + urlencode({**kept, "live": "yes", "seen": mark}),
        "mark": mark,
    }


async def _rows(visit: Visit) -> Response:
    """The newest rows for a page that follows them; 204 while nothing has changed."""
    text = visit.query("q")
    shown = await _shown(visit, text, parse_search(text, visit.now))
    return piece(visit, "_messages.html", shown["mark"], **shown)


async def _suggest(visit: Visit) -> Response:
    text = visit.query("q")[:200] if not visit.request.query_params.get("q", "").endswith(" ") else ""
    found = await visit.read(suggestions, visit.account_id, text) if text else []
    return visit.fragment("_suggestions.html", suggestions=found)


PAGES = (
    Page(PATH, "events.read", _look),
    Page(f"{PATH}/rows", "events.read", _rows),
    Page(f"{PATH}/suggest", "events.read", _suggest),
)
