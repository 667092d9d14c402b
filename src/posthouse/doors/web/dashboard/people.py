"""`/people`: who signs in to the account and as what; `/people/{email}`: where, a new password, the end.

A one-time password is shown when it is made and never again. What opens other accounts too, a new password
and turning off the second step, is kept from owners of one of several (docs/decisions/056).

Public: PAGES, once_page.
"""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from posthouse.desk import passwords, people, sessions
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.forms import FormTrouble
from posthouse.model.account import Person, Role, Session
from posthouse.model.errors import Refused
from posthouse.store.connection import Connection
from posthouse.store.people import find_person, list_people, list_sessions

PATH = "/people"
ROLES = (
    (Role.VIEWER.value, "Viewer: looks at everything, changes nothing"),
    (Role.DEVELOPER.value, "Developer: changes everything but people, limits and the account"),
    (Role.OWNER.value, "Owner: may do everything"),
)
_ADVICE = ["It opens once, within 7 days: a password of one's own is asked for at the first sign-in."]


async def _look(visit: Visit) -> Response:
    found = await visit.read(list_people, visit.account_id, paging.part_of(visit))
    rows = [people.person_row(each, visit.account_id) for each in found]
    values = paging.shown(visit, rows, lambda row: str(row["email"]))
    return visit.page("people.html", "People", roles=ROLES, **values)


async def _add(visit: Visit) -> Response:
    email, role = people.person_email(visit.field("email")), people.role_of(visit.field("role"))
    known = await visit.read(find_person, email)
    given = None if known else await asyncio.to_thread(passwords.give)  # hashing takes its time
    added = await visit.write(
        people.add,
        visit.parts.ids,
        visit.now,
        visit.account_id,
        email,
        role=role,
        name=visit.field("name"),
        given=given,
    )
    if added.given is None:
        return visit.go(visit.at(PATH), f"{email} signs in as before, and is {role} of this account now.")
    news = f"{email} is added as {role}."
    return once_page(visit, email, added.given.password, news, visit.at(PATH))


def once_page(visit: Visit, email: str, password: str, news: str, back: str) -> Response:
    """The one-time password of somebody new, now and never again; `back`: where to go on."""
    return visit.page(
        "once.html",
        "Keep this password",
        news=news,
        rows=[
            ("Address", f"{visit.base_url}/sign-in"),
            ("E-mail", email),
            ("One-time password", password),
        ],
        advice=_ADVICE,
        back=back,
    )


# One of them


async def _one(visit: Visit) -> Response:
    person, open_sessions = await _load(visit)
    return visit.page(
        "person.html",
        person.email,
        row=people.person_row(person, visit.account_id),
        sessions=sessions.listing(open_sessions),
        own_session=visit.signed.session.id,
        roles=ROLES,
        is_shared=not _may_open(visit, person),
    )


async def _load(visit: Visit) -> tuple[Person, list[Session]]:
    """Raises FormTrouble (404), for people of other accounts too (S20)."""
    try:
        return await visit.read(_loaded, visit)
    except Refused as refused:
        raise FormTrouble(404, "There is no such person here.") from refused


def _loaded(conn: Connection, visit: Visit) -> tuple[Person, list[Session]]:
    person = people.load(conn, visit.account_id, visit.param("email"))
    return person, list_sessions(conn, person.id, visit.now)


def _may_open(visit: Visit, person: Person) -> bool:
    return visit.is_operator or set(person.roles) == {visit.account_id}


async def _role(visit: Visit) -> str:
    role = people.role_of(visit.field("role"))
    person = await visit.write(people.change_role, visit.account_id, visit.param("email"), role)
    return f"{person.email} is {role} now."


async def _reset(visit: Visit) -> Response:
    person, _ = await _load(visit)
    if not visit.is_operator:
        people.refuse_shared(person, visit.account_id)
    given = await asyncio.to_thread(passwords.give)
    await visit.write(people.reset, visit.now, visit.account_id, person.email, given)
    news = f"{person.email} has a new password; the old one and all sessions have ended."
    return once_page(visit, person.email, given.password, news, visit.at(PATH))


async def _totp_off(visit: Visit) -> str:
    person, _ = await _load(visit)
    if not visit.is_operator:
        people.refuse_shared(person, visit.account_id)
    await visit.write(people.turn_totp_off, visit.account_id, person.email)
    return f"{person.email} signs in with the password alone now."


async def _sign_out(visit: Visit) -> str:
    session = visit.field("session")
    ended = await visit.write(people.sign_out, visit.account_id, visit.param("email"), session)
    return f"Ended: {ended} {'session' if ended == 1 else 'sessions'}."


async def _remove(visit: Visit) -> Response:
    person = await visit.write(people.remove, visit.account_id, visit.param("email"))
    return visit.go(visit.at(PATH), f"{person.email} no longer belongs to this account.")


PAGES = (
    Page(PATH, "people.read", _look, {"add": Work("people.write", _add)}),
    Page(
        f"{PATH}/{{email}}",
        "people.read",
        _one,
        {
            "role": Work("people.write", _role, about=("role",)),
            "reset": Work("people.write", _reset, about=()),
            "totp-off": Work("people.write", _totp_off, about=()),
            "sign-out": Work("people.write", _sign_out, about=()),
            "remove": Work("people.write", _remove, about=()),
        },
    ),
)
