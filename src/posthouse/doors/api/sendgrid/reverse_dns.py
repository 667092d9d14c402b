"""Reverse DNS: the addresses that have a name of their own to greet with, `/v3/whitelabel/ips` (documented).

Whoever runs the service names an address, and whoever gave it sets its PTR record: to make one is to be
shown it, and to remove one is refused. Whether one is valid is looked up in DNS at each call, for nothing
of it is kept.

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from posthouse.desk import egress, reverse
from posthouse.desk.local_address import name_of
from posthouse.desk.reverse import OK, WRONG, Verdict
from posthouse.dialects.event_values import numbered_id
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import object_of, page_of, text_of
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.net.lookup import Lookup
from posthouse.store.connection import Connection
from posthouse.store.egress import LocalAddress

_ID_BITS = 31
_USUAL, _MOST = 20, 50
_LOOKUP_S = 6.0
_ABSENT = "Reverse DNS record not found."


def _number(address: str) -> int:
    return numbered_id(f"reverse {address}", _ID_BITS)


def _named(conn: Connection, call: Call) -> list[LocalAddress]:
    """Those with a name, that the account may know of."""
    return [item for item in egress.usable_ips(conn, call.account_id).values() if item.hello]


def _one(conn: Connection, call: Call) -> LocalAddress:
    """The one that the path names. Raises Said, alike for another account's (S20)."""
    for item in _named(conn, call):
        if str(_number(item.address)) == call.params["id"]:
            return item
    raise said(_ABSENT, 404)


async def _verdicts(call: Call, items: Iterable[LocalAddress]) -> dict[str, tuple[Verdict, Verdict]]:
    """Of the PTR record and of the name's own record, by address, as DNS is now."""
    hellos = {item.address: item.hello for item in items}
    servers = [str(server) for server in call.parts.settings.dns.servers]
    facts = await reverse.look_all_up(Lookup(servers, call.parts.clock, lifetime_s=_LOOKUP_S), hellos)
    return {address: reverse.judge_pair(address, hello, facts[address]) for address, hello in hellos.items()}


async def _shown(call: Call, items: Iterable[LocalAddress]) -> list[dict[str, Any]]:
    verdicts = await _verdicts(call, items)
    return [_row(item, *verdicts[item.address]) for item in items]


def _row(item: LocalAddress, back: Verdict, forward: Verdict) -> dict[str, Any]:
    subdomain, _, domain = item.hello.partition(".")
    is_there = forward.state == OK
    kind = "aaaa" if ":" in item.address else "a"
    return {
        "id": _number(item.address),
        "ip": item.address,
        "rdns": item.hello,
        "users": [],
        "subdomain": subdomain,
        "domain": domain,
        "valid": is_there and back.state != WRONG,
        "legacy": False,
        "a_record": {"valid": is_there, "type": kind, "host": item.hello, "data": item.address},
    }


async def _list(call: Call) -> Answer:
    limit, offset = page_of(call, _USUAL, _MOST)
    ip = call.query.get("ip", "").strip()
    named = await call.read(_named, call)
    chosen = [item for item in named if not ip or item.address == name_of(ip)]
    return json_answer(await _shown(call, chosen[offset : offset + limit]))


async def _get(call: Call) -> Answer:
    (shown,) = await _shown(call, [await call.read(_one, call)])
    return json_answer(shown)


async def _create(call: Call) -> Answer:
    given = await object_of(call)
    ip, domain = text_of(given, "ip", 100), text_of(given, "domain", 255).strip().lower().rstrip(".")
    item = await call.read(egress.load_ip, call.account_id, ip)
    if not item.hello or not f".{item.hello}".endswith(f".{domain}"):
        text = "whoever runs this service gives an address its name, and no call does: ask there"
        raise said(text, field="domain")
    (shown,) = await _shown(call, [item])
    return json_answer(shown, 201)


async def _remove(call: Call) -> Answer:
    item = await call.read(_one, call)
    raise said(f"{item.address} greets as {item.hello}: whoever runs this service can change that")


async def _validate(call: Call) -> Answer:
    """`ptr` is ours: the service sets that record itself."""
    item = await call.read(_one, call)
    back, forward = (await _verdicts(call, [item]))[item.address]
    results = {"a_record": _result(forward), "ptr": _result(back)}
    shown = _row(item, back, forward)
    return json_answer({"id": shown["id"], "valid": shown["valid"], "validation_results": results})


def _result(verdict: Verdict) -> dict[str, Any]:
    is_there = verdict.state == OK
    return {"valid": is_there, "reason": None if is_there else verdict.text}


_READ, _WRITE = "domains.read", "domains.write"
_IPS = "/v3/whitelabel/ips"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _IPS, _READ, _list),
    Endpoint("POST", _IPS, _WRITE, _create),
    Endpoint("GET", f"{_IPS}/{{id}}", _READ, _get),
    Endpoint("DELETE", f"{_IPS}/{{id}}", _WRITE, _remove),
    Endpoint("POST", f"{_IPS}/{{id}}/validate", _WRITE, _validate),
)
