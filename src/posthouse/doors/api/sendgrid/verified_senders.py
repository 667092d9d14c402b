"""Senders: `/v3/verified_senders` (sendgrid.md 3.15).

A sender is verified while its domain is a verified domain of the account; no confirmation is mailed, so
there are no tokens (docs/decisions/041).

Public: ENDPOINTS.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from posthouse.doors.api.answers import NOTHING, Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import (
    HIGHEST_NUMBER,
    find_text,
    number_of,
    object_of,
    path_number,
    text_of,
)
from posthouse.doors.api.sendgrid.phrases import not_found, said
from posthouse.model.address import BadAddress, parse_address
from posthouse.store import identity, senders
from posthouse.store.connection import Connection
from posthouse.store.senders import Sender

MOST_SENDERS = 1000
_REQUIRED = ("nickname", "from_email", "reply_to")
_MOST = {
    "nickname": 100,
    "from_email": 256,
    "from_name": 256,
    "reply_to": 256,
    "reply_to_name": 256,
    "address": 100,
    "address2": 100,
    "state": 2,
    "city": 150,
    "zip": 10,
    "country": 100,
}
_HARD, _SOFT = ("aol.com", "yahoo.com"), ("gmail.com",)
"""Providers of mailboxes whose DMARC policy has such mail refused, or that warn of it."""


# Whether a sender is verified


def _verified_names(conn: Connection, call: Call) -> frozenset[str]:
    found = identity.list_domains(conn, call.account_id)
    return frozenset(each.name for each in found if call.is_here(each) and each.verified_at is not None)


def _domain_of(sender: Sender) -> str:
    return sender.email.rpartition("@")[2]


def _is_verified(sender: Sender, names: frozenset[str]) -> bool:
    return _domain_of(sender) in names


def _shown(sender: Sender, names: frozenset[str]) -> dict[str, Any]:
    kept = json.loads(sender.data)
    fields = {name: kept.get(name, "") for name in _MOST}
    return {"id": sender.number, **fields, "verified": _is_verified(sender, names), "locked": False}


# Reading


async def _list(call: Call) -> Answer:
    limit = max(1, number_of(call, "limit", MOST_SENDERS, MOST_SENDERS))
    after = number_of(call, "lastSeenID", 0, HIGHEST_NUMBER)
    only = number_of(call, "id", 0, HIGHEST_NUMBER)

    def read(conn: Connection) -> list[dict[str, Any]]:
        if only:
            one = senders.find(conn, call.account_id, only)
            found = [one] if one is not None and one.number > after else []
        else:
            found = senders.page(conn, call.account_id, limit, after=after)
        names = _verified_names(conn, call)
        return [_shown(sender, names) for sender in found]

    return json_answer({"results": await call.read(read)})


async def _steps(call: Call) -> Answer:
    def read(conn: Connection) -> dict[str, bool]:
        names = _verified_names(conn, call)
        known = senders.page(conn, call.account_id, MOST_SENDERS)
        return {
            "domain_verified": bool(names),
            "sender_verified": any(_is_verified(sender, names) for sender in known),
        }

    return json_answer({"results": await call.read(read)})


async def _warnings(call: Call) -> Answer:
    return json_answer({"results": {"soft_failures": _SOFT, "hard_failures": _HARD}})


def _loaded(conn: Connection, call: Call) -> Sender:
    """The sender that the path names. Raises Said, alike for another account's (S20)."""
    found = senders.find(conn, call.account_id, path_number(call, "id"))
    if found is None:
        raise not_found()
    return found


# Changing


def _given(given: dict[str, Any], names: Sequence[str]) -> dict[str, str]:
    """Those of the fields that are given, judged; the ones of `names` must be. Raises Said."""
    found: dict[str, str] = {}
    for name, most in _MOST.items():
        value = text_of(given, name, most) if name in names else find_text(given, name, most)
        if value is not None:
            found[name] = value
    for name in ("from_email", "reply_to"):
        if name in found:
            _address(found[name], name)
    return found


def _address(text: str, field: str) -> str:
    """Its usual form. Raises Said."""
    try:
        return str(parse_address(text.strip()))
    except BadAddress as error:
        raise said(f"{field} is not an email address: {error}", field=field) from error


def _refuse_twin(conn: Connection, account_id: str, nickname: str, number: int = 0) -> None:
    """Another sender of that nickname. Raises Said."""
    for other in senders.page(conn, account_id, MOST_SENDERS):
        if other.number != number and json.loads(other.data).get("nickname") == nickname:
            raise said("another sender has this nickname", field="nickname")


async def _create(call: Call) -> Answer:
    fields = _given(await object_of(call), _REQUIRED)
    email = _address(fields["from_email"], "from_email")

    def make(conn: Connection) -> dict[str, Any]:
        if senders.count(conn, call.account_id) >= MOST_SENDERS:
            raise said(f"an account has at most {MOST_SENDERS} senders: remove one first")
        _refuse_twin(conn, call.account_id, fields["nickname"])
        made = senders.add(conn, call.account_id, email, json.dumps(fields), call.now)
        return _shown(made, _verified_names(conn, call))

    return await call.write_once(lambda shown: json_answer(shown, 201), make)


async def _change(call: Call) -> Answer:
    """What is not given stays as it is."""
    given = await object_of(call)
    fields = _given(given, [name for name in _REQUIRED if given.get(name) is not None])

    def change(conn: Connection) -> dict[str, Any]:
        before = _loaded(conn, call)
        merged = {**json.loads(before.data), **fields}
        _refuse_twin(conn, call.account_id, merged["nickname"], before.number)
        email = _address(merged["from_email"], "from_email")
        new = replace(before, email=email, data=json.dumps(merged))
        senders.change(conn, new)
        return _shown(new, _verified_names(conn, call))

    return await call.write_once(json_answer, change)


async def _remove(call: Call) -> Answer:
    def remove(conn: Connection) -> None:
        senders.remove(conn, call.account_id, _loaded(conn, call).number)

    return await call.write_once(lambda _: NOTHING, remove)


async def _resend(call: Call) -> Answer:
    """There is nothing to mail: a domain is proven by its records. Fine where that is done. Raises Said."""

    def read(conn: Connection) -> tuple[bool, str]:
        sender = _loaded(conn, call)
        return _is_verified(sender, _verified_names(conn, call)), _domain_of(sender)

    is_verified, domain = await call.read(read)
    if not is_verified:
        text = (
            f"no confirmation is mailed here: the sender is verified as soon as {domain} is a verified domain"
        )
        raise said(text, field="from_email")
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
