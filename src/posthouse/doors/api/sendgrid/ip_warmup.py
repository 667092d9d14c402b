"""Addresses that get known: `/v3/ips/warmup` (documented), over the plan `default`.

What everybody's mail uses is the operator's: a key begins and ends the warm-up of its account's own
addresses. To begin one that runs leaves it as it is.

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from posthouse.desk import egress, warmup
from posthouse.doors.api.answers import NOTHING, Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import object_of, text_of
from posthouse.doors.api.sendgrid.phrases import not_found
from posthouse.store.connection import Connection
from posthouse.store.egress import LocalAddress


def _shown(addresses: Iterable[LocalAddress]) -> list[dict[str, Any]]:
    """Those that warm up; the service's answers are lists, of one address too."""
    begun = [(item.address, warmup.begun_at(item)) for item in addresses]
    return [{"ip": address, "start_date": int(at)} for address, at in begun if at is not None]


async def _list(call: Call) -> Answer:
    usable = await call.read(egress.usable_ips, call.account_id)
    return json_answer(_shown(usable.values()))


async def _get(call: Call) -> Answer:
    found = _shown([await call.read(egress.load_ip, call.account_id, call.params["ip"])])
    if not found:
        raise not_found()
    return json_answer(found)


async def _begin(call: Call) -> Answer:
    ip = call.about = text_of(await object_of(call), "ip", 100)

    def begin(conn: Connection) -> list[dict[str, Any]]:
        own = warmup.own_address(conn, call.account_id, ip)
        if not own.warmup:
            own = warmup.begin(conn, call.now, call.account_id, own.address, warmup.find_plan())
        return _shown([own])

    return await call.write_once(json_answer, begin)


async def _end(call: Call) -> Answer:
    def end(conn: Connection) -> None:
        own = warmup.own_address(conn, call.account_id, call.params["ip"])
        if not own.warmup:
            raise not_found()
        warmup.end(conn, call.account_id, own.address)

    return await call.write_once(lambda _: NOTHING, end)


_WARMUP = "/v3/ips/warmup"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _WARMUP, "ips.read", _list),
    Endpoint("POST", _WARMUP, "ips.write", _begin),
    Endpoint("GET", f"{_WARMUP}/{{ip}}", "ips.read", _get),
    Endpoint("DELETE", f"{_WARMUP}/{{ip}}", "ips.write", _end),
)
