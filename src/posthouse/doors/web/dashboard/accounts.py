"""`/accounts-here`: the accounts of this machine, for those who look after it; `/accounts-here/{name}`: one.

Public: PAGES.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from posthouse.desk import account_settings, accounts
from posthouse.desk.limits import LimitRow, limits_of
from posthouse.doors.web.dashboard.account import changed_limits
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.settings_form import LIMIT_GROUP
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.forms import FormTrouble
from posthouse.model.account import Account
from posthouse.model.errors import Refused
from posthouse.store import identity
from posthouse.store.connection import Connection

PATH = "/accounts-here"


async def _look(visit: Visit) -> Response:
    found = await visit.read(identity.list_accounts)
    return visit.page("accounts.html", "Accounts", rows=[accounts.account_row(each) for each in found])


async def _add(visit: Visit) -> Response:
    made = await visit.write(accounts.add, visit.parts.ids, visit.now, visit.field("name"))
    said = f"{made.name} is added. Make somebody its owner: posthouse person add EMAIL --account {made.name}"
    return visit.go(visit.at(f"{PATH}/{{}}", made.name), said)


async def _one(visit: Visit) -> Response:
    account, contents, rows = await _load(visit)
    return visit.page(
        "account_here.html",
        f"Account {account.name}",
        row=accounts.account_row(account),
        contents=contents,
        rows=rows,
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
    Page(PATH, "account.read", _look, {"add": Work("account.write", _add)}, is_operators=True),
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
