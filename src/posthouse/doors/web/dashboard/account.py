"""`/settings`: what holds for all mail of the account; `/limits`: what it may send, and how much it did.

Limits are decided by those who look after the machine (docs/decisions/056).

Public: PAGES, changed_limits.
"""

from __future__ import annotations

from starlette.responses import Response

from posthouse.desk import account_settings, accounts
from posthouse.desk.limits import LimitRow, limits_of
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.settings_form import ACCOUNT_GROUPS, LIMIT_GROUP, Group, pairs_of
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.model.account import Account
from posthouse.model.errors import Refused
from posthouse.store.connection import Connection

SETTINGS, LIMITS = "/settings", "/limits"


async def _settings(visit: Visit) -> Response:
    account = await visit.read(accounts.load_by_id, visit.account_id)
    values = account_settings.shown(account.settings)
    return visit.page("settings.html", "Settings", groups=ACCOUNT_GROUPS, values=values)


async def _save(visit: Visit) -> str:
    return await _changed(visit, visit.account, ACCOUNT_GROUPS)


async def _changed(visit: Visit, name: str, groups: tuple[Group, ...]) -> str:
    account: Account = await visit.read(accounts.load, name)
    pairs = pairs_of(visit, groups, account_settings.shown(account.settings))
    if not pairs:
        return "Nothing was changed."
    await visit.write(accounts.change_settings, account.name, pairs)
    return "The settings are saved; every worker follows within a second."


async def changed_limits(visit: Visit, name: str) -> str:
    """Change an account's limits as the form says. Raises Refused."""
    if not visit.is_operator:
        text = "The limits of an account are decided by those who run this machine"
        raise Refused(550, "5.7.1", text, reason="no-permission")
    return await _changed(visit, name, (LIMIT_GROUP,))


async def _limits(visit: Visit) -> Response:
    account, found = await visit.read(_loaded, visit.account_id, visit.now)
    rows, pages = paging.sliced(visit, found, {})
    return visit.page(
        "limits.html",
        "Limits",
        rows=rows,
        pages=pages,
        groups=(LIMIT_GROUP,),
        values=account_settings.shown(account.settings),
        may_change=visit.is_operator and visit.may("account.write"),
    )


def _loaded(conn: Connection, account_id: str, now: float) -> tuple[Account, list[LimitRow]]:
    account = accounts.load_by_id(conn, account_id)
    return account, limits_of(conn, account, now)


async def _save_limits(visit: Visit) -> str:
    return await changed_limits(visit, visit.account)


PAGES = (
    Page(
        SETTINGS,
        "settings.read",
        _settings,
        {"save": Work("settings.write", _save, about=())},
        most_bytes=512 * 1024,
        most_fields=60,
    ),
    Page(LIMITS, "account.read", _limits, {"save": Work("account.write", _save_limits, about=())}),
)
