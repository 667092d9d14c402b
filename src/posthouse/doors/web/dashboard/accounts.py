"""`/accounts-here`: the accounts of this machine, for those who look after it; `/accounts-here/{name}`: one.

Public: PAGES.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from posthouse.desk import account_settings, accounts, passwords, people
from posthouse.desk.limits import LimitRow, limits_of
from posthouse.desk.passwords import Given
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.account import changed_limits
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.people import once_page
from posthouse.doors.web.dashboard.settings_form import LIMIT_GROUP
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.forms import FormTrouble
from posthouse.model.account import Account, Role
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store import identity
from posthouse.store.connection import Connection
from posthouse.store.people import find_person

PATH = "/accounts-here"


async def _look(visit: Visit) -> Response:
    found = await visit.read(identity.list_accounts, paging.part_of(visit))
    rows = [accounts.account_row(each) for each in found]
    return visit.page("accounts.html", "Accounts", **paging.shown(visit, rows, lambda row: str(row["name"])))


async def _add(visit: Visit) -> Response:
    """The account with its first owner: without one nobody could sign in to it."""
    email = people.person_email(visit.field("owner"))
    given = None if await visit.read(find_person, email) else await asyncio.to_thread(passwords.give)
    ids, now, name = visit.parts.ids, visit.now, visit.field("name")
    made, added = await visit.write(_added, ids, now, name, email, given)
    at = visit.at(f"{PATH}/{{}}", made.name)
    news = f"{made.name} is added, and {email} is its owner."
    if added.given is None:
        return visit.go(at, f"{news} They sign in as before.")
    return once_page(visit, email, added.given.password, news, at)


def _added(
    conn: Connection, ids: Ids, now: float, name: str, email: str, given: Given | None
) -> tuple[Account, people.Added]:
    made = accounts.add(conn, ids, now, name)
    return made, people.add(conn, ids, now, made.id, email, role=Role.OWNER, given=given)


async def _one(visit: Visit) -> Response:
    account, contents, found = await _load(visit)
    rows, pages = paging.sliced(visit, found, {})
    return visit.page(
        "account_here.html",
        f"Account {account.name}",
        row=accounts.account_row(account),
        contents=contents,
        rows=rows,
        pages=pages,
        groups=(LIMIT_GROUP,),
        values=account_settings.shown(account.settings),
        is_own=account.name == accounts.USUAL,
    )


async def _load(visit: Visit) -> tuple[Account, dict[str, int], list[LimitRow]]:
    """Raises FormTrouble (404)."""
    try:
        return await visit.read(_loaded, visit.param("name"), visit.now)
    except Refused as refused:
        raise FormTrouble(404, "There is no such account here.") from refused


def _loaded(conn: Connection, name: str, now: float) -> tuple[Account, dict[str, int], list[Any]]:
    account = accounts.load(conn, name)
    return account, accounts.contents(conn, account), limits_of(conn, account, now)


async def _suspend(visit: Visit) -> str:
    if visit.param("name") == accounts.USUAL:
        text = "Those who look after this machine sign in to this account: it cannot be suspended here"
        raise Refused(550, "5.5.4", text, reason="usual-account")
    account = await visit.write(accounts.suspend, visit.param("name"))
    return f"{account.name} is suspended: nobody of it signs in or sends, and its mail waits."


async def _resume(visit: Visit) -> str:
    account = await visit.write(accounts.resume, visit.param("name"))
    return f"{account.name} goes on, with the mail that waits."


async def _limits(visit: Visit) -> str:
    return await changed_limits(visit, visit.param("name"))


async def _remove(visit: Visit) -> Response:
    """In steps, as the command does it."""
    account = await visit.read(accounts.removable, visit.param("name"))
    gives_up_mail = visit.ticked("force")
    if gives_up_mail:
        await visit.write(accounts.suspend, account.name)  # nothing new joins what is given up
        while await visit.write(accounts.give_up_mail, account, visit.now, visit.parts.ids):
            pass
    await visit.write(accounts.end, account, gives_up_mail=gives_up_mail)
    return visit.go(visit.at(PATH), f"{account.name} is removed with everything that it had.")


PAGES = (
    Page(
        PATH,
        "account.read",
        _look,
        {"add": Work("account.write", _add, about=("name", "owner"))},
        is_operators=True,
    ),
    Page(
        f"{PATH}/{{name}}",
        "account.read",
        _one,
        {
            "suspend": Work("account.write", _suspend),
            "resume": Work("account.write", _resume),
            "limits": Work("account.write", _limits),
            "remove": Work("account.write", _remove),
        },
        is_operators=True,
    ),
)
