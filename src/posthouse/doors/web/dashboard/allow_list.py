"""`/suppressions/allowed`: addresses and domains of recipients that no failure puts on a list.

Public: PAGES.
"""

from __future__ import annotations

from starlette.responses import Response

from posthouse.desk import suppressions
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.choices import Choices, domain_choices
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.model.errors import Refused
from posthouse.model.suppression import Allowed
from posthouse.store import allowed
from posthouse.store.allowed import AllowedQuery
from posthouse.store.connection import Connection

PATH = "/suppressions/allowed"


async def _look(visit: Visit) -> Response:
    domain, slash, value = paging.place(visit).partition("/")  # a domain has no slash
    query = AllowedQuery(visit.account_id, after=(domain, value) if slash else None, limit=paging.ROWS + 1)
    rows, domains = await visit.read(_listing, query)
    return visit.page(
        "allow_list.html",
        "Allow list",
        domains=domains,
        **paging.shown(
            visit,
            [suppressions.allowed_row(row) for row in rows],
            lambda row: f"{row['domain']}/{row['value']}",
        ),
    )


def _listing(conn: Connection, query: AllowedQuery) -> tuple[list[Allowed], Choices]:
    return allowed.listing(conn, query), domain_choices(conn, query.account_id)


async def _add(visit: Visit) -> str:
    values = visit.raw("values").split()
    if not values:
        raise Refused(501, "5.5.4", "Give at least one address or domain", reason="bad-address")
    detail = " ".join(visit.field("detail").split())[:1000]
    added: list[Allowed] = await visit.write(
        suppressions.allow, visit.account_id, values, visit.field("domain"), visit.now, detail
    )
    return f"Allowed: {', '.join(item.value for item in added)}."


async def _remove(visit: Visit) -> str:
    value, domain = visit.field("value"), visit.field("domain")
    gone: int = await visit.write(_take, visit.account_id, value, domain)
    return f"{value} is off the allow list." if gone else f"{value} was not on the allow list."


def _take(conn: Connection, account_id: str, value: str, domain: str) -> int:
    """One row: the entry of that sending domain, or that of all of the account's mail."""
    if domain:
        return suppressions.disallow(conn, account_id, [value], domain)
    return suppressions.disallow_of_account(conn, account_id, [value])


PAGES = (
    Page(
        PATH,
        "suppressions.read",
        _look,
        {
            "add": Work("suppressions.write", _add),
            "remove": Work("suppressions.write", _remove, ("value", "domain")),
        },
        most_bytes=64 * 1024,
    ),
)
