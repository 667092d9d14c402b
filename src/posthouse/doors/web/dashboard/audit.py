"""`/audit`: who changed what, when and from where.

Public: PAGES.
"""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from posthouse.desk import audit
from posthouse.desk.event_log import parse_instant
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.page import Page
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.rim import sentence
from posthouse.model.errors import Refused

PATH = "/audit"
FILTERS = ("who", "what", "about", "since", "until")


async def _look(visit: Visit) -> Response:
    chosen = {name: visit.query(name) for name in FILTERS}
    is_machine = visit.is_operator and visit.query("log") == "machine"
    if is_machine:
        chosen["log"] = "machine"
    rows: list[audit.Entry] = []
    next_id = ""
    try:
        rows, next_id = await visit.read(audit.listing, _query(visit, chosen, is_machine))
    except Refused as refused:
        visit.trouble, visit.status = sentence(refused), 400
    given = {name: value for name, value in chosen.items() if value}
    return visit.page(
        "audit.html",
        "Audit log",
        rows=rows,
        chosen=chosen,
        is_filtered=any(chosen[name] for name in FILTERS),
        is_machine=is_machine,
        pages=paging.pages(visit, given, next_id),
        only=lambda name, value: _address(visit, given | {name: value}),
    )


def _query(visit: Visit, chosen: dict[str, str], is_machine: bool) -> audit.Query:
    """Raises Refused."""
    since, until = chosen["since"], chosen["until"]
    return audit.Query(
        account_id=audit.MACHINE if is_machine else visit.account_id,
        who=chosen["who"],
        what=chosen["what"],
        about=chosen["about"],
        since=parse_instant(since, visit.now) if since else None,
        until=parse_instant(until, visit.now) if until else None,
        before_id=paging.place(visit),
        limit=paging.ROWS,
    )


def _address(visit: Visit, given: dict[str, str]) -> str:
    return f"{visit.at(PATH)}?{urlencode(given)}" if given else visit.at(PATH)


PAGES = (Page(PATH, "people.read", _look),)
