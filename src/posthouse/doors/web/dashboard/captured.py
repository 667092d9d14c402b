"""`/captured`: mail kept instead of sent, one inbox for each application, seen as its recipient would.

Public: PAGES.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from posthouse.config import Settings
from posthouse.desk import captures
from posthouse.desk.capture_checks import Checked, load_checked, worst
from posthouse.desk.captures import CaptureQuery
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.mail_view import letter_pages, letter_view
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.forms import FormTrouble
from posthouse.doors.web.rim import sentence
from posthouse.mail.checks import Level, check_letter
from posthouse.model.account import MAIL_SEND
from posthouse.model.errors import Refused
from posthouse.pipeline.release import release
from posthouse.store.captures import COUNTED, CaptureLine, Inbox
from posthouse.store.connection import Connection

PATH, ROWS, ONE = "/captured", "/captured/rows", "/captured/{id}"
PAGE_ROWS = paging.ROWS
_FILTERS = ("q", "tag", "application")
_LONGEST = 200
_ORDER = (Level.BAD, Level.WARN, Level.GOOD)


def _asked(visit: Visit) -> dict[str, str]:
    """The filters that the address names."""
    given = {name: visit.query(name)[:_LONGEST] for name in _FILTERS}
    return {name: value for name, value in given.items() if value}


def _query(visit: Visit, asked: dict[str, str]) -> CaptureQuery:
    return CaptureQuery(visit.account_id, text=asked.get("q", ""), tag=asked.get("tag", ""))


async def _look(visit: Visit) -> Response:
    asked = _asked(visit)
    cursor = paging.place(visit)[:60]
    rows, inboxes = await visit.read(_listing, _query(visit, asked), cursor, asked.get("application", ""))
    return visit.page(
        "captured.html",
        "Captured mail",
        inboxes=[_inbox(visit, each, asked) for each in inboxes],
        all_at=_filtered(visit, asked, ""),
        asked=asked,
        captures_all=visit.parts.settings.delivery.capture,
        api=f"{visit.base_url}/posthouse/v1",
        **_rows(visit, rows, asked),
    )


def _listing(
    conn: Connection, query: CaptureQuery, cursor: str, application: str
) -> tuple[list[CaptureLine], list[Inbox]]:
    return _page(conn, query, cursor, application), captures.inboxes(conn, query.account_id)


def _page(conn: Connection, query: CaptureQuery, cursor: str, application: str) -> list[CaptureLine]:
    """One more than is shown, to know whether there are more."""
    return captures.listing(conn, replace(query, before_id=cursor, limit=PAGE_ROWS + 1), application)


def _rows(visit: Visit, rows: list[CaptureLine], asked: dict[str, str]) -> dict[str, Any]:
    shown, newest = rows[:PAGE_ROWS], rows[0].delivery_id if rows else ""
    return {
        "rows": shown,
        "keep": f"?{urlencode(asked)}" if asked else "",
        "pages": paging.pages(visit, asked, shown[-1].delivery_id if len(rows) > PAGE_ROWS else ""),
        "again": f"{visit.at(ROWS)}?{urlencode(asked | {'newest': newest})}",
    }


def _inbox(visit: Visit, inbox: Inbox, asked: dict[str, str]) -> dict[str, Any]:
    return {
        "name": inbox.application,
        "copies": f"{COUNTED}+" if inbox.copies > COUNTED else str(inbox.copies),
        "at": _filtered(visit, asked, inbox.application),
        "is_chosen": asked.get("application", "").lower() == inbox.application.lower(),
    }


def _filtered(visit: Visit, asked: dict[str, str], application: str) -> str:
    chosen = asked | {"application": application}
    wanted = {name: value for name, value in chosen.items() if value}
    return f"{visit.at(PATH)}?{urlencode(wanted)}" if wanted else visit.at(PATH)


async def _fresh_rows(visit: Visit) -> Response:
    """Asked again and again: 204 while nothing new came."""
    asked = _asked(visit)
    query, application = _query(visit, asked), asked.get("application", "")
    is_again = "newest" in visit.request.query_params
    if is_again and visit.query("newest") == await visit.read(_newest, query, application):
        return Response(status_code=204)
    rows = await visit.read(_page, query, "", application)
    return visit.fragment("_captured.html", is_live=True, **_rows(visit, rows, asked))


def _newest(conn: Connection, query: CaptureQuery, application: str) -> str:
    found = captures.listing(conn, replace(query, limit=1), application)
    return found[0].delivery_id if found else ""


async def _empty(visit: Visit) -> Response:
    application = visit.field("application")
    removed = await visit.in_steps(captures.empty, CaptureQuery(visit.account_id), application)
    whose = f" of {application}" if application else ""
    return visit.go(visit.at(PATH), f"The inbox{whose} is empty; {removed} removed.")


async def _remove_ticked(visit: Visit) -> str:
    removed = await visit.write(captures.remove_several, visit.account_id, visit.fields("copy"))
    return "1 copy is removed." if removed == 1 else f"{removed} copies are removed."


# One copy


async def _show(visit: Visit) -> Response:
    asked, delivery_id = _asked(visit), visit.param("id")
    row, checked, newer, older = await _found(visit, asked, delivery_id)
    found = await asyncio.to_thread(check_letter, checked.content, checked.standing)
    at = visit.at(ONE.replace("{id}", "{}"), delivery_id)
    keep = f"?{urlencode(asked)}" if asked else ""
    return visit.page(
        "capture.html",
        row["subject"] or "(no subject)",
        row=row,
        findings=[each for level in _ORDER for each in found if each.level is level],
        worst=worst(found).value,
        letter=await letter_view(visit, checked.content, at, asked),
        newer=visit.at(ONE.replace("{id}", "{}"), newer) + keep if newer else "",
        older=visit.at(ONE.replace("{id}", "{}"), older) + keep if older else "",
        back=visit.at(PATH) + keep,
        captures_all=visit.parts.settings.delivery.capture,
    )


async def _found(
    visit: Visit, asked: dict[str, str], delivery_id: str
) -> tuple[dict[str, Any], Checked, str, str]:
    """Raises FormTrouble: there is none."""
    query, application = _query(visit, asked), asked.get("application", "")
    try:
        return await visit.read(_all_of, visit.parts.settings, query, application, delivery_id)
    except Refused as refused:
        raise FormTrouble(404, sentence(refused)) from refused


def _all_of(
    conn: Connection, settings: Settings, query: CaptureQuery, application: str, delivery_id: str
) -> tuple[dict[str, Any], Checked, str, str]:
    row = captures.summary(conn, query.account_id, "", delivery_id)
    checked = load_checked(conn, settings, query.account_id, "", delivery_id)
    return row, checked, *captures.neighbours(conn, query, application, delivery_id)


async def _content(visit: Visit) -> bytes:
    try:
        return await visit.read(captures.content, visit.account_id, "", visit.param("id"))
    except Refused as refused:
        raise FormTrouble(404, sentence(refused)) from refused


async def _remove(visit: Visit) -> Response:
    await visit.write(captures.remove, visit.account_id, "", visit.param("id"))
    return visit.go(_back(visit), "The copy is removed.")


def _back(visit: Visit) -> str:
    asked = _asked(visit)
    return visit.at(PATH) + (f"?{urlencode(asked)}" if asked else "")


async def _release(visit: Visit) -> Response:
    made = await visit.write(
        release,
        visit.parts.settings,
        visit.parts.ids,
        visit.now,
        visit.signed.person.email,
        account_id=visit.account_id,
        domain="",
        delivery_id=visit.param("id"),
        to=visit.field("to"),
    )
    visit.parts.dispatcher.wake()
    at = visit.at("/messages/{}", made.message_id)
    return visit.go(at, f"The copy is on its way to {made.recipient}.")


PAGES = (
    Page(
        PATH,
        "events.read",
        _look,
        {
            "empty": Work("queue.write", _empty, about=("application",)),
            "remove": Work("queue.write", _remove_ticked, about=("copy",)),
        },
        most_fields=PAGE_ROWS + 20,
    ),
    Page(ROWS, "events.read", _fresh_rows),
    *letter_pages(ONE, "events.read", _content),
    Page(
        ONE,
        "events.read",
        _show,
        {"remove": Work("queue.write", _remove), "release": Work(MAIL_SEND, _release)},
    ),
)
