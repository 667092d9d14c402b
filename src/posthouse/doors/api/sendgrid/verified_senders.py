"""Senders: `/v3/verified_senders` (sendgrid.md 3.15).

Public: ENDPOINTS.
"""

from __future__ import annotations

from typing import Any

from posthouse.doors.api.answers import NOTHING, Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid import noted_senders as noted
from posthouse.doors.api.sendgrid.asked import HIGHEST_NUMBER, number_of, object_of
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.store import senders
from posthouse.store.connection import Connection
from posthouse.store.senders import Sender

_REQUIRED = ("nickname", "from_email", "reply_to")
_FIELDS = {**noted.FIELDS, "state": 2}
_HARD, _SOFT = ("aol.com", "yahoo.com"), ("gmail.com",)
"""Providers of mailboxes whose DMARC policy has such mail refused, or that warn of it."""


def _shown(sender: Sender, names: frozenset[str]) -> dict[str, Any]:
    is_verified = noted.is_verified(sender, names)
    return {"id": sender.number, **noted.values_of(sender), "verified": is_verified, "locked": False}


# Reading


async def _list(call: Call) -> Answer:
    limit = max(1, number_of(call, "limit", noted.MOST_SENDERS, noted.MOST_SENDERS))
    after = number_of(call, "lastSeenID", 0, HIGHEST_NUMBER)
    only = number_of(call, "id", 0, HIGHEST_NUMBER)

    def read(conn: Connection) -> list[dict[str, Any]]:
        if only:
            one = senders.find(conn, call.account_id, only)
            found = [one] if one is not None and one.number > after else []
        else:
            found = senders.page(conn, call.account_id, limit, after=after)
        names = noted.verified_names(conn, call)
        return [_shown(sender, names) for sender in found]

    return json_answer({"results": await call.read(read)})


async def _steps(call: Call) -> Answer:
    def read(conn: Connection) -> dict[str, bool]:
        names = noted.verified_names(conn, call)
        known = noted.listed(conn, call)
        return {
            "domain_verified": bool(names),
            "sender_verified": any(noted.is_verified(sender, names) for sender in known),
        }

    return json_answer({"results": await call.read(read)})


async def _warnings(call: Call) -> Answer:
    return json_answer({"results": {"soft_failures": _SOFT, "hard_failures": _HARD}})


# Changing


async def _create(call: Call) -> Answer:
    fields = noted.fields_of(await object_of(call), _REQUIRED, _FIELDS)

    def make(conn: Connection) -> dict[str, Any]:
        return _shown(noted.add(conn, call, fields), noted.verified_names(conn, call))

    return await call.write_once(lambda shown: json_answer(shown, 201), make)


async def _change(call: Call) -> Answer:
    """What is not given stays as it is."""
    given = await object_of(call)
    needed = [name for name in _REQUIRED if given.get(name) is not None]
    fields = noted.fields_of(given, needed, _FIELDS)

    def change(conn: Connection) -> dict[str, Any]:
        return _shown(noted.change(conn, call, fields), noted.verified_names(conn, call))

    return await call.write_once(json_answer, change)


async def _remove(call: Call) -> Answer:
    return await call.write_once(lambda _: NOTHING, noted.remove, call)


async def _resend(call: Call) -> Answer:
    """There is nothing to mail: a domain is proven by its records. Fine where that is done. Raises Said."""
    is_verified, domain = await call.read(noted.standing, call)
    if not is_verified:
        raise noted.unproven(domain)
    return NOTHING


async def _verify(call: Call) -> Answer:
    text = "there is no such token: a sender is verified with its domain, and no confirmation is mailed"
    raise said(text, 404)


_READ, _WRITE = "domains.read", "domains.write"
_SENDERS = "/v3/verified_senders"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _SENDERS, _READ, _list),
    Endpoint("POST", _SENDERS, _WRITE, _create),
    Endpoint("GET", f"{_SENDERS}/domains", _READ, _warnings),
    Endpoint("GET", f"{_SENDERS}/steps_completed", _READ, _steps),
    Endpoint("GET", f"{_SENDERS}/verify/{{token}}", _READ, _verify),
    Endpoint("POST", f"{_SENDERS}/resend/{{id}}", _WRITE, _resend),
    Endpoint("PATCH", f"{_SENDERS}/{{id}}", _WRITE, _change),
    Endpoint("DELETE", f"{_SENDERS}/{{id}}", _WRITE, _remove),
)
