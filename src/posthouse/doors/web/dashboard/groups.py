"""`/groups`: kinds of mail that a recipient may leave one by one.

Public: PAGES.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from posthouse.desk import suppressions
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.store.connection import Connection
from posthouse.store.groups import Group

PATH = "/groups"


async def _look(visit: Visit) -> Response:
    return visit.page("groups.html", "Unsubscribe groups", rows=await visit.read(_listing, visit.account_id))


def _listing(conn: Connection, account_id: str) -> list[dict[str, Any]]:
    return suppressions.group_rows(conn, account_id)


async def _add(visit: Visit) -> str:
    made: Group = await visit.write(
        suppressions.add_group,
        visit.account_id,
        visit.field("name"),
        visit.field("description"),
        is_default=visit.ticked("default"),
    )
    return f"The group {made.name} has the number {made.number}."


async def _change(visit: Visit) -> str:
    made: Group = await visit.write(
        suppressions.change_group,
        visit.account_id,
        _number(visit),
        name=visit.field("name"),
        description=visit.field("description"),
        is_default=visit.ticked("default"),
    )
    return f"The group {made.name} is changed."


async def _remove(visit: Visit) -> str:
    await visit.write(suppressions.remove_group, visit.account_id, _number(visit))
    return f"Group {_number(visit)} is removed with its list."


def _number(visit: Visit) -> int:
    """The group's, 0 (which none has) for what is no number."""
    text = visit.field("number")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


PAGES = (
    Page(
        PATH,
        "suppressions.read",
        _look,
        {
            "add": Work("suppressions.write", _add),
            "change": Work("suppressions.write", _change),
            "remove": Work("suppressions.write", _remove),
        },
    ),
)
