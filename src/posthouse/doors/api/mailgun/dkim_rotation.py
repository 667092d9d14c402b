"""Mailgun's calls that let a domain's DKIM keys rotate (`/v1/dkim_management`, documented).

There a domain's records are aliases of the service's own, so that it changes keys by itself. Here each key's
record stands in the customer's DNS: a rotation is asked for, and lets the key that stands by sign once DNS
shows it (docs/decisions/067).

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posthouse.desk import domains, key_states
from posthouse.doors.api import sending_domains
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.asked import fields_of, required, switch
from posthouse.doors.api.mailgun.phrases import said_with_reason
from posthouse.model.account import Domain, DomainKey, KeyState
from posthouse.model.errors import Refused
from posthouse.rules.records import dkim_record
from posthouse.store.connection import Connection

_HERE = "/v1/dkim_management/domains/{domain}"
_NOT_BY_ITSELF = (
    "Posthouse does not rotate DKIM keys by itself, because each key needs its record in your DNS first: "
    "publish the record of the key that stands by, then POST {}"
)
_COMMENTS = {
    KeyState.ACTIVE: "Signs mail",
    KeyState.STANDBY: "Stands by: the next rotation lets it sign",
    KeyState.RETIRING: "Signs no more: its record stays until all mail that it signed has arrived",
}


async def _change(call: Call) -> Answer:
    """What holds already is confirmed; what would be a promise that nobody keeps is refused."""
    form = await fields_of(call)
    if switch(required(form, "rotation_enabled"), "rotation_enabled"):
        raise said_with_reason(_NOT_BY_ITSELF.format(_HERE.format(domain=call.domain.name) + "/rotate"), 400)
    if form.get("rotation_interval").strip():
        raise said_with_reason("rotation_interval is not allowed unless also enabling DKIM rotation", 400)
    domain, keys = await call.read(domains.load, call.account_id, call.domain.name)
    return json_answer({"domain": _shown(domain, keys)})


def _shown(domain: Domain, keys: Sequence[DomainKey]) -> dict[str, Any]:
    """`sid`: another number of the domain there, here its id again."""
    active = next((key.selector for key in keys if key.is_active), "")
    return {
        "id": domain.id,
        "account_id": domain.account_id,
        "sid": domain.id,
        "name": domain.name,
        "state": _state(domain),
        "active_selector": active,
        "rotation_enabled": "false",
        "rotation_interval": "",
        "records": [_record(domain, key) for key in keys],
    }


def _state(domain: Domain) -> str:
    return "enabled" if domain.verified_at is not None else "wait_verify"


def _record(domain: Domain, key: DomainKey) -> dict[str, str]:
    record = dkim_record(domain, key)
    named = {"name": record.name, "type": record.kind, "value": record.value}
    return {**named, "identifier": "DKIM", "comment": _COMMENTS[key.state]}


async def _rotate(call: Call) -> Answer:
    domain, keys = await call.read(domains.load, call.account_id, call.domain.name)
    if domain.verified_at is None:
        state = _state(domain)
        raise said_with_reason(f"only domains in enabled can rotate their keys. Current state: {state}", 400)
    try:
        upcoming = key_states.upcoming(domain, keys)
        await sending_domains.refuse_unpublished(call, domain, upcoming)
        await call.write(_switch, call, [key.selector for key in upcoming])
    except Refused as refused:
        raise said_with_reason(refused.text, 400) from refused
    return json_answer({"message": "ok"})


def _switch(conn: Connection, call: Call, selectors: Sequence[str]) -> None:
    domain, _ = domains.load(conn, call.account_id, call.domain.name)
    key_states.rotate(conn, domain, selectors, call.now)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("PUT", f"{_HERE}/rotation", "domains.write", _change),
    Endpoint("POST", f"{_HERE}/rotate", "domains.write", _rotate),
)
