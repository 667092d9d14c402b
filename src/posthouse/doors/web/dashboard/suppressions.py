"""`/suppressions`: who must not get mail, why and since when; found, put on lists and taken off.

Public: PAGES, KINDS, choices, filters_of, number_of.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from posthouse.desk import suppressions
from posthouse.desk.suppression_search import Chosen, find_page, query_of
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.choices import Choices, domain_choices, group_choices
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.rim import sentence
from posthouse.model.errors import Refused
from posthouse.model.suppression import Suppression
from posthouse.store.connection import Connection

PATH = "/suppressions"
ROWS = 100  # on one page
KINDS = [
    ("bounce", "Bounces: the address does not exist"),
    ("complaint", "Complaints: called our mail spam"),
    ("unsubscribe", "Unsubscribes: wants no more"),
    ("invalid", "Invalid: no address, or a domain without mail"),
    ("block", "Blocks: failed for now (stops nothing)"),
]
"""Lists and what they mean."""


def filters_of(visit: Visit) -> Chosen:
    """What the address of the page asks for. Raises Refused."""
    return Chosen(
        kind=visit.query("kind"),
        domain=visit.query("domain"),
        tag=visit.query("tag"),
        group=number_of(visit.query("group")),
        since=visit.query("since"),
        until=visit.query("until"),
        part=visit.query("text"),
    )


def _asked(chosen: Chosen) -> dict[str, str]:
    """The same as words of an address."""
    words = asdict(chosen)
    words["text"] = words.pop("part")
    return {name: str(value) for name, value in words.items() if value}


def number_of(text: str) -> int:
    """A group's number, 0 for none. Raises Refused."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refused(501, "5.5.4", "A group is named by its number", reason="bad-number")
    return int(text)


async def _look(visit: Visit) -> Response:
    domains, known = await visit.read(choices, visit.account_id)
    rows: list[Suppression] = []
    chosen = Chosen()
    try:
        chosen = filters_of(visit)
        rows = await visit.read(_rows, visit.account_id, chosen, visit.now, paging.place(visit))
    except Refused as refused:
        if not visit.trouble:
            visit.trouble, visit.status = sentence(refused), 400
    shown = rows[:ROWS]
    after = suppressions.cursor_of(shown[-1]) if len(rows) > ROWS else ""
    return visit.page(
        "suppressions.html",
        "Suppressions",
        rows=[(suppressions.suppression_row(row), suppressions.cursor_of(row)) for row in shown],
        kinds=KINDS,
        domains=domains,
        groups=known,
        names={f"group:{number}": name for number, name in known or ()},
        chosen=chosen,
        is_filtered=chosen != Chosen(),
        asked="?" + urlencode(_asked(chosen)) if _asked(chosen) else "",
        pages=paging.pages(visit, _asked(chosen), after),
    )


def choices(conn: Connection, account_id: str) -> tuple[Choices, Choices]:
    """(domains, groups) of the account."""
    return domain_choices(conn, account_id), group_choices(conn, account_id)


def _rows(conn: Connection, account_id: str, chosen: Chosen, now: float, after: str) -> list[Suppression]:
    return find_page(conn, query_of(conn, account_id, chosen, now), after, ROWS + 1)


async def _add(visit: Visit) -> str:
    added: list[Suppression] = await visit.write(_put, visit)
    return f"{len(added)} {'address is' if len(added) == 1 else 'addresses are'} on the list now."


def _put(conn: Connection, visit: Visit) -> list[Suppression]:
    addresses = visit.raw("addresses").split()
    if not addresses:
        raise Refused(501, "5.5.4", "Give at least one address", reason="bad-address")
    where = suppressions.place(
        conn,
        visit.account_id,
        kind=visit.field("kind"),
        domain=visit.field("domain"),
        tag=visit.field("tag"),
        group=number_of(visit.field("group")),
    )
    detail = " ".join(visit.field("detail").split())[:1000]
    return suppressions.add(conn, visit.account_id, addresses, where, visit.now, detail)


async def _remove(visit: Visit) -> str:
    chosen = visit.fields("row")
    if not chosen:
        raise Refused(501, "5.5.4", "Tick the rows to take off", reason="no-row")
    visit.tell_about([suppressions.place_after(each)[0] for each in chosen])
    gone: int = await visit.write(suppressions.remove_rows, visit.account_id, chosen)
    return f"{gone} {'row is' if gone == 1 else 'rows are'} off the lists; mail to them is sent again."


_WORKS: dict[str, Any] = {
    "add": Work("suppressions.write", _add),
    "remove": Work("suppressions.write", _remove),
}
PAGES = (Page(PATH, "suppressions.read", _look, _WORKS, most_bytes=256 * 1024, most_fields=ROWS + 20),)
