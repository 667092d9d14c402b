"""`/groups`: kinds of mail that a recipient may leave one by one.

Public: PAGES.
"""

from __future__ import annotations

from starlette.responses import Response

from posthouse.desk import suppressions
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.store.groups import Group

PATH = "/groups"


async def _look(visit: Visit) -> Response:
    rows = await visit.read(suppressions.group_rows, visit.account_id, paging.part_of(visit))
    values = paging.shown(visit, rows, lambda row: str(row["number"]))
    return visit.page("groups.html", "Unsubscribe groups", **values)


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
