"""`/users`: SMTP users of the account's domains; a password is shown when it is made and never again.

Public: PAGES.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from posthouse.desk import credentials
from posthouse.desk.credentials import Issued
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.terms_form import terms_of
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.model.account import Domain
from posthouse.store import identity
from posthouse.store.connection import Connection
from posthouse.store.parts import Part

PATH = "/users"
_SOME = 5  # domains that are named to people who make a user


async def _look(visit: Visit) -> Response:
    rows, domains = await visit.read(_listing, visit.account_id, paging.part_of(visit))
    smtp = visit.parts.settings.smtp
    ports = [endpoint.port for endpoint in (*smtp.listen, *smtp.listen_tls)]
    return visit.page(
        "users.html",
        "SMTP users",
        domains=domains,
        host=smtp.hostname,
        ports=ports,
        **paging.shown(visit, rows, lambda row: str(row["login"])),
    )


def _listing(conn: Connection, account_id: str, part: Part) -> tuple[list[dict[str, Any]], list[str]]:
    """(users, names of some domains)."""
    some = identity.list_domains(conn, account_id, Part(most=_SOME + 1))
    return credentials.listing(conn, account_id, None, part), _named(some)


def _named(some: Sequence[Domain]) -> list[str]:
    names = [domain.name for domain in some[:_SOME]]
    return [*names, "…"] if len(some) > _SOME else names


async def _add(visit: Visit) -> Response:
    chosen = visit.raw("password") or None
    issued = await visit.write(
        credentials.issue,
        visit.parts.installation,
        visit.parts.ids,
        visit.now,
        account_id=visit.account_id,
        login=visit.field("login"),
        dialect=visit.field("dialect"),
        chosen=chosen,
        terms=terms_of(visit),
    )
    return _shown(visit, issued, f"{issued.login} is added.")


async def _reset(visit: Visit) -> Response:
    issued = await visit.write(
        credentials.reset,
        visit.parts.installation,
        visit.parts.ids,
        visit.now,
        account_id=visit.account_id,
        login=visit.field("login"),
    )
    return _shown(visit, issued, f"{issued.login} has a new password; the old one has ended.")


def _shown(visit: Visit, issued: Issued, news: str) -> Response:
    if not issued.password:
        return visit.go(visit.at(PATH), f"{news} It signs in with the password given.")
    return visit.page(
        "once.html",
        "Keep this password",
        news=news,
        rows=[("User", issued.login), ("Password", issued.password)],
        advice=["The password is shown only now; if it is lost, make a new one."],
        back=visit.at(PATH),
    )


async def _change(visit: Visit) -> str:
    user = await visit.write(
        credentials.change, account_id=visit.account_id, login=visit.field("login"), terms=terms_of(visit)
    )
    return f"{user.login} is changed; open sessions follow within a second."


async def _revoke(visit: Visit) -> str:
    gone = await visit.write(
        credentials.revoke, visit.now, account_id=visit.account_id, login=visit.field("login")
    )
    return f"{gone} can no longer sign in."


PAGES = (
    Page(
        PATH,
        "keys.read",
        _look,
        {
            "add": Work("keys.write", _add),
            "reset": Work("keys.write", _reset),
            "change": Work("keys.write", _change),
            "revoke": Work("keys.write", _revoke),
        },
    ),
)
