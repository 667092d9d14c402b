"""The people of the account: `/v3/teammates` (documented).

An owner is one there too; a developer or viewer is a teammate with the scopes that the role has. Who signs in
is managed by people and at the command line, never by a key, so all changes are refused.

Public: ENDPOINTS.
"""

from __future__ import annotations

from typing import Any

from posthouse.desk import people
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.api_keys import scopes_of
from posthouse.doors.api.sendgrid.asked import page_of
from posthouse.doors.api.sendgrid.not_here import empty, refused
from posthouse.doors.api.sendgrid.paging import link_header
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.model.account import Person, Role
from posthouse.model.errors import Refused
from posthouse.rules.permissions import PERMISSIONS
from posthouse.rules.roles import may
from posthouse.store.connection import Connection
from posthouse.store.people import list_people

_MOST = 500
_BLANK = dict.fromkeys(("phone", "website", "address", "address2", "city", "state", "country", "zip"), "")


def _shown(person: Person, account_id: str) -> dict[str, Any]:
    is_owner = person.roles[account_id] is Role.OWNER
    first, _, last = person.name.partition(" ")
    return {
        "username": person.email,
        "email": person.email,
        "first_name": first,
        "last_name": last,
        "user_type": "owner" if is_owner else "teammate",
        "is_admin": is_owner,
        **_BLANK,
    }


async def _list(call: Call) -> Answer:
    limit, offset = page_of(call, _MOST, _MOST)
    found = await call.read(list_people, call.account_id)
    page = [_shown(person, call.account_id) for person in found[offset : offset + limit]]
    return json_answer({"result": page}, headers=link_header(call, limit, offset, is_full=len(page) == limit))


async def _get(call: Call) -> Answer:
    person = await call.read(_load, call)
    role = person.roles[call.account_id]
    scopes = scopes_of(word for word in PERMISSIONS if may(role, word))
    return json_answer({**_shown(person, call.account_id), "scopes": scopes})


def _load(conn: Connection, call: Call) -> Person:
    """Raises Said, alike for somebody of another account (S20)."""
    try:
        return people.load(conn, call.account_id, call.params["username"])
    except Refused as error:
        raise said("username not found", 404, "username") from error  # documented


async def _subusers(call: Call) -> Answer:
    """Of a person: none, for there are none."""
    await call.read(_load, call)
    return json_answer({"has_restricted_subuser_access": False, "subuser_access": []})


_PERSON = "people are added and changed by owners on the web page, or with `posthouse person`"
_READ, _WRITE = "keys.read", "keys.write"
_TEAM = "/v3/teammates"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _TEAM, _READ, _list),
    Endpoint("POST", _TEAM, _WRITE, refused(_PERSON)),
    Endpoint("GET", f"{_TEAM}/pending", _READ, empty),
    Endpoint("DELETE", f"{_TEAM}/pending/{{token}}", _WRITE, refused("invalid pending key", 404)),
    Endpoint("POST", f"{_TEAM}/pending/{{token}}/resend", _WRITE, refused("invalid pending key", 404)),
    Endpoint("GET", f"{_TEAM}/{{username}}", _READ, _get),
    Endpoint("PATCH", f"{_TEAM}/{{username}}", _WRITE, refused(_PERSON)),
    Endpoint("DELETE", f"{_TEAM}/{{username}}", _WRITE, refused(_PERSON)),
    Endpoint("GET", f"{_TEAM}/{{username}}/subuser_access", _READ, _subusers),
)
