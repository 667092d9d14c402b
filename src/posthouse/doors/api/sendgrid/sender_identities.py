"""Senders as the older calls write them, with `from` and `reply_to` as objects: `/v3/senders` (documented).

They are the same ones as at `/v3/verified_senders`, with the same numbers.

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from posthouse.doors.api.answers import NOTHING, Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid import noted_senders as noted
from posthouse.doors.api.sendgrid.asked import object_of
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.store.connection import Connection
from posthouse.store.senders import Sender

_REQUIRED = ("nickname", "from_email", "reply_to", "address", "city", "country")
_PLAIN = {name: name for name in ("nickname", "address", "city", "state", "zip", "country")}
_PLAIN |= {"address_2": "address2"}
"""The service's name of a field and ours."""
_PAIRS = {"from": ("from_email", "from_name"), "reply_to": ("reply_to", "reply_to_name")}
"""Objects with `email` and `name`, and our names of these."""


def _flat(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, by our names. Raises Said."""
    found = {ours: given.get(name) for name, ours in _PLAIN.items()}
    for name, (email, called) in _PAIRS.items():
        value = given.get(name)
        if value is not None and not isinstance(value, dict):
            raise said(f"{name} must be an object with email and name", field=name)
        found[email], found[called] = (value or {}).get("email"), (value or {}).get("name")
    return found


def _shown(sender: Sender, names: frozenset[str]) -> dict[str, Any]:
    kept = noted.values_of(sender)
    pairs = {name: {"email": kept[email], "name": kept[called]} for name, (email, called) in _PAIRS.items()}
    return {
        "id": sender.number,
        **pairs,
        **{name: kept[ours] for name, ours in _PLAIN.items()},
        "verified": noted.is_verified(sender, names),
        "updated_at": noted.changed_at(sender),
        "created_at": int(sender.created_at),
        "locked": False,
    }


async def _list(call: Call) -> Answer:
    def read(conn: Connection) -> list[dict[str, Any]]:
        names = noted.verified_names(conn, call)
        return [_shown(sender, names) for sender in noted.listed(conn, call)]

    return json_answer({"result": await call.read(read)})


async def _get(call: Call) -> Answer:
    def read(conn: Connection) -> dict[str, Any]:
        return _shown(noted.load(conn, call), noted.verified_names(conn, call))

    return json_answer(await call.read(read))


async def _create(call: Call) -> Answer:
    fields = noted.fields_of(_flat(await object_of(call)), _REQUIRED)

    def make(conn: Connection) -> dict[str, Any]:
        return _shown(noted.add(conn, call, fields), noted.verified_names(conn, call))

    return await call.write_once(lambda shown: json_answer(shown, 201), make)


async def _change(call: Call) -> Answer:
    """What is not given stays as it is; what must be there cannot be emptied (documented)."""
    flat = _flat(await object_of(call))
    fields = noted.fields_of(flat, [name for name in _REQUIRED if flat[name] is not None])

    def change(conn: Connection) -> dict[str, Any]:
        return _shown(noted.change(conn, call, fields), noted.verified_names(conn, call))

    return await call.write_once(json_answer, change)


async def _remove(call: Call) -> Answer:
    return await call.write_once(lambda _: NOTHING, noted.remove, call)


async def _resend(call: Call) -> Answer:
    """Always refused: nothing is mailed. Raises Said."""
    is_verified, domain = await call.read(noted.standing, call)
    if is_verified:
        raise said("The Sender Identity is already verified.  No email sent.", field="")  # documented
    raise noted.unproven(domain)


_READ, _WRITE = "domains.read", "domains.write"
_SENDERS = "/v3/senders"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _SENDERS, _READ, _list),
    Endpoint("POST", _SENDERS, _WRITE, _create),
    Endpoint("GET", f"{_SENDERS}/{{id}}", _READ, _get),
    Endpoint("PATCH", f"{_SENDERS}/{{id}}", _WRITE, _change),
    Endpoint("DELETE", f"{_SENDERS}/{{id}}", _WRITE, _remove),
    Endpoint("POST", f"{_SENDERS}/{{id}}/resend_verification", _WRITE, _resend),
)
